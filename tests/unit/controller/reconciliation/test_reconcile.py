"""The shell around `decide`: passes against an API server in memory, killed before and after every write."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from serin.cli.main import app
from serin.cluster import resources
from serin.controller.reconciliation.reconcile import Reconciler
from serin.controller.workqueue import GONE
from serin.errors import Conflict, QueryRejected, Refused, SerinError, Unavailable
from serin.prometheus.series import Series
from serin.prometheus.series_request import SeriesRequest
from tests.fakes import FakePrometheus, Killed
from tests.lab import KEY, POLICY, URL, Lab, isvc, spec
from tests.slices import of_part, parts


@pytest.fixture
async def lab() -> Lab:
    lab = Lab()
    await lab.until(lab.stable("1"))
    return lab


async def test_a_promotion(lab: Lab) -> None:
    lab.want("2")
    await lab.until(lab.stable("2"))
    for _ in range(8):
        await lab.tick()
    assert lab.backends() == {isvc("2"): 100}
    assert ("inferenceservices", "prod", isvc("1")) not in lab.cluster.objects
    record = lab.record(2)
    assert record["status"]["outcome"] == "Promoted"
    assert [e["weight"] for e in record["status"]["timeline"]] == [0, 40, 50, 100, 100]
    assert record["spec"]["policy"]["spec"] == POLICY
    assert record["status"]["requests"]["availability"] > 400
    assert "ownerReferences" not in record["metadata"]


async def test_a_record_says_who_asked_for_its_revision(lab: Lab) -> None:
    assert "requestedBy" not in lab.record(1)["spec"], "nobody said so"
    fields: dict[str, Any] = {"f:spec": {"f:model": {"f:version": {}}}}
    metadata = lab.obj()["metadata"]
    metadata["managedFields"] = [{"manager": "argocd", "time": "2026-11-22T03:00:00Z", "fieldsV1": fields}]
    metadata["annotations"] = {"serin.dev/requested-by": "ana@example.com"}
    lab.want("2")
    await lab.until(lab.stable("2"))
    assert lab.record(2)["spec"]["requestedBy"] == {"fieldManager": "argocd", "user": "ana@example.com"}


async def test_a_record_names_nobody_who_asked_for_something_else_meanwhile(lab: Lab) -> None:
    """The record of a rollout is created a pass later, and spec asks for another revision by then."""
    lab.want("2", onNewRevision="Queue")
    real, failing = lab.cluster.create, True

    async def refused(resource: Any, namespace: str, body: Any, *, dry_run: bool = False) -> Any:
        if failing and resource is resources.PROMOTION_RECORDS:
            raise Unavailable("later")
        return await real(resource, namespace, body, dry_run=dry_run)

    lab.cluster.create = refused  # type: ignore[method-assign]
    await lab.until(lambda: "rollout" in lab.status)
    lab.obj()["metadata"]["annotations"] = {"serin.dev/requested-by": "bob@example.com"}
    lab.want("3", onNewRevision="Queue")
    failing = False
    await lab.until(lambda: any(k[0] == "promotionrecords" and k[2].endswith("-2") for k in lab.cluster.objects))
    assert lab.record(2)["spec"]["candidate"]["version"] == "2"
    assert "requestedBy" not in lab.record(2)["spec"]


async def test_a_rollback_writes_the_evidence(lab: Lab) -> None:
    lab.prometheus.candidate_bad = 6
    lab.want("3")
    await lab.until(lab.rolled_back)
    record = lab.record(2)
    assert (record["status"]["outcome"], record["status"]["reason"]) == ("RolledBack", "SLOBreached")
    assert record["status"]["firstBreachAt"]
    history, *blocks = record["status"]["blocks"]
    assert (history["seconds"], history["counts"]) == (60, "-,0/5400"), "stable's time before the candidate"
    windows = blocks[0]["counts"].split()
    assert windows[0] == "6/60,0/90"


async def test_status_is_written_before_the_route_and_the_route_before_the_rest(lab: Lab) -> None:
    lab.prometheus.candidate_bad = 30
    lab.want("3")
    await lab.until(lambda: lab.status["phase"] == "RollingBack")
    last = lab.cluster.writes
    at = max(i for i, w in enumerate(last) if w == "status modeldeployments")
    assert last[at + 1] == "apply httproutes"
    assert set(last[at + 2 :]) <= {"status promotionrecords", "create events"}


async def test_nothing_is_written_when_nothing_changes(lab: Lab) -> None:
    for _ in range(8):
        await lab.tick()
    before, asked = len(lab.cluster.writes), lab.prometheus.queries
    for _ in range(20):
        assert await lab.tick() is None
    assert (len(lab.cluster.writes), lab.prometheus.queries) == (before, asked)


async def test_waiting_writes_nothing_either(lab: Lab) -> None:
    lab.cluster.ready = lambda name: 0 if name == isvc("2") else 1
    lab.want("2")
    for _ in range(4):
        await lab.tick()
    before = len(lab.cluster.writes)
    for _ in range(10):
        await lab.tick()
    assert len(lab.cluster.writes) == before


async def test_scaling_applies_in_place_in_mid_rollout(lab: Lab) -> None:
    lab.want("2")
    await lab.until(lambda: lab.status["phase"] == "Progressing")
    predictor = {**spec("2")["predictor"], "minReplicas": 3}
    lab.want("2", predictor=predictor)
    await lab.tick()
    for version in ("1", "2"):
        assert lab.obj(resources.INFERENCE_SERVICES, isvc(version))["spec"]["predictor"]["minReplicas"] == 3
    assert lab.status["candidate"]["workload"]["name"] == isvc("2")


async def test_an_autoscaled_candidate_is_asked_for_what_its_next_weight_needs(lab: Lab) -> None:
    elastic = {**spec("1")["predictor"], "maxReplicas": 5}
    lab.want("1", predictor=elastic)
    await lab.until(lab.stable("1"))
    lab.cluster.ready = lambda name: 4 if name == isvc("1") else fewest("2")  # its autoscaler gives no more
    lab.want("2", predictor=elastic)

    def fewest(version: str) -> int:
        found: int = lab.obj(resources.INFERENCE_SERVICES, isvc(version))["spec"]["predictor"]["minReplicas"]
        return found

    await lab.until(lambda: lab.status.get("phase") == "Progressing")
    assert (fewest("1"), fewest("2")) == (4, 2)
    await lab.until(lambda: fewest("2") == 4)
    await lab.until(lab.stable("2"))
    await lab.until(lambda: fewest("2") == 1)


async def test_an_edited_route_is_repaired(lab: Lab) -> None:
    route = lab.obj(resources.HTTP_ROUTES)
    changed = {**route, "spec": {**route["spec"], "hostnames": ["evil.example.com"]}}
    lab.cluster.put(resources.HTTP_ROUTES, changed)
    await lab.tick()
    assert lab.obj(resources.HTTP_ROUTES)["spec"]["hostnames"] == ["fraud.example.com"]


async def test_prometheus_away_holds_and_the_windows_are_made_up_for(lab: Lab) -> None:
    lab.want("2")
    await lab.until(lambda: lab.status["phase"] == "Progressing")
    lab.prometheus.away = True
    for _ in range(30):
        await lab.tick()
    assert lab.status["rollout"]["reason"] == "MetricsUnavailable"
    assert lab.status["weights"]["desired"] == 40
    lab.prometheus.away = False
    await lab.until(lab.stable("2"))
    assert lab.record(2)["status"]["requests"]["availability"] > 30 * 60


async def test_a_restarted_process_goes_on_with_the_same_evidence(lab: Lab) -> None:
    lab.prometheus.candidate_rate = 10
    lab.obj(resources.PROMOTION_POLICIES, "careful")["spec"]["analysis"] = {"window": "1s", "pass": "EveryStep"}
    lab.want("2")
    for _ in range(40):
        await lab.tick()
    before = lab.status["rollout"]["slos"][0]
    lab.restart()
    await lab.tick()
    after = lab.status["rollout"]["slos"][0]
    assert after["candidate"]["total"] == before["candidate"]["total"] + 10
    assert lab.status["rollout"]["reason"] == "CollectingEvidence"


async def test_a_failing_record_does_not_stop_a_rollback(lab: Lab) -> None:
    lab.want("3")
    await lab.until(lambda: lab.status["phase"] == "Progressing")
    real = lab.cluster.update_status

    async def broken(resource: resources.Resource, body: dict[str, Any]) -> dict[str, Any]:
        if resource is resources.PROMOTION_RECORDS:
            raise SerinError
        return await real(resource, body)

    lab.cluster.update_status = broken  # type: ignore[method-assign]
    lab.prometheus.candidate_bad = 30
    await lab.until(lambda: lab.status["phase"] == "RollingBack")
    assert lab.backends()[isvc("3")] == 0


async def test_a_refused_predictor_is_told_and_nothing_starts(lab: Lab) -> None:
    lab.cluster.refuse = 'admission webhook denied the request: "minReplicas" > "maxReplicas"'
    lab.want("9")
    await lab.tick()
    ready = next(c for c in lab.status["conditions"] if c["type"] == "Stalled")
    assert (ready["status"], ready["reason"]) == ("True", "RenderRefused")
    assert "minReplicas" in ready["message"]
    assert lab.status["phase"] == "Stable"


async def test_an_address_off_the_allow_list_is_refused(lab: Lab) -> None:
    bad = {**POLICY, "prometheus": {"address": "http://evil:9090"}}
    lab.cluster.put(resources.PROMOTION_POLICIES, {"metadata": {"namespace": "prod", "name": "careful"}, "spec": bad})
    lab.want("2")
    await lab.tick()
    assert lab.status["phase"] == "Waiting"
    assert "allow-list" in lab.status["message"]


class Reserved(FakePrometheus):
    """A server for one namespace."""

    only = "other"

    def serves(self, namespace: str) -> bool:
        return namespace == self.only


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (
            "http://reserved:9090",
            "spec.prometheus: address http://reserved:9090 is not for namespace prod on the operator",
        ),
        ("http://evil:9090", "spec.prometheus: address http://evil:9090 is not on the operator's allow-list"),
        (None, ""),
    ],
)
async def test_a_server_for_other_namespaces(lab: Lab, address: str | None, words: str) -> None:
    """Who names it is told so; who names none has the first server that is for the namespace."""
    reserved = Reserved(lambda: lab.now)
    servers = {"http://reserved:9090": reserved, URL: lab.prometheus}
    lab.reconciler = Reconciler(lab.cluster, servers, lambda: lab.now)
    named = {**POLICY, "prometheus": {"address": address}} if address else POLICY
    lab.cluster.put(resources.PROMOTION_POLICIES, {"metadata": {"namespace": "prod", "name": "careful"}, "spec": named})
    lab.want("2")
    if words:
        await lab.tick()
        assert lab.status["phase"] == "Waiting"
        assert words in lab.status["message"]
        assert "other" not in lab.status["message"].replace("another", "")
    else:
        await lab.until(lab.stable("2"))
        assert lab.prometheus.queries > 0
    assert reserved.queries == 0


async def test_a_namespace_without_any_server_is_told_what_is_missing(lab: Lab) -> None:
    lab.reconciler = Reconciler(lab.cluster, {URL: Reserved(lambda: lab.now)}, lambda: lab.now)
    lab.want("2")
    await lab.tick()
    assert lab.status["phase"] == "Waiting"
    assert (
        "PromotionPolicy careful: spec.prometheus: the operator's allow-list has no server for namespace prod: have "
        "the namespace added to one"
    ) in lab.status["message"]


async def test_a_server_that_is_taken_from_a_namespace_holds_its_rollout(lab: Lab) -> None:
    """The record's policy named no server, so the settings alone have changed: nothing moves."""
    lab.want("2")
    await lab.until(lab.phase("Progressing"))
    lab.reconciler = Reconciler(lab.cluster, {URL: Reserved(lambda: lab.now)}, lambda: lab.now)
    for _ in range(10):
        await lab.tick()
    assert lab.status["phase"] == "Progressing"
    assert "no server for namespace prod" in lab.status["message"]
    assert lab.backends()[isvc("2")] == 40


