"""Is status a world of its own, fenced by the resource version, and does a finished record stay as it is?"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial

import pytest

from e2e.deploy import ClusterApi, RefusedError
from e2e.deploy.cluster import Json
from e2e.sandbox.sandbox import Sandbox
from serin.api import API_VERSION, names
from serin.api.promotion_record import PromotionRecordStatus, WindowBlock
from serin.api.status import ModelDeploymentStatus
from serin.cluster.connection import connect
from serin.cluster.resources import PROMOTION_RECORDS
from serin.records import parts
from serin.records.build import view
from serin.records.chain import record_hash, sealed
from serin.records.parts import Surplus
from serin.records.summary import view_of
from serin.traffic.standard.service import workload_of
from tests.integration.apiserver import objects

pytestmark = pytest.mark.apiserver
NOW = datetime(2026, 11, 22, 10, 0, 1, 250_000, tzinfo=UTC)
FULL_STATUS = ModelDeploymentStatus.model_validate(
    {
        "observedGeneration": 7,
        "phase": "RollingBack",
        "reason": "SLOBreached",
        "since": objects.AT,
        "message": "too many errors",
        "conditions": [
            {
                "type": "Ready",
                "status": "False",
                "observedGeneration": 7,
                "lastTransitionTime": objects.AT,
                "reason": "SLOBreached",
                "message": "too many errors",
            }
        ],
        "stable": {**objects.REVISION, "since": objects.AT},
        "candidate": objects.REVISION,
        "previous": {**objects.REVISION, "until": objects.AT},
        "weights": {"desired": 0, "applied": 5, "observed": "4.9"},
        "rollout": {
            "record": "fraud-5c0d9e1a-1",
            "step": 1,
            "steps": 3,
            "startedAt": objects.AT,
            "stepStartedAt": NOW,
            "stableReplicas": 2,
            "verdict": "Fail",
            "reason": "SLOBreached",
            "message": "too many errors",
            "since": objects.AT,
            "wakeAt": objects.AT,
            "outcome": "RolledBack",
            "cause": "SLOBreached",
            "causeMessage": "too many errors",
            "decidedAt": NOW,
            "decidedWeight": 5,
            "promote": {"by": "ana", "at": objects.AT, "action": "fraud-x", "reason": "CAB"},
            "blockedSince": objects.AT,
            "interruption": {"at": NOW, "weight": 5, "readyAt": NOW},
            "stableDown": True,
            "slos": [
                {
                    "name": "availability",
                    "severity": "Critical",
                    "verdict": "Fail",
                    "candidate": {"bad": 9, "total": 90},
                    "stable": {"bad": 0, "total": 1710},
                    "evidence": {"e1": "2.301030", "e2": "2.100000", "e3": "0.000000", "e4": "0.000000"},
                    "threshold": "2.000000",
                    "passThreshold": "1.301030",
                    "message": "9 of 90",
                }
            ],
        },
        "rejected": [
            {"revision": "a", "version": "0", "at": objects.AT, "reason": "SLOBreached", "record": "fraud-a-1"}
        ],
        "draining": [{**objects.REVISION, "until": NOW}],
        "stableDownSince": objects.AT,
        "writeFailures": [
            {
                "act": "Scaling",
                "name": "fraud-5c0d9e1a",
                "reason": "WebhookRefused",
                "message": "Scaling fraud-5c0d9e1a cannot be written: no",
                "since": objects.AT,
            }
        ],
    }
)

WORKLOAD_OF = partial(workload_of, "prod", "fraud")


def put_status(api: ClusterApi, item: Json) -> Json:
    """Replace the status, as the operator does."""
    metadata = item["metadata"]
    path = api._path(API_VERSION, f"{item['kind']}/status", metadata["namespace"], metadata["name"])
    return api._send("PUT", path, json=item)


def test_words_of_a_newer_version_are_stored_and_read_back(api: ClusterApi, namespace: str) -> None:
    item = api.apply(objects.model_deployment(namespace))
    newer = FULL_STATUS.to_api()
    newer["phase"] = newer["rollout"]["reason"] = newer["rejected"][0]["reason"] = "FromTheFuture"
    newer["rollout"]["slos"][0]["severity"] = newer["rollout"]["slos"][0]["verdict"] = "FromTheFuture"
    stored = put_status(api, {**item, "status": newer})["status"]
    assert ModelDeploymentStatus.model_validate(stored).to_api() == newer


def test_every_field_of_the_status_is_kept(api: ClusterApi, namespace: str) -> None:
    item = api.apply(objects.model_deployment(namespace))
    stored = put_status(api, item | {"status": FULL_STATUS.to_api()})
    assert stored["status"] == FULL_STATUS.to_api()
    assert ModelDeploymentStatus.model_validate(stored["status"]) == FULL_STATUS


def test_status_and_spec_are_written_apart(api: ClusterApi, namespace: str) -> None:
    item = api.apply(objects.model_deployment(namespace))
    other = {**item["spec"], "paused": True}
    stored = put_status(api, item | {"spec": other, "status": {"phase": "Stable"}})
    assert stored["spec"] == item["spec"], "a status write cannot touch spec"
    assert stored["metadata"]["generation"] == 1, "and is no new generation"
    stored = api.apply(objects.model_deployment(namespace) | {"status": {"phase": "RolledBack"}})
    assert stored["status"] == {"phase": "Stable"}, "a spec write cannot touch status"


def test_a_stale_status_write_is_refused(api: ClusterApi, namespace: str) -> None:
    stale = api.apply(objects.model_deployment(namespace))
    put_status(api, stale | {"status": {"phase": "Pending"}})
    with pytest.raises(RefusedError) as refused:
        put_status(api, stale | {"status": {"phase": "Stable"}})
    assert refused.value.status == 409


def test_the_facts_of_a_record_never_change(api: ClusterApi, namespace: str) -> None:
    item = objects.record(namespace)
    api.apply(item)
    with pytest.raises(RefusedError, match="the facts of a PromotionRecord never change"):
        api.apply(item | {"spec": {**item["spec"], "attempt": 2}})


def finished_record(api: ClusterApi, namespace: str) -> Json:
    """A record whose rollout is over."""
    item = api.apply(objects.record(namespace))
    over: Json = {"outcome": "Promoted", "decidedAt": NOW.isoformat(), "finishedAt": objects.AT}
    for content in (PromotionRecordStatus(), PromotionRecordStatus.model_validate(over)):
        item = put_status(api, item | {"status": content.to_api()})
    return item


def rows(sandbox: Sandbox, namespace: str, monkeypatch: pytest.MonkeyPatch) -> list[Json]:
    """The records as the operator lists them."""
    kubeconfig = str(sandbox.kubeconfig)
    # The client library reads KUBECONFIG once, when it is imported.
    monkeypatch.setenv("KUBECONFIG", kubeconfig)

    async def ask() -> list[Json]:
        async with connect() as (cluster, _):
            return await cluster.list_rows(PROMOTION_RECORDS, namespace, "")

    return asyncio.run(ask())


def test_the_columns_of_a_finished_record_are_all_that_a_decision_needs(
    sandbox: Sandbox, api: ClusterApi, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_record = api.apply(objects.record(namespace))
    [row] = rows(sandbox, namespace, monkeypatch)
    assert view_of(row, WORKLOAD_OF) is None, "an open one is read whole"
    assert set(row) == {"metadata", "columns"}
    over: Json = {"outcome": "Promoted", "reason": "Serving", "decidedAt": NOW.isoformat(), "finishedAt": objects.AT}
    whole = put_status(api, open_record | {"status": PromotionRecordStatus.model_validate(over).to_api()})
    [row] = rows(sandbox, namespace, monkeypatch)
    short, long = view_of(row, WORKLOAD_OF), view(whole)
    assert short is not None
    assert long is not None
    for field in ("name", "attempt", "candidate", "stable", "started_at", "outcome", "reason", "decided_at"):
        assert getattr(short, field) == getattr(long, field), field


def test_an_open_record_grows_and_a_finished_one_does_not(api: ClusterApi, namespace: str) -> None:
    item = finished_record(api, namespace)
    for change in (
        {"outcome": "RolledBack"},
        {"finishedAt": "2026-11-22T11:00:00Z"},
        {"requests": {"availability": 1}},
    ):
        with pytest.raises(RefusedError, match="a finished PromotionRecord never changes"):
            put_status(api, item | {"status": item["status"] | change})


FINISHED: Json = {
    "outcome": "RolledBack",
    "reason": "SLOBreached",
    "message": "too many errors",
    "decidedAt": NOW.isoformat(),
    "finishedAt": NOW.isoformat(),
    "judgeVersion": "1",
    "firstBreachAt": objects.AT,
    "exposedAt": objects.AT,
    "detectionDelay": "12s500ms",
    "timeline": [{"at": objects.AT, "weight": 5, "reason": "CollectingEvidence", "message": "step 1"}],
    "holds": [{"reason": "NoData", "message": "none", "since": objects.AT, "until": NOW.isoformat(), "times": 2}],
    "served": {"candidate": {"image": "server:1", "imageId": "server@sha256:1", "runtime": "kserve-sklearnserver"}},
    "blocks": [{"slo": "availability", "start": objects.AT, "seconds": 1, "counts": "1/2,3/4"}],
    "parts": 2,
    "lastPartHash": "b" * 64,
    "requests": {"availability": 2},
    "badRequests": {"availability": 1},
    "cost": {"slo": "availability", "requests": 2, "badRequests": 1, "excessBadRequests": 1},
    "incomplete": "the last windows",
    "previousHash": "a" * 64,
    "chainStart": {"reason": "FirstRecord", "message": "none before it"},
}


def test_the_hash_of_a_record_is_that_of_what_the_server_keeps(
    sandbox: Sandbox, api: ClusterApi, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server keeps every field, fills in none, and gives numbers back that have the same canonical JSON."""
    item = objects.record(namespace)
    numbers: Json = {
        "a": 1.0,
        "b": 0.1,
        "c": 1e21,
        "d": 1e-7,
        "e": 2**53 + 1,
        "f": None,
        "g": [],
        "h": {},
        "i": "ü\u2028",
    }
    item["spec"]["candidate"]["predictor"] = {"model": {"modelFormat": {"name": "sklearn"}}, "extra": numbers}
    stored = api.apply(item)
    status = sealed(stored, PromotionRecordStatus.model_validate(FINISHED).to_api())
    written = put_status(api, stored | {"status": status})
    assert written["status"] == status
    assert record_hash(written) == status["hash"]
    [row] = rows(sandbox, namespace, monkeypatch)
    short = view_of(row, WORKLOAD_OF)
    assert short is not None
    assert (short.hash, short.previous_hash, short.finished_at) == (status["hash"], "a" * 64, NOW)
    changes: list[Json] = [
        {"hash": "c" * 64},
        {"previousHash": "c" * 64},
        {"blocks": []},
        {"outcome": "Promoted"},
    ]
    for change in changes:
        with pytest.raises(RefusedError, match="a finished PromotionRecord never changes"):
            put_status(api, written | {"status": status | change})
    with pytest.raises(RefusedError, match="a finished PromotionRecord never changes"):
        put_status(api, written | {"status": {k: v for k, v in status.items() if k != "hash"}})


