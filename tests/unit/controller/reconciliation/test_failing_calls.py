"""Each read and each write of a pass fails, alone, in each way, in each phase with traffic (DESIGN, rules 3 and 16).

A candidate that breaches is taken back all the same, within a window; nothing moves forward on what is unknown or
could not be written; the status says what is wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest

from serin.cluster import resources
from tests.faulty_cluster import conflict, invalid, quota, refused, unavailable, webhook
from tests.faulty_lab import FaultyLab
from tests.lab import POLICY, isvc, spec
from tests.slices import pairs, sliced

STAGES: dict[str, Any] = POLICY | {
    "shadow": {"for": "6s"},
    "shadowSafe": True,
    "steps": [{"weight": 40, "for": "6s"}, {"weight": 50, "for": "6s"}],
    "bake": {"for": "6s", "holdback": 5},
}
IMPATIENT = POLICY | {"prepareTimeout": "1m"}
PHASES = ["Shadowing", "Progressing", "Promoting", "Baking"]
Call = tuple[resources.Resource, str]
"""A kind and a verb."""
READS: list[Call] = [
    (resources.PODS, "list"),
    (resources.ENDPOINT_SLICES, "list"),
    (resources.INFERENCE_SERVICES, "list"),
    (resources.PROMOTION_RECORDS, "get"),
    (resources.PROMOTION_POLICIES, "get"),
    (resources.PROMOTION_ACTIONS, "list"),
]
MALFORMED = [row for row in READS if row[0] not in {resources.PROMOTION_ACTIONS, resources.PROMOTION_POLICIES}]
"""Anybody may create an action or a policy that makes no sense: it is ignored, or told as an unusable policy."""
WAYS: dict[str, Callable[[], Exception] | None] = {"refused": refused, "unavailable": unavailable, "hangs": None}
WRITES: list[Call] = [
    (resources.MODEL_DEPLOYMENTS, "status"),
    (resources.EVENTS, "create"),
    (resources.INFERENCE_SERVICES, "merge"),
]
REFUSALS = {
    "403": refused,
    "409": conflict,
    "422": invalid,
    "quota": quota,
    "webhook": webhook,
    "503": unavailable,
}
FOUND_WITHIN = 8
"""Windows of one second in which half of the candidate's answers are bad, until the weight is 0: without any fault it
takes as long (the first test)."""


def words(part: str | Call) -> str:
    """What a row's name says of one of its parts."""
    return part if isinstance(part, str) else f"{part[0].plural}-{part[1]}"


def one_in_four(row: int) -> bool:
    """Of rows in which every third is of the same way: so each way is played, with another call each time."""
    return row % 4 == 0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that hangs is waited for a moment only."""
    monkeypatch.setattr("serin.controller.snapshot.observe.READ_TIMEOUT_IN_ROLLOUT", 0.02)
    monkeypatch.setattr("serin.controller.reconciliation.reconcile.WRITE_TIMEOUT", 0.02)
    monkeypatch.setattr("serin.controller.reconciliation.actor.SINK_TIMEOUT", 0.02)


async def in_phase(phase: str) -> FaultyLab:
    lab = FaultyLab(STAGES)
    await lab.until(lab.stable("1"))
    lab.want("2")
    if phase == "Promoting":
        await lab.until(lab.phase("Promoting"))
        lab.accept(accepting=False)
    else:
        await lab.until(lab.phase(phase))
    await lab.tick()
    assert lab.status["phase"] == phase
    return lab


async def taken_back_in(lab: FaultyLab, limit: int = 40) -> int:
    """Half of the candidate's answers are bad from now on: ticks until it gets no request any more."""
    lab.prometheus.candidate_bad = 30
    for tick in range(limit):
        await lab.tick()
        if not lab.exposed():
            return tick
    raise AssertionError(lab.status)


@pytest.mark.parametrize("phase", PHASES)
async def test_without_a_fault_a_breach_is_found_in_so_many_windows(phase: str) -> None:
    assert await taken_back_in(await in_phase(phase)) <= FOUND_WITHIN


