"""Gates and actions are taken once: whoever dies at whatever write, and with two operators at a time."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from itertools import takewhile
from typing import Any

import pytest

from serin.cluster import resources
from serin.controller.reconciliation.reconcile import Reconciler
from serin.errors import Conflict, SerinError
from serin.records.chain_report import Item
from serin.records.verify import verify
from tests.fakes import FakeCluster, Killed
from tests.job_lab import TEMPLATE, JobLab
from tests.lab import KEY, URL, isvc
from tests.slices import of_part, parts, sliced

TRIAL = {"template": TEMPLATE, "metrics": [{"name": "auc", "min": "0.93"}], "timeout": "60s"}
GATES: list[dict[str, Any]] = [
    {"name": "cab", "before": "Start", "approval": {"count": 2}},
    {"name": "offline", "before": "Traffic", "job": TRIAL},
    {"name": "risk", "before": "Promote", "approval": {}},
]
WORDS: list[tuple[str, Callable[[dict[str, Any]], bool], dict[str, str]]] = [
    ("ana", lambda s: _waits(s, "cab"), {"action": "Approve", "gate": "cab", "ticket": "CHG1"}),
    ("bo", lambda s: _waits(s, "cab"), {"action": "Approve", "gate": "cab", "ticket": "CHG2"}),
    ("eve", lambda s: s["phase"] == "Progressing", {"action": "Hold", "reason": "a look at it"}),
    ("eve", lambda s: "held" in s["rollout"], {"action": "Release"}),
    ("ana", lambda s: s["rollout"]["step"] == 1, {"action": "Advance", "reason": "it is known"}),
    ("bo", lambda s: _waits(s, "risk"), {"action": "Approve", "gate": "risk"}),
]
"""Who says what, and when; the next one only after it was heard."""


def _waits(status: dict[str, Any], gate: str) -> bool:
    return any(g["name"] == gate and g["state"] == "Waiting" for g in status["rollout"]["gates"])


class Site(JobLab):
    """A rollout with gates of people and of a Job, and the people, who say things until they are heard."""

    def __init__(self) -> None:
        super().__init__()
        self.policy = self.policy | {"gates": GATES}
        meta = {"namespace": "prod", "name": "careful"}
        self.cluster.put(resources.PROMOTION_POLICIES, {"metadata": meta, "spec": self.policy})
        self.heard = self.said = 0

    def actions(self) -> list[dict[str, Any]]:
        return [obj for (plural, *_), obj in self.cluster.objects.items() if plural == "promotionactions"]

    def speak(self) -> None:
        """The next word, once its time has come; again, if the operator that heard it could vouch for nobody."""
        last = self.actions()[-1] if self.said else None
        answer = (last or {}).get("status") or {}
        if last is not None and self.said > self.heard:
            if not answer.get("outcome"):
                return
            if "NotVerified" in answer["message"]:
                self.said -= 1
            else:
                assert answer["outcome"] == "Accepted", answer
                self.heard += 1
        if self.said == len(WORDS) or not self.status.get("rollout"):
            return
        by, when, fields = WORDS[self.said]
        if when(self.status):
            spec = {"modelDeployment": "fraud", "rollout": self.status["rollout"]["record"], "requestedBy": by}
            body = {"kind": "PromotionAction", "spec": spec | fields}
            meta = {"namespace": "prod", "name": f"said-{len(self.actions())}"}
            self.cluster.put(resources.PROMOTION_ACTIONS, body | {"metadata": meta})
            self.said += 1

    async def once(self) -> None:
        try:
            await self.tick()
        except Killed:
            self.cluster.die_at = None
            self.restart()
        self.speak()

    async def play(self) -> None:
        self.candidate = isvc("2")
        self.want("2")
        for _ in range(250):
            await self.once()
            if self.stable("2")():
                break
        for _ in range(8):
            await self.once()

    def check(self) -> None:
        """Everything happened, once."""
        assert self.stable("2")(), self.status
        assert self.cluster.die_at is None, "it died"
        status = self.record(2)["status"]
        assert (status["outcome"], self.heard) == ("Promoted", len(WORDS))
        # A Hold is obeyed also by an operator that cannot vouch yet for who asked.
        heard = [a for a in status["actions"] if a["outcome"] == "Accepted"]
        accepted = [(a["action"], a["by"].removesuffix(" (not verified)")) for a in heard]
        assert accepted == [(fields["action"], by) for by, _, fields in WORDS]
        gates = {gate["name"]: gate for gate in status["gates"]}
        assert {name: gate["state"] for name, gate in gates.items()} == dict.fromkeys(
            ("cab", "offline", "risk"), "Open"
        )
        assert [(a["by"], a["ticket"]) for a in gates["cab"]["approvals"]] == [("ana", "CHG1"), ("bo", "CHG2")]
        assert [a["by"] for a in gates["risk"]["approvals"]] == ["bo"]
        assert len(self.jobs()) == 1
        assert all((action.get("status") or {}).get("outcome") for action in self.actions())
        seen = [w for i, w in enumerate(self.weights) if w and self.weights[i - 1] != w]
        assert seen == [40, 50, 100], seen
        found = [obj for (plural, *_), obj in self.cluster.objects.items() if plural == "promotionrecords"]
        report = verify([Item({"kind": "PromotionRecord", **obj}, "lab") for obj in found])
        assert (report.whole, report.records) == (True, 2), report.found


@functools.cache
def writes() -> int:
    """How many writes an undisturbed rollout is."""

    async def play() -> int:
        lab = Site()
        await lab.until(lab.stable("1"))
        before = len(lab.cluster.writes)
        await lab.play()
        lab.check()
        return len(lab.cluster.writes) - before

    return asyncio.run(play())


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("part", parts())
def test_a_death_at_every_write_while_gates_and_actions_are_taken(part: int, moment: str) -> None:
    async def play(number: int) -> None:
        lab = Site()
        await lab.until(lab.stable("1"))
        lab.cluster.die_at = (len(lab.cluster.writes) + number, moment)
        await lab.play()
        try:
            lab.check()
        except AssertionError as error:
            error.add_note(f"killed {moment} write {number}")
            raise

    assert writes() > 40
    for number in takewhile(lambda number: number < writes(), of_part(part)):
        asyncio.run(play(number))


class Turns(FakeCluster):
    """An API server that lets the other operator go on before each answer."""

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in {"get", "list", "list_rows", "create", "apply", "merge", "update_status", "delete"}:
            return found

        async def slowly(*arguments: Any, **options: Any) -> Any:
            await asyncio.sleep(0)
            return await found(*arguments, **options)

        return slowly


class Two(Site):
    """Two operators that both think that they lead."""

    def new_cluster(self) -> FakeCluster:
        return Turns(clock=lambda: self.now)

    def restart(self) -> None:
        super().restart()
        self.other = Reconciler(self.cluster, {URL: self.prometheus}, lambda: self.now)

    async def tick(self) -> Any:
        async def second() -> None:
            for _ in range(self.ahead):
                await asyncio.sleep(0)
            try:
                await self.other.reconcile(KEY)
            except (Conflict, SerinError):
                self.conflicts += 1

        due, _ = await asyncio.gather(super().tick(), second())
        return due

    ahead = 0
    conflicts = 0


@pytest.mark.parametrize("ahead", sliced(range(0, 24, 3), lambda at: at % 3 == 0))
async def test_two_operators_at_a_time_take_each_gate_and_action_once(ahead: int) -> None:
    lab = Two()
    lab.ahead = ahead
    await lab.until(lab.stable("1"))
    await lab.play()
    lab.check()
    assert lab.conflicts > 0, "they met"
