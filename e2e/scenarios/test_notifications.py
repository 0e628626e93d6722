"""What happens reaches a receiver outside, once each, and no receiver is in the way of a rollback."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from e2e.deploy.cluster import wait_until
from e2e.scenarios.causes import live_on_settings, settings_go
from e2e.scenarios.kubectl import condition
from e2e.scenarios.proxy import ApiProxy, asks
from e2e.scenarios.site import MODEL
from e2e.scenarios.telling import setting, telling
from e2e.scenarios.test_faults import through_a_proxy
from e2e.scenarios.test_replicas import taken_over, two_replicas
from e2e.scenarios.told import HttpReceiver

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e.deploy.cluster import Json
    from e2e.scenarios.alertmanager import Alertmanager, OnCall
    from e2e.scenarios.proxy import Request
    from e2e.scenarios.site import Site

pytestmark = pytest.mark.matrix
DEADLY = ["RollingBack", "RolledBack"]
LONGER_THAN_ANYBODY_WAITS = 12.0
TEN_MINUTES = 600.0
MOST_SECONDS = 15.0
"""From the first weight to the last; without anybody to tell it takes 3 to 5 s."""


def test_a_rollback_is_told_once_although_the_receiver_was_down_and_the_leader_died(site: Site) -> None:
    with HttpReceiver() as receiver, telling(site, pipeline=to(receiver)) as operator:
        site.go_live()
        wait_until(lambda: "Promoted" in receiver.kinds, what="the first promotion is told", seconds=15)
        with site.load():
            receiver.down = True
            site.want("2", environment={"ERROR_RATE": "0.2"})
            record = site.until_taken_back()["status"]
            wait_until(lambda: receiver.refused > 0, what="it was tried", seconds=15)
        assert "RolledBack" not in receiver.kinds
        waiting = {note["kind"] for note in site.status["notifications"]}
        assert {"RollingBack", "RolledBack"} <= waiting, "what was decided stands in the status until it is told"
        operator.kill()
        receiver.down = False
        operator.start()
        wait_until(lambda: "RolledBack" in receiver.kinds, what="the rollback is told", seconds=60)
        site.until(lambda s: not s.get("notifications"), what="nothing is left to tell", seconds=30)
        assert set(receiver.times().values()) == {1}, f"once each: {receiver.times()}"
        assert [kind for kind in receiver.kinds if "Roll" in kind] == ["RollingBack", "RolledBack"]
        [event] = [event for event in receiver.events if event["data"]["customData"]["kind"] == "RolledBack"]
        assert event["type"] == "dev.cdevents.service.rolledback.0.3.0"
        told = event["data"]["customData"]
        assert (told["reason"], told["stableVersion"], told["candidateVersion"]) == ("SLOBreached", "1", "2")
        assert told["answers"]["safe"] == "Safe now? Yes: version 1 serves 100 %."
        assert told["slos"][0]["bad"] > 0
        assert record["reason"] == "SLOBreached"
        print(told["title"], told["text"], sep="\n")


def test_receivers_that_are_slow_or_refuse_hold_up_nothing_and_are_told_once_each(
    site: Site, record_property: Callable[[str, object], None]
) -> None:
    somebody_else = HttpReceiver()
    slow = HttpReceiver(seconds=3)
    failing = {
        "hangs": HttpReceiver(),
        "broken": HttpReceiver(status=500),
        "busy": HttpReceiver(status=429, headers={"Retry-After": "5"}),
        "moved": HttpReceiver(status=307, headers={"Location": somebody_else.url}),
    }
    receivers = {"slow": slow, **failing}
    with ExitStack() as running:
        for receiver in (somebody_else, *receivers.values()):
            running.enter_context(receiver)
        running.enter_context(telling(site, **{name: to(receiver) for name, receiver in receivers.items()}))
        site.go_live()
        with site.load(rate=60):
            for receiver in failing.values():
                receiver.down = True
            failing["hangs"].seconds = LONGER_THAN_ANYBODY_WAITS
            site.want("2", environment={"ERROR_RATE": "0.5", "FAULT_SEED": "1"})
            site.until_weight(25)
            begun = time.monotonic()
            wait_until(lambda: site.weight() == 0, what="0 % on the candidate", seconds=60)
            seconds = time.monotonic() - begun
            site.until_taken_back()
            wait_until(lambda: all(r.refused for r in failing.values()), what="each was tried", seconds=15)
        failing["hangs"].seconds = 0.0
        for receiver in failing.values():
            receiver.down = False
        site.until(lambda s: not s.get("notifications"), what="nothing is left to tell", seconds=90)
        assert somebody_else.bodies == [], "nobody is told who is not on the operator's list"
        for name, receiver in receivers.items():
            assert set(receiver.times().values()) == {1}, f"{name}: once each: {receiver.times()}"
            assert receiver.times().keys() == slow.times().keys(), name
            assert [kind for kind in receiver.kinds if "Roll" in kind] == ["RollingBack", "RolledBack"], name
    record_property("seconds_to_take_back", round(seconds, 1))
    record_property("refused", " ".join(f"{name} {receiver.refused}" for name, receiver in failing.items()))
    assert seconds < MOST_SECONDS


def test_a_leader_that_dies_between_a_decision_and_its_sending_leaves_it_to_the_next(site: Site) -> None:
    """It dies as soon as the status that says so is written, and before it hears of that."""
    died_of: list[str] = []
    told_before: list[str] = []
    dead = threading.Event()
    with (
        HttpReceiver() as receiver,
        through_a_proxy(site, setting(site, {"pipeline": to(receiver)})) as (proxy, operator),
    ):

        def dies(_: int, request: Request) -> None:
            if asks("update", "modeldeployments/status")(request):
                waiting = {note["kind"] for note in site.status.get("notifications", [])}
                new = [kind for kind in DEADLY if kind in waiting and kind not in died_of]
                if new:
                    operator.kill()
                    died_of.extend(new)
                    told_before.extend(kind for kind in new if kind in receiver.kinds)
                    dead.set()

        site.go_live()
        proxy.after_write = dies
        with site.load(rate=60):
            site.want("2", environment={"ERROR_RATE": "0.5", "FAULT_SEED": "1"})
            for _ in DEADLY:
                assert dead.wait(60), "it dies"
                dead.clear()
                operator.start()
            site.until_taken_back()
        site.until(lambda s: not s.get("notifications"), what="nothing is left to tell", seconds=30)
        assert (died_of, told_before) == (DEADLY, [])
        assert set(receiver.times().values()) == {1}, f"once each: {receiver.times()}"
        assert [kind for kind in receiver.kinds if "Roll" in kind] == DEADLY


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "paused"])
def test_the_other_replica_tells_what_the_leader_has_decided_and_an_old_leader_tells_nothing_again(
    site: Site, how: signal.Signals, record_property: Callable[[str, object], None]
) -> None:
    """It goes as soon as the decision is in the status; a paused one wakes up when the other has told all of it."""
    gone: list[float] = []
    with (
        HttpReceiver() as receiver,
        ApiProxy(site.operator.settings.kubeconfig, site.folder) as proxy,
        two_replicas(site, proxy.proxied_kubeconfig, setting(site, {"pipeline": to(receiver)})) as (leader, other),
    ):

        def goes(_: int, request: Request) -> None:
            waiting = {note["kind"] for note in site.status.get("notifications", [])}
            if not gone and asks("update", "modeldeployments/status")(request) and "RollingBack" in waiting:
                os.kill(own, how)
                gone.append(time.monotonic())

        site.go_live()
        assert leader.pid is not None
        own = leader.pid
        proxy.after_write = goes
        with site.load(rate=60):
            site.want("2", environment={"ERROR_RATE": "0.5", "FAULT_SEED": "1"})
            wait_until(lambda: bool(gone), what="the leader goes", seconds=60)
            assert "RollingBack" not in receiver.kinds, "it was decided, and not told yet"
            taken_over(other, gone[0])
            site.until_taken_back()
            wait_until(lambda: "RolledBack" in receiver.kinds, what="the rollback is told", seconds=30)
        record_property("seconds_until_told", round(time.monotonic() - gone[0], 1))
        if how is signal.SIGSTOP:
            os.kill(own, signal.SIGCONT)
            wait_until(lambda: leader.pid is None, what="the old leader has ended", seconds=30)
        site.until(lambda s: not s.get("notifications"), what="nothing is left to tell", seconds=30)
        assert set(receiver.times().values()) == {1}, f"once each: {receiver.times()}"
        assert [kind for kind in receiver.kinds if "Roll" in kind] == DEADLY


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_what_happens_in_ten_minutes_without_a_receiver_is_told_once_each_when_it_is_back(
    site: Site, record_property: Callable[[str, object], None]
) -> None:
    with HttpReceiver() as receiver, telling(site, pipeline=to(receiver)) as operator:
        site.go_live()
        wait_until(lambda: "Promoted" in receiver.kinds, what="the first promotion is told", seconds=15)
        receiver.down = True
        begun = time.monotonic()
        with site.load():
            for version in ("2", "3"):
                site.want(version, environment={"ERROR_RATE": "0.2"})
                site.until(lambda s: bool(s.get("candidate")), what="it is on trial")
                site.until_taken_back()
            operator.kill()
            operator.start()
            wait_until(lambda: time.monotonic() - begun > TEN_MINUTES, what="ten minutes", seconds=TEN_MINUTES)
        missed = [note["kind"] for note in site.status["notifications"]]
        assert receiver.kinds[-1] == "Promoted", "nothing came through"
        assert condition(site, "Notified")["status"] == "False"
        metrics = httpx.get(f"{operator.health_url}/metrics", timeout=10, trust_env=False).text
        assert 'serin_receiver_failing_since_timestamp_seconds{receiver="pipeline"}' in metrics
        receiver.down = False
        back = time.monotonic()
        site.until(lambda s: not s.get("notifications"), what="nothing is left to tell", seconds=330)
        record_property("refused", receiver.refused)
        record_property("missed", len(missed))
        record_property("seconds_until_all_is_told", round(time.monotonic() - back, 1))
        assert set(receiver.times().values()) == {1}, f"once each: {receiver.times()}"
        assert sorted(receiver.kinds[-len(missed) :]) == sorted(missed)
        assert [kind for kind in receiver.kinds if "Roll" in kind] == ["RollingBack", "RolledBack"] * 2


def to(receiver: HttpReceiver) -> dict[str, object]:
    """As the operator's file names it."""
    return {"cloudEvents": {"url": receiver.url}}