def test_a_part_of_a_record_is_kept_and_is_none_of_its_models_records(api: ClusterApi, namespace: str) -> None:
    stored = api.apply(objects.record(namespace))
    part = api.apply(parts.new_part(stored, 2, "d" * 64))
    block = WindowBlock(slo="availability", start=NOW, seconds=1, counts="1/2,3/4")
    status, rest = parts.added(part, Surplus(blocks=(block,)))
    closed = put_status(api, part | {"status": parts.closed(part, status, NOW)})
    assert not rest
    assert closed["status"]["hash"] == record_hash(closed)
    assert (closed["spec"]["continues"], closed["spec"]["previousPartHash"]) == ("fraud-5c0d9e1a-1", "d" * 64)
    assert names.MODEL_DEPLOYMENT not in closed["metadata"]["labels"]
    with pytest.raises(RefusedError, match="a finished PromotionRecord never changes"):
        put_status(api, closed | {"status": closed["status"] | {"blocks": []}})


@pytest.mark.parametrize("gone", [None, {}], ids=["removed", "emptied"])
def test_a_finished_record_does_not_lose_its_outcome(api: ClusterApi, namespace: str, gone: Json | None) -> None:
    item = finished_record(api, namespace)
    with pytest.raises(RefusedError, match="a finished PromotionRecord never changes"):
        put_status(
            api, item | {"status": gone} if gone is not None else {k: v for k, v in item.items() if k != "status"}
        )
