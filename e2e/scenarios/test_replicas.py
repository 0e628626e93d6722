"""Two replicas: one acts, the other takes over; never do two move the weight."""

from __future__ import annotations

import os
import signal
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

from e2e.deploy import OperatorProcess
from e2e.deploy.cluster import wait_until
from e2e.scenarios.metrics import reading
from e2e.scenarios.proxy import ApiProxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from e2e.scenarios.site import Site

LEASE_SECONDS = 4
LOST_THE_LEASE = 3


def leads(replica: OperatorProcess) -> bool:
    """Whether it says so; one that does not answer does not."""
    try:
        return replica.pid is not None and reading(f"{replica.health_url}/metrics", "serin_leading ") == 1
    except httpx.HTTPError:
        return False


@contextmanager
def two_replicas(
    site: Site, kubeconfig: Path | None = None, *further: tuple[str, str]
) -> Iterator[list[OperatorProcess]]:
    """Two operators in place of the shared one, the leader first; the leader's own way to the API server.

    ``further`` are further variables of the environment of both.
    """
    site.operator.stop()
    lease = (("SERIN_LEASE", "serin-system/serin"), ("SERIN_LEASE_DURATION", f"{LEASE_SECONDS}s"))
    with ExitStack() as stack:
        replicas: list[OperatorProcess] = []
        for name in ("a", "b"):
            log = site.folder / f"operator-{name}.log"
            settings = replace(site.operator.settings, log=log, extra=(("SERIN_RESYNC", "10s"), *lease, *further))
            if kubeconfig is not None and not replicas:
                settings = replace(settings, kubeconfig=kubeconfig)
            replicas.append(stack.enter_context(OperatorProcess(settings)))
            wait_until(lambda: any(map(leads, replicas)), what="the first one leads", seconds=3 * LEASE_SECONDS)
        yield replicas


def taken_over(by: OperatorProcess, since: float | None = None) -> float:
    """Seconds until the other replica leads, from now or from an earlier ``time.monotonic()``."""
    begun = time.monotonic() if since is None else since
    wait_until(lambda: leads(by), what="the other replica leads", seconds=5 * LEASE_SECONDS)
    return time.monotonic() - begun


@pytest.mark.matrix  # the slice kills the only replica, in test_outages
@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_the_leader_goes_in_mid_step(site: Site, how: str, record_property: Callable[[str, object], None]) -> None:
    with two_replicas(site) as (leader, other):
        site.go_live()
        assert not leads(other)
        with site.load():
            site.want("2")
            site.until_weight(25)
            asked = time.monotonic()
            (leader.kill if how == "killed" else leader.stop)()
            seconds = taken_over(other, asked)
            site.until_stable("2")
            outcomes = site.outcomes()[1:]  # the record is written after the status: somebody has to be there
    record_property("failover_seconds", round(seconds, 1))
    assert seconds < (2 * LEASE_SECONDS if how == "killed" else LEASE_SECONDS), "a lease given back is taken at once"
    site.nobody_else_failed()
    assert site.history.weights("2") == [0, 25, 50, 100]
    assert outcomes == ["Promoted"]


@pytest.mark.matrix
def test_the_leader_is_cut_off_from_the_api_server(site: Site) -> None:
    """It gives up by itself before the other acts; back on the network it does nothing."""
    with (
        ApiProxy(site.operator.settings.kubeconfig, site.folder) as proxy,
        two_replicas(site, proxy.proxied_kubeconfig) as (leader, other),
    ):
        site.go_live()
        with site.load():
            site.want("2", environment={"ERROR_RATE": "0.3", "FAULT_SEED": "1"})
            site.until_weight(25)
            proxy.down = True
            proxy.cut_watches()
            taken_over(other)
            writes = proxy.writes
            site.until_taken_back()
            proxy.down = False
            wait_until(lambda: leader.pid is None, what="the old leader has ended", seconds=10 * LEASE_SECONDS)
            assert leader.exit_code == LOST_THE_LEASE
            asked = [path for path in proxy.written[writes:] if "/leases/" not in path]
            assert not asked, "nothing but its own lease"
    site.nobody_else_failed(but="2")
    assert site.history.weights("2") == [0, 25, 0]


@pytest.mark.matrix
def test_a_leader_that_was_paused_does_nothing_when_it_wakes_up(site: Site) -> None:
    """Version 2 breaches while the old leader sleeps; awake again, it must not put the weight back."""
    with two_replicas(site) as (leader, other):
        site.go_live()
        with site.load():
            site.want("2", environment={"ERROR_RATE": "0.3", "FAULT_SEED": "1"})
            site.until_weight(25)
            assert leader.pid is not None
            os.kill(leader.pid, signal.SIGSTOP)
            try:
                taken_over(other)
                site.until_taken_back()
            finally:
                os.kill(leader.pid, signal.SIGCONT)
            wait_until(lambda: leader.pid is None, what="the old leader has ended", seconds=4 * LEASE_SECONDS)
            assert leader.exit_code == LOST_THE_LEASE
            assert leads(other)
            site.look()
    site.nobody_else_failed(but="2")
    assert site.history.weights("2") == [0, 25, 0]
    assert site.status["phase"] == "RolledBack"
