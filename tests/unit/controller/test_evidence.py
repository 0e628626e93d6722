"""The ledger of a rollout, where there is too much to read at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from serin.api.evidence import Window
from serin.api.promotion_policy import PromotionPolicySpec
from serin.controller.evidence import BATCHES, BLOCK, Ledger
from serin.errors import AnswerTooLarge
from serin.judge.windows import settle_time
from serin.prometheus.reading import Names
from serin.prometheus.series import Series
from serin.prometheus.sums import PART
from serin.prometheus.wants import Want
from tests.fakes import FakePrometheus

T0 = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
WINDOW = timedelta(seconds=15)
POLICY = PromotionPolicySpec.model_validate(
    {
        "slos": [{"name": "availability", "objective": "99.0", "indicator": {"availability": {}}}],
        "steps": [{"weight": 50, "for": "1m"}],
    }
)


class Crowded(FakePrometheus):
    """Too large while ``large``; its expressions have a value all the same."""

    large = True

    async def series(self, want: Want) -> list[Series]:
        if self.large:
            raise AnswerTooLarge("the answer is larger than 1 bytes")
        return await super().series(want)

    async def counted(self, query: str, at: datetime) -> list[Series]:
        assert "resets(" in query
        end = at.timestamp()
        parts = {"start0": 0.0, "end0": 900.0, "newest0": end - 1, "oldest0": end - WINDOW.total_seconds() - 1}
        return [
            Series({"envoy_cluster_name": f"prod_fraud-{arm}-predictor_80", PART: part}, [end], [value])
            for arm in "ba"
            for part, value in parts.items()
        ]


@pytest.fixture
def ledger() -> Ledger:
    return Ledger.restore(POLICY, Names("prod", "fraud-b", "fraud-a"), T0, None)


async def test_windows_that_are_summed_are_windows_like_others(ledger: Ledger) -> None:
    server = Crowded(lambda: T0)
    now = T0 + WINDOW + settle_time(WINDOW)
    await ledger.catch_up(server, now)
    [window] = ledger.unsealed["availability"]
    assert isinstance(window, Window)
    assert window.candidate is not None
    assert window.candidate.total == 900
    assert ledger.cursors["availability"] == T0 + WINDOW


async def test_many_sums_do_not_hold_up_a_worker_and_none_is_left_out(ledger: Ledger) -> None:
    """Each window is a query of its own: a pass reads a few, and the next one goes on where they end."""
    server = Crowded(lambda: T0)
    late = T0 + 2 * BLOCK * WINDOW
    await ledger.catch_up(server, late)
    assert len(ledger.unsealed["availability"]) == BATCHES
    await ledger.catch_up(server, late)
    windows = ledger.unsealed["availability"]
    assert [w.start for w in windows] == [T0 + i * WINDOW for i in range(2 * BATCHES)]
