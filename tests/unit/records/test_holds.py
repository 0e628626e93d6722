"""What kept a rollout from moving forward, in its record."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from serin.api.promotion_record import PromotionRecordStatus
from serin.api.status import RolloutStatus
from serin.records.holds import with_hold
from serin.schema.reasons import Outcome, Reason
from tests.clock import START, api_time

SECOND = timedelta(seconds=1)


def rollout(reason: Reason, seconds: float, **changes: Any) -> RolloutStatus:
    at = START + seconds * SECOND
    return RolloutStatus(record="r", started_at=START, reason=reason, message=f"{reason} it is", since=at, **changes)


def entries(status: PromotionRecordStatus) -> list[tuple[str, str, str | None, int]]:
    return [(h["reason"], h["since"], h.get("until"), h["times"]) for h in status.to_api()["holds"]]


def played(*steps: tuple[Reason, float]) -> tuple[PromotionRecordStatus, list[bool]]:
    status = PromotionRecordStatus()
    begins: list[bool] = []
    for reason, seconds in steps:
        noted = with_hold(status, rollout(reason, seconds), START + seconds * SECOND)
        status, begins = noted.status, [*begins, noted.begins]
    return status, begins


def test_a_hold_has_its_reason_and_its_times() -> None:
    status, begins = played(
        (Reason.COLLECTING_EVIDENCE, 0), (Reason.NO_DATA, 5), (Reason.NO_DATA, 5), (Reason.STEP_TIME, 9)
    )
    assert entries(status) == [("NoData", api_time(5), api_time(9), 1)]
    assert begins == [False, True, False, False], "only what begins is written at once"
    assert status.holds[0].message == "NoData it is"


def test_the_ordinary_course_is_no_hold() -> None:
    status, _ = played((Reason.PREPARING_CANDIDATE, 0), (Reason.COLLECTING_EVIDENCE, 5), (Reason.BAKING, 9))
    assert entries(status) == []


def test_one_hold_follows_another() -> None:
    status, _ = played((Reason.PAUSED, 0), (Reason.NO_DATA, 4))
    assert entries(status) == [("Paused", api_time(0), api_time(4), 1), ("NoData", api_time(4), None, 1)]


def test_one_that_flaps_is_one_entry_and_one_that_comes_back_later_is_another() -> None:
    flapping = [
        (reason, 2.0 * n + i) for n in range(50) for i, reason in enumerate((Reason.NO_DATA, Reason.COMMON_CAUSE))
    ]
    status, begins = played(*flapping)
    assert [(h.reason.value, h.times) for h in status.holds] == [("NoData", 50), ("CommonCause", 50)]
    assert sum(begins) == 2
    status, begins = played((Reason.NO_DATA, 0), (Reason.STEP_TIME, 5), (Reason.NO_DATA, 70))
    assert len(status.holds) == 2
    assert begins[-1]


def test_the_end_of_the_rollout_ends_its_hold() -> None:
    status, _ = played((Reason.HELD, 3))
    assert entries(with_hold(status, None, START + 8 * SECOND).status) == [("Held", api_time(3), api_time(8), 1)]
    over = rollout(Reason.SLO_BREACHED, 8, outcome=Outcome.ROLLED_BACK)
    assert entries(with_hold(status, over, START + 8 * SECOND).status) == [("Held", api_time(3), api_time(8), 1)]
