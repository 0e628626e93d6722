"""PromotionFreezes on whole passes: who is held, what the freeze tells, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from serin.cluster import resources
from serin.cluster.client import Object
from serin.controller.reconciliation.reconcile import Reconciler
from serin.errors import NotFound, Refused, Unavailable
from tests.lab import URL, Lab

OURS = "serin-system"


class Frozen(Lab):
    """Version 1 is stable; the operator's own namespace has freezes for all."""

    asked: int
    refusal: Exception | None = None

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        whole = self.cluster.list

        async def listed(resource: resources.Resource, namespace: str, selector: str) -> list[Object]:
            if resource is resources.PROMOTION_FREEZES:
                self.asked += 1
                if self.refusal is not None:
                    raise self.refusal
            return await whole(resource, namespace, selector)

        self.cluster.list = listed  # type: ignore[method-assign]

    def restart(self) -> None:
        self.reconciler = Reconciler(self.cluster, {URL: self.prometheus}, lambda: self.now, freezes_of_all=OURS)

    def freeze(self, namespace: str = "prod", name: str = "peak", **spec: Any) -> None:
        item = {
            "metadata": {"namespace": namespace, "name": name},
            "spec": {"reason": "peak season", **{k: v for k, v in spec.items() if v}},
        }
        self.cluster.put(resources.PROMOTION_FREEZES, item)

    def thaw(self, namespace: str = "prod", name: str = "peak") -> None:
        self.cluster.objects.pop(("promotionfreezes", namespace, name))

    def holds(self, namespace: str = "prod", name: str = "peak") -> list[str]:
        status = self.cluster.objects["promotionfreezes", namespace, name].get("status") or {}
        return list(status.get("holds") or [])

    def ready(self) -> tuple[str, str]:
        """Reason and message of the condition Ready."""
        found = self.condition("Ready")
        return found["reason"], found["message"]


@pytest.fixture
async def lab() -> Frozen:
    here = Frozen()
    await here.until(here.stable("1"))
    for _ in range(3):
        await here.tick()
    return here


@pytest.mark.parametrize("namespace", ["prod", OURS])
async def test_nothing_starts_and_the_freeze_says_whom_it_holds(lab: Frozen, namespace: str) -> None:
    lab.freeze(namespace)
    lab.want("2")
    for _ in range(5):
        await lab.tick()
    assert (lab.status["phase"], lab.ready()[0]) == ("Waiting", "Frozen")
    assert f"{namespace}/peak" in lab.ready()[1]
    assert lab.holds(namespace) == ["prod/fraud"]
    lab.thaw(namespace)
    await lab.until(lab.stable("2"))


async def test_what_has_traffic_keeps_it_and_a_breach_is_taken_back(lab: Frozen) -> None:
    lab.want("2")
    await lab.until(lambda: lab.status.get("weights", {}).get("applied") == 40)
    lab.freeze()
    for _ in range(30):
        await lab.tick()
    assert (lab.status["weights"]["applied"], lab.ready()[0], lab.holds()) == (40, "Frozen", ["prod/fraud"])
    lab.prometheus.candidate_bad = 30
    await lab.until(lab.rolled_back)
    await lab.tick()
    assert lab.holds() == []


@pytest.mark.parametrize(("namespace", "selector"), [("other", None), ("prod", {"team": "credit"})])
async def test_a_freeze_about_others_holds_nothing(
    lab: Frozen, namespace: str, selector: dict[str, str] | None
) -> None:
    lab.freeze(namespace, selector={"matchLabels": selector} if selector else None)
    lab.want("2")
    await lab.until(lab.stable("2"))
    assert lab.holds(namespace) == []


async def test_going_back_to_stable_takes_the_name_off(lab: Frozen) -> None:
    lab.freeze()
    lab.want("2")
    for _ in range(3):
        await lab.tick()
    assert lab.holds() == ["prod/fraud"]
    lab.want("1")
    for _ in range(3):
        await lab.tick()
    assert (lab.status["phase"], lab.holds()) == ("Stable", [])


async def test_an_idle_model_asks_for_no_freeze(lab: Frozen) -> None:
    asked, writes = lab.asked, len(lab.cluster.writes)
    lab.freeze()
    for _ in range(10):
        await lab.tick()
    assert (lab.asked, len(lab.cluster.writes)) == (asked, writes)


@pytest.mark.parametrize("failure", [Refused("forbidden"), Unavailable("no answer")])
async def test_unknown_freezes_hold_forward_moves_and_no_rollback(lab: Frozen, failure: Exception) -> None:
    lab.want("2")
    await lab.until(lambda: lab.status.get("weights", {}).get("applied") == 40)
    lab.refusal = failure
    for _ in range(30):
        await lab.tick()
    assert (lab.status["weights"]["applied"], lab.ready()[0]) == (40, "ObservationIncomplete")
    lab.prometheus.candidate_bad = 30
    await lab.until(lab.rolled_back)


async def test_without_the_definition_nothing_is_frozen(lab: Frozen) -> None:
    lab.refusal = NotFound("promotionfreezes")
    lab.want("2")
    await lab.until(lab.stable("2"))


@pytest.mark.parametrize(
    "fail", [lambda: Refused("forbidden"), lambda: Unavailable("no answer"), lambda: NotFound("gone")]
)
async def test_a_freeze_that_cannot_be_told_changes_no_decision(lab: Frozen, fail: Callable[[], Exception]) -> None:
    update = lab.cluster.update_status

    async def refused(resource: resources.Resource, body: Object) -> Object:
        if resource is resources.PROMOTION_FREEZES:
            raise fail()
        return await update(resource, body)

    lab.cluster.update_status = refused  # type: ignore[method-assign]
    lab.freeze()
    lab.want("2")
    for _ in range(3):
        await lab.tick()
    assert lab.ready()[0] == "Frozen"
    assert not lab.status.get("writeFailures")
