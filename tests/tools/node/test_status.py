from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from e2e.sandbox.node.status import Conditions, ContainerView, PodView, RestartPolicy, pod_phase, pod_status, waiting

RUNNING = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}


def ended(code: int) -> dict[str, Any]:
    return {"terminated": {"exitCode": code}}


def view(
    state: dict[str, Any], *, ready: bool = False, restarts: int = 0, last: dict[str, Any] | None = None
) -> ContainerView:
    return ContainerView("c", "i", state, last or {}, ready, ready, restarts, "process://1")


@pytest.mark.parametrize(
    ("state", "policy", "phase"),
    [
        (waiting("ContainerCreating"), "Always", "Pending"),
        (RUNNING, "Always", "Running"),
        (ended(0), "Always", "Running"),
        (ended(0), "Never", "Succeeded"),
        (ended(1), "Never", "Failed"),
        (ended(1), "OnFailure", "Running"),
        (ended(0), "OnFailure", "Succeeded"),
    ],
)
def test_phase(state: dict[str, Any], policy: RestartPolicy, phase: str) -> None:
    assert pod_phase([view(state)], policy, inits_done=True) == phase


def test_a_crash_loop_is_still_running() -> None:
    looping = view(waiting("CrashLoopBackOff"), restarts=0, last=ended(1))
    assert pod_phase([looping], "Always", inits_done=True) == "Running"


def pod(**changes: Any) -> PodView:
    plain = PodView(
        inits=[],
        mains=[view(RUNNING, ready=True)],
        network_ready=True,
        inits_done=True,
        stopping=False,
        failure="",
        policy="Always",
        ip="10.244.0.10",
        host_ip="10.244.0.1",
        start_time="2026-01-01T00:00:00Z",
    )
    return replace(plain, **changes)


def conditions_of(status: dict[str, Any]) -> dict[str, str]:
    return {condition["type"]: condition["status"] for condition in status["conditions"]}


def test_a_ready_pod() -> None:
    status = pod_status(pod(), Conditions())
    assert set(conditions_of(status).values()) == {"True"}
    assert status["phase"] == "Running"
    assert status["podIP"] == "10.244.0.10"
    assert {"ip": "10.244.0.10"} in status["podIPs"]
    assert "qosClass" not in status, "the API server does not let a node change it"


def test_a_pod_that_stops_is_not_ready_whatever_its_containers_say() -> None:
    found = conditions_of(pod_status(pod(stopping=True), Conditions()))
    assert (found["Ready"], found["ContainersReady"]) == ("False", "False")


def test_unfinished_init_containers_are_named() -> None:
    status = pod_status(pod(inits=[view(RUNNING)], inits_done=False, mains=[view(waiting("x"))]), Conditions())
    initialized = next(entry for entry in status["conditions"] if entry["type"] == "Initialized")
    assert initialized["reason"] == "ContainersNotInitialized"
    assert initialized["message"] == "containers with incomplete status: [c]"


def test_a_failed_init_container_fails_the_pod() -> None:
    status = pod_status(pod(failure="init container x failed", mains=[view(waiting("x"))]), Conditions())
    assert (status["phase"], status["message"]) == ("Failed", "init container x failed")


def test_a_condition_keeps_its_time_until_its_status_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter(["first", "second"])
    monkeypatch.setattr("e2e.sandbox.node.status.timestamp", lambda: next(moments))
    conditions = Conditions()
    conditions.set("Ready", status=False, reason="a")
    conditions.set("Ready", status=False, reason="b")
    assert conditions.body()[0]["lastTransitionTime"] == "first"
    conditions.set("Ready", status=True)
    assert conditions.body()[0]["lastTransitionTime"] == "second"


def test_an_unchanged_pod_has_an_equal_status() -> None:
    conditions = Conditions()
    assert pod_status(pod(), conditions) == pod_status(pod(), conditions)