@pytest.mark.parametrize(
    ("call", "way", "phase"), [*pairs(READS, list(WAYS), PHASES), *pairs(MALFORMED, ["malformed"], PHASES)], ids=words
)
async def test_a_read_that_fails(call: Call, way: str, phase: str) -> None:
    lab = await in_phase(phase)
    resource, verb = call
    lab.fault.verb, lab.fault.plural = verb, resource.plural
    lab.fault.malformed, lab.fault.error = way == "malformed", WAYS.get(way)
    before = lab.weight()
    for _ in range(12):
        await lab.tick()
        assert lab.weight() <= before, "nothing moves forward on what is unknown"
    assert lab.fault.failed
    assert lab.status["phase"] in {phase, "Baking"}, "and nothing is taken back for it"
    assert "cannot be read" in lab.status["message"]
    assert lab.status["reason"] == "ObservationIncomplete"
    stalled = lab.condition("Stalled")["status"]
    assert stalled == ("True" if way in {"refused", "malformed"} else "False")
    assert await taken_back_in(lab) <= FOUND_WITHIN
    lab.fault.mend()
    lab.accept()
    await lab.until(lab.rolled_back)
    record = lab.record(2)["status"]
    assert (record["outcome"], record["reason"]) in {("RolledBack", "SLOBreached"), ("RolledBack", "AllRequestsBad")}
    assert record["badRequests"]["availability"] > 0


@pytest.mark.parametrize(
    ("call", "way"), sliced([*product(READS, WAYS), *product(MALFORMED, ["malformed"])], one_in_four), ids=words
)
async def test_a_read_that_fails_before_the_first_request(call: Call, way: str) -> None:
    """Nothing is exposed on what is unknown, it is told, and the rollout goes on when it is known again."""
    lab = FaultyLab()
    await lab.until(lab.stable("1"))
    lab.cluster.ready = lambda service: int(service == isvc("1"))
    lab.want("2")
    await lab.until(lab.phase("Preparing"))
    await lab.tick()
    lab.fault.verb, lab.fault.plural = call[1], call[0].plural
    lab.fault.malformed, lab.fault.error = way == "malformed", WAYS.get(way)
    lab.cluster.ready = lambda _: 1
    for _ in range(12):
        await lab.tick()
        assert not lab.exposed(), "nothing moves forward on what is unknown"
    assert lab.status["phase"] == "Preparing"
    assert "cannot be read" in lab.status["message"]
    lab.fault.mend()
    await lab.until(lab.stable("2"))


@pytest.mark.parametrize(("call", "way"), sliced(product(READS, WAYS), one_in_four), ids=words)
async def test_a_read_that_fails_on_the_way_back(call: Call, way: str) -> None:
    """The gateway has not accepted 0 % yet: the weight stays 0, and the rollback ends without what cannot be read."""
    lab = await in_phase("Progressing")
    lab.prometheus.candidate_bad = 30
    await lab.until(lab.phase("RollingBack"))
    lab.accept(accepting=False)
    lab.fault.verb, lab.fault.plural, lab.fault.error = call[1], call[0].plural, WAYS[way]
    for _ in range(5):
        await lab.tick()
        assert lab.weight() == 0
    lab.accept()
    await lab.sleep_until(lab.rolled_back)
    lab.fault.mend()
    await lab.sleep_until(lambda: lab.record(2)["status"].get("outcome") == "RolledBack")


@pytest.mark.parametrize(("call", "way", "phase"), pairs(WRITES, list(REFUSALS), PHASES), ids=words)
async def test_a_write_that_fails(call: Call, way: str, phase: str) -> None:
    lab = await in_phase(phase)
    resource, verb = call
    lab.fault.verb, lab.fault.plural, lab.fault.error = verb, resource.plural, REFUSALS[way]
    before = lab.weight()
    assert await taken_back_in(lab) <= FOUND_WITHIN
    assert max(lab.weights[-FOUND_WITHIN:]) <= before
    lab.fault.mend()
    lab.accept()
    await lab.sleep_until(lab.rolled_back)
    assert lab.record(2)["status"]["outcome"] == "RolledBack"