async def test_an_address_in_another_spelling_is_the_same_server(lab: Lab) -> None:
    same = {**POLICY, "prometheus": {"address": "http://PROMETHEUS:9090/"}}
    lab.cluster.put(resources.PROMOTION_POLICIES, {"metadata": {"namespace": "prod", "name": "careful"}, "spec": same})
    lab.want("2")
    await lab.until(lambda: lab.status["phase"] == "Stable" and lab.status["stable"]["version"] == "2")
    assert lab.prometheus.queries > 0


async def test_deleted_objects_are_dropped(lab: Lab) -> None:
    del lab.cluster.objects["modeldeployments", "prod", "fraud"]
    assert await lab.reconciler.reconcile(KEY) is GONE


async def test_one_slo_that_cannot_be_read_does_not_blind_the_others(lab: Lab) -> None:
    advisory = {
        "name": "latency",
        "severity": "Advisory",
        "objective": "99.0",
        "indicator": {"latency": {"threshold": "500ms"}},
    }
    lab.cluster.put(
        resources.PROMOTION_POLICIES,
        {"metadata": {"namespace": "prod", "name": "careful"}, "spec": {**POLICY, "slos": [*POLICY["slos"], advisory]}},
    )
    real = lab.prometheus.series

    async def series(request: SeriesRequest) -> list[Series]:
        if any("rq_time" in metric for metric in request.metrics):
            raise QueryRejected("422 too many samples")
        return await real(request)

    lab.prometheus.series = series  # type: ignore[method-assign]
    lab.prometheus.candidate_bad = 60
    lab.want("3")
    await lab.until(lab.rolled_back)


