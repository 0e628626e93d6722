"""History costs nothing: outside of rollouts only the printer columns of finished records are read.

In a rollout its own record is read; what is to be known of the others is asked for when it is needed.
"""

from __future__ import annotations

import copy
from typing import Any, TypeVar

import pytest

from serin.cluster import resources
from serin.cluster.client import Object
from serin.controller.snapshot.rollout_records import missing_attempts
from tests.fakes import FakeCluster, Killed
from tests.faulty_cluster import unavailable
from tests.faulty_lab import FaultyLab
from tests.lab import Lab, isvc

SomeLab = TypeVar("SomeLab", bound=Lab)


async def settled(lab: SomeLab) -> SomeLab:
    """The lab when two rollouts are history."""
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lab.stable("2"))
    for _ in range(12):
        await lab.tick()
    return lab


def reads(lab: Lab) -> list[str]:
    """From now on the names of the records that are read whole."""
    found: list[str] = []
    real_get, real_list, real_rows = lab.cluster.get, lab.cluster.list, lab.cluster.list_rows

    async def get(resource: resources.Resource, namespace: str, name: str) -> Object:
        if resource is resources.PROMOTION_RECORDS:
            found.append(name)
        return await real_get(resource, namespace, name)

    async def list_rows(resource: resources.Resource, namespace: str, selector: str) -> list[Object]:
        before = len(found)
        rows = await real_rows(resource, namespace, selector)
        del found[before:]
        return rows

    async def list_(resource: resources.Resource, namespace: str, selector: str) -> list[Object]:
        listed = await real_list(resource, namespace, selector)
        if resource is resources.PROMOTION_RECORDS:
            found.extend(o["metadata"]["name"] for o in listed)
        return listed

    lab.cluster.get, lab.cluster.list = get, list_  # type: ignore[method-assign]
    lab.cluster.list_rows = list_rows  # type: ignore[method-assign]
    return found


async def test_a_finished_record_is_not_read_again() -> None:
    lab = await settled(Lab())
    whole, writes = reads(lab), len(lab.cluster.writes)
    for _ in range(5):
        await lab.tick()
    assert (whole, len(lab.cluster.writes)) == ([], writes)
    lab.restart()
    await lab.tick()
    assert whole == [], "nor by another process"


async def test_columns_of_an_earlier_serins_definitions_are_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = await settled(Lab())
    whole, real = reads(lab), lab.cluster.list_rows

    async def fewer(resource: resources.Resource, namespace: str, selector: str) -> list[Object]:
        rows = await real(resource, namespace, selector)
        return [{**row, "columns": {"Outcome": row["columns"]["Outcome"]}} for row in rows]

    monkeypatch.setattr(lab.cluster, "list_rows", fewer)
    await lab.tick()
    assert len(whole) == 2
    assert lab.condition("Ready")["status"] == "True"


async def test_a_rejection_is_remembered_by_the_columns_alone() -> None:
    lab = Lab()
    await lab.until(lab.stable("1"))
    lab.prometheus.candidate_bad = 30
    lab.want("3")
    await lab.until(lab.rolled_back)
    for _ in range(10):
        await lab.tick()
    status: dict[str, Any] = copy.deepcopy(lab.obj()["status"])
    status.pop("rejected")
    lab.cluster.put(resources.MODEL_DEPLOYMENTS, {**lab.obj(), "status": status})
    lab.restart()
    for _ in range(3):
        await lab.tick()
    assert lab.status["phase"] == "RolledBack"
    assert lab.status["reason"] == "RevisionRejected"


async def test_a_deleted_stable_is_served_again_from_its_record() -> None:
    lab = await settled(Lab())
    del lab.cluster.objects["inferenceservices", "prod", isvc("2")]
    lab.restart()
    lab.want("2")
    await lab.until(lambda: ("inferenceservices", "prod", isvc("2")) in lab.cluster.objects, limit=5)


async def test_while_another_revision_is_wanted_too() -> None:
    lab = await settled(Lab())
    lab.want("2", paused=True)
    obj = lab.obj()
    obj["spec"]["model"] = {"version": "9", "uri": "s3://models/9"}
    del lab.cluster.objects["inferenceservices", "prod", isvc("2")]
    await lab.until(lambda: ("inferenceservices", "prod", isvc("2")) in lab.cluster.objects, limit=5)
    rendered = lab.obj(resources.INFERENCE_SERVICES, isvc("2"))["spec"]["predictor"]["model"]
    assert rendered["storageUri"] == "s3://models/2"


async def test_a_stable_that_no_record_knows_is_told() -> None:
    lab = await settled(Lab())
    for key in [key for key in lab.cluster.objects if key[0] == "promotionrecords"]:
        del lab.cluster.objects[key]
    del lab.cluster.objects["inferenceservices", "prod", isvc("2")]
    obj = lab.obj()
    obj["spec"]["model"] = {"version": "9", "uri": "s3://models/9"}
    obj["spec"]["paused"] = True
    for _ in range(4):
        await lab.tick()
    told = [failure["message"] for failure in lab.status["writeFailures"]]
    assert any("no record knows what was served" in message for message in told)


