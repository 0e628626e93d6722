"""The network between the operator and its API server fails: the outcome is the same, and no rollback waits."""

from __future__ import annotations

import itertools
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from e2e.deploy import OperatorProcess
from e2e.deploy.cluster import wait_until
from e2e.scenarios.proxy import ApiProxy, Fault, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2e.scenarios.site import Site


@contextmanager
def through_a_proxy(site: Site, *extra: tuple[str, str]) -> Iterator[tuple[ApiProxy, OperatorProcess]]:
    """The operator, behind a proxy that fails on request; ``extra`` are further variables of its environment."""
    site.operator.stop()
    with ApiProxy(site.operator.settings.kubeconfig, site.folder) as proxy:
        log = site.folder / "operator-proxied.log"
        usual = site.operator.settings
        settings = replace(usual, kubeconfig=proxy.proxied_kubeconfig, log=log, extra=(*usual.extra, *extra))
        with OperatorProcess(settings) as operator:
            site.operator = operator
            yield proxy, operator


@contextmanager
def started_again(operator: OperatorProcess) -> Iterator[None]:
    """As a kubelet does: a process that ended by itself is started again."""
    over = threading.Event()

    def keep() -> None:
        while not over.wait(0.2):
            if operator.pid is None:
                operator.launch()

    keeper = threading.Thread(target=keep, daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join(10)


def every(count: int) -> Callable[[Request], bool]:
    """One write of so many."""
    numbers = itertools.count(1)
    return lambda request: request.writes and next(numbers) % count == 0


FAULTS: dict[str, Callable[[], list[Fault]]] = {
    "409": lambda: [Fault(every(3), status=409, times=8)],
    "429": lambda: [Fault(lambda request: not request.watch, status=429, retry_after=1, times=12)],
    "500": lambda: [Fault(lambda request: not request.watch, status=500, times=30)],
    "hangs": lambda: [Fault(lambda request: not request.watch, hang=10, times=3)],
    "resets": lambda: [Fault(lambda _: True, reset=True, times=20)],
    "410 as an event": lambda: [Fault(lambda request: request.watch, expired=True, times=4)],
    "410 as an answer": lambda: [Fault(lambda request: request.watch, status=410, times=3)],
}


@pytest.mark.matrix
@pytest.mark.parametrize("name", FAULTS)
def test_a_promotion_in_spite_of(site: Site, name: str) -> None:
    with through_a_proxy(site) as (proxy, operator):
        site.go_live()
        with site.load(), started_again(operator):
            site.want("2")
            site.until_weight(25)
            faults = FAULTS[name]()
            proxy.faults.extend(faults)
            proxy.cut_watches()
            site.until_stable("2")
            outcomes = site.outcomes()[1:]  # the record is written after the status: somebody has to be there
        assert sum(fault.met for fault in faults) >= 3, "the faults did strike"
    site.nobody_else_failed()
    assert site.history.weights("2") == [0, 25, 50, 100]
    assert outcomes == ["Promoted"]


@pytest.mark.matrix
def test_a_promotion_over_thirty_seconds_without_an_api_server(site: Site) -> None:
    with through_a_proxy(site) as (proxy, operator):
        site.go_live()
        with site.load():
            site.want("2")
            site.until_weight(25)
            proxy.down = True
            proxy.cut_watches()
            since = time.monotonic()
            wait_until(lambda: time.monotonic() - since > 30, what="30 s", seconds=35)
            assert site.weight() == 25
            assert operator.pid is not None, "it waits for the server to come back"
            proxy.down = False
            site.until_stable("2")
    site.nobody_else_failed()
    assert site.history.weights("2") == [0, 25, 50, 100]


@pytest.mark.matrix
def test_a_rollback_happens_as_soon_as_the_api_answers(
    site: Site, record_property: Callable[[str, object], None]
) -> None:
    """The breach is proven while no API server answers; the weight goes with the first answer."""
    with through_a_proxy(site) as (proxy, _):
        site.go_live()
        with site.load():
            site.want("3", environment={"ERROR_RATE": "0.3"})
            site.until_weight(25)
            proxy.down = True
            proxy.cut_watches()
            since = time.monotonic()
            wait_until(lambda: time.monotonic() - since > 12, what="12 s", seconds=20)
            assert site.weight() == 25
            proxy.down = False
            back = time.monotonic()
            wait_until(lambda: site.weight() == 0, what="0 % on the candidate", seconds=30)
            seconds = time.monotonic() - back
            record = site.until_taken_back()
    record_property("rollback_seconds_after_the_api_is_back", round(seconds, 2))
    assert seconds < 8, "the longest pause between two tries is three seconds, and the windows are read first"
    assert record["status"]["reason"] in {"SLOBreached", "AllRequestsBad"}
    site.nobody_else_failed(but="3")
