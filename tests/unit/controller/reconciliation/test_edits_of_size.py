"""A rollout ends, whatever the edit that began it, or the next one, does to the number of replicas."""

from __future__ import annotations

from typing import Any

import pytest

from serin.cluster import resources
from tests.faulty_cluster import refused
from tests.faulty_lab import FaultyLab
from tests.lab import Lab, isvc, spec


def sized(**changes: Any) -> dict[str, Any]:
    """A predictor with other scaling fields; the content of the revision is the same."""
    return {**spec("1")["predictor"], **changes}


def lab_of_fixed_sizes() -> Lab:
    """Each arm has as many ready replicas as its InferenceService asks for."""
    lab = Lab()

    def ready(name: str) -> int:
        found = lab.cluster.objects.get(("inferenceservices", "prod", name.removesuffix("-predictor")))
        return int(found["spec"]["predictor"].get("minReplicas") or 1) if found else 0

    lab.cluster.ready = ready
    return lab


async def serving(**scaling: Any) -> Lab:
    lab = lab_of_fixed_sizes()
    lab.want("1", predictor=sized(**scaling))
    await lab.until(lab.stable("1"))
    for _ in range(5):
        await lab.tick()
    return lab


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({"minReplicas": 3}, {"minReplicas": 2}, id="a fixed size"),
        pytest.param(
            {"minReplicas": 3, "maxReplicas": 3}, {"minReplicas": 1, "maxReplicas": 2}, id="most below before"
        ),
        pytest.param({"minReplicas": 2}, {"minReplicas": 4}, id="more of them"),
    ],
)
@pytest.mark.parametrize("when", ["with the version", "in mid-step"])
async def test_another_size_comes_with_a_version_or_after_it(
    before: dict[str, int], after: dict[str, int], when: str
) -> None:
    lab = await serving(**before)
    if when == "in mid-step":
        lab.want("2", predictor=sized(**before))
        lab.candidate = isvc("2")
        await lab.until(lambda: lab.weights[-1] == 40)
    lab.want("2", predictor=sized(**after))
    await lab.until(lab.stable("2"))
    assert not lab.status.get("rejected")


async def test_no_number_of_replicas_is_one() -> None:
    """A template leaves ``null`` there, and the API server keeps it."""
    lab = await serving(minReplicas=None)
    for version in ("2", "3"):
        lab.want(version, predictor=sized(minReplicas=None))
        await lab.until(lab.stable(version))


async def test_a_deleted_stable_is_made_again_while_a_record_cannot_be_written() -> None:
    lab = FaultyLab()
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lambda: lab.weight() == 40)
    lab.fault.verb, lab.fault.plural, lab.fault.error = "status", resources.PROMOTION_RECORDS.plural, refused
    lab.prometheus.candidate_bad = 30
    await lab.until(lab.phase("RollingBack"))
    del lab.cluster.objects["inferenceservices", "prod", isvc("1")]
    for _ in range(3):
        await lab.tick()
    assert ("inferenceservices", "prod", isvc("1")) in lab.cluster.objects
    await lab.sleep_until(lab.rolled_back)
    lab.fault.mend()
    await lab.sleep_until(lambda: lab.record(2)["status"].get("outcome") == "RolledBack")
