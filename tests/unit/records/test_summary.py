"""The printer columns of a finished record say what a later decision needs of it."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from serin.cluster import resources
from serin.records.build import view
from serin.records.summary import view_of
from serin.traffic.standard.service import workload_of
from tests.lab import Lab

WORKLOAD_OF = partial(workload_of, "prod", "fraud")


async def test_the_columns_say_the_same_as_the_record() -> None:
    lab = Lab()
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lab.stable("2"))
    for _ in range(12):
        await lab.tick()
    rows = await lab.cluster.list_rows(resources.PROMOTION_RECORDS, "prod", "")
    assert len(rows) == 2
    for row in rows:
        short, long = view_of(row, WORKLOAD_OF), view(lab.record(row["columns"]["Attempt"]))
        assert short is not None
        assert long is not None
        for field in ("name", "attempt", "candidate", "stable", "started_at", "outcome", "reason", "decided_at"):
            assert getattr(short, field) == getattr(long, field), field


@pytest.mark.parametrize("columns", [None, {}, [], {"Attempt": "x"}, {"Attempt": 1, "Outcome": "Promoted"}])
def test_columns_that_make_no_sense_are_as_none(columns: Any) -> None:
    assert view_of({"metadata": {"name": "fraud-x-1"}, "columns": columns}, WORKLOAD_OF) is None


async def test_an_open_record_is_read_whole() -> None:
    lab = Lab()
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lab.phase("Progressing"))
    rows = await lab.cluster.list_rows(resources.PROMOTION_RECORDS, "prod", "")
    assert [view_of(row, WORKLOAD_OF) is not None for row in rows] == [True, False]
