"""The operator dies before and after every write it makes: the same outcome, nothing skipped, nothing doubled.

Nor is any evidence lost: each record has its windows and requests, and judged again they lead to its outcome.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from e2e.deploy.cluster import wait_until
from e2e.load.analysis import by_version
from e2e.scenarios.test_faults import through_a_proxy
from serin.cli.replay import replay_of
from serin.records.replay import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e.deploy import OperatorProcess
    from e2e.deploy.cluster import Json
    from e2e.scenarios.proxy import ApiProxy, Request
    from e2e.scenarios.site import Site

pytestmark = [pytest.mark.matrix, pytest.mark.timeout(2400)]
MOST_WRITES = 60
FEWEST_WRITES = 8


class Killer:
    """Ends the operator at one write, counted from where it is armed."""

    def __init__(self, proxy: ApiProxy, operator: OperatorProcess) -> None:
        self._proxy, self._operator = proxy, operator
        self._at, self._after = 0, False
        self.killed_at = ""
        proxy.before_write, proxy.after_write = self._before_write, self._after_write

    def arm(self, number: int, *, after: bool) -> None:
        """The next but ``number``-th write is the one."""
        self._at, self._after, self.killed_at = self._proxy.writes + number, after, ""

    def disarm(self) -> None:
        """No further write is deadly; one that just was is survived."""
        self._at = 0
        if self._operator.pid is None:
            self._operator.start()

    def _before_write(self, number: int, request: Request) -> None:
        if not self._after:
            self._strike(number, request)

    def _after_write(self, number: int, request: Request) -> None:
        if self._after:
            self._strike(number, request)

    def _strike(self, number: int, request: Request) -> None:
        if number == self._at:
            self._operator.kill()
            self.killed_at = f"{request.method} {request.path.split('?')[0]}"


def survived(site: Site, killer: Killer, operator: OperatorProcess, version: str, done: str) -> bool:
    """Whether the rollout ended as it should after the operator had died in it; False if it did not die."""

    def over() -> bool:
        return site.is_over(version, done)

    def progressed() -> bool:
        # What is written last follows what is decided: the record after the status.
        return bool(killer.killed_at) or (over() and all(map(outcome, site.records())))

    wait_until(progressed, what=f"the operator dies in the rollout of {version}, or it is over", seconds=100)
    if killer.killed_at:
        wait_until(lambda: operator.pid is None, what="it is dead", seconds=10)
        operator.start()
        wait_until(over, what=f"{version} is {done} after a death at {killer.killed_at}", seconds=100)
        return True
    return False


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("done", ["Promoted", "RolledBack"])
def test_every_write_of_a_rollout(
    site: Site, done: str, record_property: Callable[[str, object], None], *, after: bool
) -> None:
    environment = {"ERROR_RATE": "0.3"} if done == "RolledBack" else None
    with through_a_proxy(site) as (proxy, operator):
        site.go_live()
        # A loose objective is passed with few requests: what matters here are the writes, not the proof.
        loose = {"name": "availability", "objective": "95.0", "indicator": {"availability": {}}}
        site.policy(steps=[{"weight": 50, "for": "2s"}], slos=[loose])
        killer, deaths = Killer(proxy, operator), []
        with site.load():
            for number in range(1, MOST_WRITES):
                version = f"v{number}"
                killer.arm(number, after=after)
                site.want(version, environment=environment)
                if not survived(site, killer, operator, version, done):
                    break
                deaths.append(killer.killed_at)
                expected = [0, 50, 100] if done == "Promoted" else [0, 50, 0]
                assert site.history.weights(version)[:3] == expected, f"death {number} at {killer.killed_at}"
            killer.disarm()
            outcomes = site.outcomes()[1:]
    assert set(outcomes) == {done}
    assert len(outcomes) == len(deaths) + 1, "one attempt per version, the first one and the last, undisturbed"
    assert len(deaths) >= FEWEST_WRITES
    record_property("deaths", len(deaths))
    assert_whole(site)
    own = "v" if done == "RolledBack" else "none"
    assert not [answer for answer in site.answers() if answer.failed and not answer.version.startswith(own)]


def assert_whole(site: Site) -> None:
    """Every rollout's record has its windows and its requests, none counted twice, and its replay agrees."""
    counts = by_version(site.answers())
    lacking = {}
    for record in site.records()[1:]:
        version, status = record["spec"]["candidate"]["version"], record["status"]
        requests, answered = status.get("requests", {}).get("availability", 0), counts[version].total
        answer = replayed(site, record)
        if not status.get("blocks") or not 0 < requests <= answered or answer is not Answer.AGREE:
            lacking[version] = (len(status.get("blocks", [])), f"{requests} of {answered} requests", str(answer))
    assert not lacking


def replayed(site: Site, record: Json) -> Answer:
    """What ``serin replay`` says of a record."""
    path = site.folder / "record.yaml"
    path.write_text(yaml.safe_dump(record), "utf-8")
    replay = replay_of(path)
    judged = list(replay.windows())
    assert judged, "there are windows to judge"
    return replay.agreement().answer


def outcome(record: Json) -> str:
    """How the rollout ended; empty while it has not."""
    return str(record.get("status", {}).get("outcome") or "")
