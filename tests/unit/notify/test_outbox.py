"""What was decided is told once, whatever happens to the process, the receiver, or the API server in between."""

from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta
from typing import Any

import pytest

from serin.api.status import ModelDeploymentStatus
from serin.cluster import resources
from serin.errors import NotDelivered
from serin.notify.line import LONGEST_PAUSE
from serin.notify.outbox import Outbox
from serin.notify.receiver import Delivery, Receiver
from serin.rollout.notifications.notifying import Addressee
from serin.schema.notification_kinds import NotificationKind
from tests.clock import START
from tests.lab import POLICY
from tests.telling_lab import EVERYTHING, Box, TellingLab

Kind = NotificationKind


async def rolled_back(lab: TellingLab) -> None:
    await lab.until(lab.stable("1"))
    lab.want("2")
    lab.prometheus.candidate_bad = 30
    await lab.until(lab.rolled_back)


async def quiet(lab: TellingLab, ticks: int = 6) -> None:
    for _ in range(ticks):
        await lab.tick()


async def test_a_promotion_is_told_from_its_start_to_its_end_once_each() -> None:
    lab = TellingLab()
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lab.stable("2"), limit=400)
    await quiet(lab)
    assert lab.box.kinds[-5:] == ["Started", "StepAdvanced", "StepAdvanced", "StepAdvanced", "Promoted"]
    assert lab.box.twice == []
    assert lab.pending == []


async def test_blindness_names_its_server_and_its_end_waits_until_the_candidate_has_no_traffic() -> None:
    lab = TellingLab(policy=POLICY | {"steps": [{"weight": 40, "for": "30m"}]})
    lab.obj()["metadata"].setdefault("annotations", {})["serin.dev/contact"] = "#fraud-on-call"
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lambda: (lab.status.get("weights") or {}).get("applied") == 40)
    await quiet(lab)
    lab.prometheus.away = True
    await lab.until(lambda: "NeedsPersonNow" in lab.box.kinds, limit=400)
    blind = lab.box.taken[-1].notification
    assert "last usable window until 2026-" in blind.message
    assert "ask whoever runs Prometheus prometheus:9090" in blind.message
    assert blind.unknown_since is not None
    assert blind.counted_until is not None
    assert blind.counted_until <= blind.unknown_since
    assert blind.contact == "#fraud-on-call"
    lab.want("1")
    await lab.until(lambda: "Superseded" in lab.box.kinds, limit=200)
    assert [kind for kind in lab.box.kinds if kind != "StepAdvanced"][-4:] == [
        "NeedsPersonNow", "RollingBack", "Resumed", "Superseded",
    ]  # fmt: skip
    [resumed] = [each.notification for each in lab.box.taken if each.notification.kind is Kind.RESUMED]
    assert resumed.weight == 0


async def test_a_rollback_is_told_with_its_figures() -> None:
    lab = TellingLab()
    await rolled_back(lab)
    await quiet(lab)
    assert [kind for kind in lab.box.kinds if "Roll" in kind or "Needs" in kind] == ["RollingBack", "RolledBack"]
    [note] = [n.notification for n in lab.box.taken if n.notification.kind is Kind.ROLLED_BACK]
    assert (note.stable, note.candidate, note.weight, note.before) == ("1", "2", 0, 40)
    assert note.reason is not None
    assert note.reason.value == "SLOBreached"
    [slo] = note.slos
    assert 0 < slo.bad < slo.total
    assert note.changed == ["spec.predictor.model.storageUri"]
    assert note.id == f"prod/{note.record}/RolledBack"


async def test_what_nobody_was_told_when_the_leader_died_is_told_by_the_next_one_once() -> None:
    """It dies after each decision, before anything is sent: a new process leads after every single pass."""
    lab = TellingLab()
    lab.sends = False
    await lab.until(lab.stable("1"))
    lab.want("2")
    lab.prometheus.candidate_bad = 30
    for _ in range(150):
        await lab.tick()
        lab.restart()
        if lab.rolled_back():
            break
    told = {note["kind"] for note in lab.pending}
    assert {"RollingBack", "RolledBack"} <= told
    lab.restart()
    lab.sends = True
    await quiet(lab)
    assert lab.box.twice == []
    assert lab.box.kinds.count("RolledBack") == lab.box.kinds.count("RollingBack") == 1
    assert lab.pending == []


