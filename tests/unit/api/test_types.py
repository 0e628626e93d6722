"""Scalars, revisions, CRDs: the contract."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from serin.api.crdgen import KINDS, crd, plain, rendered, structural
from serin.api.model_deployment import SCALING_FIELDS
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.revision import replica_bounds, revision_of, scaling_of, without_nulls
from serin.api.status import ModelDeploymentStatus
from serin.schema.reasons import Reason
from serin.schema.types import format_duration, parse_duration

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("text", "seconds"), [("15s", 15), ("1h30m", 5400), ("500ms", 0.5), ("1h0m5s10ms", 3605.01), ("90m", 5400)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5", "5 s", "-5s", "5x", "1.5h", "s5", "5s5m"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


@given(st.integers(0, 10**9))
def test_durations_survive_the_round_trip(milliseconds: int) -> None:
    value = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(value)) == value


MODEL = {"version": "1", "uri": "s3://a"}
PREDICTOR = {"model": {"modelFormat": {"name": "sklearn"}}, "minReplicas": 2}


def test_scaling_fields_are_outside_the_revision() -> None:
    base = revision_of(MODEL, PREDICTOR)
    for field in SCALING_FIELDS:
        assert revision_of(MODEL, {**PREDICTOR, field: 7}) == base
    assert scaling_of(PREDICTOR) == {"minReplicas": 2}


@pytest.mark.parametrize(
    ("model", "predictor"),
    [
        ({**MODEL, "uri": "s3://b"}, PREDICTOR),
        ({**MODEL, "version": "2"}, PREDICTOR),
        (MODEL, {**PREDICTOR, "labels": {"a": "b"}}),
    ],
)
def test_everything_else_is_inside(model: dict[str, Any], predictor: dict[str, Any]) -> None:
    assert revision_of(model, predictor) != revision_of(MODEL, PREDICTOR)


def test_the_revision_does_not_depend_on_the_order_of_keys() -> None:
    shuffled = json.loads(json.dumps(dict(reversed(PREDICTOR.items()))))
    assert revision_of(dict(reversed(MODEL.items())), shuffled) == revision_of(MODEL, PREDICTOR)
    assert revision_of(MODEL, PREDICTOR) == "eefade75"


SERVER = {"modelFormat": {"name": "sklearn"}}


@pytest.mark.parametrize(
    ("predictor", "without"),
    [
        pytest.param({"model": {**SERVER, "runtime": None}}, {"model": SERVER}, id="in a section"),
        pytest.param({"model": SERVER, "serviceAccountName": None}, {"model": SERVER}, id="beside it"),
        pytest.param(
            {"containers": [{"name": "c", "resources": {"limits": None}}]},
            {"containers": [{"name": "c", "resources": {}}]},
            id="in an item of a list",
        ),
        pytest.param({"model": SERVER, "minReplicas": None}, {"model": SERVER}, id="of scaling"),
    ],
)
def test_a_field_that_is_null_is_one_that_was_left_out(predictor: dict[str, Any], without: dict[str, Any]) -> None:
    assert revision_of(MODEL, predictor) == revision_of(MODEL, without)
    assert revision_of({**MODEL, "digest": None}, predictor) == revision_of(MODEL, without)
    assert without_nulls(predictor) == without


def test_a_null_in_a_list_keeps_its_place() -> None:
    assert without_nulls({"args": ["a", None]}) == {"args": ["a", None]}


@given(
    st.recursive(
        st.booleans() | st.integers() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    )
)
def test_what_holds_no_null_is_hashed_as_it_was_written(value: Any) -> None:
    assert without_nulls({"x": value}) == {"x": value}


@pytest.mark.parametrize(
    ("given_", "bounds"),
    [
        ({}, (1, 1)),
        ({"minReplicas": None, "maxReplicas": None}, (1, 1)),
        ({"minReplicas": 0}, (1, 1)),
        ({"minReplicas": 3}, (3, 3)),
        ({"maxReplicas": 4}, (1, 4)),
        ({"minReplicas": 2, "maxReplicas": 4}, (2, 4)),
        ({"minReplicas": 3, "maxReplicas": 2}, (3, 3)),
        ({"minReplicas": 2, "maxReplicas": 0}, (2, 2)),
        ({"minReplicas": "2", "maxReplicas": [4]}, (1, 1)),
        ({"minReplicas": True, "maxReplicas": -1}, (1, 1)),
    ],
)
def test_replica_bounds(given_: dict[str, Any], bounds: tuple[int, int]) -> None:
    assert replica_bounds(given_) == bounds


def test_every_reason_has_its_sentence() -> None:
    assert all(reason.sentence.endswith(".") for reason in Reason)


@pytest.mark.parametrize("name", sorted(rendered()))
def test_crds_are_those_of_the_models(name: str) -> None:
    assert (ROOT / "crds" / name).read_text() == rendered()[name]


def test_a_status_that_the_api_server_filled_in_is_none_to_serin() -> None:
    status = crd(KINDS[0])["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]
    assert status["default"] == {"observedGeneration": -1}
    assert ModelDeploymentStatus.model_validate(status["default"]) == ModelDeploymentStatus()
    assert ModelDeploymentStatus.model_validate({"observedGeneration": 7}).observed_generation == 7


def nodes(schema: Any, path: str = "") -> Any:
    if isinstance(schema, dict):
        yield path, schema
        for key, value in schema.items():
            if key not in {"default", "enum", "x-kubernetes-validations"}:
                yield from nodes(value, f"{path}.{key}")
    elif isinstance(schema, list):
        for item in schema:
            yield from nodes(item, path)


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.kind)
def test_crds_are_structural_and_bounded(kind: Any) -> None:
    schema = yaml.safe_load(yaml.safe_dump(crd(kind)))["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for path, node in nodes(schema):
        in_properties = path.endswith(".properties")
        if in_properties or path in {".properties.apiVersion", ".properties.kind", ".properties.metadata"}:
            continue
        assert not {"$ref", "anyOf", "allOf", "const", "title"} & node.keys(), path
        if node.get("type") == "string" and "enum" not in node and node.get("format") != "date-time":
            assert "maxLength" in node, path
        if node.get("type") == "array":
            assert "maxItems" in node, path
            assert "x-kubernetes-list-type" in node or "items" in node, path


@pytest.mark.parametrize(
    ("docstring", "shown"),
    [
        ("Since when ``reason`` holds.", 'Since when "reason" holds.'),
        ("Each is in :data:`SENTENCES`.", 'Each is in "SENTENCES".'),
        ("See :py:class:`~Phase` and `this`.", 'See "Phase" and "this".'),
        ("``-`` no data,\n    ``!`` unreadable", '"-" no data, "!" unreadable'),
        ('E.g. ``my_bad_total{kind="a"}``: a selector.', 'E.g. my_bad_total{kind="a"}: a selector.'),
        ("At 10:30, not marked up.", "At 10:30, not marked up."),
    ],
)
def test_descriptions_are_plain_text(docstring: str, shown: str) -> None:
    assert plain(docstring) == shown


def texts(node: Any) -> Any:
    """Whatever of a CRD people read."""
    if isinstance(node, dict):
        yield from (node[key] for key in ("description", "message") if isinstance(node.get(key), str))
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from texts(item)


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.kind)
def test_no_mark_up_of_docstrings_reaches_a_crd(kind: Any) -> None:
    found = list(texts(crd(kind)))
    assert len(found) > 5
    assert [text for text in found if "`" in text or re.search(r":[a-z]+:\S", text)] == []


def test_a_union_of_two_types_is_refused() -> None:
    with pytest.raises(ValueError, match="not structural"):
        structural({"anyOf": [{"type": "string"}, {"type": "integer"}]}, {})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"steps": [{"weight": 50, "for": "1m"}, {"weight": 5, "for": "1m"}]}, "must rise"),
        ({"slos": [{"name": "a", "objective": "99", "indicator": {}}]}, "exactly one"),
    ],
)
def test_a_policy_that_slipped_through_admission_is_still_refused(change: dict[str, Any], words: str) -> None:
    base = {
        "slos": [{"name": "a", "objective": "99", "indicator": {"availability": {}}}],
        "steps": [{"weight": 5, "for": "1m"}],
    }
    with pytest.raises(ValueError, match=words):
        PromotionPolicySpec.model_validate(base | change)