@pytest.mark.parametrize(
    "predictor",
    [
        {"model": {"modelFormat": {"name": "x"}, "args": 5}},
        {"model": {"modelFormat": {"name": "x"}}, "labels": [1]},
        {"containers": []},
    ],
)
async def test_a_predictor_that_makes_no_sense_is_told_and_blocks_no_rollback(
    lab: Lab, predictor: dict[str, Any]
) -> None:
    lab.want("2")
    await lab.until(lambda: lab.status["phase"] == "Progressing")
    lab.want("9", predictor=predictor)
    lab.prometheus.candidate_bad = 30
    await lab.until(lambda: lab.status["phase"] in {"RollingBack", "RolledBack", "Stable"})
    assert lab.backends().get(isvc("2"), 0) == 0


async def test_a_dry_run_that_cannot_be_answered_blocks_no_rollback(lab: Lab) -> None:
    lab.want("2")
    await lab.until(lambda: lab.status["phase"] == "Progressing")
    real = lab.cluster.create

    async def create(
        resource: resources.Resource, namespace: str, body: dict[str, Any], *, dry_run: bool = False
    ) -> dict[str, Any]:
        if dry_run:
            raise Unavailable("webhook is down")
        return await real(resource, namespace, body)

    lab.cluster.create = create  # type: ignore[method-assign]
    lab.want("4", onNewRevision="Queue")
    lab.prometheus.candidate_bad = 30
    await lab.until(lambda: lab.status["phase"] in {"RollingBack", "RolledBack"})