async def test_one_that_was_taken_in_the_moment_of_death_comes_again_with_the_same_id() -> None:
    lab = TellingLab()
    lab.box.about = frozenset({Kind.ROLLED_BACK})
    lab.restart()
    lab.box.after = lab.restart  # taken, and nobody is left who knows it
    await rolled_back(lab)
    await lab.tick()
    lab.box.after = lambda: None
    await quiet(lab)
    ids = [each.notification.id for each in lab.box.taken]
    assert len(ids) > 1
    assert len(set(ids)) == 1
    assert lab.pending == []


@pytest.mark.parametrize(
    "failure",
    [NotDelivered("answered 500"), NotDelivered("no answer"), NotDelivered("answered 404", refused=True)],
)
async def test_a_receiver_that_is_down_for_ten_minutes_delays_no_decision_and_is_told_once(
    failure: NotDelivered,
) -> None:
    well, ill = TellingLab(), TellingLab()
    ill.box.failures = [failure] * 1000
    for lab in (well, ill):
        await rolled_back(lab)
        await quiet(lab)
    assert ill.weights == well.weights
    assert ill.now == well.now, "the rollback took as many passes as with a receiver that takes everything"
    for _ in range(600):
        await ill.tick()
    assert ill.box.taken == []
    ill.box.failures = []
    ill.now += timedelta(seconds=LONGEST_PAUSE)
    await quiet(ill)
    assert sorted(ill.box.kinds) == sorted(well.box.kinds)
    assert ill.box.twice == []
    assert ill.pending == []


async def test_attempts_get_rarer_and_what_the_receiver_asks_for_is_kept() -> None:
    lab = TellingLab()
    lab.box.failures = [NotDelivered("answered 503")] * 4 + [NotDelivered("answered 429", retry_after=120)]
    [line] = lab.outbox.lines.values()
    lab.sends = False
    await lab.until(lab.stable("1"))
    waits = []
    while lab.box.failures:
        left = len(lab.box.failures)
        wait = await lab.outbox.step(line)
        assert wait is not None
        if len(lab.box.failures) < left:
            waits.append(line._next - lab.now.timestamp())
        lab.now += timedelta(seconds=wait)
    assert waits == [1, 2, 4, 8, 120]
    assert lab.box.taken == []


async def test_a_receiver_that_takes_nothing_is_said_in_a_condition_of_its_own_until_it_does() -> None:
    lab = TellingLab()
    lab.box.failures = [NotDelivered("answered 503")] * 1000
    await lab.until(lab.stable("1"))

    def kinds() -> dict[str, Any]:
        return {c["type"]: c for c in lab.status["conditions"]}

    assert "Notified" not in kinds(), "a receiver may be restarted"
    await quiet(lab, 90)
    found = kinds()["Notified"]
    assert (found["status"], found["reason"]) == ("False", "ReceiverFails")
    assert found["message"].startswith("receiver box has taken no notification since 2026-11-18T10:00:")
    assert found["message"].endswith("Z: answered 503")
    assert kinds()["Ready"]["status"] == "True"
    assert ("prod", "fraud") in lab.woken
    version = lab.obj()["metadata"]["resourceVersion"]
    await quiet(lab, 60)
    assert lab.obj()["metadata"]["resourceVersion"] == version, "it costs no write while it lasts"
    lab.box.failures = []
    lab.now += timedelta(seconds=LONGEST_PAUSE)
    await quiet(lab)
    assert "Notified" not in kinds()


async def test_a_day_is_enough() -> None:
    lab = TellingLab()
    lab.box.failures = [NotDelivered("answered 503")] * 10000
    await lab.until(lab.stable("1"))
    assert lab.pending
    lab.now += timedelta(hours=25)
    await quiet(lab)
    assert lab.pending == []
    assert lab.box.taken == []


async def test_one_receiver_that_is_dead_holds_up_no_other() -> None:
    dead, alive = Box("dead"), Box("alive")
    dead.failures = [NotDelivered("answered 503")] * 1000
    lab = TellingLab(dead, alive)
    await rolled_back(lab)
    await quiet(lab)
    assert alive.kinds.count("RolledBack") == 1
    assert alive.twice == []
    assert all(note["to"] == ["dead"] for note in lab.pending)


async def test_one_notification_that_is_not_wanted_lets_the_others_pass() -> None:
    lab = TellingLab()
    lab.sends = False
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lambda: any(note["kind"] == "Started" for note in lab.pending))
    lab.box.failures = [NotDelivered("answered 422", refused=True)]
    await lab.send()
    lab.now += timedelta(seconds=2)
    await lab.send()
    assert lab.box.kinds == ["Started", "Promoted"]


