"""Which replica leads: with a clock that the test moves, and an API server that fails in every way."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from serin.cluster.lease import Elector, LeaseName, LeaseTimes
from serin.cluster.resources import Resource
from serin.errors import Conflict, NotFound, NotLeader, Refused, Unavailable

Object = dict[str, Any]
TIMES = LeaseTimes(15.0, 10.0, 2.0)


class Server:
    """One Lease, with optimistic locking; ``trouble`` is awaited before each request."""

    def __init__(self) -> None:
        self.lease: Object | None = None
        self.requests = 0
        self.trouble: Callable[[], Awaitable[None]] | None = None

    async def _before(self) -> None:
        self.requests += 1
        if self.trouble is not None:
            await self.trouble()

    async def get(self, resource: Resource, namespace: str, name: str) -> Object:
        await self._before()
        if self.lease is None:
            raise NotFound(f"{resource.plural} {namespace}/{name}")
        return copy.deepcopy(self.lease)

    async def create(self, resource: Resource, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
        await self._before()
        assert not dry_run
        if self.lease is not None:
            raise Conflict(f"{resource.plural} in {namespace} exists")
        self.lease = {**copy.deepcopy(body), "metadata": {**body["metadata"], "resourceVersion": "1"}}
        return copy.deepcopy(self.lease)

    async def replace(self, resource: Resource, body: Object) -> Object:
        await self._before()
        if self.lease is None or body["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
            raise Conflict(resource.plural)
        version = str(int(body["metadata"]["resourceVersion"]) + 1)
        self.lease = {**copy.deepcopy(body), "metadata": {**body["metadata"], "resourceVersion": version}}
        return copy.deepcopy(self.lease)

    @property
    def holder(self) -> str:
        assert self.lease is not None
        return str(self.lease["spec"]["holderIdentity"])


class Time:
    """A clock that sleeping moves; ``then`` runs once it is past a second."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


def elector(server: Server, time: Time, name: str, times: LeaseTimes = TIMES) -> Elector:
    return Elector(server, LeaseName("serin-system", "serin", name), times, time, time.sleep)


async def test_the_first_replica_creates_the_lease_and_leads() -> None:
    server, time = Server(), Time()
    first = elector(server, time, "a")
    before = first.leads
    await first.acquire()
    assert (before, first.leads) == (False, True)
    assert server.lease is not None
    assert server.lease["spec"].items() >= {"holderIdentity": "a", "leaseDurationSeconds": 15}.items()


async def test_another_waits_until_the_lease_has_not_changed_for_its_whole_duration() -> None:
    server, time = Server(), Time()
    await elector(server, time, "a").acquire()
    second, begun = elector(server, time, "b"), time.now
    await second.acquire()
    assert TIMES.duration <= time.now - begun <= TIMES.duration + TIMES.retry
    assert server.lease is not None
    assert (server.holder, server.lease["spec"]["leaseTransitions"]) == ("b", 1)


async def test_a_leader_that_renews_is_not_overtaken() -> None:
    server, time = Server(), Time()
    first, second = elector(server, time, "a"), elector(server, time, "b")
    await first.acquire()
    for _ in range(60):
        await time.sleep(2.0)
        assert await first._attempt()
        assert not await second._attempt()
    assert first.leads


async def test_a_lease_that_is_given_back_is_taken_at_once() -> None:
    server, time = Server(), Time()
    first, second = elector(server, time, "a"), elector(server, time, "b")
    await first.acquire()
    await first.release()
    assert not first.leads
    begun = time.now
    await second.acquire()
    assert time.now == begun


async def test_a_lease_that_was_taken_in_a_try_that_was_broken_off_is_given_back() -> None:
    """The API server has written it; this replica was asked to stop before it heard so."""
    server, time = Server(), Time()
    first, written = elector(server, time, "a"), asyncio.Event()
    create = server.create

    async def never_answers(*args: Any, **named: Any) -> Object:
        await create(*args, **named)
        written.set()
        await asyncio.Event().wait()
        raise AssertionError

    server.create = never_answers  # type: ignore[method-assign]
    acquiring = asyncio.create_task(first.acquire())
    await written.wait()
    acquiring.cancel()
    await asyncio.gather(acquiring, return_exceptions=True)
    assert (first.leads, server.holder) == (False, "a")
    await first.release()
    assert server.holder == ""


