"""What was too large is not read again and again."""

from __future__ import annotations

import gc
import weakref
from datetime import timedelta

import pytest

from serin.errors import AnswerTooLarge
from serin.prometheus.series_request import SeriesRequest, Shape
from serin.prometheus.sharing.oversize import BELIEVED_SECONDS, OversizeCache
from tests.clock import START


def request(name: str, *, start: int = 0, end: int = 75) -> SeriesRequest:
    return SeriesRequest(
        Shape(('job="envoy"',), "arm"),
        frozenset({"m"}),
        frozenset(),
        (f"{name}-new", f"{name}-old"),
        START + timedelta(seconds=start),
        START + timedelta(seconds=end),
    )


def test_an_answer_that_was_too_large_is_not_kept_with_its_error() -> None:
    class Body:
        """Stands for 16 MiB."""

    def decode(body: Body) -> None:
        raise AnswerTooLarge(f"{type(body)} is too large")

    def fails() -> weakref.ref[Body]:
        body = Body()
        try:
            decode(body)
        except AnswerTooLarge as error:
            cache.note(request("a"), error)
        return weakref.ref(body)

    cache = OversizeCache(lambda: 0.0)
    kept = fails()
    gc.collect()
    assert kept() is None


@pytest.mark.parametrize("ends", [(60, 120), (120, 60)])
def test_the_shortest_that_was_too_large_is_remembered(ends: tuple[int, int]) -> None:
    cache = OversizeCache(lambda: 0.0)
    for end in ends:
        cache.note(request("a", end=end), AnswerTooLarge("too large"))
    cache.check(request("a", end=59))
    with pytest.raises(AnswerTooLarge):
        cache.check(request("a", end=60))


def test_what_was_too_large_is_believed_for_a_while() -> None:
    now = 0.0
    cache = OversizeCache(lambda: now)
    cache.check(request("b"))
    cache.note(request("b"), AnswerTooLarge("too large"))
    for start in (0, -1):
        with pytest.raises(AnswerTooLarge):
            cache.check(request("b", start=start))
    cache.check(request("b", start=1))
    cache.check(request("another"))
    now = BELIEVED_SECONDS
    cache.check(request("b"))
