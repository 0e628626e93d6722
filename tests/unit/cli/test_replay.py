"""``serin replay``: a record agrees with its own evidence, and one that was touched does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from serin.cli.main import app
from serin.evidence import Counts, Window
from serin.indicators.availability import Availability
from serin.judge import JUDGE_VERSION
from serin.records.parts import MOST_BLOCKS
from tests.clock import START, api_time
from tests.records import SECOND, block, history, record

HEALTHY, BROKEN = (0, 100), (30, 100)


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
            {"at": START.isoformat(), "weight": weight, "reason": "Promoting", "message": "x"} for weight in weights
        ]
    }
    for weights in ((0, 10, 100), (0, 100))
)
BY_HAND = {"outcome": "Aborted", "reason": "AbortedByHand"}
AGREE, DISAGREE, NOTHING = "They agree.", "They do not agree.", "There is nothing to compare."
PASSED, TOO_FEW = [block([HEALTHY] * 9)], [block([HEALTHY] * 2)]
AT, LATER = api_time(5), api_time(6)


@pytest.mark.parametrize(
    ("blocks", "status", "code", "said"),
    [
        (BREACH, ROLLED_BACK | {"firstBreachAt": AT}, 0, AGREE),
        (BREACH, ROLLED_BACK | {"firstBreachAt": LATER}, 1, DISAGREE),
        (BREACH, ROLLED_BACK, 1, DISAGREE),
        (PASSED, ROLLED_BACK | {"firstBreachAt": AT}, 1, DISAGREE),
        ([], ROLLED_BACK | {"firstBreachAt": AT}, 1, DISAGREE),
        (BREACH, PROMOTED | STEPS, 1, DISAGREE),
        (BREACH, PROMOTED | RETURN, 1, DISAGREE),
        (PASSED, PROMOTED | STEPS, 0, AGREE),
        (PASSED, PROMOTED, 0, AGREE),
        (TOO_FEW, PROMOTED | STEPS, 1, DISAGREE),
        ([], PROMOTED | STEPS, 1, DISAGREE),
        ([], PROMOTED, 1, DISAGREE),
        ([history()], PROMOTED | STEPS, 1, DISAGREE),
        ([], PROMOTED | RETURN, 0, NOTHING),
        (PASSED, PROMOTED | RETURN, 0, NOTHING),
        (BREACH, BY_HAND, 0, NOTHING),
        (PASSED, BY_HAND, 0, NOTHING),
        ([], BY_HAND, 0, NOTHING),
        (BREACH, BY_HAND | {"firstBreachAt": AT}, 0, AGREE),
        (BREACH, BY_HAND | {"firstBreachAt": LATER}, 1, DISAGREE),
        (PASSED, BY_HAND | {"firstBreachAt": AT}, 1, DISAGREE),
        (PASSED, {"outcome": "Aborted", "reason": "Inconclusive"}, 0, NOTHING),
        (PASSED, {"outcome": "RolledBack", "reason": "CandidateCrashed"}, 0, NOTHING),
        (BREACH, {}, 1, DISAGREE),
        (PASSED, {}, 0, NOTHING),
        ([], {}, 0, NOTHING),
    ],
)
def test_record_and_evidence(
    tmp_path: Path, blocks: list[dict[str, Any]], status: dict[str, Any], code: int, said: str
) -> None:
    result = run(tmp_path, record(blocks, **status))
    assert result.stdout.splitlines()[-1] == said
    assert result.exit_code == code


@pytest.mark.parametrize(
    ("blocks", "status", "said"),
    [
        (BREACH, {}, f"record: under way; evidence: breach at {AT}"),
        (PASSED, PROMOTED | STEPS, "evidence: no breach, passed"),
        (TOO_FEW, PROMOTED | STEPS, "evidence: no breach, not passed"),
        ([], PROMOTED | STEPS, "evidence: no windows"),
        ([], PROMOTED | RETURN, "no evidence was asked for"),
        (PASSED, BY_HAND, "AbortedByHand does not follow from windows"),
        (PASSED, {}, "nothing has been decided"),
        (
            BREACH,
            ROLLED_BACK | {"firstBreachAt": AT, "judgeVersion": "1"},
            f"replayed by judge {JUDGE_VERSION}, which may see it otherwise: a Serin with judge 1 settles it",
        ),
    ],
)
def test_what_is_said(tmp_path: Path, blocks: list[dict[str, Any]], status: dict[str, Any], said: str) -> None:
    assert said in run(tmp_path, record(blocks, **status)).stdout


@pytest.mark.parametrize(
    ("live", "status", "answer"),
    [
        (TOO_FEW, PROMOTED | STEPS, NOTHING),
        (PASSED, PROMOTED | STEPS, AGREE),
        (PASSED, ROLLED_BACK | {"firstBreachAt": AT}, NOTHING),
        (BREACH[1:], ROLLED_BACK | {"firstBreachAt": AT}, AGREE),
        (BREACH[1:], PROMOTED | STEPS, DISAGREE),
    ],
)
def test_a_full_record_is_not_accused_of_what_is_not_in_it(
    tmp_path: Path, live: list[dict[str, Any]], status: dict[str, Any], answer: str
) -> None:
    past = [
        {
            "slo": "availability",
            "start": (START - (MOST_BLOCKS - i) * SECOND).isoformat(),
            "seconds": 1,
            "counts": "-,0/9",
        }
        for i in range(MOST_BLOCKS)
    ]
    result = run(tmp_path, record(past + live, **status))
    assert result.stdout.splitlines()[-1] == answer
    assert "the record is full: later windows are not in it" in result.stdout


def test_a_pass_beside_a_broken_stable_is_a_pass_for_the_record_even_if_stable_recovers(tmp_path: Path) -> None:
    """Two thirds of the allowed share beside 3 %, then beside nothing at all: no evidence of the usual kind."""
    arms = [((1, 150), (27, 900))] * 12 + [((1, 150), (0, 900))] * 25
    windows = [
        Window(START + i * SECOND, SECOND, Counts(*own), Counts(*stable)) for i, (own, stable) in enumerate(arms)
    ]
    cells = {"slo": "availability", "start": START.isoformat(), "seconds": 1, "counts": Availability().encode(windows)}
    result = run(tmp_path, record([cells], **PROMOTED, **STEPS))
    assert result.stdout.splitlines()[-1] == AGREE


def test_json(tmp_path: Path) -> None:
    result = run(tmp_path, record(BREACH, **ROLLED_BACK, firstBreachAt=AT), "--output", "json")
    *windows, summary = map(json.loads, result.stdout.splitlines())
    assert [w["decision"] for w in windows][-1] == "Rollback"
    assert summary == {
        "recorded": f"RolledBack (SLOBreached), breach at {AT}",
        "recomputed": f"breach at {AT}",
        "answer": "Agree",
        "note": "",
    }


@pytest.mark.parametrize(
    ("status", "answer"), [(BY_HAND, "NothingToCompare"), (ROLLED_BACK | {"firstBreachAt": LATER}, "Disagree")]
)
def test_json_says_which_of_three_answers_it_is(tmp_path: Path, status: dict[str, Any], answer: str) -> None:
    result = run(tmp_path, record(BREACH, **status), "--output", "json")
    assert json.loads(result.stdout.splitlines()[-1])["answer"] == answer


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
        (broken(attempt="1"), "spec.attempt: must be of type integer, found string '1': write 1 without quotes"),
        (broken(modelDeployment=7), "spec.modelDeployment: must be of type string, found integer 7"),
        (broken(startedAt=5), "spec.startedAt: must be of type string, found integer 5"),
        (broken(startedAt="2026-11-22"), "spec.startedAt: '2026-11-22' is not a time with a zone"),
        (broken(startedAt="2026-11-22T03:00:00"), "spec.startedAt: '2026-11-22T03:00:00' is not a time with a zone"),
        (
            record([block([HEALTHY]) | {"start": "0001-01-01T00:00:00+14:00"}]),
            "blocks[0].start: '0001-01-01T00:00:00+14",
        ),
        (record([block([HEALTHY]) | {"start": "9999-12-31T23:59:59Z"}]), "is not within the years 1970 and 9000"),
        ('{"kind": "PromotionRecord", "kind": "PromotionRecord"}', "'kind' is there twice, first in line 1"),
    ],
)
def test_bad_records(tmp_path: Path, document: Any, said: str) -> None:
    result = run(tmp_path, document)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.startswith("serin: ")
    assert len(result.stderr.splitlines()) == 1


def test_what_this_version_does_not_know_is_noted(tmp_path: Path) -> None:
    document = record(BREACH, **ROLLED_BACK, sealedBy="somebody")
    document["spec"]["policy"]["spec"]["doors"] = []
    result = run(tmp_path, document)
    assert result.stderr.splitlines() == [
        "serin: note: status.sealedBy is not used here",
        "serin: note: spec.policy.spec.doors is not used here",
    ]


@pytest.mark.parametrize("reason", ["StableDown", "PromotedByAction"])
@pytest.mark.parametrize("windows", [[], [HEALTHY] * 3, [BROKEN] * 20])
def test_a_promotion_without_evidence_is_nothing_to_compare(
    tmp_path: Path, reason: str, windows: list[tuple[int, int]]
) -> None:
    blocks = [block(windows)] if windows else []
    timeline = [{"at": START.isoformat(), "weight": 10, "reason": "CollectingEvidence", "message": "m"}]
    path = tmp_path / "record.json"
    content = record(blocks, outcome="Promoted", reason=reason, finishedAt=START.isoformat(), timeline=timeline)
    path.write_text(json.dumps(content))
    result = CliRunner().invoke(app, ["replay", str(path), "--output", "json"])
    answer = json.loads(result.output.splitlines()[-1])
    assert (result.exit_code, answer["answer"]) == (0, "NothingToCompare")
    assert reason in result.output
