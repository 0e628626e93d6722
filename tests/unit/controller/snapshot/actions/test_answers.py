"""An answer that cannot be written to its PromotionAction is told, tried again, and holds nothing."""

from __future__ import annotations

from typing import Any

import pytest

from serin.cluster import resources
from tests.faulty_cluster import refused, unavailable, webhook
from tests.faulty_lab import FaultyLab
from tests.unit.controller.reconciliation.test_failing_calls import in_phase

ASKED: dict[str, Any] = {
    "apiVersion": "serin.dev/v1alpha1",
    "kind": "PromotionAction",
    "metadata": {"namespace": "prod", "name": "wait", "uid": "uid-of-wait"},
}


def asks(lab: FaultyLab, action: str) -> None:
    spec = {"modelDeployment": "fraud", "rollout": lab.status["rollout"]["record"], "action": action}
    lab.cluster.put(resources.PROMOTION_ACTIONS, ASKED | {"spec": spec | {"requestedBy": "ana@example.com"}})


@pytest.mark.parametrize("verb", ["status", "merge"])
@pytest.mark.parametrize("error", [refused, webhook])
async def test_an_answer_that_is_refused_is_told(verb: str, error: Any) -> None:
    lab = await in_phase("Progressing")
    lab.fault.verb, lab.fault.plural, lab.fault.error = verb, resources.PROMOTION_ACTIONS.plural, error
    asks(lab, "Hold")
    for _ in range(6):
        await lab.tick()
    assert lab.status["rollout"]["held"]["by"].startswith("ana@example.com"), "it is in force all the same"
    assert [failure["act"] for failure in lab.status["writeFailures"]] == ["PromotionAction"]
    assert "PromotionAction wait cannot be written" in lab.status["message"]
    assert lab.condition("Stalled")["status"] == "False"
    passes = lab.fault.failed.count(f"{verb} promotionactions")
    assert passes <= 7, "and no pass follows at once"
    lab.fault.mend()
    await lab.sleep_until(lambda: not lab.status.get("writeFailures"))
    assert lab.obj(resources.PROMOTION_ACTIONS, "wait")["status"]["outcome"] == "Accepted"


async def test_it_holds_neither_a_step_nor_ready() -> None:
    lab = FaultyLab()
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lab.phase("Progressing"))
    lab.fault.verb, lab.fault.plural, lab.fault.error = "status", resources.PROMOTION_ACTIONS.plural, unavailable
    asks(lab, "Approve")
    await lab.sleep_until(lab.stable("2"))
    for _ in range(3):
        await lab.tick()
    assert lab.condition("Ready")["status"] == "True"
