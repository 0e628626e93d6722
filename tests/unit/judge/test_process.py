"""Which banks of a restarting test are kept, and what that is worth."""

from __future__ import annotations

import pytest

from serin.judge.likelihood import breaks_objective
from serin.judge.process import BLOCK_WINDOWS, BLOCKS_WITH_ALL, KEPT_BLOCKS, Restarting, _Bank, _is_kept

BLOCKS = 5000


def test_a_bank_that_was_dropped_would_not_have_been_kept_later() -> None:
    for block in (1, 2, 3, 12, 13, 24, 25, 97, 769):
        bank = _Bank(block, 0.5, 1, first=True)
        kept = [_is_kept(bank, later) for later in range(block, block + 2000)]
        assert kept == sorted(kept, reverse=True)
        assert all(kept[:KEPT_BLOCKS])
    assert all(_is_kept(_Bank(1, 0.5, 1, first=True), later) for later in (10, 1000, 100_000))
    inner = _Bank(7, 0.1, 1, first=False)
    assert [_is_kept(inner, 7 + age) for age in range(4)] == [age < BLOCKS_WITH_ALL for age in range(4)]


@pytest.mark.parametrize(("blocks", "most"), [(12, 12), (100, 35), (BLOCKS, 80)])
def test_their_number_grows_with_the_logarithm_of_the_blocks(blocks: int, most: int) -> None:
    banks = [_Bank(block, 0.5, 1, first=True) for block in range(1, blocks + 1)]
    assert sum(_is_kept(bank, blocks) for bank in banks) <= most


def test_a_slow_fault_is_seen_from_its_beginning_after_more_than_the_newest_blocks() -> None:
    """1.5 times the allowed share, a window of 100 requests: each window adds little, and all of them count."""
    test, e2 = breaks_objective(0.01), Restarting()
    windows = 3 * KEPT_BLOCKS * BLOCK_WINDOWS
    for index in range(windows):
        e2.add(test.increment((1 + index % 2, 100)))
    only_newest = Restarting()
    for index in range(windows - KEPT_BLOCKS * BLOCK_WINDOWS, windows):
        only_newest.add(test.increment((1 + index % 2, 100)))
    assert e2.log_e > only_newest.log_e + 5
