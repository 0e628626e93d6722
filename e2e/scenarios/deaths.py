"""The operator dies at each change that the status tells: also where nobody can stand between it and the API server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2e.deploy.cluster import wait_until

if TYPE_CHECKING:
    from e2e.deploy.cluster import Json
    from e2e.scenarios.site import Site

MOST_CHANGES = 40
FEWEST_CHANGES = 5
OVER_WITHIN_SECONDS = 150.0
LOOSE = {"name": "availability", "objective": "95.0", "indicator": {"availability": {}}}
"""Passed with few requests: what matters here are the changes, not the proof."""


def dies_at_each_change(site: Site, outcome: str) -> int:
    """One rollout after the other, in each of which it dies one change later, until one has no further; how many.

    Every rollout has one record and ends with ``outcome``.
    """
    environment = {"ERROR_RATE": "0.3"} if outcome == "RolledBack" else None
    site.policy(steps=[{"weight": 50, "for": "2s"}], slos=[LOOSE])
    for number in range(1, MOST_CHANGES):
        version = f"v{number}"
        before = len(changes(site))
        site.want(version, environment=environment)
        if not _died(site, version, outcome, before + number):
            break
        wait_until(
            lambda version=version: site.is_over(version, outcome),  # type: ignore[misc]
            what=f"{version} is {outcome} after a death at {changes(site)[-1]}",
            seconds=OVER_WITHIN_SECONDS,
        )
    outcomes = site.outcomes()[1:]
    assert outcomes == [outcome] * number, "one attempt for each version"
    assert number > FEWEST_CHANGES
    return number - 1


def _died(site: Site, version: str, outcome: str, at: int) -> bool:
    """Whether the operator was killed when there had been so many changes; False if the rollout was over before."""
    wait_until(
        lambda: len(changes(site)) >= at or site.is_over(version, outcome),
        what=f"change {at}, or the end of {version}",
        seconds=OVER_WITHIN_SECONDS,
    )
    if len(changes(site)) < at and site.is_over(version, outcome):
        return False
    site.operator.kill()
    site.operator.start()
    return True


def changes(site: Site) -> list[str]:
    """What the status has told so far, changes only."""
    told = [_told(write.status) for write in site.history.writes() if write.kind == "ModelDeployment" and write.status]
    return [now for now, before in zip(told, ["", *told], strict=False) if now != before]


def _told(status: Json) -> str:
    weights = status.get("weights") or {}
    return f"{status.get('phase')} {status.get('reason')} {weights.get('desired')}/{weights.get('applied')} %"