async def test_windows_are_sealed_once_even_if_what_follows_fails(lab: Lab) -> None:
    lab.prometheus.candidate_rate = 4

    async def refused(*_: object) -> None:
        raise Refused("403")

    lab.want("2")
    await lab.until(lambda: lab.status["phase"] == "Progressing")
    lab.cluster.pods = []
    real = lab.cluster.create

    async def create(
        resource: resources.Resource, namespace: str, body: dict[str, Any], *, dry_run: bool = False
    ) -> dict[str, Any]:
        if resource is resources.EVENTS:
            raise Refused("403 events")
        return await real(resource, namespace, body, dry_run=dry_run)

    lab.cluster.create = create  # type: ignore[method-assign]
    lab.cluster.delete = refused  # type: ignore[method-assign,assignment]
    for _ in range(60):
        await lab.tick()
    blocks = [block for block in lab.record(2)["status"]["blocks"] if block["seconds"] == 1]
    assert len(blocks) == 2
    assert len({b["start"] for b in blocks}) == 2


async def test_a_prometheus_outage_is_no_busy_loop(lab: Lab) -> None:
    lab.want("2")
    await lab.until(lambda: lab.status["phase"] == "Progressing")
    lab.prometheus.away = True
    for _ in range(10):
        before = lab.now
        wake = await lab.tick()
        assert wake is not None
        assert wake > before


# --- killed before and after every write -----------------------------------------------------------------------------


async def story(lab: Lab, version: str, done: Callable[[], bool], settle: int = 8) -> None:
    """Until it is over, with the process started again whenever it dies."""

    async def once() -> None:
        try:
            await lab.tick()
        except Killed:
            lab.cluster.die_at = None
            lab.restart()

    lab.candidate = isvc(version)
    lab.want(version)
    for _ in range(150):
        await once()
        if done():
            break
    for _ in range(settle):
        await once()


async def writes_of(run: Callable[[Lab], Awaitable[None]]) -> int:
    lab = Lab()
    await lab.until(lab.stable("1"))
    before = len(lab.cluster.writes)
    await run(lab)
    return len(lab.cluster.writes) - before


