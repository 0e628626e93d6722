"""A PromotionRecord of any version is read and written back: it remembers what was served and what was refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from serin.api.promotion_record import PromotionRecord
from tests.clock import api_time

WORKLOAD = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "name": "fraud-b"}
SOURCE: dict[str, Any] = {
    "revision": "b",
    "version": "2",
    "workload": WORKLOAD,
    "model": {"version": "2", "uri": "s3://models/2", "newer": None},
    "predictor": {"model": {"modelFormat": {"name": "sklearn"}}},
}
SPEC: dict[str, Any] = {
    "modelDeployment": "fraud",
    "attempt": 1,
    "candidate": SOURCE,
    "judgeVersion": "3",
    "startedAt": api_time(),
}


def record(status: dict[str, Any] | None = None, **changes: Any) -> PromotionRecord:
    return PromotionRecord.model_validate({"spec": SPEC | changes, "status": status or {}})


def test_what_the_user_wrote_can_be_served_again_from_the_record() -> None:
    source = record().spec.candidate
    assert (source.model, source.predictor) == (SOURCE["model"], SOURCE["predictor"])


def test_a_record_of_an_earlier_version_names_its_inference_service() -> None:
    earlier = {key: value for key, value in SOURCE.items() if key != "workload"} | {"inferenceService": "fraud-b"}
    assert record(candidate=earlier).spec.to_api() == record().spec.to_api()


@pytest.mark.parametrize(
    "status",
    [
        {"outcome": "Adjourned", "reason": "OutOfHours", "message": "words", "judgeVersion": "9"},
        {"timeline": [{"at": api_time(1), "weight": 5, "reason": "OutOfHours", "message": "words"}]},
        {"decidedAt": "2026-11-18T10:00:00.250000Z", "finishedAt": api_time(2)},
    ],
)
def test_what_another_version_wrote_is_written_back_unchanged(status: dict[str, Any]) -> None:
    assert {key: record(status).status.to_api()[key] for key in status} == status


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timeline", [{"at": api_time(), "weight": 101, "reason": "Serving", "message": ""}]),
        ("blocks", [{"slo": "a", "start": api_time(), "seconds": 0, "counts": "-"}]),
        ("blocks", [{"slo": "a", "start": api_time(), "seconds": 15, "counts": "-" * 8193}]),
        ("requests", {f"slo-{number}": 1 for number in range(33)}),
    ],
)
def test_what_grows_is_bounded(field: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=field):
        record({field: value})


@pytest.mark.parametrize("attempt", [0, 1_000_001])
def test_attempts_are_counted_from_one(attempt: int) -> None:
    with pytest.raises(ValidationError, match="attempt"):
        record(attempt=attempt)
