"""The ledger of a rollout: estimates are told as what they are, in the message and in the record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from serin.api.evidence import Window
from serin.api.promotion_policy import PromotionPolicySpec
from serin.controller.evidence import BATCHES, BLOCK, ESTIMATE, Ledger
from serin.errors import AnswerTooLarge
from serin.judge.windows import settle_time
from serin.prometheus.estimate import TERM
from serin.prometheus.reading import Names
from serin.prometheus.series import Series
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

    async def samples(self, query: str, at: datetime) -> list[Series]:
        assert "increase(" in query
        return [
            Series({"envoy_cluster_name": f"prod_fraud-{arm}-predictor_80", TERM: term}, [at.timestamp()], [value])
            for arm in "ba"
            for term, value in (("0", 899.6), ("newest0", at.timestamp() - 1))
        ]


@pytest.fixture
def ledger() -> Ledger:
    return Ledger.restore(POLICY, Names("prod", "fraud-b", "fraud-a"), T0, None)


async def test_estimates_are_told_until_counts_are_exact_again(ledger: Ledger) -> None:
    server = Crowded(lambda: T0)

    async def after(windows: int) -> str:
        now = T0 + windows * WINDOW + settle_time(WINDOW)
        await ledger.catch_up(server, now)
        [slo] = ledger.assess(T0, now).slos
        return slo.message

    assert (await after(1)).endswith(f"({ESTIMATE})")
    [window] = ledger.unsealed["availability"]
    assert isinstance(window, Window)
    assert window.estimated
    assert window.candidate is not None
    assert window.candidate.total == 900
    server.large = False
    assert ESTIMATE not in await after(2)
    [block] = ledger.seal(everything=True)
    assert block.estimated is True


async def test_many_estimates_do_not_hold_up_a_worker(ledger: Ledger) -> None:
    """Once it is known that each window is a query of its own, a pass reads no more than a few."""
    server = Crowded(lambda: T0)
    await ledger.catch_up(server, T0 + WINDOW + settle_time(WINDOW))
    await ledger.catch_up(server, T0 + 2 * BLOCK * WINDOW)
    assert len(ledger.unsealed["availability"]) == 1 + BATCHES


async def test_a_record_of_exact_counts_does_not_mention_estimates(ledger: Ledger) -> None:
    server = Crowded(lambda: T0)
    server.large = False
    await ledger.catch_up(server, T0 + BLOCK * WINDOW + settle_time(WINDOW))
    blocks = [block.to_api() for block in ledger.seal() if block.start == T0]
    assert len(blocks) == 1
    assert "estimated" not in blocks[0]
