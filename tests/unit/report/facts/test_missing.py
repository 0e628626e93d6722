"""What a record does not say is told with what would make the next one say it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from serin.report.facts.case import case_of
from serin.report.facts.gathering import bundle_of
from tests.clock import api_time
from tests.incidents import APPROVED, incident, items

Change = Callable[[dict[str, Any]], Any]


def missing(*changes: Change) -> list[str]:
    objects = incident()
    for change in changes:
        change(objects[-1])
    found = items(objects)
    return [one.what for one in bundle_of(case_of(found, found[-1].name)).missing]


def of_status(**fields: Any) -> Change:
    return lambda record: record["status"].update(fields)


def without_digest(record: dict[str, Any]) -> None:
    record["spec"]["candidate"]["model"].pop("digest")


def by_tag(record: dict[str, Any]) -> None:
    record["status"]["served"]["candidate"] = {"image": "example.com/x:1"}


def without_requester(record: dict[str, Any]) -> None:
    record["spec"].pop("requestedBy")


def unnamed_requester(record: dict[str, Any]) -> None:
    record["spec"]["requestedBy"].pop("user")


def without_gates(record: dict[str, Any]) -> None:
    record["spec"]["policy"]["spec"].pop("gates")


def without_bake(record: dict[str, Any]) -> None:
    record["spec"]["policy"]["spec"].pop("bake")


def unreadable_windows(record: dict[str, Any]) -> None:
    block = record["status"]["blocks"][0]
    block["counts"] = " ".join(["!", "-", *block["counts"].split()[2:]])


ALWAYS = ["A runbook for latency"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ((), []),
        ((of_status(outcome=None, finishedAt=None, hash=None),), ["The rollout is not over"]),
        ((of_status(finishedAt=None, hash=None),), ["The record is not finished"]),
        ((of_status(hash=None),), ["The record has no hash"]),
        ((of_status(incomplete="windows from 10:00 on"),), ["The record itself says that it is not whole"]),
        ((lambda r: r["spec"].update(missingAttempts=[1]),), ["1 earlier attempts have no record any more"]),
        ((of_status(served=None),), ["What the arms ran (images, runtimes)"]),
        ((without_digest,), ["A digest of the candidate's model"]),
        ((by_tag,), ["The digest of the image that candidate ran"]),
        ((without_requester,), ["Who asked for the revision"]),
        ((unnamed_requester,), ["Who asked for the revision"]),
        ((of_status(actions=[]),), ["A ticket"]),
        (
            (of_status(actions=[APPROVED, APPROVED | {"uid": "u2", "action": "Hold", "reason": None}]),),
            ["A reason of 1 actions"],
        ),
        ((without_gates,), ["An approval: the policy asks for none"]),
        ((without_bake,), ["A bake: the old revision goes with the last step"]),
        (
            (unreadable_windows,),
            [
                "availability: 1 of 39 windows could not be read",
                "availability: 1 of 39 windows have no data",
            ],
        ),
        ((of_status(actions=[APPROVED | {"at": api_time(3)}]),), []),
    ],
)
def test_what_is_missing(changes: tuple[Change, ...], expected: list[str]) -> None:
    assert [what for what in missing(*changes) if what not in ALWAYS] == expected
    assert set(ALWAYS) <= set(missing(*changes))


def test_a_runbook_of_the_policy_is_a_link() -> None:
    found = items(incident())
    slos = bundle_of(case_of(found, found[-1].name)).slos
    assert [slo.runbook for slo in slos] == ["https://wiki.example.com/fraud/availability", None]