def lasts(alert: Json) -> timedelta:
    """From its beginning to its end."""
    return datetime.fromisoformat(alert["endsAt"]) - datetime.fromisoformat(alert["startsAt"])


def test_an_alertmanager_groups_and_silences_what_it_is_told(
    site: Site, alertmanager: Alertmanager, on_call: OnCall
) -> None:
    with telling(site, team={"alertmanager": {"url": alertmanager.url}}):
        site.go_live()
        with site.load():
            site.want("2", environment={"ERROR_RATE": "0.2"})
            record = site.until_taken_back()
            news = on_call.until_notified("SerinNotificationRolledBack", by="chat")
            assert news["labels"] == {
                "alertname": "SerinNotificationRolledBack",
                "severity": "info",
                "cluster": "sandbox",
                "namespace": site.namespace,
                "model_deployment": MODEL,
                "record": record["metadata"]["name"],
            }
            assert "Safe now? Yes: version 1 serves 100 %." in news["annotations"]["description"]
            [alert] = alertmanager.alerts("SerinNotificationRolledBack")
            assert alert["annotations"] == news["annotations"]
            assert timedelta(minutes=59) < lasts(alert) < timedelta(minutes=62), "news ends by itself"
            assert alert["status"]["state"] == "active"

            [group] = [each for each in alertmanager.groups() if each["receiver"]["name"] == "chat"]
            assert group["labels"] == {"namespace": site.namespace, "model_deployment": MODEL}
            kinds = {a["labels"]["alertname"].removeprefix("SerinNotification") for a in group["alerts"]}
            assert kinds >= {"Promoted", "Started", "StepAdvanced", "RollingBack", "RolledBack"}
            assert {m["groupKey"] for m in on_call.messages if m["receiver"] == "chat"} == {
                on_call.messages[-1]["groupKey"]
            }

            silence = alertmanager.silence(alertname="SerinNotificationRolledBack", namespace=site.namespace)
            site.want("3", environment={"ERROR_RATE": "0.2"})
            second = site.until_taken_back()["metadata"]["name"]
            wait_until(
                lambda: silence in [i for a in ours(alertmanager, second) for i in a["status"]["silencedBy"]],
                what="the second rollback is silenced",
                seconds=20,
            )
        wait_until(
            lambda: second in records_of(on_call, "SerinNotificationRollingBack"),
            what="what is not silenced is told",
            seconds=20,
        )
    assert records_of(on_call, "SerinNotificationRolledBack") == {record["metadata"]["name"]}