@pytest.mark.parametrize(
    ("call", "way", "phase"), pairs([*WRITES, (resources.PROMOTION_RECORDS, "status")], ["hangs"], PHASES), ids=words
)
async def test_a_write_that_hangs(call: Call, way: str, phase: str) -> None:
    """No pass waits for it longer than a moment, and the way back goes on."""
    lab = await in_phase(phase)
    resource, verb = call
    lab.fault.verb, lab.fault.plural, lab.fault.error = verb, resource.plural, WAYS[way]
    async with asyncio.timeout(10):
        assert await taken_back_in(lab) <= FOUND_WITHIN
    lab.fault.mend()
    lab.accept()
    await lab.sleep_until(lab.rolled_back)
    assert lab.record(2)["status"]["outcome"] == "RolledBack"


@pytest.mark.parametrize(
    ("way", "phase"),
    sliced([("403", "Shadowing"), ("403", "Baking"), ("503", "Baking"), ("503", "Shadowing")], lambda at: at % 2 == 0),
)
async def test_a_record_that_cannot_be_written_is_told_and_never_blocks_the_way_back(way: str, phase: str) -> None:
    lab = await in_phase(phase)
    lab.fault.verb, lab.fault.plural, lab.fault.error = "status", resources.PROMOTION_RECORDS.plural, REFUSALS[way]
    assert await taken_back_in(lab) <= FOUND_WITHIN
    lab.accept()
    for _ in range(20):
        await lab.tick()
    assert lab.status["phase"] == "RollingBack", "the evidence is not given up at once"
    assert lab.condition("Stalled")["status"] == "True"
    assert "PromotionRecord" in lab.status["message"]
    assert lab.condition("Ready")["status"] == "False"
    await lab.sleep_until(lab.rolled_back)
    lab.fault.mend()
    await lab.until(lambda: lab.record(2)["status"].get("outcome") == "RolledBack")


@pytest.mark.parametrize("way", ["403", "422", "quota", "webhook", "503"])
async def test_a_route_that_cannot_be_written_is_told_and_tried_again(way: str) -> None:
    lab = await in_phase("Progressing")
    lab.fault.verb, lab.fault.plural, lab.fault.error = "apply", resources.HTTP_ROUTES.plural, REFUSALS[way]
    lab.prometheus.candidate_bad = 30
    await lab.until(lab.phase("RollingBack"))
    for _ in range(8):
        await lab.tick()
    assert "HTTPRoute fraud cannot be written" in lab.status["message"]
    assert lab.status["weights"]["desired"] == 0
    assert lab.fault.failed.count("apply httproutes") > 3
    lab.fault.mend()
    await lab.until(lab.rolled_back)
    assert lab.weight() == 0


@pytest.mark.parametrize(
    ("way", "reason"),
    [("403", "PermissionMissing"), ("quota", "QuotaExceeded"), ("webhook", "WebhookRefused"), ("422", "WriteRefused")],
)
async def test_a_candidate_that_may_not_be_created_is_told_and_not_rejected(way: str, reason: str) -> None:
    lab = FaultyLab(IMPATIENT)
    await lab.until(lab.stable("1"))
    lab.want("2")
    lab.fault.verb, lab.fault.plural, lab.fault.error = "create", resources.INFERENCE_SERVICES.plural, REFUSALS[way]
    for _ in range(5):
        await lab.tick()
    assert (lab.status["phase"], lab.status["reason"]) == ("Preparing", reason)
    assert lab.condition("Stalled")["status"] == "True"
    assert "cannot be written" in lab.status["message"]
    await lab.sleep_until(lab.phase("Waiting"))
    await lab.tick()
    assert (lab.status["reason"], lab.status.get("rejected", [])) == (reason, [])
    assert "not for its own fault; it is tried again at" in lab.status["message"]
    assert lab.record(2)["status"]["outcome"] == "Aborted"
    lab.fault.mend()
    await lab.sleep_until(lab.stable("2"))
    assert lab.record(3)["status"]["outcome"] == "Promoted", "a further attempt, by itself"


async def test_the_pause_between_tries_doubles() -> None:
    lab = FaultyLab(IMPATIENT)
    await lab.until(lab.stable("1"))
    lab.want("2")
    lab.fault.verb, lab.fault.plural, lab.fault.error = "create", resources.INFERENCE_SERVICES.plural, quota
    ended: list[Any] = []
    for _ in range(3):
        await lab.sleep_until(lab.phase("Waiting"))
        since = lab.now
        await lab.sleep_until(lambda: lab.status["phase"] != "Waiting")
        ended.append((lab.now - since).total_seconds())
    assert [round(seconds / 60) for seconds in ended] == [1, 2, 4]


