"""Another content under the name of a known revision: it is refused, never created, and disturbs nothing.

The name is eight digits of a hash; ``tests.collision`` has two specs that share one.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from serin.cluster import resources
from tests.collision import BENIGN, EVIL, SHARED_NAME
from tests.lab import POLICY, Lab, isvc

BENIGN_ISVC = f"fraud-{SHARED_NAME}"
SLOW = POLICY | {"steps": [{"weight": 40, "for": "1m"}, {"weight": 50, "for": "1m"}]}


def want(lab: Lab, of: tuple[str, dict[str, Any]]) -> None:
    """The user's edit, as the API server stores it: with a new generation."""
    lab.want(of[0], predictor=of[1])
    lab.obj()["metadata"]["generation"] += 1


async def serving_benign(policy: dict[str, Any] = POLICY) -> Lab:
    lab = Lab(policy)
    want(lab, BENIGN)
    await lab.until(lab.stable("benign"))
    await settle(lab)
    return lab


async def settle(lab: Lab, ticks: int = 10) -> None:
    for _ in range(ticks):
        await lab.tick()


def uris(lab: Lab) -> set[str]:
    """Where the models come from that exist."""
    services = [o for k, o in lab.cluster.objects.items() if k[0] == "inferenceservices"]
    return {o["spec"]["predictor"]["model"]["storageUri"] for o in services}


async def is_refused(lab: Lab, ticks: int = 30) -> None:
    """The evil content is not created, and its author is told."""
    for _ in range(ticks):
        await lab.tick()
        assert "s3://models/evil" not in uris(lab)
    assert "the first eight digits of the hashes agree" in lab.status["message"]
    assert f"revision {SHARED_NAME}" in lab.status["message"]
    assert lab.condition("Stalled")["reason"] == "SpecInvalid"
    assert lab.condition("Ready")["status"] == "False"


async def test_a_return_to_previous_is_one_to_its_content() -> None:
    lab = await serving_benign()
    lab.want("2")
    await lab.until(lab.stable("2"))
    await settle(lab)
    assert BENIGN_ISVC not in {key[2] for key in lab.cluster.objects}
    want(lab, EVIL)
    await is_refused(lab)
    assert lab.backends() == {isvc("2"): 100}
    assert len([key for key in lab.cluster.objects if key[0] == "promotionrecords"]) == 2, "no rollout began"
    want(lab, BENIGN)
    await lab.until(lambda: lab.status.get("rollout", {}).get("returning", False))
    await lab.until(lab.stable("benign"))


async def test_what_takes_the_place_of_a_deleted_stable_is_its_content() -> None:
    lab = await serving_benign()
    want(lab, EVIL)
    await is_refused(lab, ticks=3)
    del lab.cluster.objects["inferenceservices", "prod", BENIGN_ISVC]
    lab.restart()
    await is_refused(lab)
    assert uris(lab) == {"s3://models/benign"}, "created again from its record"
    assert lab.backends() == {BENIGN_ISVC: 100}


async def test_a_rejected_revision_keeps_its_name_to_itself() -> None:
    lab = Lab()
    await lab.until(lab.stable("1"))
    lab.prometheus.candidate_bad = 30
    want(lab, BENIGN)
    await lab.until(lab.rolled_back)
    assert lab.status["rejected"][0]["hash"].startswith(SHARED_NAME)
    await settle(lab)
    want(lab, EVIL)
    await is_refused(lab)


@pytest.mark.parametrize("restarted", [True, False])
async def test_a_rollout_is_held_by_it_and_can_be_taken_back(*, restarted: bool) -> None:
    lab = Lab(SLOW)
    await lab.until(lab.stable("1"))
    want(lab, BENIGN)
    await lab.until(lab.phase("Progressing"))
    want(lab, EVIL)
    if restarted:
        lab.restart()
    await is_refused(lab, ticks=80)
    assert (lab.status["phase"], lab.backends()[BENIGN_ISVC]) == ("Progressing", 40)
    lab.prometheus.candidate_bad = 30
    await lab.until(lambda: lab.backends().get(BENIGN_ISVC, 0) == 0, limit=20)
    await settle(lab)
    assert lab.status["rejected"][0]["version"] == "benign"


async def test_stable_is_not_applied_again_by_it() -> None:
    lab = await serving_benign(SLOW)
    lab.want("2")
    await lab.until(lab.phase("Progressing"))
    want(lab, EVIL)
    await is_refused(lab, ticks=10)
    assert (lab.status["phase"], lab.backends()[isvc("2")]) == ("Progressing", 40)


# --- objects of the version before have no hashes --------------------------------------------------------------------


def without_hashes(value: Any) -> Any:
    """An object without what this version has added."""
    if isinstance(value, dict):
        new = {"serin.dev/content-hash", "hash" if "revision" in value else ""}
        return {k: without_hashes(v) for k, v in value.items() if k not in new}
    return [without_hashes(item) for item in value] if isinstance(value, list) else value


