"""A whole incident as records: a first deployment, a promotion, and a version that fails at 25 % and is taken back."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.promotion_record import PromotionRecord, PromotionRecordStatus, RequestedBy, WindowBlock
from serin.api.revision import REVISION_LENGTH, Source, hash_of
from serin.api.status import RevisionRef
from serin.evidence import Counts, Window
from serin.indicators.availability import Availability
from serin.judge import JUDGE_VERSION
from serin.records import build
from serin.records.chain import sealed
from serin.records.chain_report import Item, item_of
from serin.records.replay import RecordReplay
from serin.rollout.decision import RecordPlan
from serin.schema.types import format_time
from serin.traffic.standard.service import workload_of
from tests.chain import finish
from tests.clock import START, api_time

LENGTH = timedelta(seconds=15)
DAY = timedelta(days=1)
RATE = 50
"""Requests a second of both arms."""
POLICY: dict[str, Any] = {
    "slos": [
        {
            "name": "availability",
            "objective": "99.0",
            "indicator": {"availability": {}},
            "runbook": "https://wiki.example.com/fraud/availability",
        },
        {
            "name": "latency",
            "severity": "Required",
            "objective": "95.0",
            "indicator": {"latency": {"threshold": "500ms"}},
        },
    ],
    "steps": [{"weight": 5, "for": "5m"}, {"weight": 25, "for": "5m"}, {"weight": 50, "for": "10m"}],
    "bake": {"for": "1h"},
    "gates": [
        {"name": "cab", "before": "Start", "approval": {"ticketPattern": "^CHG[0-9]{7}$"}},
        {"name": "budget", "before": "Promote", "metric": {"query": 'slo:budget{model="fraud"}', "min": "0.2"}},
    ],
}
STEPS = ((0, 5), (24, 25))
"""From which window on the candidate had which weight."""
Objects = list[dict[str, Any]]


def source(version: str, **predictor: Any) -> Source:
    """What a user writes for a version."""
    model: dict[str, Any] = {
        "version": version,
        "uri": f"s3://models/fraud/{version}",
        "digest": f"sha256:{int(version):064x}",
    }
    served = {"modelFormat": {"name": "sklearn"}, "runtime": "kserve-sklearnserver"} | predictor
    return Source(model, {"model": served, "minReplicas": 2})


def ref(found: Source) -> RevisionRef:
    """The revision of a source."""
    whole = hash_of(found.model, found.predictor)
    revision = whole[:REVISION_LENGTH]
    version, workload = found.model["version"], workload_of("prod", "fraud", revision)
    return RevisionRef(revision=revision, version=version, hash=whole, workload=workload)


def started(attempt: int, candidate: Source, stable: Source | None, policy: dict[str, Any] = POLICY) -> dict[str, Any]:
    """A record as it is when its rollout starts, one a day; stable stands in an earlier one."""
    own, at = ref(candidate), START - (3 - attempt) * DAY
    plan = RecordPlan(f"fraud-{own.revision}-{attempt}", attempt, own, ref(stable) if stable else None, at)
    sources = {own.revision: candidate}
    return build.new(
        plan,
        owner=("prod", "fraud"),
        source_of=lambda revision: sources.get(revision.revision),
        policy=("payments", policy) if stable else None,
        requested_by=RequestedBy(field_manager="argocd", user="ana@example.com"),
    )


def windows(count: int, fault_from: int, bad: float, seed: int = 7) -> Iterator[Window]:
    """The windows of a rollout whose candidate is bad from one of them on."""
    draw = random.Random(seed)
    for index in range(count):
        weight = next(w for first, w in reversed(STEPS) if index >= first)
        own = round(RATE * LENGTH.total_seconds() * weight / 100)
        share = bad if index >= fault_from else 0.003
        failed = sum(draw.random() < share for _ in range(own))
        others = round(RATE * LENGTH.total_seconds()) - own
        yield Window(
            START + timedelta(minutes=2) + index * LENGTH,
            LENGTH,
            Counts(failed, own),
            Counts(sum(draw.random() < 0.003 for _ in range(others)), others),
        )


def blocks(found: list[Window], slo: str) -> Iterator[dict[str, Any]]:
    """The windows as blocks of twenty."""
    for at in range(0, len(found), 20):
        some = found[at : at + 20]
        block = WindowBlock(slo=slo, start=some[0].start, seconds=15, counts=Availability().encode(some))
        yield block.to_api()


def incident(count: int = 80, fault_from: int = 34, bad: float = 0.05) -> Objects:
    """The three records, in the order of an export."""
    one, two, three = source("40"), source("41"), source("42", runtimeVersion="1.5.0")
    calm = POLICY | {"steps": [{"weight": 10, "for": "5m"}, {"weight": 50, "for": "10m"}]}
    first = finish(started(1, one, None), promoted(-2 * DAY + timedelta(minutes=2)), None)
    second = finish(started(2, two, one, calm), promoted(-DAY + timedelta(minutes=40)), first["status"]["hash"])
    return copy.deepcopy([first, second, taken_back(started(3, three, two), second, count, fault_from, bad)])


def promoted(after: timedelta) -> dict[str, Any]:
    """The status of a rollout that went well."""
    at = format_time(START + after)
    return {"outcome": "Promoted", "reason": "Serving", "decidedAt": at, "finishedAt": at}


def taken_back(
    opened: dict[str, Any], before: dict[str, Any], count: int, fault_from: int, bad: float
) -> dict[str, Any]:
    """The record of the rollout that was taken back when its evidence says so."""
    found = list(windows(count, fault_from, bad))
    quick = [Window(w.start, w.length, Counts(0, w.candidate.total), w.stable) for w in found if w.candidate]
    every = [*blocks(found, "availability"), *blocks(quick, "latency")]
    run = RecordReplay(PromotionRecord.model_validate({**opened, "status": {"blocks": every}}), "incident")
    judged = list(run.windows())
    breach = judged[-1].slos[0].breached_at
    assert breach is not None, "the fault is too small to be proven"
    decided = breach + timedelta(seconds=6)
    kept = [w for w in found if w.end <= decided]
    answered = sum(w.candidate.total for w in kept if w.candidate)
    failed = sum(w.candidate.bad for w in kept if w.candidate)
    status = PromotionRecordStatus.model_validate(
        {
            "outcome": "RolledBack",
            "reason": "SLOBreached",
            "message": judged[-1].slos[0].message,
            "decidedAt": format_time(decided),
            "finishedAt": format_time(decided + timedelta(seconds=9)),
            "judgeVersion": JUDGE_VERSION,
            "firstBreachAt": format_time(breach),
            "exposedAt": api_time(120),
            "detectionDelay": f"{(decided - START).seconds - 120}s",
            "requests": {"availability": answered, "latency": answered},
            "badRequests": {"availability": failed, "latency": 0},
            "cost": {
                "slo": "availability",
                "requests": answered,
                "badRequests": failed,
                "excessBadRequests": failed - 6,
            },
            "timeline": list(timeline(decided, judged[-1].slos[0].message)),
            "holds": [
                {
                    "reason": "WaitingForCapacity",
                    "message": "the candidate has 1 of the 2 ready replicas that 25 % need",
                    "since": api_time(440),
                    "until": api_time(479),
                }
            ],
            "gates": [GATE],
            "actions": [APPROVED],
            "served": SERVED,
            "blocks": [*blocks(kept, "availability"), *blocks(quick[: len(kept)], "latency")],
            "previousHash": before["status"]["hash"],
        }
    )
    return {**opened, "status": sealed(opened, status.to_api())}


def timeline(decided: Any, message: str) -> Iterator[dict[str, Any]]:
    """The weights."""
    told = ((0, 0, "WaitingForRoute"), (120, 5, "CollectingEvidence"), (480, 25, "CollectingEvidence"))
    for seconds, weight, reason in told:
        yield {"at": api_time(seconds), "weight": weight, "reason": reason, "message": f"{weight} % of the requests"}
    yield {"at": format_time(decided), "weight": 0, "reason": "SLOBreached", "message": message}


APPROVED = {
    "name": "fraud-approve-1",
    "uid": "u1",
    "action": "Approve",
    "by": "luis@example.com",
    "gate": "cab",
    "reason": "CAB of the 18th",
    "ticket": "CHG0012345",
    "outcome": "Accepted",
    "message": "gate cab: 1 of 1 approvals",
    "at": api_time(30),
}
GATE = {
    "name": "cab",
    "before": "Start",
    "kind": "approval",
    "state": "Open",
    "since": api_time(1),
    "at": api_time(31),
    "message": "approved by luis@example.com",
    "approvals": [{"by": "luis@example.com", "at": api_time(30), "action": "fraud-approve-1", "ticket": "CHG0012345"}],
}
IMAGE = "registry.example.com/kserve/sklearnserver:v0.20.0"
SERVED = {
    "candidate": {"image": IMAGE, "imageId": f"{IMAGE}@sha256:{'a1' * 32}", "runtime": "kserve-sklearnserver"},
    "stable": {"image": IMAGE, "imageId": f"{IMAGE}@sha256:{'a1' * 32}", "runtime": "kserve-sklearnserver"},
}


def items(objects: Objects, source_name: str = "a test") -> list[Item]:
    """The objects as a reader of exports has them."""
    found = [item_of(obj, source_name) for obj in objects]
    assert None not in found
    return [item for item in found if item is not None]


def policy() -> PromotionPolicySpec:
    """The policy of the incident."""
    return PromotionPolicySpec.model_validate(POLICY)