async def test_a_queue_that_is_full_keeps_what_tells_of_an_end() -> None:
    lab = TellingLab()
    lab.box.failures = [NotDelivered("answered 503")] * 100000
    await lab.until(lab.stable("1"))
    for version in range(2, 9):
        lab.want(str(version))
        await lab.until(lab.stable(str(version)), limit=400)
    assert len(lab.pending) == 16
    kinds = [note["kind"] for note in lab.pending]
    assert kinds.count("Promoted") == 8
    assert [note["at"] for note in lab.pending] == sorted(note["at"] for note in lab.pending)


async def test_nobody_to_be_told_writes_nothing_more() -> None:
    lab = TellingLab(Box(about=frozenset()))
    await lab.until(lab.stable("1"))
    assert lab.pending == []
    assert lab.box.taken == []


async def test_a_stable_model_deployment_costs_no_write_and_no_attempt() -> None:
    lab = TellingLab()
    await lab.until(lab.stable("1"))
    await quiet(lab)
    version, taken = lab.obj()["metadata"]["resourceVersion"], len(lab.box.taken)
    await quiet(lab, 30)
    assert lab.obj()["metadata"]["resourceVersion"] == version
    assert len(lab.box.taken) == taken


async def test_a_policy_says_who_is_told_what_and_a_name_that_is_not_there_stops_nothing() -> None:
    lab = TellingLab(Box("chat"), Box("pager"))
    lab.policy = {
        **lab.policy,
        "notifications": [
            {"receiver": "chat", "about": ["Promoted"]},
            {"receiver": "pager", "about": []},
            {"receiver": "nobody", "about": ["Promoted"]},
        ],
    }
    lab.cluster.put(
        resources.PROMOTION_POLICIES, {"metadata": {"namespace": "prod", "name": "careful"}, "spec": lab.policy}
    )
    lab.want("2")
    await lab.until(lab.stable("2"))
    lab.want("3")
    await lab.until(lab.stable("3"), limit=400)
    await quiet(lab)
    assert set(lab.boxes[0].kinds[-1:]) == {"Promoted"}
    assert "StepAdvanced" not in lab.boxes[0].kinds
    assert lab.boxes[1].kinds.count("StepAdvanced") == 0
    assert "names receivers that Serin's settings do not have for namespace prod: nobody" in str(lab.status)


async def test_who_may_not_lead_sends_nothing() -> None:
    lab = TellingLab()
    lab.outbox._leads = lambda: False
    await lab.until(lab.stable("1"))
    assert lab.box.taken == []
    assert lab.pending


async def test_a_status_that_could_not_be_written_tells_nobody() -> None:
    lab = TellingLab()
    await lab.until(lab.stable("1"))
    await quiet(lab)
    before = len(lab.box.taken)
    lab.want("2")
    lab.cluster.down = True
    await quiet(lab, 3)
    assert len(lab.box.taken) == before
    lab.cluster.down = False
    await lab.until(lab.stable("2"), limit=400)
    assert lab.box.twice == []


async def test_its_tasks_deliver_and_a_bug_in_a_receiver_ends_none() -> None:
    box, done = Box(), asyncio.Event()
    lab = TellingLab(box)
    lab.sends = False
    box.after = done.set
    await lab.until(lab.stable("1"))
    wrong = [ValueError("a bug")]

    class Buggy(Box):
        async def deliver(self, delivery: Delivery) -> None:
            if wrong:
                raise wrong.pop()
            await Box.deliver(box, delivery)

    seconds = itertools.count(9.0, 9.0)
    pairs: list[tuple[Receiver, Addressee]] = [(Buggy(), Addressee("box", EVERYTHING))]
    outbox = Outbox(pairs, wall=lambda: START, clock=lambda: next(seconds))
    outbox.offer(("prod", "fraud"), TellingLabNotes.of(lab), None)
    async with outbox.delivering(lambda key: outbox.offer(key, [], None)):
        await done.wait()
    assert not wrong
    assert box.taken


class TellingLabNotes:
    """The notifications in a status, as they were written."""

    @staticmethod
    def of(lab: TellingLab) -> list[Any]:
        return ModelDeploymentStatus.model_validate(lab.status).notifications
