"""Numbers of gates: read when a gate waits, as its namespace sees them, and never in the way of anything else."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import pytest

from serin.cluster import resources
from serin.controller.snapshot.gate_facts import READERS
from serin.errors import MetricsUnavailable
from serin.policy_gates import GATE_KINDS
from tests.lab import POLICY, Lab

QUERY = 'sum(budget{version="$(version)"})'


HANGS: Any = object()


class Budget:
    """What the query gives; an exception is raised."""

    def __init__(self, lab: Lab, answer: Any) -> None:
        self.answer: Any = answer
        self.asked: list[str] = []
        lab.prometheus.values = self._values  # type: ignore[method-assign]

    async def _values(self, query: str, at: datetime) -> list[float]:
        assert at is not None
        self.asked.append(query)
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer is HANGS:
            await asyncio.Event().wait()
        return list(self.answer)


def gated(before: str, **metric: Any) -> Lab:
    gate = {"name": "budget", "before": before, "metric": {"query": QUERY, "min": "0.2"} | metric}
    return Lab(POLICY | {"gates": [gate]})


def status_of(lab: Lab) -> dict[str, Any]:
    return next(g for g in lab.status["rollout"]["gates"] if g["name"] == "budget")


async def waiting(answer: Any) -> tuple[Lab, Budget]:
    lab = gated("Start")
    budget = Budget(lab, answer)
    await lab.until(lab.stable("1"))
    lab.want("2")
    for _ in range(5):
        await lab.tick()
    return lab, budget


ANSWERS = [
    ([0.1], "is 0.1, below 0.2"),
    ([], "gives no value"),
    ([float("nan")], "gives NaN"),
    ([0.5, 0.6], "2 series: aggregate them, or select one"),
    (MetricsUnavailable("http://prometheus: 503"), "cannot be read: http://prometheus: 503"),
    (RuntimeError("a bug"), "cannot be read: RuntimeError: a bug"),
]


@pytest.mark.parametrize(("answer", "words"), ANSWERS)
async def test_what_is_not_a_number_inside_its_limits_holds(answer: Any, words: str) -> None:
    lab, budget = await waiting(answer)
    assert (lab.status["phase"], lab.status["reason"]) == ("Waiting", "GateClosed")
    assert words in status_of(lab)["message"]
    assert set(budget.asked) == {'sum(budget{version="2"})'}
    assert [k for k in lab.cluster.objects if k[0] == "inferenceservices"] == [
        k for k in lab.cluster.objects if k[0] == "inferenceservices"
    ][:1], "no pod of the candidate"
    budget.answer = [0.5]
    await lab.until(lab.stable("2"))
    [result] = lab.record(2)["status"]["gates"]
    assert (result["name"], result["kind"], result["state"]) == ("budget", "metric", "Open")
    assert "is 0.5" in result["message"]
    assert result["since"] < result["at"]


async def test_it_is_not_asked_in_every_pass_nor_when_nothing_waits() -> None:
    lab, budget = await waiting([0.1])
    asked = len(budget.asked)
    for _ in range(20):
        await lab.tick()
    assert len(budget.asked) - asked == 2
    budget.answer = [0.5]
    await lab.until(lab.phase("Progressing"))
    asked = len(budget.asked)
    await lab.until(lab.stable("2"))
    for _ in range(5):
        await lab.tick()
    assert len(budget.asked) == asked
    assert lab.reconciler._facts._known == {}


async def test_a_server_that_hangs_does_not_hold_up_a_rollback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serin.controller.snapshot.gate_facts.facts.FACT_SECONDS", 0.01)
    lab = gated("Step")
    Budget(lab, HANGS)
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lambda: lab.status.get("reason") == "GateClosed")
    for _ in range(2):
        await lab.tick()
    assert "no answer within 0.01 s" in status_of(lab)["message"]
    lab.prometheus.candidate_bad = lab.prometheus.candidate_rate
    await lab.until(lab.rolled_back)
    assert lab.record(2)["status"]["reason"] in {"SLOBreached", "AllRequestsBad"}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("sum(budget", "spec.gates: budget: metric.query: sum(budget: not PromQL"),
        ('{job="x"}', "each selector names its metric"),
        ("max_over_time(budget[2h])", "is longer than 1h"),
        ('budget{v="$(secret)"}', "$(secret) is not known"),
    ],
)
async def test_a_query_that_may_not_be_sent_starts_nothing(query: str, words: str) -> None:
    lab = gated("Start", query=query)
    await lab.until(lab.stable("1"))
    lab.want("2")
    for _ in range(3):
        await lab.tick()
    assert (lab.status["phase"], lab.status["reason"]) == ("Waiting", "PolicyInvalid")
    assert words in lab.condition("PolicyAccepted")["message"]


async def test_an_approval_is_kept_in_the_record_with_who_and_when() -> None:
    gate = {"name": "cab", "before": "Start", "approval": {"count": 1}}
    lab = Lab(POLICY | {"gates": [gate]})
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lambda: lab.status.get("reason") == "WaitingForApproval")
    record = lab.status["rollout"]["record"]
    for name, groups in (("one", "ana"), ("two", "ana")):
        spec = {"modelDeployment": "fraud", "action": "Approve", "rollout": record, "gate": "cab", "ticket": "CHG1"}
        body = {
            "apiVersion": "serin.dev/v1alpha1",
            "kind": "PromotionAction",
            "metadata": {"namespace": "prod", "name": name},
            "spec": spec | {"requestedBy": groups},
        }
        lab.cluster.put(resources.PROMOTION_ACTIONS, body)
        await lab.tick()
        lab.restart()
    await lab.until(lab.stable("2"))
    status = lab.record(2)["status"]
    assert [(a["name"], a["outcome"], a["gate"], a["by"]) for a in status["actions"]] == [
        ("one", "Accepted", "cab", "ana"),
        ("two", "Refused", "cab", "ana (not verified)"),  # the next leader has not seen the policy at work yet
    ]
    [result] = status["gates"]
    assert (result["state"], result["by"], result["before"]) == ("Open", "ana", "Start")
    assert [a["ticket"] for a in result["approvals"]] == ["CHG1"]


def test_every_reader_is_of_a_kind() -> None:
    assert set(READERS) <= {gate.kind for gate in GATE_KINDS}
