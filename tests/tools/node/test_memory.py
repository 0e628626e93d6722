from __future__ import annotations

import asyncio
import os
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2e.sandbox.node import memory
from e2e.sandbox.node.memory import MemoryWatch, Usage, parse_quantity, parse_stat, usage_by_container


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("256Mi", 256 << 20),
        ("1Gi", 1 << 30),
        ("1.5G", 1_500_000_000),
        ("100m", Decimal("0.1")),
        ("1e3", 1000),
    ],
)
def test_quantities(text: str, number: int | Decimal) -> None:
    assert parse_quantity(text) == number


@pytest.mark.parametrize("text", ["", "Mi", "1 Mi", "1Q", "-"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        parse_quantity(text)


def test_a_name_with_blanks_and_brackets_does_not_shift_the_fields() -> None:
    rest = "S 7 8 9 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 100 1000 25 0"
    usage = parse_stat(f"42 (a (b) c) {rest}")
    assert usage == Usage(parent=7, session=9, resident=25 * os.sysconf("SC_PAGE_SIZE"))


def test_children_and_those_that_left_the_session_count() -> None:
    processes = {
        1: Usage(0, 1, 1000),
        10: Usage(1, 10, 5),
        11: Usage(10, 10, 7),
        12: Usage(11, 12, 11),  # a session of its own, but a grandchild
        13: Usage(1, 10, 13),  # its parent ended, but it stayed in the session
        20: Usage(1, 20, 17),
    }
    assert usage_by_container(processes, frozenset({10, 20})) == {10: 36, 20: 17}


@given(st.dictionaries(st.integers(1, 30), st.builds(Usage, st.integers(0, 30), st.integers(0, 30), st.integers(0, 9))))
def test_no_process_counts_twice_whatever_the_tree(processes: dict[int, Usage]) -> None:
    used = usage_by_container(processes, frozenset({1, 2, 3}))
    assert sum(used.values()) <= sum(process.resident for process in processes.values())


async def test_the_excess_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SAMPLE_S", 0.001)
    watch, told = MemoryWatch(), asyncio.Event()
    calls: list[int] = []

    def on_excess() -> None:
        calls.append(1)
        told.set()

    watch.add(os.getpid(), 1 << 10, on_excess)
    watch.add(1, 1 << 60, lambda: calls.append(2))
    running = asyncio.create_task(watch.run())
    async with asyncio.timeout(5):
        await told.wait()
    await asyncio.sleep(0.02)
    running.cancel()
    assert calls == [1]