async def test_a_scaling_edit_that_is_refused_is_never_ready() -> None:
    lab = FaultyLab()
    await lab.until(lab.stable("1"))
    for _ in range(3):
        await lab.tick()
    assert lab.condition("Ready")["status"] == "True"
    obj = lab.obj()
    obj["metadata"]["generation"] = 2
    lab.fault.verb, lab.fault.plural, lab.fault.error = "merge", resources.INFERENCE_SERVICES.plural, webhook
    lab.want("1", predictor={**spec("1")["predictor"], "minReplicas": 4})
    for _ in range(5):
        await lab.tick()
        assert lab.status["observedGeneration"] == 1, "what was refused is not observed"
    ready = lab.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("False", "WebhookRefused")
    assert "strict.example.com" in ready["message"]
    lab.restart()
    await lab.tick()
    assert lab.condition("Ready")["status"] == "False", "a new process does not claim it either"
    lab.fault.mend()
    await lab.until(lambda: lab.condition("Ready")["status"] == "True")
    assert lab.status["observedGeneration"] == 2
    assert lab.status.get("writeFailures", []) == []


@pytest.mark.parametrize("version", ["1", "2"])
async def test_without_a_route_nobody_is_told_that_anything_serves(version: str) -> None:
    """Stable, and with a rejected revision in spec."""
    lab = FaultyLab()
    await lab.until(lab.stable("1"))
    lab.want(version)
    lab.prometheus.candidate_bad = 30
    await lab.until(lab.stable("1") if version == "1" else lab.rolled_back)
    await lab.tick()
    assert lab.condition("Available")["status"] == "True"
    del lab.cluster.objects["httproutes", "prod", "fraud"]
    lab.fault.verb, lab.fault.plural, lab.fault.error = "apply", resources.HTTP_ROUTES.plural, webhook
    for _ in range(5):
        await lab.tick()
        assert lab.condition("Available")["status"] == "False"
        assert "version 1 serves" not in lab.status["message"]
        assert "version 1 has no route" in lab.status["message"]
    lab.fault.mend()
    await lab.until(lambda: lab.condition("Available")["status"] == "True")


UNREAD: dict[str, tuple[resources.Resource, dict[str, Any]]] = {
    "size": (resources.INFERENCE_SERVICES, {"minReplicas": 4}),
    "hostname": (resources.HTTP_ROUTES, {}),
}
"""An edit of spec, and the list without which it is not carried out."""


@pytest.mark.parametrize("way", ["refused", "unavailable"])
@pytest.mark.parametrize(
    ("phase", "edit"),
    [("Stable", "size"), ("RolledBack", "size"), ("Progressing", "size"), ("Progressing", "hostname")],
)
async def test_an_edit_that_could_not_be_tried_is_not_claimed(phase: str, edit: str, way: str) -> None:
    lab = FaultyLab()
    await lab.until(lab.stable("1"))
    lab.want("2" if phase != "Stable" else "1")
    lab.prometheus.candidate_bad = 30 if phase == "RolledBack" else 0
    await lab.until(lab.phase(phase))
    for _ in range(3):
        await lab.tick()
    version, (kind, scaling) = lab.obj()["spec"]["model"]["version"], UNREAD[edit]
    lab.fault.verb, lab.fault.plural, lab.fault.error = "list", kind.plural, WAYS[way]
    lab.obj()["metadata"]["generation"] = 2
    predictor, route = spec(version)["predictor"] | scaling, spec(version)["route"]
    lab.want(version, predictor=predictor, route=route if scaling else route | {"hostnames": ["other.example.com"]})
    for _ in range(4):
        due = await lab.tick()
        assert lab.status["observedGeneration"] == 1, "what was not tried is not observed"
        assert due is not None
        assert due - lab.now <= timedelta(seconds=2), "it is tried again soon"
    assert "cannot be read" in lab.status["message"]
    assert lab.condition("Ready")["status"] == "False"
    lab.fault.mend()
    await lab.until(lambda: lab.status["observedGeneration"] == 2)
    assert lab.obj(resources.INFERENCE_SERVICES, isvc("1"))["spec"]["predictor"]["minReplicas"] == (
        scaling.get("minReplicas", 1)
    )
    assert lab.obj(resources.HTTP_ROUTES)["spec"]["hostnames"] == [f"{'fraud' if scaling else 'other'}.example.com"]