RECORDS = resources.PROMOTION_RECORDS


@pytest.mark.parametrize("why", ["refused once", "death"])
@pytest.mark.parametrize("gone", [[], [1]])
async def test_a_record_that_is_made_late_misses_what_is_gone_and_nothing_else(why: str, gone: list[int]) -> None:
    lab = await settled(FaultyLab())
    for attempt in gone:
        del lab.cluster.objects[RECORDS.plural, "prod", lab.record(attempt)["metadata"]["name"]]
    lab.want("3")
    if why == "death":
        lab.cluster.die_at = (len(lab.cluster.writes), "after")
        with pytest.raises(Killed):
            await lab.tick()
        lab.cluster.die_at = None
        lab.restart()
    else:
        lab.fault.verb, lab.fault.plural, lab.fault.error = "create", RECORDS.plural, unavailable
        await lab.tick()
        lab.fault.mend()
    assert lab.status["candidate"]["version"] == "3"
    with pytest.raises(StopIteration):
        lab.record(3)
    await lab.tick()
    assert lab.record(3)["spec"].get("missingAttempts", []) == gone


async def test_first_deployments_that_give_way_to_each_other_are_numbered_whatever_was_not_written() -> None:
    lab = FaultyLab()
    lab.cluster.ready = lambda _: 0
    await lab.tick()
    lab.want("2")
    lab.fault.verb, lab.fault.plural, lab.fault.error = "create", RECORDS.plural, unavailable
    await lab.tick()
    lab.fault.mend()
    for version in ("3", "4"):
        lab.want(version)
        await lab.tick()
        await lab.tick()
    found = [(o["spec"]["attempt"], o["spec"].get("missingAttempts")) for o in lab.cluster.objects.values()
             if o.get("kind") == "PromotionRecord"]  # fmt: skip
    assert sorted(found) == [(1, None), (3, [2]), (4, [2])], "the second one never had a record"


@pytest.mark.parametrize("meanwhile", ["nothing", "a record expires"])
async def test_a_creation_that_is_carried_out_after_its_answer_was_due_is_ones_own(meanwhile: str) -> None:
    """The server is slow: Serin creates the record a second time, and finds its own, made of what was so before."""
    lab = await settled(FaultyLab())
    first: list[Object] = []
    real = lab.fault.create

    async def create(resource: resources.Resource, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
        if resource is RECORDS and not dry_run:
            if not first:
                first.append(body)
                raise unavailable()
            if len(first) == 1:
                first.append(await lab.cluster.create(resource, namespace, first[0]))
        return await real(resource, namespace, body, dry_run=dry_run)

    lab.fault.create = create  # type: ignore[method-assign]
    lab.want("3")
    await lab.tick()
    if meanwhile == "a record expires":
        del lab.cluster.objects[RECORDS.plural, "prod", lab.record(1)["metadata"]["name"]]
    await lab.until(lab.stable("3"))
    assert len(first) == 2
    assert lab.record(3)["status"]["outcome"] == "Promoted"


@pytest.mark.parametrize(
    "changed",
    [
        {"startedAt": "2020-01-01T00:00:00Z"},
        {"requestedBy": {"user": "ana@example.com"}},
        {"policy": None},
        {"modelDeployment": "other"},
    ],
)
async def test_a_record_of_that_name_which_is_of_another_rollout_is_not_ones_own(changed: Object) -> None:
    lab = await settled(FaultyLab())
    real = lab.fault.create

    async def create(resource: resources.Resource, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
        if resource is RECORDS and body["spec"]["attempt"] == 3:
            lab.cluster.put(resource, copy.deepcopy({**body, "spec": {**body["spec"], **changed}}))
        return await real(resource, namespace, body, dry_run=dry_run)

    lab.fault.create = create  # type: ignore[method-assign]
    lab.want("3")
    for _ in range(10):
        await lab.tick()
    assert lab.backends().get(isvc("3"), 0) == 0
    assert "states other facts than Serin's" in lab.status["message"]


@pytest.mark.parametrize(
    ("present", "attempt", "missing"),
    [
        ((1,), 2, ()),
        ((), 2, (1,)),
        ((1, 2, 3), 6, (4, 5)),
        ((3, 5), 6, (1, 2, 4)),
        ((1, 2, 3, 4, 5), 6, ()),
        ((), 203, tuple(range(103, 203))),
    ],
)
async def test_the_missing_attempts_are_those_of_which_no_record_is_there(
    present: tuple[int, ...], attempt: int, missing: tuple[int, ...]
) -> None:
    cluster = FakeCluster()
    labels = {"app.kubernetes.io/managed-by": "serin", "serin.dev/model-deployment": "fraud"}
    for number in present:
        meta = {"namespace": "prod", "name": f"r-{number}", "labels": labels}
        cluster.put(RECORDS, {"metadata": meta, "spec": {"attempt": number}})
    cluster.put(RECORDS, {"metadata": {"namespace": "prod", "name": "odd", "labels": labels}, "spec": {}})
    assert await missing_attempts(cluster, ("prod", "fraud"), attempt) == missing
