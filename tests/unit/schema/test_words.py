"""Words of another version: stored ones are read and kept, those in a spec are refused, and no CRD forbids them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from serin.api.conditions import ConditionStatus
from serin.api.policy.slo import Slo
from serin.api.promotion_action import ActionKind, ActionOutcome, PromotionActionSpec, PromotionActionStatus
from serin.api.promotion_record import PromotionRecordStatus
from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.schema.choices import Severity
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason, Verdict
from serin.schema.types import ApiModel
from serin.schema.words import LONGEST_WORD, is_known, stored_word
from tools.crdgen import KINDS, schema_of

AT = "2026-11-22T03:00:00Z"
ANSWERED: dict[str, Any] = {
    "name": "fraud-x",
    "uid": "u-1",
    "action": "Hold",
    "by": "ana@example.com",
    "outcome": "Accepted",
    "message": "The rollout is held.",
    "at": AT,
}
SLO: dict[str, Any] = {
    "name": "availability",
    "severity": "Critical",
    "verdict": "Pass",
    "candidate": {"bad": 0, "total": 10},
    "stable": {"bad": 0, "total": 90},
    "evidence": {"e1": "0.000000"},
    "threshold": "2.000000",
    "passThreshold": "1.300000",
    "message": "Fine.",
}
REJECTION: dict[str, Any] = {
    "revision": "r0",
    "version": "0",
    "at": AT,
    "reason": "SLOBreached",
    "record": "fraud-r0-1",
}
CONDITION: dict[str, Any] = {
    "type": "Ready",
    "status": "True",
    "observedGeneration": 3,
    "lastTransitionTime": AT,
    "reason": "Serving",
    "message": "Version 1 serves all traffic.",
}
ARM: dict[str, Any] = {
    "revision": "r1",
    "version": "1",
    "workload": {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "name": "fraud-r1"},
}
EXAMPLE: dict[str, Any] = {
    "observedGeneration": 3,
    "phase": "RollingBack",
    "reason": "SLOBreached",
    "since": AT,
    "message": "Version 2 is taken back.",
    "conditions": [CONDITION],
    "stable": ARM,
    "candidate": {**ARM, "revision": "r2"},
    "weights": {"desired": 5, "applied": 5, "observed": "4.9"},
    "rollout": {
        "record": "fraud-r2-1",
        "step": 1,
        "steps": 2,
        "returning": False,
        "startedAt": AT,
        "stableReplicas": 2,
        "verdict": "Fail",
        "reason": "SLOBreached",
        "message": "availability is breached",
        "since": AT,
        "outcome": "RolledBack",
        "cause": "SLOBreached",
        "slos": [SLO],
    },
    "rejected": [REJECTION],
    "draining": [{**ARM, "until": AT}],
    "retry": {"revision": "r0", "asked": {**ANSWERED, "action": "Retry"}},
    "actions": [ANSWERED],
    "writeFailures": [
        {"act": "HTTPRoute", "name": "fraud", "reason": "WriteUnavailable", "message": "timed out", "since": AT}
    ],
}
STATUS = ModelDeploymentStatus.model_validate(EXAMPLE).to_api()
"""With the defaults of the fields that the example leaves out."""
RECORD: dict[str, Any] = {
    "outcome": "RolledBack",
    "reason": "SLOBreached",
    "actions": [ANSWERED],
    "timeline": [{"at": AT, "weight": 5, "reason": "CollectingEvidence", "message": "m"}],
    "gates": [],
    "holds": [{"reason": "Paused", "message": "m", "since": AT, "times": 2}],
    "blocks": [],
    "requests": {},
    "badRequests": {},
}
ACTION: dict[str, Any] = {"outcome": "Accepted", "message": "m", "at": AT}
STORED: tuple[tuple[type[ApiModel], dict[str, Any]], ...] = (
    (ModelDeploymentStatus, STATUS),
    (PromotionRecordStatus, RECORD),
    (PromotionActionStatus, ACTION),
)
KINDS_OF_WORDS: tuple[type[StrEnum], ...] = (Phase, Reason, Outcome, Verdict, Severity, ActionKind, ActionOutcome)
WORDS = {member.value for kind in KINDS_OF_WORDS for member in kind}
Path = tuple[str | int, ...]


def words(value: Any, path: Path = ()) -> Iterator[Path]:
    """Where in an object a word of ours stands."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from words(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from words(item, (*path, index))
    elif value in WORDS:
        yield path


def replaced(given: dict[str, Any], changes: dict[Path, str]) -> dict[str, Any]:
    out = copy.deepcopy(given)
    for path, word in changes.items():
        node: Any = out
        for part in path[:-1]:
            node = node[part]
        node[path[-1]] = word
    return out


def stored() -> st.SearchStrategy[tuple[type[ApiModel], dict[str, Any]]]:
    """A status or record of ours with any of its words replaced."""
    word = st.text(min_size=1, max_size=LONGEST_WORD)
    return st.sampled_from(STORED).flatmap(
        lambda pair: st.dictionaries(st.sampled_from(list(words(pair[1]))), word).map(
            lambda changes: (pair[0], replaced(pair[1], changes))
        )
    )