async def test_who_never_stood_for_it_asks_nothing_on_the_way_out() -> None:
    server, time = Server(), Time()
    await elector(server, time, "a").acquire()
    second = elector(server, time, "b")
    assert not await second._attempt()
    before = server.requests
    await second.release()
    assert (server.requests, server.holder) == (before, "a")


async def test_releasing_takes_nothing_from_a_successor() -> None:
    server, time = Server(), Time()
    first, second = elector(server, time, "a"), elector(server, time, "b")
    await first.acquire()
    await second.acquire()
    await first.release()
    assert server.holder == "b"


async def test_a_replica_that_was_paused_does_not_lead_when_it_wakes_up() -> None:
    """Its own clock says so, before it has asked anybody."""
    server, time = Server(), Time()
    first, second = elector(server, time, "a"), elector(server, time, "b")
    await first.acquire()
    await second.acquire()
    assert not first.leads
    with pytest.raises(NotLeader):
        await first.hold()
    assert second.leads
    assert server.holder == "b"


async def raising(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    "error", [Unavailable("500"), Unavailable("reset"), Refused("403"), OSError("no route"), TimeoutError()]
)
async def test_a_leader_that_cannot_renew_stops_before_another_can_start(error: Exception) -> None:
    server, time = Server(), Time()
    first = elector(server, time, "a")
    await first.acquire()
    begun = time.now
    server.trouble = lambda: raising(error)
    with pytest.raises(NotLeader):
        await first.hold()
    assert not first.leads
    assert time.now - begun <= TIMES.deadline < TIMES.duration


async def test_a_hanging_server_does_not_hold_up_the_deadline() -> None:
    """The try is bounded by the event loop's own time: 2 retries of 10 ms."""
    server, time = Server(), Time()
    first = elector(server, time, "a", LeaseTimes(0.3, 0.2, 0.01))
    await first.acquire()
    server.trouble = asyncio.Event().wait  # type: ignore[assignment]
    with pytest.raises(NotLeader):
        await first.hold()


async def test_a_short_outage_is_survived() -> None:
    server, time = Server(), Time()
    first = elector(server, time, "a")
    await first.acquire()
    outage_ends = time.now + 6.0

    async def down() -> None:
        if time.now < outage_ends:
            raise Unavailable("503")

    server.trouble = down
    for _ in range(10):
        await time.sleep(TIMES.retry)
        await first._attempt()
    assert first.leads


async def test_an_edit_of_the_lease_by_hand_is_no_loss() -> None:
    """A conflict is a failed try; the next one reads afresh."""
    server, time = Server(), Time()
    first = elector(server, time, "a")
    await first.acquire()
    edited = False

    async def edit() -> None:
        nonlocal edited
        if server.requests % 2 == 0 and not edited:  # between the read and the write
            edited = True
            assert server.lease is not None
            server.lease["metadata"]["resourceVersion"] = "77"

    server.requests, server.trouble = 0, edit
    assert not await first._attempt()
    assert edited
    assert first.leads
    assert await first._attempt()


async def test_an_empty_or_odd_lease_is_taken() -> None:
    server, time = Server(), Time()
    server.lease = {"metadata": {"name": "serin", "namespace": "serin-system", "resourceVersion": "5"}}
    await elector(server, time, "a").acquire()
    assert server.holder == "a"


@pytest.mark.parametrize("times", [(10.0, 10.0, 2.0), (15.0, 10.0, 10.0), (15.0, 10.0, 0.0), (5.0, 10.0, 2.0)])
def test_times_that_would_let_two_lead_are_refused(times: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="must rise"):
        LeaseTimes(*times)


@pytest.mark.parametrize(
    ("stated", "waited"),
    [
        pytest.param(15, 15.0, id="as this replica's own"),
        pytest.param(60, 60.0, id="longer: the holder has other settings"),
        pytest.param(1, 15.0, id="shorter: the holder may live and lead for longer than that"),
        pytest.param(-5, 15.0, id="no duration at all"),
        pytest.param(None, 15.0, id="absent"),
        pytest.param("7", 15.0, id="no number"),
        pytest.param(2**31 - 1, 600.0, id="for ever"),
    ],
)
async def test_the_duration_in_a_lease_is_believed_within_bounds(stated: Any, waited: float) -> None:
    """L2: whoever may write the lease made a replica lead beside another one, or none lead again."""
    server, time = Server(), Time()
    await elector(server, time, "a").acquire()
    assert server.lease is not None
    server.lease["spec"]["leaseDurationSeconds"] = stated
    begun = time.now
    await elector(server, time, "b").acquire()
    assert waited <= time.now - begun <= waited + TIMES.retry
