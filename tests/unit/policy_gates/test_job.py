"""A Job before a move: what its state and its result mean for the gate."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from serin.policy_gates.answer import Asked, Fact, GateState, Unknown
from serin.policy_gates.job import LOOK_AGAIN, Job, Tried
from serin.policy_gates.measurement import Result
from serin.schema.reasons import Outcome, Reason
from tests.clock import START

TEMPLATE = {"spec": {"containers": [{"name": "trial", "image": "registry.example.com/trial:1"}]}}
METRICS = [{"name": "auc", "min": "0.93"}]


def job(metrics: Any = METRICS, **fields: Any) -> Job:
    return Job.model_validate({"template": TEMPLATE, "metrics": metrics} | fields)


def asked(fact: Fact | None, *, after: timedelta = timedelta()) -> Asked:
    return Asked(now=START + after, since=START, fact=fact)


def measured(*numbers: dict[str, Any]) -> Tried:
    found = [{"name": "auc", "n": 5000, "standardError": 0.003} | number for number in numbers]
    text = json.dumps({"revision": "7c9f2a1b", "data": "sha256:ab", "metrics": found})
    return Tried("fraud-1", result=Result.model_validate_json(text))


AGAIN = START + timedelta(seconds=30)
WAITING: list[tuple[Fact | None, bool, str]] = [
    (None, False, "its Job is being asked for"),
    (Unknown("403 quota"), False, "its Job cannot be looked at: 403 quota"),
    (Tried("fraud-1", "runs"), False, "Job fraud-1 runs"),
    (
        Tried("fraud-1", "failed: exit code 1", again_at=AGAIN),
        False,
        "failed: exit code 1, which is not held against the candidate; it is tried again at 2026-11-18T10:00:30Z",
    ),
    (Tried("fraud-4", "failed: exit code 1", given_up=True), True, "tried 4 times; delete the Jobs of this gate"),
]


@pytest.mark.parametrize(("fact", "stalled", "words"), WAITING)
def test_without_a_result_it_holds_whatever_the_trouble_is(fact: Fact | None, words: str, *, stalled: bool) -> None:
    for on_fail in ("Hold", "Reject"):
        answer = job(onFail=on_fail).answer(asked(fact))
        assert (answer.state, answer.reason, answer.stalled) == (GateState.WAITING, Reason.GATE_CLOSED, stalled)
        assert words in answer.message
        assert answer.look_at == START + LOOK_AGAIN


@pytest.mark.parametrize("fact", [None, Unknown("503")])
def test_what_cannot_be_looked_at_for_long_asks_for_a_person(fact: Fact | None) -> None:
    gate = job(timeout="10m")
    assert not gate.answer(asked(fact, after=timedelta(minutes=9))).stalled
    assert gate.answer(asked(fact, after=timedelta(minutes=10))).stalled


CHANGE = [{"name": "auc", "min": "0.9", "minChange": "-0.01", "minSamples": 1000}]
SLICES = [{"name": "auc", "min": "0.93"}, {"name": "auc/country=ES", "min": "0.9"}]
JUDGED = [
    (METRICS, [{"value": 0.95}], GateState.OPEN, "auc is at least 0.9451; at least 0.93 is asked"),
    (METRICS, [{"value": 0.934}], GateState.WAITING, "did not show enough: auc is 0.934"),
    (METRICS, [{"value": 0.9}], GateState.REFUSED, "auc is at most 0.9049; at least 0.93 is asked (onFail: Reject)"),
    (METRICS, [{"name": "f1", "value": 0.99}], GateState.WAITING, "auc is not in the result"),
    (CHANGE, [{"value": 0.95, "n": 10}], GateState.WAITING, "auc is of 10 samples; 1000 are asked"),
    (CHANGE, [{"value": 0.5, "n": 10}], GateState.WAITING, "auc is of 10 samples"),
    (CHANGE, [{"value": 0.95}], GateState.WAITING, "the change of auc is not in the result"),
    (CHANGE, [{"value": 0.95, "change": 0.001, "changeStandardError": 0.001}], GateState.OPEN, "at least -0.01"),
    (CHANGE, [{"value": 0.95, "change": -0.02, "changeStandardError": 0.001}], GateState.REFUSED, "change of auc"),
    (
        SLICES,
        [{"value": 0.95}, {"name": "auc/country=ES", "value": 0.8}],
        GateState.REFUSED,
        "auc/country=ES is at most",
    ),
    (SLICES, [{"value": 0.95}], GateState.WAITING, "auc/country=ES is not in the result"),
    ([{"name": "auc", "max": "0.97"}], [{"value": 0.95}], GateState.OPEN, "at most 0.97 is asked"),
]


@pytest.mark.parametrize(("metrics", "numbers", "state", "words"), JUDGED)
def test_what_a_result_means(metrics: Any, numbers: list[dict[str, Any]], state: GateState, words: str) -> None:
    answer = job(metrics, onFail="Reject").answer(asked(measured(*numbers)))
    assert (answer.state, words in answer.message) == (state, True), answer.message
    assert answer.stalled is (state is GateState.WAITING)
    kept = json.loads(answer.result or "")
    assert (kept["revision"], kept["data"]) == ("7c9f2a1b", "sha256:ab")
    assert {m["name"] for m in kept["metrics"]} <= {m["name"] for m in metrics}


def test_a_measured_failure_holds_by_default_and_rejects_where_the_author_says_so() -> None:
    bad = measured({"value": 0.5})
    held = job().answer(asked(bad))
    assert (held.state, held.stalled) == (GateState.WAITING, True)
    refused = job(onFail="Reject").answer(asked(bad))
    assert (refused.state, refused.reason) == (GateState.REFUSED, Reason.TRIAL_FAILED)
    assert (refused.reason.effect.rejects, refused.reason.effect.outcome) == (True, Outcome.ROLLED_BACK)


@pytest.mark.parametrize(
    "fields",
    [
        {"metrics": []},
        {"metrics": [{"name": "auc"}]},
        {"metrics": [{"name": "a b", "min": "1"}]},
        {"timeout": "9s"},
        {"timeout": "25h"},
        {"retries": 11},
        {"retries": -1},
        {"onFail": "Abort"},
        {"template": "x"},
    ],
)
def test_what_the_schema_refuses(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        job(**fields)


def test_a_template_that_may_not_be_is_a_problem_of_the_policy() -> None:
    gate = job(template={"spec": {**TEMPLATE["spec"], "hostNetwork": True}})
    assert (gate.problem or "").startswith("template: spec.hostNetwork")
    assert job().problem is None