def holds(full: Any, part: Any) -> bool:
    if isinstance(part, dict):
        return isinstance(full, dict) and all(key in full and holds(full[key], part[key]) for key in part)
    if isinstance(part, list):
        return isinstance(full, list) and len(full) == len(part) and all(map(holds, full, part))
    return bool(full == part)


def test_the_example_is_a_valid_status() -> None:
    assert holds(STATUS, EXAMPLE)


def test_the_examples_hold_every_word_that_is_stored() -> None:
    found = {str(path[-1]) for _, example in STORED for path in words(example)}
    assert found == {"phase", "reason", "outcome", "cause", "verdict", "severity", "action"}
    assert len(list(words(STATUS))) == 15


@given(stored())
def test_any_word_is_read_and_written_back_as_it_was(pair: tuple[type[ApiModel], dict[str, Any]]) -> None:
    model, given_ = pair
    parsed = model.model_validate(given_)
    assert parsed.to_api() == given_
    assert model.model_validate(parsed.to_api()) == parsed
    assert parsed.model_copy(deep=True).to_api() == given_


@pytest.mark.parametrize("kind", KINDS_OF_WORDS)
def test_an_unknown_word_is_a_member_that_equals_no_other(kind: type[StrEnum]) -> None:
    word = stored_word(kind, "FromTheFuture")
    assert (word.name, word.value, str(word), is_known(word)) == ("UNKNOWN", "FromTheFuture", "FromTheFuture", False)
    assert word not in set(kind)
    assert word is stored_word(kind, "FromTheFuture")
    assert {word: 1}[stored_word(kind, "FromTheFuture")] == 1
    assert word != stored_word(kind, "Another")


@pytest.mark.parametrize("kind", KINDS_OF_WORDS)
def test_a_known_word_is_its_member(kind: type[StrEnum]) -> None:
    for member in kind:
        assert stored_word(kind, member.value) is member
        assert is_known(member)


@pytest.mark.parametrize("value", ["x" * (LONGEST_WORD + 1), 7, ["Stable"]])
def test_what_is_no_short_string_is_no_word(value: Any) -> None:
    with pytest.raises(ValidationError):
        ModelDeploymentStatus.model_validate({"phase": value})


def test_reading_stored_words_teaches_an_enum_nothing() -> None:
    ModelDeploymentStatus.model_validate({"phase": "FromTheFuture"})
    with pytest.raises(ValueError, match="not a valid Phase"):
        Phase("FromTheFuture")


@pytest.mark.parametrize(
    ("model", "spec"),
    [
        pytest.param(
            PromotionActionSpec,
            {"modelDeployment": "fraud", "action": "Bless", "rollout": "fraud-r-1", "requestedBy": "ana"},
            id="an action",
        ),
        pytest.param(
            Slo,
            {"name": "a", "severity": "Mild", "objective": "99.0", "indicator": {"availability": {}}},
            id="a severity",
        ),
    ],
)
def test_what_a_user_writes_stays_strict(model: type[ApiModel], spec: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="Input should be"):
        model.model_validate(spec)


def without(entry: dict[str, Any], field: str) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != field}


@pytest.mark.parametrize(
    ("path", "bad"),
    [
        pytest.param(("rejected",), without(REJECTION, "version"), id="a rejection without its version"),
        pytest.param(("actions",), without(ANSWERED, "by"), id="an action without its author"),
        pytest.param(("actions",), {**ANSWERED, "at": "yesterday"}, id="an action at no time"),
        pytest.param(("conditions",), without(CONDITION, "status"), id="a condition without status"),
        pytest.param(("draining",), "fraud-r1", id="an arm that is only a name"),
        pytest.param(("rollout", "slos"), without(SLO, "threshold"), id="an SLO without its threshold"),
    ],
)
def test_an_entry_that_cannot_be_read_is_left_out_and_the_rest_is_read(path: tuple[str, ...], bad: Any) -> None:
    damaged = copy.deepcopy(STATUS)
    entries: Any = damaged
    for part in path:
        entries = entries[part]
    entries.append(bad)
    assert ModelDeploymentStatus.model_validate(damaged).to_api() == STATUS


def lists_of_words(schema: Any, path: str) -> Iterator[tuple[str, list[str]]]:
    if isinstance(schema, dict):
        if isinstance(schema.get("enum"), list):
            yield path, schema["enum"]
        for key, value in schema.items():
            yield from lists_of_words(value, path if key in {"properties", "items"} else f"{path}.{key}")


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.kind)
def test_no_crd_refuses_a_status_for_its_words(kind: Any) -> None:
    # An older CRD beside a newer operator would answer 422 to each status: give the field the type Stored[...].
    status = schema_of(kind)["properties"].get("status", {})
    allowed = list(get_args(ConditionStatus))
    assert [found for found in lists_of_words(status, "status") if found[1] != allowed] == []


def test_a_spec_keeps_its_lists_of_words() -> None:
    found = {path: words for kind in KINDS for path, words in lists_of_words(schema_of(kind)["properties"]["spec"], "")}
    assert found[".action"] == [kind.value for kind in ActionKind]
    assert found[".slos.severity"] == [severity.value for severity in Severity]


def test_what_an_earlier_version_wrote_of_a_workload_is_read() -> None:
    earlier = RevisionRef.model_validate({"revision": "r1", "version": "1", "inferenceService": "fraud-r1"})
    assert earlier.to_api() == ARM
