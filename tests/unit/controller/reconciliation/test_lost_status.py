"""The status of a ModelDeployment is lost, or a part of it, while a record or the route says less than it did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from serin.api import names
from serin.cluster import resources
from tests.faulty_cluster import quota
from tests.faulty_lab import FaultyLab
from tests.lab import POLICY, isvc

LONG = POLICY | {"steps": [{"weight": 40, "for": "1h", "timeout": "2h"}]}


async def rejected_unrecorded(fault: Callable[[], Exception] = quota) -> FaultyLab:
    """Version 2 is taken back for a breach, and its record cannot be written until the rollout ends without it."""
    lab = FaultyLab()
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lab.phase("Progressing"))
    lab.prometheus.candidate_bad = 30
    lab.fault.verb, lab.fault.plural, lab.fault.error = "status", resources.PROMOTION_RECORDS.plural, fault
    await lab.sleep_until(lab.rolled_back)
    await lab.tick()
    assert lab.status["pendingOutcomes"]
    return lab


@pytest.mark.parametrize("mended", [True, False])
async def test_a_status_lost_before_the_record_had_the_rollback_gives_no_second_try(*, mended: bool) -> None:
    lab = await rejected_unrecorded()
    lab.obj().pop("status")
    if mended:
        lab.fault.mend()
    for _ in range(60):
        await lab.tick()
        assert lab.weight() == 0
    lab.fault.mend()
    await lab.until(lab.rolled_back)
    await lab.until(lambda: "outcome" in lab.record(2)["status"])
    assert lab.record(2)["status"]["reason"] in {"SLOBreached", "AllRequestsBad"}
    for _ in range(5):
        await lab.tick()
    assert (lab.status["phase"], lab.status["reason"]) == ("RolledBack", "RevisionRejected")
    assert "serin.dev/rollback" not in lab.obj(resources.HTTP_ROUTES)["metadata"]["annotations"]


async def test_nor_does_one_that_is_lost_while_another_version_is_tried() -> None:
    """In a rollout only its own record is read: that of the version before is not finished meanwhile."""
    lab = await rejected_unrecorded()
    lab.want("3")
    for _ in range(6):
        await lab.tick()
    assert lab.status["candidate"]["version"] == "3"
    assert "outcome" not in lab.record(2)["status"]
    lab.obj().pop("status")
    lab.fault.mend()
    lab.prometheus.candidate_bad = 0
    await lab.tick()
    lab.want("2")
    await lab.until(lab.rolled_back)
    assert lab.record(2)["status"]["reason"] in {"SLOBreached", "AllRequestsBad"}
    assert lab.weight() == 0


async def in_second_try() -> FaultyLab:
    """Version 2 was taken back, and version 3 has 40 %."""
    lab = FaultyLab(LONG)
    await lab.until(lab.stable("1"))
    lab.prometheus.candidate_bad = 30
    lab.want("2")
    await lab.until(lab.rolled_back)
    for _ in range(3):
        await lab.tick()
    lab.prometheus.candidate_bad = 0
    lab.want("3")
    await lab.until(lambda: lab.backends().get(isvc("3")) == 40)
    assert [r["version"] for r in lab.status["rejected"]] == ["2"]
    return lab


@pytest.mark.parametrize("lost", ["nothing", "status", "rollout", "candidate"])
async def test_what_a_rollout_was_told_of_others_outlives_its_status(lost: str) -> None:
    """With no receiver, a version that was taken back does not end the watch over what is broken."""
    lab = await in_second_try()
    if lost == "status":
        lab.obj().pop("status")
    elif lost != "nothing":
        lab.obj()["status"].pop(lost)
    for _ in range(3):
        await lab.tick()
    assert [r["version"] for r in lab.status["rejected"]] == ["2"]
    assert (lab.status["phase"], lab.backends().get(isvc("3"))) == ("Progressing", 40)
    lab.cluster.ready = lambda service: int(service != isvc("1"))
    lab.prometheus.candidate_bad = 30
    await lab.until(lambda: lab.status["reason"] == "NoReceiver")
    lab.want("2")
    for _ in range(45):
        await lab.tick()
        assert (lab.status["phase"], lab.status["reason"]) == ("RollingBack", "NoReceiver")


async def promoted_unrecorded() -> FaultyLab:
    """Version 2 is stable, and its record cannot be written until the rollout has ended without it."""
    lab = FaultyLab()
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lab.phase("Promoting"))
    lab.fault.verb, lab.fault.plural, lab.fault.error = "status", resources.PROMOTION_RECORDS.plural, quota
    await lab.sleep_until(lab.stable("2"))
    await lab.tick()
    assert lab.status["pendingOutcomes"]
    return lab


@pytest.mark.parametrize(("version", "annotated"), [("1", False), ("2", True), ("3", True)])
async def test_a_promotion_stays_one_although_neither_record_nor_status_has_it(
    version: str, *, annotated: bool
) -> None:
    lab = await promoted_unrecorded()
    lab.obj().pop("status")
    if not annotated:
        del lab.obj(resources.HTTP_ROUTES)["metadata"]["annotations"][names.ROLLBACK]
    for _ in range(3):
        await lab.tick()
        assert lab.backends()[isvc("2")] == 100
        assert (lab.status["stable"]["version"], lab.condition("Available")["status"]) == ("2", "True")
    lab.fault.mend()
    lab.want(version)
    await lab.until(lab.stable(version))
    assert (lab.record(2)["status"]["outcome"], lab.record(2)["status"]["reason"]) == ("Promoted", "Serving")


def without_record(lab: FaultyLab) -> None:
    del lab.cluster.objects[resources.PROMOTION_RECORDS.plural, "prod", lab.record(2)["metadata"]["name"]]


def another_stable(lab: FaultyLab) -> None:
    lab.obj(resources.HTTP_ROUTES)["metadata"]["annotations"][names.STABLE_REVISION] = "0123abcd"


def older_route(lab: FaultyLab) -> None:
    """A record and the route are of different times."""
    source = lab.record(2)["spec"]["candidate"]
    record = lab.record(2)["spec"]
    record["stable"], record["candidate"] = {**source, "revision": "0123abcd", "version": "0", "hash": None}, source


def annotate(lab: FaultyLab, **changes: str | None) -> None:
    """What the runbook says: ``kubectl annotate``."""
    annotations = lab.obj(resources.HTTP_ROUTES)["metadata"]["annotations"]
    for key, value in changes.items():
        name = {"stable": names.STABLE_REVISION, "candidate": names.CANDIDATE_REVISION}[key]
        annotations.pop(name)
        if value is not None:
            annotations[name] = value


def revision(version: str) -> str:
    return isvc(version).removeprefix("fraud-")


@pytest.mark.parametrize(
    ("trouble", "cure", "stable"),
    [
        (without_record, {"candidate": None}, "1"),
        (another_stable, {"stable": revision("1")}, "1"),
        (older_route, {"candidate": None, "stable": revision("2")}, "2"),
    ],
)
async def test_a_conflict_claims_nothing_and_ends_as_the_runbook_says(
    trouble: Callable[[FaultyLab], None], cure: dict[str, Any], stable: str
) -> None:
    lab = FaultyLab(LONG)
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lambda: lab.weight() == 40)
    await lab.tick()
    trouble(lab)
    lab.obj().pop("status")
    for _ in range(5):
        await lab.tick()
        assert (lab.weight(), lab.status["reason"]) == (40, "StateConflict")
    assert lab.condition("Available")["status"] == "Unknown"
    assert "traffic stays as it is" in lab.status["message"]
    assert "nothing serves" not in lab.status["message"]
    assert "docs/runbooks/lost-status.md" in lab.status["message"]
    annotate(lab, **cure)
    await lab.tick()
    assert lab.status["stable"]["version"] == stable
    lab.want(stable)
    await lab.until(lab.stable(stable))


async def test_what_serves_is_not_known_either_while_nothing_can_be_read() -> None:
    lab = FaultyLab()
    await lab.until(lab.stable("1"))
    lab.obj().pop("status")
    lab.fault.verb, lab.fault.plural, lab.fault.error = "list", resources.PROMOTION_RECORDS.plural, quota
    await lab.tick()
    assert lab.status["reason"] == "ObservationIncomplete"
    assert lab.condition("Available")["status"] == "Unknown"
    lab.fault.mend()
    await lab.until(lab.stable("1"))


async def test_without_a_route_nothing_serves() -> None:
    lab = FaultyLab()
    await lab.until(lab.stable("1"))
    for key in [k for k in lab.cluster.objects if k[0] in {"promotionrecords", "httproutes"}]:
        del lab.cluster.objects[key]
    lab.obj().pop("status")
    lab.want("2")
    await lab.tick()
    assert (lab.status["reason"], lab.condition("Available")["status"]) == ("StateConflict", "False")
    lab.want("1")  # the runbook: what is to serve stands in spec
    await lab.until(lab.stable("1"))


ASKS_FIRST = POLICY | {"gates": [{"name": "cab", "before": "Start", "approval": {"count": 1}}]}


@pytest.mark.parametrize("word", ["Abort", "Reject"])
async def test_an_accepted_word_against_a_rollout_that_waits_is_not_forgotten(word: str) -> None:
    lab = FaultyLab(ASKS_FIRST)
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lambda: lab.status["reason"] == "WaitingForApproval")
    lab.fault.verb, lab.fault.plural, lab.fault.error = "status", resources.PROMOTION_RECORDS.plural, quota
    asked = {"modelDeployment": "fraud", "action": word, "rollout": lab.status["rollout"]["record"]}
    asked |= {"requestedBy": "ana@example.com"} | ({"gate": "cab"} if word == "Reject" else {})
    lab.cluster.put(
        resources.PROMOTION_ACTIONS,
        {
            "apiVersion": "serin.dev/v1alpha1",
            "kind": "PromotionAction",
            "metadata": {"namespace": "prod", "name": "no", "uid": "no"},
            "spec": asked,
        },
    )
    await lab.until(lab.phase("RollingBack"))
    await lab.tick()
    assert lab.obj(resources.PROMOTION_ACTIONS, "no")["status"]["outcome"] == "Accepted"
    lab.obj().pop("status")
    lab.fault.mend()
    await lab.tick()
    assert lab.status["phase"] == "RollingBack"
    await lab.until(lab.rolled_back)
    assert lab.record(2)["status"]["reason"] == f"{word}edByAction"
    assert ("inferenceservices", "prod", isvc("2")) not in lab.cluster.objects


@pytest.mark.parametrize(
    ("why", "cause"), [("evidence", "Serving"), ("Promote", "PromotedByAction"), ("outage", "StableDown")]
)
async def test_a_record_has_the_true_cause_of_a_promotion_whose_status_was_lost(why: str, cause: str) -> None:
    lab = FaultyLab(LONG if why == "Promote" else POLICY)
    await lab.until(lab.stable("1"))
    await lab.tick()
    if why == "outage":
        lab.cluster.ready = lambda service: int(service != isvc("1"))
    lab.want("2")
    if why == "Promote":
        await lab.until(lambda: lab.weight() == 40)
        await lab.tick()
        asked = {"modelDeployment": "fraud", "action": why, "rollout": lab.status["rollout"]["record"]}
        meta = {"namespace": "prod", "name": "yes", "uid": "yes"}
        action = {"apiVersion": "serin.dev/v1alpha1", "kind": "PromotionAction", "metadata": meta}
        lab.cluster.put(resources.PROMOTION_ACTIONS, action | {"spec": asked | {"requestedBy": "ana"}})
    await lab.until(lambda: lab.weight() == 100)
    assert "outcome" not in lab.record(2)["status"]
    lab.obj().pop("status")
    await lab.until(lab.stable("2"))
    record = lab.record(2)["status"]
    assert (record["outcome"], record["reason"]) == ("Promoted", cause)
    assert ("ana" in record["message"]) is (why == "Promote")