def upgraded(lab: Lab) -> None:
    """All objects are those of the version before; this version takes over."""
    for key, obj in list(lab.cluster.objects.items()):
        if key[0] in {"modeldeployments", "inferenceservices", "promotionrecords"}:
            lab.cluster.put(getattr(resources, KINDS[key[0]]), without_hashes(copy.deepcopy(obj)))
    lab.restart()


KINDS = {
    "modeldeployments": "MODEL_DEPLOYMENTS",
    "inferenceservices": "INFERENCE_SERVICES",
    "promotionrecords": "PROMOTION_RECORDS",
}


async def test_an_upgrade_of_what_is_idle_writes_and_reads_nothing_more() -> None:
    lab = await serving_benign()
    upgraded(lab)
    writes, before = len(lab.cluster.writes), copy.deepcopy(lab.cluster.objects)
    await settle(lab)
    assert len(lab.cluster.writes) == writes
    assert lab.cluster.objects == before
    assert lab.status["phase"] == "Stable"


@pytest.mark.parametrize("phase", ["Preparing", "Progressing", "RollingBack"])
async def test_an_upgrade_in_a_rollout_moves_nothing(phase: str) -> None:
    lab = Lab()
    await lab.until(lab.stable("1"))
    lab.prometheus.candidate_bad = 30 if phase == "RollingBack" else 0
    if phase == "Preparing":
        lab.cluster.ready = lambda name: 0 if name == isvc("2") else 1
    lab.want("2")
    await lab.until(lab.phase(phase))
    await lab.tick()
    weight = lab.backends().get(isvc("2"), 0)
    upgraded(lab)
    await lab.tick()
    assert lab.backends().get(isvc("2"), 0) == weight
    lab.cluster.ready = lambda _: 1
    await lab.until(lab.rolled_back if phase == "RollingBack" else lab.stable("2"))
    assert lab.status["rejected" if phase == "RollingBack" else "previous"]


async def test_after_an_upgrade_the_record_tells_the_contents_apart() -> None:
    lab = await serving_benign()
    upgraded(lab)
    want(lab, EVIL)
    await is_refused(lab)
    assert lab.status["stable"]["hash"].startswith(SHARED_NAME), "written with the next change of the status"
    del lab.cluster.objects["inferenceservices", "prod", BENIGN_ISVC]
    await is_refused(lab)
    assert uris(lab) == {"s3://models/benign"}


@pytest.mark.parametrize("of", [BENIGN, EVIL], ids=["benign", "evil"])
async def test_after_an_upgrade_a_return_is_one_to_the_recorded_content(of: tuple[str, dict[str, Any]]) -> None:
    lab = await serving_benign()
    lab.want("2")
    await lab.until(lab.stable("2"))
    await settle(lab)
    upgraded(lab)
    want(lab, of)
    if of is EVIL:
        await is_refused(lab)
        return
    await lab.until(lambda: lab.status.get("rollout", {}).get("returning", False))
    await lab.until(lab.stable("benign"))


async def test_without_a_record_the_inference_service_tells_the_contents_apart() -> None:
    lab = await serving_benign()
    lab.cluster.put(resources.MODEL_DEPLOYMENTS, without_hashes(copy.deepcopy(lab.obj())))
    for key in [key for key in lab.cluster.objects if key[0] == "promotionrecords"]:
        del lab.cluster.objects[key]
    writes = len(lab.cluster.writes)
    await settle(lab)
    assert len(lab.cluster.writes) == writes
    want(lab, EVIL)
    await is_refused(lab)
    assert lab.status["stable"]["hash"].startswith(SHARED_NAME)


async def test_without_any_record_a_return_takes_the_steps() -> None:
    lab = await serving_benign()
    lab.want("2")
    await lab.until(lab.stable("2"))
    await settle(lab)
    upgraded(lab)
    for key in [key for key in lab.cluster.objects if key[0] == "promotionrecords"]:
        del lab.cluster.objects[key]
    want(lab, EVIL)
    await lab.until(lab.phase("Progressing"))
    assert not lab.status["rollout"]["returning"]


async def test_a_record_is_a_source_only_of_what_its_content_hashes_to() -> None:
    lab = await serving_benign()
    record = copy.deepcopy(lab.record(1))
    record["spec"]["candidate"]["model"] = {"version": "evil", "uri": "s3://models/evil"}
    record["spec"]["candidate"]["predictor"] = EVIL[1]
    lab.cluster.put(resources.PROMOTION_RECORDS, record)
    del lab.cluster.objects["inferenceservices", "prod", BENIGN_ISVC]
    lab.want("2", paused=True)
    await settle(lab)
    assert uris(lab) == set(), "nothing is created of it"
    told = [failure["message"] for failure in lab.status["writeFailures"]]
    assert any("no record knows what was served" in message for message in told)
