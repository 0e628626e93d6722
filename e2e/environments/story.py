"""From commit to production, and a bad version that dies in staging: what must be true before what comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2e.demo.errors import StoryError
from e2e.environments.files import DEV, ENVIRONMENTS, PRODUCTION, STAGING, Commit

if TYPE_CHECKING:
    from e2e.deploy.cluster import ClusterApi
    from e2e.environments.pipeline import Pipeline

FIRST = Commit("1", "version 1")
GOOD = Commit("2", "version 2, a good one")
SLOW = Commit(
    "3", "version 3, which is slow; dev does not measure that", (("LATENCY_MS", "450"), ("LATENCY_SIGMA", "0.4"))
)
REVERT = Commit("2", "Revert: back to version 2")
TICKET = "CHG0012345"
CANNOT_PASS_FOR_SECONDS = 15.0
"""Longer than the soak: if the bad version could reach production, it would have begun."""


def play(pipeline: Pipeline, approver: ClusterApi) -> None:
    """The whole story. StoryError where reality differs from it."""
    pipeline.set_up()
    pipeline.commit(FIRST)
    pipeline.until_stable(FIRST.version, *ENVIRONMENTS)
    pipeline.say("Version 1 serves everywhere. From now on there are requests to each environment.")
    with pipeline.load():
        _good_one_arrives(pipeline, approver)
        _bad_one_dies_in_staging(pipeline)
        _revert(pipeline)
    pipeline.say("Done: one good version in production, with a ticket; one bad version that production never saw.")


def _good_one_arrives(pipeline: Pipeline, approver: ClusterApi) -> None:
    pipeline.commit(GOOD)
    pipeline.until_reason(STAGING, "WaitingForUpstream")
    pipeline.until_reason(PRODUCTION, "WaitingForUpstream")
    pipeline.until_stable(GOOD.version, DEV)
    pipeline.say("Dev has it. Staging starts when it has been stable there for the soak.")
    pipeline.freeze()
    pipeline.until_stable(GOOD.version, STAGING)
    pipeline.until_reason(PRODUCTION, "Frozen")
    _not_in_production(pipeline, GOOD)
    pipeline.say("Staging has it. Production is frozen by its calendar; the freeze ends now.")
    pipeline.thaw()
    pipeline.until_reason(PRODUCTION, "WaitingForApproval")
    pipeline.say(f"All steps have passed in production; somebody of risk approves with {TICKET}.")
    pipeline.approve("change", TICKET, approver)
    pipeline.until_stable(GOOD.version, PRODUCTION)


def _bad_one_dies_in_staging(pipeline: Pipeline) -> None:
    pipeline.commit(SLOW)
    pipeline.until_stable(SLOW.version, DEV)
    pipeline.until(
        lambda seen: seen[STAGING].get("phase") == "RolledBack" and not seen[STAGING].get("candidate"),
        "version 3 is taken back in staging",
    )
    pipeline.say("Staging has taken it back. Production goes on waiting: nothing of it is there.")
    pipeline.for_seconds(CANNOT_PASS_FOR_SECONDS)
    status = pipeline.status(PRODUCTION)
    if (status.get("phase"), status.get("reason")) != ("Waiting", "WaitingForUpstream"):
        raise StoryError(f"Production should wait, and says {status.get('phase')}: {status.get('message')}")
    _not_in_production(pipeline, SLOW)


def _revert(pipeline: Pipeline) -> None:
    pipeline.commit(REVERT)
    pipeline.until_stable(REVERT.version, *ENVIRONMENTS)


def _not_in_production(pipeline: Pipeline, commit: Commit) -> None:
    if commit.version in pipeline.versions_running(PRODUCTION):
        raise StoryError(f"Version {commit.version} has an InferenceService in production, which should not be.")
