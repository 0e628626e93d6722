"""PromotionRecords as files, for tests of what reads them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from serin.evidence import Counts, Window
from serin.indicators.availability import Availability
from serin.judge import JUDGE_VERSION
from tests.clock import START
from tests.world import policy

SECOND = timedelta(seconds=1)


def block(cells: list[tuple[int, int]], start: datetime = START, slo: str = "availability") -> dict[str, Any]:
    windows = [Window(start + i * SECOND, SECOND, Counts(*own), Counts(0, 900)) for i, own in enumerate(cells)]
    return {"slo": slo, "start": start.isoformat(), "seconds": 1, "counts": Availability().encode(windows)}


def history() -> dict[str, Any]:
    length = timedelta(minutes=1)
    windows = [Window(START - (30 - i) * length, length, None, Counts(10, 50_000)) for i in range(30)]
    return {
        "slo": "availability",
        "start": (START - 30 * length).isoformat(),
        "seconds": 60,
        "counts": Availability().encode(windows),
    }


def record(blocks: list[dict[str, Any]], **status: Any) -> dict[str, Any]:
    source = {"revision": "r2", "version": "2", "inferenceService": "fraud-r2", "model": {}, "predictor": {}}
    return {
        "apiVersion": "serin.dev/v1alpha1",
        "kind": "PromotionRecord",
        "metadata": {"name": "fraud-r2-1"},
        "spec": {
            "modelDeployment": "fraud",
            "attempt": 1,
            "candidate": source,
            "stable": source | {"revision": "r1"},
            "policy": {"name": "p", "hash": "h", "spec": policy().to_api()},
            "judgeVersion": JUDGE_VERSION,
            "startedAt": START.isoformat(),
        },
        "status": {"blocks": blocks, **status},
    }