async def every_crash(run: Callable[[Lab], Awaitable[None]], check: Callable[[Lab], None], part: int) -> int:
    total = await writes_of(run)
    for number in takewhile(lambda number: number < total, of_part(part)):
        for moment in ("before", "after"):
            lab = Lab()
            await lab.until(lab.stable("1"))
            lab.cluster.die_at = (len(lab.cluster.writes) + number, moment)
            await run(lab)
            try:
                check(lab)
            except AssertionError as error:
                error.add_note(f"killed {moment} write {number} ({lab.cluster.writes[-1]})")
                raise
    return total


@pytest.mark.parametrize("part", parts())
async def test_killed_at_every_write_of_a_promotion(part: int, tmp_path: Path) -> None:
    async def run(lab: Lab) -> None:
        await story(lab, "2", lab.stable("2"))

    def check(lab: Lab) -> None:
        assert lab.stable("2")()
        assert lab.backends() == {isvc("2"): 100}
        seen = [w for i, w in enumerate(lab.weights) if w and lab.weights[i - 1] != w]
        assert seen == [40, 50, 100], seen
        whole(lab, tmp_path)

    assert await every_crash(run, check, part) > 20


def whole(lab: Lab, folder: Path) -> None:
    """The record of a promotion has its windows and counts, and they lead to the same outcome again."""
    status = lab.record(2)["status"]
    assert status["outcome"] == "Promoted"
    assert status["requests"]["availability"] > 400
    live = [block for block in status["blocks"] if block["seconds"] == 1]
    windows = [window for block in live for window in block["counts"].split()]
    assert len(windows) >= 7
    starts = [block["start"] for block in live]
    assert len(starts) == len(set(starts)), "no window is sealed twice"
    path = folder / "record.json"
    path.write_text(json.dumps({"apiVersion": "serin.dev/v1alpha1", "kind": "PromotionRecord", **lab.record(2)}))
    answer = json.loads(CliRunner().invoke(app, ["replay", str(path), "--output", "json"]).output.splitlines()[-1])
    assert answer["answer"] == "Agree", answer


def refuse_outcomes(lab: Lab, error: SerinError, times: int) -> list[str]:
    """Writes of a record's outcome fail so often; the outcomes that were refused."""
    real = lab.cluster.update_status
    failed: list[str] = []

    async def update_status(resource: resources.Resource, body: dict[str, Any]) -> dict[str, Any]:
        if resource is resources.PROMOTION_RECORDS and body["status"].get("outcome") and len(failed) < times:
            failed.append(body["status"]["outcome"])
            raise error
        return await real(resource, body)

    lab.cluster.update_status = update_status  # type: ignore[method-assign]
    return failed


@pytest.mark.parametrize(
    "error", [Unavailable("503"), Conflict("409"), Refused("422 invalid"), SerinError("time-out")], ids=str
)
async def test_one_failed_write_of_a_promotions_record_costs_no_window(
    error: SerinError, tmp_path: Path, lab: Lab
) -> None:
    lab.want("2")
    failed = refuse_outcomes(lab, error, times=3)
    await lab.until(lab.stable("2"))
    assert failed == ["Promoted"] * 3
    whole(lab, tmp_path)
    assert lab.status.get("rollout") is None


async def test_a_promotion_whose_record_can_never_be_written_ends_all_the_same_and_says_so(lab: Lab) -> None:
    lab.want("2")
    refuse_outcomes(lab, Refused("422 invalid"), times=10_000)
    await lab.until(lambda: lab.status.get("rollout", {}).get("outcome") == "Promoted")
    for _ in range(20):
        await lab.tick()
    assert lab.condition("Stalled")["status"] == "True"
    assert "without it the rollout ends at" in lab.status["message"]
    assert lab.backends()[isvc("2")] == 100
    await lab.sleep_until(lab.stable("2"))


async def test_a_breach_while_a_promotion_waits_for_its_record_is_still_taken_back(lab: Lab) -> None:
    lab.want("2")
    failed = refuse_outcomes(lab, Refused("422 invalid"), times=30)
    await lab.until(lambda: lab.status.get("rollout", {}).get("outcome") == "Promoted")
    lab.prometheus.candidate_bad = 60
    await lab.until(lambda: lab.backends().get(isvc("2")) == 0, limit=20)
    await lab.until(lab.rolled_back)
    assert lab.record(2)["status"]["outcome"] == "RolledBack"
    assert set(failed) == {"Promoted", "RolledBack"}


