from __future__ import annotations

from e2e.sandbox.node.backoff import FORGET_AFTER_S, LONGEST_S, Backoff


def test_the_first_restart_is_at_once_and_then_the_wait_doubles() -> None:
    backoff = Backoff()
    assert [backoff.wait_s(0.1) for _ in range(8)] == [0, 1, 2, 4, 8, 16, LONGEST_S, LONGEST_S]


def test_a_long_run_is_a_fresh_start() -> None:
    backoff = Backoff()
    for _ in range(4):
        backoff.wait_s(0)
    assert backoff.wait_s(FORGET_AFTER_S) == 0
    assert backoff.wait_s(0) == 1
