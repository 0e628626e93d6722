"""Many rollouts, one Prometheus: what is wanted at one moment is one query, and each gets its own series of it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from serin.errors import AnswerTooLarge, MetricsUnavailable, QueryRejected
from serin.prometheus.series import Series
from serin.prometheus.series_request import SeriesRequest, Shape
from serin.prometheus.server.credentials import Server
from serin.prometheus.sharing.joining import MOST_REQUESTS
from serin.prometheus.sharing.oversize import BELIEVED_SECONDS
from serin.prometheus.sharing.shared import COUNT_QUERIES, OWN_QUERIES, NamespaceMetrics, Shared
from tests.clock import START

SERVER = Server(url="http://prometheus:9090")
SHAPE = Shape(('job="envoy"',), "arm")


def request(
    name: str, *, metric: str = "m", start: int = 0, end: int = 75, le: str = "", shape: Shape = SHAPE
) -> SeriesRequest:
    return SeriesRequest(
        shape,
        frozenset({metric}),
        frozenset({le} if le else ()),
        (f"{name}-new", f"{name}-old"),
        START + timedelta(seconds=start),
        START + timedelta(seconds=end),
    )


class Recorder:
    """Answers every query with all that it has."""

    def __init__(self, *series: Series) -> None:
        self.all, self.asked = list(series), list[tuple[str, datetime]]()
        self.about: list[dict[str, Any]] = []
        """For whom, and why, each was asked."""
        self.broken = False

    async def matrix(self, query: str, at: datetime, **about: Any) -> list[Series]:
        self.about.append(about)
        self.asked.append((query, at))
        await asyncio.sleep(0)
        if self.broken:
            raise MetricsUnavailable("503")
        return self.all

    async def values(self, query: str, at: datetime, **about: Any) -> list[float]:
        raise NotImplementedError


async def gathered() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def shared(source: Recorder, **more: Any) -> NamespaceMetrics:
    """The server as those of one namespace see it."""
    return Shared(source, SERVER, **{"pause": lambda _: gathered(), **more}).of("prod")


def series(arm: str, metric: str = "m", le: str = "", times: range = range(0, 100, 5)) -> Series:
    labels = {"__name__": metric, "arm": arm, **({"le": le} if le else {})}
    at = [START.timestamp() + t for t in times]
    return Series(labels, at, [float(t) for t in times])


async def test_what_is_wanted_at_one_moment_is_one_query() -> None:
    source = Recorder(*(series(f"{n}-{arm}") for n in "abc" for arm in ("new", "old")))
    metrics = shared(source)
    found = await asyncio.gather(*(metrics.series(request(name)) for name in "abc"))
    assert len(source.asked) == 1
    assert [[s.labels["arm"] for s in part] for part in found] == [[f"{n}-new", f"{n}-old"] for n in "abc"]


async def test_each_gets_what_it_would_have_got_alone() -> None:
    source = Recorder(series("a-new"), series("a-new", "other"), series("b-new", le="9"), series("b-old", le="5.0"))
    metrics = shared(source)
    requests = [request("a", start=20, end=60), request("b", le="5", start=0, end=90), request("a", metric="other")]
    together = await asyncio.gather(*map(metrics.series, requests))
    alone = [await metrics.series(one) for one in requests]
    assert together == alone
    [first] = together[0]
    assert (first.times[0], first.times[-1]) == (START.timestamp() + 20, START.timestamp() + 60)
    assert source.asked[0][1] == START + timedelta(seconds=90)


async def test_a_selector_that_picks_a_bucket_itself_finds_it() -> None:
    """``ratio`` and ``query`` have no boundaries: their ``le`` is one of the matchers of their shape."""
    source = Recorder(series("a-new", "m_bucket", le="0.5"), series("b-new", "n_bucket", le="9"))
    metrics = shared(source)
    picked, others = await asyncio.gather(
        metrics.series(request("a", metric="m_bucket")), metrics.series(request("b", metric="n_bucket", le="0.1"))
    )
    assert [s.labels["le"] for s in picked] == ["0.5"]
    assert others == []
    assert "le=" not in source.asked[0][0], "a boundary of somebody else's would hide its bucket"


async def test_other_shapes_and_long_reaches_go_alone() -> None:
    source = Recorder()
    metrics = shared(source)
    other = request("a", shape=Shape((), "pod"))
    await asyncio.gather(*map(metrics.series, [request("a"), request("b"), other, request("c", end=1800)]))
    assert len(source.asked) == 3


async def test_very_many_are_asked_for_in_parts() -> None:
    source = Recorder()
    metrics = shared(source)
    await asyncio.gather(*(metrics.series(request(f"m{i}")) for i in range(MOST_REQUESTS + 1)))
    assert len(source.asked) == 2


async def test_an_error_reaches_everybody_who_asked_and_the_next_moment_is_a_new_one() -> None:
    source = Recorder(series("a-new"))
    source.broken = True
    metrics = shared(source)
    found = await asyncio.gather(metrics.series(request("a")), metrics.series(request("b")), return_exceptions=True)
    assert [type(error) for error in found] == [MetricsUnavailable] * 2
    source.broken = False
    assert await metrics.series(request("a"))


async def test_one_who_does_not_wait_any_more_disturbs_nobody() -> None:
    metrics = shared(Recorder(series("a-new"), series("b-new")))
    impatient = asyncio.create_task(metrics.series(request("a")))
    patient = asyncio.create_task(metrics.series(request("b")))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient
    with pytest.raises(asyncio.CancelledError):
        await impatient


async def test_an_error_names_the_query_of_the_one_who_asked() -> None:
    """The shared query changes with whoever else asks, and names other people's models."""
    source = Recorder()
    source.broken = True
    both = shared(source)
    found = await asyncio.gather(both.series(request("a")), both.series(request("b")), return_exceptions=True)
    assert len(source.asked) == 1
    assert [f"{n}-new" in str(error) for n in ("a", "b") for error in found] == [True, False, False, True]