@pytest.mark.parametrize(
    ("way", "kind", "change"),
    pairs(
        list(WAYS),
        [resources.MODEL_DEPLOYMENTS, resources.HTTP_ROUTES],
        [{"hostnames": ["other.example.com"]}, {"parentRef": {"name": "other"}}],
    ),
)
async def test_hostnames_of_others_that_cannot_be_read_hold_up_no_rollback(
    way: str, change: dict[str, Any], kind: resources.Resource
) -> None:
    lab = await in_phase("Progressing")
    lab.fault.verb, lab.fault.plural, lab.fault.error = "list", kind.plural, WAYS[way]
    route = {**spec("2")["route"], **change}
    lab.want("2", route=route)
    for _ in range(4):
        await lab.tick()
    kept = lab.obj(resources.HTTP_ROUTES)["spec"]
    assert (kept["hostnames"], kept["parentRefs"]) == (["fraud.example.com"], [{"name": "models"}]), "as they were"
    assert "hostnames of other routes cannot be read" in lab.status["message"]
    assert await taken_back_in(lab) <= FOUND_WITHIN


@pytest.mark.parametrize(
    ("resource", "verb"), [(resources.PROMOTION_RECORDS, "status"), (resources.INFERENCE_SERVICES, "merge")]
)
async def test_a_first_revision_that_serves_is_not_deleted_for_the_next_one(
    resource: resources.Resource, verb: str
) -> None:
    lab = FaultyLab()
    lab.cluster.accepting = False
    await lab.until(lambda: lab.backends() == {isvc("1"): 100})
    lab.fault.verb, lab.fault.plural, lab.fault.error = verb, resource.plural, webhook
    lab.want("1", predictor={**spec("1")["predictor"], "minReplicas": 3})
    await lab.tick()
    lab.accept()
    await lab.tick()
    lab.cluster.ready = lambda service: int(service == isvc("1"))
    lab.want("2")
    for _ in range(10):
        await lab.tick()
        assert lab.condition("Available")["status"] == "True"
        assert ("inferenceservices", "prod", isvc("1")) in lab.cluster.objects
    lab.fault.mend()
    lab.cluster.ready = lambda _: 1
    lab.candidate = isvc("2")
    await lab.until(lab.stable("2"))
    assert 40 in lab.weights, "it goes by steps"


@pytest.mark.parametrize("way", list(WAYS))
async def test_a_first_deployment_waits_for_what_it_has_to_know(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serin.controller.snapshot.observe.READ_TIMEOUT", 0.02)
    lab = FaultyLab()
    lab.fault.verb, lab.fault.plural, lab.fault.error = "list", resources.MODEL_DEPLOYMENTS.plural, WAYS[way]
    for _ in range(8):
        await lab.tick()
    assert lab.backends() == {}
    assert "cannot be read" in lab.status["message"]
    lab.fault.mend()
    await lab.until(lab.stable("1"))


async def test_a_write_that_fails_since_the_future_fails_since_now() -> None:
    """Another leader's clock was ahead: an outage would be told later by as much."""
    lab = FaultyLab()
    await lab.until(lab.stable("1"))
    lab.fault.verb, lab.fault.plural, lab.fault.error = "merge", resources.INFERENCE_SERVICES.plural, unavailable
    lab.want("1", predictor={**spec("1")["predictor"], "minReplicas": 4})
    real, lab.now = lab.now, lab.now + timedelta(hours=3)
    for _ in range(8):
        await lab.tick()
    assert lab.status["writeFailures"]
    lab.now = real
    lab.restart()
    for _ in range(8):
        await lab.tick()
    since = lab.status["writeFailures"][0]["since"]
    assert datetime.fromisoformat(since) <= lab.now