@pytest.mark.parametrize("part", parts())
async def test_killed_at_every_write_of_a_rollback(part: int) -> None:
    async def run(lab: Lab) -> None:
        lab.prometheus.candidate_bad = 6
        await story(lab, "3", lab.rolled_back)

    def check(lab: Lab) -> None:
        assert lab.rolled_back()
        assert lab.backends() == {isvc("1"): 100}
        assert max(lab.weights) == 40
        status = lab.record(2)["status"]
        assert (status["outcome"], bool(status["blocks"])) == ("RolledBack", True)
        assert status["requests"]["availability"] > 0
        records = [k for k in lab.cluster.objects if k[0] == "promotionrecords"]
        assert len(records) == 2

    assert await every_crash(run, check, part) > 10


async def test_a_shadow_is_judged_from_its_first_request_on_also_after_a_restart() -> None:
    lab = Lab()
    meta = {"namespace": "prod", "name": "careful"}
    shadow = {"shadow": {"for": "4s"}, "shadowSafe": True}
    lab.cluster.put(resources.PROMOTION_POLICIES, {"metadata": meta, "spec": POLICY | shadow})
    await lab.until(lab.stable("1"))
    lab.want("2")
    while lab.status.get("phase") != "Shadowing":
        await lab.tick()
    await lab.tick()
    record = lab.status["rollout"]["record"]
    marked = [e for e in lab.obj(resources.PROMOTION_RECORDS, record)["status"]["timeline"] if e.get("shadow")]
    assert [e["weight"] for e in marked] == [0]
    for _ in range(3):
        await lab.tick()
    lab.restart()
    await lab.until(lab.stable("2"))
    timeline = lab.obj(resources.PROMOTION_RECORDS, record)["status"]["timeline"]
    told = [(e["weight"], bool(e.get("shadow"))) for e in timeline]
    assert told[:5] == [(0, False), (0, True), (40, False), (50, False), (100, False)]


PLAIN_SECRET = {"model": {"modelFormat": {"name": "sklearn"}, "env": [{"name": "HF_TOKEN", "value": "hunter2"}]}}


async def test_a_secret_in_plain_text_reaches_no_record() -> None:
    lab = Lab()
    await lab.until(lab.stable("1"))
    lab.want("2", predictor=PLAIN_SECRET)
    await lab.tick()
    assert "HF_TOKEN has a secret in plain text" in lab.status["message"]
    assert lab.status["stable"]["version"] == "1"
    assert "hunter2" not in json.dumps(
        [lab.status, *(o for k, o in lab.cluster.objects.items() if k[0] != "modeldeployments")]
    )


async def test_a_stable_revision_with_a_secret_in_plain_text_goes_on() -> None:
    lab = Lab()
    lab.reconciler = Reconciler(lab.cluster, {URL: lab.prometheus}, lambda: lab.now, refuses_literal_secrets=False)
    lab.want("1", predictor=PLAIN_SECRET)
    await lab.until(lab.stable("1"))
    lab.restart()  # as after an upgrade: from now on it would be refused
    before = lab.backends()
    for _ in range(3):
        await lab.tick()
    ready = next(c for c in lab.status["conditions"] if c["type"] == "Ready")
    assert (ready["status"], lab.backends()) == ("True", before)


async def test_a_field_that_kserve_drops_is_told_once(lab: Lab) -> None:
    """Its API server says nothing: a misspelt number of replicas is as good as none."""
    real = lab.cluster.create

    async def pruning(resource: resources.Resource, namespace: str, body: dict[str, Any], **options: Any) -> Any:
        if resource is not resources.INFERENCE_SERVICES:
            return await real(resource, namespace, body, **options)
        predictor = {k: v for k, v in body["spec"]["predictor"].items() if k != "minReplica"}
        return await real(resource, namespace, {**body, "spec": {**body["spec"], "predictor": predictor}}, **options)

    lab.cluster.create = pruning  # type: ignore[method-assign]
    lab.want("2", predictor={"model": {"modelFormat": {"name": "x"}}, "minReplica": 4})
    await lab.until(lab.stable("2"))
    events = [obj for key, obj in lab.cluster.objects.items() if key[0] == "events"]
    told = [
        event["message" if "message" in event else "note"] for event in events if event["reason"] == "FieldsDropped"
    ]
    assert told == ["KServe has no field spec.predictor.minReplica: version 2 runs without; mend spec"]