async def test_what_one_asks_wrongly_blinds_nobody_else() -> None:
    class Picky(Recorder):
        async def matrix(self, query: str, at: datetime, **about: Any) -> list[Series]:
            await super().matrix(query, at, **about)
            if "bad" in query:
                raise QueryRejected("400 bad query")
            return self.all

    source = Picky(series("a-new"))
    metrics = shared(source)
    well, ill = await asyncio.gather(
        metrics.series(request("a")), metrics.series(request("b", metric="bad")), return_exceptions=True
    )
    assert isinstance(well, list)
    assert isinstance(ill, QueryRejected)
    assert len(source.asked) == 3


async def test_what_is_too_large_together_is_asked_in_halves_and_alone_not_again() -> None:
    class Crowded(Recorder):
        async def matrix(self, query: str, at: datetime, **about: Any) -> list[Series]:
            await super().matrix(query, at, **about)
            if query.count("-new") > 2 or "e-new" in query:
                raise AnswerTooLarge("too large")
            return self.all

    source = Crowded(*(series(f"{n}-new") for n in "abcdefgh"))
    metrics = shared(source)
    asked = [metrics.series(request(name)) for name in "abcdefgh"]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert [isinstance(one, AnswerTooLarge) for one in found] == [name == "e" for name in "abcdefgh"]
    assert len(source.asked) == 9, "8, twice 4, four times 2, and the two of the half that failed"
    with pytest.raises(AnswerTooLarge):
        await metrics.series(request("e"))
    assert len(source.asked) == 9


class Narrow(Recorder):
    """An answer has room for two rollouts."""

    async def matrix(self, query: str, at: datetime, **about: Any) -> list[Series]:
        await super().matrix(query, at, **about)
        if query.count("-new") > 2:
            raise AnswerTooLarge("too large")
        return self.all


async def test_what_fits_together_is_remembered_for_a_while() -> None:
    now = 0.0
    source = Narrow()
    metrics = shared(source, clock=lambda: now)

    async def asked(names: str) -> int:
        before = len(source.asked)
        await asyncio.gather(*(metrics.series(request(name)) for name in names))
        return len(source.asked) - before

    assert await asked("abcdefgh") == 7, "8, twice 4, four times 2"
    assert await asked("abcdefgh") == 4, "nothing is downloaded up to the limit only to be thrown away"
    other = Shape((), "pod")
    await asyncio.gather(*(metrics.series(request(name, shape=other)) for name in "ab"))
    assert source.asked[-1][0].count("-new") == 2, "of another shape nothing is known"
    now = BELIEVED_SECONDS
    assert await asked("abcdefgh") == 7, "rollouts come and go"


async def test_one_that_is_too_large_alone_does_not_part_the_others() -> None:
    class Heavy(Recorder):
        async def matrix(self, query: str, at: datetime, **about: Any) -> list[Series]:
            await super().matrix(query, at, **about)
            if "e-new" in query:
                raise AnswerTooLarge("too large")
            return self.all

    source = Heavy()
    metrics = shared(source)
    await asyncio.gather(*(metrics.series(request(name)) for name in "abcdefgh"), return_exceptions=True)
    before = len(source.asked)
    await asyncio.gather(*(metrics.series(request(name)) for name in "abcdfgh"))
    assert len(source.asked) == before + 1


async def test_own_expressions_leave_places_for_counts() -> None:
    running, most = 0, 0

    class Slow(Recorder):
        async def values(self, query: str, at: datetime, **about: Any) -> list[float]:
            nonlocal running, most
            del query, at, about
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1
            return [1.0]

    metrics = shared(Slow())
    await asyncio.gather(*(metrics.shared.of(f"team-{i}").values("x", START) for i in range(20)))
    assert most == OWN_QUERIES