def records_of(on_call: OnCall, alert: str) -> set[str]:
    """The rollouts of which an alert told."""
    return {item["labels"]["record"] for item in on_call.notified(alert, by="chat")}


def ours(alertmanager: Alertmanager, record: str) -> list[Json]:
    """The rolled back rollout of that record, as the Alertmanager knows it."""
    return [a for a in alertmanager.alerts("SerinNotificationRolledBack") if a["labels"]["record"] == record]


def test_what_needs_a_person_lasts_in_an_alertmanager_until_it_is_over(
    site: Site, alertmanager: Alertmanager, on_call: OnCall
) -> None:
    """It is said again while it is so, also to one that has lost its memory, and ended by whoever began it."""
    name = "SerinNotificationNeedsPersonNow"
    with telling(site, team={"alertmanager": {"url": alertmanager.url}}):
        site.policy()
        live_on_settings(site)
        settings_go(site)
        page = on_call.until_notified(name, by="pager", seconds=90)
        assert page["labels"]["severity"] == "critical"
        assert "Must I act? Yes, now: bring the pods" in page["annotations"]["description"]
        [alert] = alertmanager.alerts(name)
        ends = datetime.fromisoformat(alert["endsAt"])

        alertmanager.stop()
        stopped = datetime.now(UTC)
        alertmanager.start()
        wait_until(lambda: bool(alertmanager.alerts(name)), what="it is said again", seconds=75)
        [again] = alertmanager.alerts(name)
        assert again["fingerprint"] == alert["fingerprint"], "the same alert"
        assert again["startsAt"] == alert["startsAt"]
        assert datetime.fromisoformat(again["updatedAt"]) > stopped
        assert datetime.fromisoformat(again["endsAt"]) > ends

        site.want("2")
        site.until_stable("2")
        over = on_call.until_notified(name, by="pager", status="resolved")
        assert over["startsAt"] == page["startsAt"] < over["endsAt"]
        assert alertmanager.alerts(name) == []
