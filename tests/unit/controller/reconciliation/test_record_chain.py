"""Records as passes leave them: a chain, in parts where one object is full, whatever dies or fails meanwhile."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from serin.api.promotion_record import PromotionRecord
from serin.cluster import resources
from serin.controller.metrics.model_deployments import ModelDeploymentMetrics
from serin.controller.reconciliation import record_writer
from serin.controller.reconciliation.reconcile import Reconciler
from serin.errors import Refused, Unavailable
from serin.records import parts
from serin.records.chain import record_hash
from serin.records.chain_report import ChainReport, Item
from serin.records.verify import verify
from serin.rollout.observation import Retention
from tests.fakes import Killed
from tests.faulty_lab import FaultyLab
from tests.lab import KEY, POLICY, URL, Lab, isvc

RECORDS = resources.PROMOTION_RECORDS
NAME = "serin_record_chain_head_info"
LONG = POLICY | {"steps": [{"weight": 40, "for": "60s"}, {"weight": 50, "for": "60s"}]}


def records(lab: Lab) -> list[dict[str, Any]]:
    found = [obj for key, obj in lab.cluster.objects.items() if key[0] == RECORDS.plural]
    return sorted(found, key=lambda obj: (obj["spec"]["attempt"], obj["spec"].get("part", 1)))


def verified(lab: Lab) -> ChainReport:
    return verify([Item({"kind": "PromotionRecord", **obj}, "lab") for obj in records(lab)])


async def settle(lab: Lab, ticks: int = 8) -> None:
    for _ in range(ticks):
        await lab.tick()


async def rollback(lab: Lab, version: str) -> None:
    lab.prometheus.candidate_bad = 6
    lab.want(version)
    await lab.until(lab.rolled_back)
    lab.prometheus.candidate_bad = 0
    await settle(lab)


async def promotion(lab: Lab, version: str) -> None:
    lab.want(version)
    await lab.until(lab.stable(version))
    await settle(lab)


async def story(lab: Lab) -> None:
    await lab.until(lab.stable("1"))
    await promotion(lab, "2")
    await rollback(lab, "3")
    await promotion(lab, "4")


async def test_each_record_names_the_one_before_it() -> None:
    lab = Lab()
    await story(lab)
    first, *others = [record["status"] for record in records(lab)]
    assert first["chainStart"]["reason"] == "FirstRecord"
    assert [status["previousHash"] for status in others] == [s["hash"] for s in (first, *others[:-1])]
    assert all(record_hash(record) == record["status"]["hash"] for record in records(lab))
    report = verified(lab)
    assert (report.whole, report.notes, report.head) == (True, [], others[-1]["hash"])


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_death_at_the_write_that_finishes_a_record(moment: str) -> None:
    lab = Lab()
    await lab.until(lab.stable("1"))
    real = lab.cluster.update_status

    async def dying(resource: resources.Resource, body: dict[str, Any]) -> dict[str, Any]:
        finishes = resource is RECORDS and "finishedAt" in body["status"]
        if finishes:
            lab.cluster.update_status = real  # type: ignore[method-assign]
        found = await real(resource, body) if moment == "after" or not finishes else {}
        if finishes:
            raise Killed(moment)
        return found

    lab.cluster.update_status = dying  # type: ignore[method-assign]
    lab.want("2")
    with pytest.raises(Killed):
        await lab.until(lab.stable("2"))
    at_death = records(lab)[-1]["status"].get("hash")
    assert (at_death is not None) == (moment == "after")
    lab.restart()
    await lab.until(lab.stable("2"))
    await rollback(lab, "3")
    report = verified(lab)
    assert (report.found, report.records) == ([], 3)
    assert at_death in {None, records(lab)[1]["status"]["hash"]}, "a finished record stays as it is"


@pytest.mark.parametrize("error", [Unavailable("503"), Refused("promotionrecords is forbidden")])
async def test_a_chain_that_cannot_be_read_delays_no_rollback_and_is_told(error: Exception) -> None:
    lab = FaultyLab()
    await lab.until(lab.stable("1"))
    await settle(lab, 3)
    lab.want("2")
    await lab.until(lab.phase("Progressing"))
    lab.fault.verb, lab.fault.plural, lab.fault.error = "list", RECORDS.plural, lambda: error
    lab.prometheus.candidate_bad = 6
    await lab.until(lambda: lab.status["rollout"].get("outcome") == "RolledBack")
    decided = lab.now
    assert lab.weight() == 0, "in the same pass"
    await settle(lab, 8)
    assert "finishedAt" not in lab.record(2)["status"]
    assert any(f["act"] == "PromotionRecord" for f in lab.status["writeFailures"])
    await lab.until(lambda: "finishedAt" in lab.record(2)["status"], limit=200)
    assert (lab.now - decided).total_seconds() < 140
    status = lab.record(2)["status"]
    assert (status["outcome"], status["chainStart"]["reason"]) == ("RolledBack", "PreviousUnreadable")
    assert status["hash"] == record_hash(lab.record(2))
    lab.fault.mend()
    lab.prometheus.candidate_bad = 0
    await settle(lab, 8)
    await promotion(lab, "3")
    assert lab.record(3)["status"]["previousHash"] == status["hash"]


async def test_a_list_of_another_shape_delays_no_outcome_for_ever() -> None:
    lab = FaultyLab()
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lab.phase("Progressing"))
    lab.fault.verb, lab.fault.plural, lab.fault.malformed = "list", RECORDS.plural, True
    lab.prometheus.candidate_bad = 6
    await lab.until(lambda: "finishedAt" in lab.record(2)["status"], limit=200)
    assert lab.weight() == 0
    assert lab.record(2)["status"]["hash"] == record_hash(lab.record(2))


async def test_a_chain_that_cannot_be_read_for_a_moment_is_read_later() -> None:
    lab = FaultyLab()
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lab.phase("Progressing"))
    lab.fault.verb, lab.fault.plural, lab.fault.error = "list", RECORDS.plural, lambda: Unavailable("503")
    await lab.until(lambda: bool(lab.fault.failed))
    lab.fault.mend()
    await lab.until(lab.stable("2"))
    assert lab.record(2)["status"]["previousHash"] == lab.record(1)["status"]["hash"]


async def test_a_list_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_writer, "TIMEOUT_AT_END", 0.01)
    lab = FaultyLab()
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lab.phase("Progressing"))
    lab.fault.verb, lab.fault.plural, lab.fault.error = "list", RECORDS.plural, None
    lab.prometheus.candidate_bad = 6
    await lab.until(lambda: lab.status["rollout"].get("outcome") == "RolledBack")
    assert lab.weight() == 0
    await settle(lab, 2)
    lab.fault.mend()
    await lab.until(lab.rolled_back)


async def test_records_of_an_earlier_serin_are_said_to_have_no_hash() -> None:
    lab = Lab()
    await lab.until(lab.stable("1"))
    await settle(lab)
    for key in ("hash", "chainStart"):
        del lab.record(1)["status"][key]
    await promotion(lab, "2")
    assert lab.record(2)["status"]["chainStart"]["reason"] == "PreviousWithoutHash"
    await promotion(lab, "3")
    assert lab.record(3)["status"]["previousHash"] == lab.record(2)["status"]["hash"]
    assert verified(lab).whole


async def test_records_that_were_deleted_are_said_to_be_missing() -> None:
    lab = Lab()
    await lab.until(lab.stable("1"))
    await promotion(lab, "2")
    lab.want("3")
    await lab.until(lab.phase("Progressing"))
    for record in records(lab)[:2]:
        del lab.cluster.objects[RECORDS.plural, "prod", record["metadata"]["name"]]
    await lab.until(lab.stable("3"))
    await settle(lab)
    assert lab.record(3)["status"]["chainStart"]["reason"] == "PreviousMissing"


async def test_a_record_that_is_finished_late_follows_the_one_that_was_finished_before_it() -> None:
    lab = Lab()
    await lab.until(lab.stable("1"))
    real, failing = lab.cluster.update_status, True

    async def refused(resource: resources.Resource, body: dict[str, Any]) -> dict[str, Any]:
        if failing and resource is RECORDS and body["spec"]["attempt"] == 2 and "outcome" in body["status"]:
            raise Refused("422 invalid")
        return await real(resource, body)

    lab.cluster.update_status = refused  # type: ignore[method-assign]
    lab.prometheus.candidate_bad = 6
    lab.want("2")
    await lab.until(lambda: lab.status.get("rollout", {}).get("outcome") == "RolledBack")
    await lab.sleep(310)
    lab.prometheus.candidate_bad = 0
    await promotion(lab, "3")
    assert "finishedAt" not in lab.record(2)["status"]
    failing = False
    await settle(lab)
    await promotion(lab, "4")
    assert lab.record(2)["status"]["previousHash"] == lab.record(3)["status"]["hash"]
    report = verified(lab)
    assert (report.found, report.records) == ([], 4)


async def test_a_rollback_says_what_it_cost_and_what_ran() -> None:
    lab = Lab()
    await lab.until(lab.stable("1"))
    lab.cluster.pods = [
        {
            "metadata": {"name": f"p{version}", "labels": {"serving.kserve.io/inferenceservice": isvc(version)}},
            "spec": {"containers": [{"name": "queue"}, {"name": "kserve-container", "image": f"server:{version}"}]},
            "status": {"containerStatuses": [{"name": "kserve-container", "imageID": f"server@sha256:{version}"}]},
        }
        for version in ("1", "2")
    ]
    await rollback(lab, "2")
    status = lab.record(2)["status"]
    assert status["served"]["candidate"] == {"image": "server:2", "imageId": "server@sha256:2"}
    assert status["served"]["stable"] == {"image": "server:1", "imageId": "server@sha256:1"}
    cost = status["cost"]
    assert cost["requests"] == status["requests"]["availability"] > 0
    assert cost["badRequests"] == cost["excessBadRequests"] == status["badRequests"]["availability"] > 0
    assert status["exposedAt"]
    assert status["detectionDelay"].endswith("s")
    assert status["decidedAt"] > status["exposedAt"]


async def test_holds_stand_in_the_record_with_their_times() -> None:
    lab = Lab(LONG)
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lab.phase("Progressing"))
    await settle(lab, 5)
    lab.prometheus.away = True
    await settle(lab, 20)
    lab.prometheus.away = False
    lab.want("2", paused=True)
    await settle(lab, 90)
    lab.want("2")
    await lab.until(lab.stable("2"), limit=300)
    holds = lab.record(2)["status"]["holds"]
    assert {"MetricsUnavailable", "Paused"} <= {hold["reason"] for hold in holds}, holds
    assert all(hold["since"] <= hold["until"] for hold in holds)
    assert all(hold["message"] for hold in holds)


async def test_a_long_rollout_goes_on_in_parts_across_restarts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MOST_BLOCKS", 2)
    lab = Lab(POLICY | {"steps": [{"weight": 40, "for": "100s"}, {"weight": 50, "for": "100s"}]})
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lab.phase("Progressing"))
    await settle(lab, 75)
    lab.restart()
    await settle(lab, 60)
    lab.restart()
    await lab.until(lab.stable("2"), limit=400)
    await settle(lab)
    main, *further = [PromotionRecord.model_validate(obj) for obj in records(lab) if obj["spec"]["attempt"] == 2]
    assert main.status.parts == len(further) + 1 > 4
    blocks = [block for block in parts.assembled(main, further).status.blocks if block.seconds == 1]
    starts = [block.start.timestamp() for block in blocks]
    ends = [block.start.timestamp() + len(block.counts.split()) for block in blocks]
    assert starts[1:] == ends[:-1], "no window is missing, none is there twice"
    assert ends[-1] - starts[0] >= 200
    assert main.status.requests["availability"] == 60 * (ends[-1] - starts[0])
    assert main.status.incomplete is None
    report = verified(lab)
    assert (report.found, report.records) == ([], 2)


async def test_a_part_that_cannot_be_written_delays_no_rollback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MOST_BLOCKS", 2)
    lab = FaultyLab(LONG)
    await lab.until(lab.stable("1"))
    await settle(lab, 3)
    lab.want("2")
    await lab.until(lab.phase("Progressing"))
    lab.fault.verb, lab.fault.plural, lab.fault.error = "create", RECORDS.plural, lambda: Refused("no")
    await settle(lab, 50)
    assert lab.status["phase"] == "Progressing"
    lab.prometheus.candidate_bad = 6
    await lab.until(lambda: lab.status["rollout"].get("outcome") == "RolledBack")
    assert lab.weight() == 0
    await lab.until(lambda: "finishedAt" in lab.record(2)["status"], limit=200)
    status = lab.record(2)["status"]
    assert "could not be written in time" in status["incomplete"]
    assert verified(lab).whole


def with_retention(lab: Lab, retention: Retention, heads: ModelDeploymentMetrics | None = None) -> None:
    lab.reconciler = Reconciler(lab.cluster, {URL: lab.prometheus}, lambda: lab.now, retention=retention, metrics=heads)


async def test_what_was_not_exported_stays_if_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MOST_BLOCKS", 1)
    lab = Lab()
    await story(lab)
    await promotion(lab, "5")
    await promotion(lab, "6")
    lab.now += timedelta(days=30)
    with_retention(lab, Retention(1, timedelta(days=20), keeps_unexported=True))
    await settle(lab, 3)
    assert {obj["spec"]["attempt"] for obj in records(lab)} == {1, 2, 3, 4, 5, 6}
    for obj in records(lab):
        if obj["spec"]["attempt"] in {1, 2}:
            value = obj["status"]["hash"] if obj["spec"]["attempt"] == 2 else "of another content"
            obj["metadata"]["annotations"] = {"serin.dev/exported": value}
    await settle(lab, 3)
    assert {obj["spec"]["attempt"] for obj in records(lab)} == {1, 3, 4, 5, 6}
    assert not any(obj["spec"]["attempt"] == 2 for obj in records(lab)), "its parts went with it"
    with_retention(lab, Retention(1, timedelta(days=20)))
    await settle(lab, 3)
    kept = {obj["spec"]["attempt"] for obj in records(lab)}
    assert 6 in kept, "that of the running revision"
    assert 1 not in kept


async def test_the_head_is_a_metric_that_goes_with_its_object() -> None:
    lab, heads = Lab(), ModelDeploymentMetrics()
    with_retention(lab, Retention(0, lab.now - lab.now), heads)
    await lab.until(lab.stable("1"))
    await settle(lab, 2)

    def seen() -> list[dict[str, str]]:
        families = {family.name: family for family in heads.collect()}
        return [dict(sample.labels) for sample in families[NAME].samples] if NAME in families else []

    first = records(lab)[0]["status"]["hash"]
    assert seen() == [{"namespace": "prod", "model_deployment": "fraud", "hash": first}]
    await promotion(lab, "2")
    assert [series["hash"] for series in seen()] == [records(lab)[1]["status"]["hash"]]
    del lab.cluster.objects["modeldeployments", *KEY]
    await lab.tick()
    assert seen() == []