class Stuck(Recorder):
    """Answers no gauge and no selector until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.over = asyncio.Event()

    async def values(self, query: str, at: datetime, **about: Any) -> list[float]:
        self.about.append(about)
        self.asked.append((query, at))
        await self.over.wait()
        return [1.0]

    async def matrix(self, query: str, at: datetime, **about: Any) -> list[Series]:
        if query.startswith("gauge"):
            await self.values(query, at, **about)
        return await super().matrix(query, at, **about)


async def test_counts_wait_for_no_gauge() -> None:
    source = Stuck()
    metrics = shared(source)
    of_team = metrics.shared.of
    gauges = [asyncio.create_task(of_team(f"{i}").samples(f"gauge{i}[1m]", START)) for i in range(2 * OWN_QUERIES)]
    await gathered()
    assert len(source.asked) == OWN_QUERIES
    assert await asyncio.wait_for(metrics.counted("(increase(x[15s]))[1s:1s]", START), 5) == []
    source.over.set()
    await asyncio.gather(*gauges)


async def test_counts_take_two_places() -> None:
    source = Stuck()
    metrics = shared(source)
    counts = [asyncio.create_task(metrics.counted(f"gauge{i}[1m]", START)) for i in range(2 * COUNT_QUERIES)]
    await gathered()
    assert len(source.asked) == COUNT_QUERIES
    source.over.set()
    await asyncio.gather(*counts)


async def test_who_finds_no_place_is_told_so() -> None:
    source = Stuck()
    metrics = shared(source, pause=asyncio.sleep, slot_seconds=0.01)
    of_team = metrics.shared.of
    slow = [asyncio.create_task(of_team(f"{i}").samples(f"gauge{i}[1m]", START)) for i in range(OWN_QUERIES)]
    slow += [asyncio.create_task(metrics.counted(f"gauge{i}[1m]", START)) for i in range(COUNT_QUERIES)]
    await gathered()
    for ask in (metrics.samples, metrics.values, metrics.counted):
        with pytest.raises(MetricsUnavailable) as caught:
            await asyncio.wait_for(ask("late", START), 5)
        assert str(caught.value) == "not asked: other queries took the last 0.0 s; query: late"
    source.over.set()
    await asyncio.gather(*slow)
    assert await metrics.values("late", START) == [1.0], "places are free again"


class Torn(Series):
    """Cannot be cut to anybody's time."""

    def between(self, start: float, end: float) -> Series:
        raise ZeroDivisionError(f"{start} … {end}")


async def ends(*waiting: asyncio.Task[list[Series]]) -> list[object]:
    """What each got, and that it got something at all."""
    done, _ = await asyncio.wait(waiting, timeout=5)
    assert done == set(waiting), "somebody still waits"
    return [task.exception() or task.result() for task in waiting]


async def test_a_bug_in_what_one_gets_is_that_ones_own() -> None:
    whole = [series(f"{name}-new") for name in "ac"]
    metrics = shared(Recorder(whole[0], Torn({"__name__": "m", "arm": "b-new"}, [0.0], [0.0]), whole[1]))
    first, torn, last = await ends(*(asyncio.create_task(metrics.series(request(name))) for name in "abc"))
    assert isinstance(torn, ZeroDivisionError)
    assert [first, last] == [[s.between(START.timestamp(), START.timestamp() + 75)] for s in whole]


async def test_a_bug_in_one_part_fails_those_in_it_and_no_others() -> None:
    class Buggy(Recorder):
        async def matrix(self, query: str, at: datetime, **about: Any) -> list[Series]:
            await super().matrix(query, at, **about)
            if "m0-new" in query:
                raise ZeroDivisionError
            return self.all

    metrics = shared(Buggy())
    found = await ends(*(asyncio.create_task(metrics.series(request(f"m{i}"))) for i in range(MOST_REQUESTS + 1)))
    assert [type(one) for one in found] == [ZeroDivisionError] * MOST_REQUESTS + [list]


async def test_nobody_waits_for_a_query_that_was_cancelled() -> None:
    """Before it began, while it gathers, while it is asked, and after: whenever that is, everybody is told."""
    seen: list[type] = []
    for moments in range(1, 20):
        metrics = shared(Recorder(series("a-new"), series("b-new")))
        waiting = [asyncio.create_task(metrics.series(request(name))) for name in "ab"]
        for _ in range(moments):
            await asyncio.sleep(0)
        for flush in metrics.shared.joined("prod")._flushes:
            flush.cancel()
        kinds = {type(one) for one in await ends(*waiting)}
        assert len(kinds) == 1
        seen += kinds
        assert await asyncio.wait_for(metrics.series(request("a")), 5), "the next one begins another query"
    assert seen == sorted(seen, key=[MetricsUnavailable, list].index)
    assert set(seen) == {MetricsUnavailable, list}


async def test_a_bug_before_anything_was_asked_reaches_everybody() -> None:
    async def pause(_: float) -> None:
        await asyncio.sleep(0)
        raise ZeroDivisionError

    metrics = shared(Recorder(), pause=pause)
    for _ in range(2):
        found = await ends(*(asyncio.create_task(metrics.series(request(name))) for name in "ab"))
        assert [type(one) for one in found] == [ZeroDivisionError] * 2
