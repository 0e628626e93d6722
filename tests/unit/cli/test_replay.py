"""``serin replay``: a record agrees with its own evidence, and one that was touched does not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from serin.api.evidence import Counts, Window
from serin.cli.main import app
from serin.judge import JUDGE_VERSION
from serin.judge.windows import encode
from tests.world import policy

T0 = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HEALTHY, BROKEN = (0, 100), (30, 100)


def block(cells: list[tuple[int, int]], start: datetime = T0, slo: str = "availability") -> dict[str, Any]:
    windows = [Window(start + i * SECOND, SECOND, Counts(*own), Counts(0, 900)) for i, own in enumerate(cells)]
    return {"slo": slo, "start": start.isoformat(), "seconds": 1, "counts": encode(windows)}


def history() -> dict[str, Any]:
    length = timedelta(minutes=1)
    windows = [Window(T0 - (30 - i) * length, length, None, Counts(10, 50_000)) for i in range(30)]
    return {
        "slo": "availability",
        "start": (T0 - 30 * length).isoformat(),
        "seconds": 60,
        "counts": encode(windows),
    }


def record(blocks: list[dict[str, Any]], **status: Any) -> dict[str, Any]:
    source = {"revision": "r2", "version": "2", "inferenceService": "fraud-r2", "model": {}, "predictor": {}}
    return {
        "apiVersion": "serin.dev/v1alpha1",
        "kind": "PromotionRecord",
        "metadata": {"name": "fraud-r2-1"},
        "spec": {
            "modelDeployment": "fraud",
            "attempt": 1,
            "candidate": source,
            "stable": source | {"revision": "r1"},
            "policy": {"name": "p", "hash": "h", "spec": policy().to_api()},
            "judgeVersion": JUDGE_VERSION,
            "startedAt": T0.isoformat(),
        },
        "status": {"blocks": blocks, **status},
    }


def run(tmp_path: Path, document: Any, *options: str) -> Any:
    path = tmp_path / "R.yaml"
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
    return CliRunner().invoke(app, ["replay", str(path), *options])


BREACH = [history(), block([HEALTHY] * 3 + [BROKEN] * 4)]
ROLLED_BACK = {"outcome": "RolledBack", "reason": "SLOBreached"}
PROMOTED = {"outcome": "Promoted", "reason": "Serving"}
STEPS, RETURN = (
    {
        "timeline": [
            {"at": T0.isoformat(), "weight": weight, "reason": "Promoting", "message": "x"} for weight in weights
        ]
    }
    for weights in ((0, 10, 100), (0, 100))
)
BY_HAND = {"outcome": "Aborted", "reason": "AbortedByHand"}
AT, LATER = "2026-11-22T03:00:05Z", "2026-11-22T03:00:06Z"


@pytest.mark.parametrize(
    ("blocks", "status", "code", "said"),
    [
        (BREACH, ROLLED_BACK | {"firstBreachAt": AT}, 0, "They agree."),
        (BREACH, ROLLED_BACK | {"firstBreachAt": LATER}, 1, "They do not agree."),
        (BREACH, PROMOTED, 1, "They do not agree."),
        (BREACH, BY_HAND, 0, "They agree."),
        (BREACH, {}, 1, "record: under way; evidence: breach"),
        ([block([HEALTHY] * 9)], PROMOTED, 0, "evidence: no breach, passed"),
        ([block([HEALTHY] * 2)], PROMOTED | STEPS, 1, "evidence: no breach, not passed"),
        ([], PROMOTED | STEPS, 1, "evidence: no windows"),
        ([], PROMOTED | RETURN, 0, "evidence: no windows"),
        ([block([HEALTHY] * 9)], ROLLED_BACK | {"firstBreachAt": AT}, 1, "They do not agree."),
        ([], BY_HAND, 0, "evidence: no windows"),
        ([], ROLLED_BACK | {"firstBreachAt": AT}, 1, "evidence: no windows"),
        (BREACH, ROLLED_BACK | {"firstBreachAt": AT, "judgeVersion": "1"}, 0, "decided by judge 1, replayed by judge"),
    ],
)
def test_record_and_evidence(
    tmp_path: Path, blocks: list[dict[str, Any]], status: dict[str, Any], code: int, said: str
) -> None:
    result = run(tmp_path, record(blocks, **status))
    assert said in result.stdout
    assert result.exit_code == code


def test_json(tmp_path: Path) -> None:
    result = run(tmp_path, record(BREACH, **ROLLED_BACK, firstBreachAt=AT), "--output", "json")
    *windows, summary = map(json.loads, result.stdout.splitlines())
    assert [w["decision"] for w in windows][-1] == "Rollback"
    assert summary == {
        "recorded": f"RolledBack (SLOBreached), breach at {AT}",
        "recomputed": f"breach at {AT}",
        "agrees": True,
        "note": "",
    }


def broken(**changes: Any) -> dict[str, Any]:
    document = record(BREACH)
    document["spec"] |= changes
    return document


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("{", "not YAML"),
        ("[1]", "expected one PromotionRecord"),
        ({"kind": "PromotionPolicy"}, "expected one PromotionRecord"),
        (broken(policy=None), "a first deployment is not judged"),
        (broken(attempt=0), "spec.attempt"),
        (broken(policy={"name": "p", "hash": "h", "spec": {}}), "cannot be replayed"),
        (record([block([HEALTHY], slo="other")]), "windows of other, which is not an SLO of the policy"),
        (record([block([HEALTHY]) | {"counts": "1/2,x"}]), "cannot be replayed"),
    ],
)
def test_bad_records(tmp_path: Path, document: Any, said: str) -> None:
    result = run(tmp_path, document)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.startswith("serin: ")
    assert len(result.stderr.splitlines()) == 1
