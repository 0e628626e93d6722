"""What belongs to a revision, and how many replicas it asks for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serin.api.model_deployment import SCALING_FIELDS
from serin.api.revision import Source, hash_of, replica_bounds, scaling_of, without_nulls
from tests.collision import BENIGN, EVIL, SHARED_NAME
from tests.lab import spec

MODEL = {"version": "1", "uri": "s3://a"}
PREDICTOR = {"model": {"modelFormat": {"name": "sklearn"}}, "minReplicas": 2}


def revision_of(model: dict[str, Any], predictor: dict[str, Any]) -> str:
    return Source(model, predictor).revision


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


TRANSFORMER = {"containers": [{"image": "x"}], "minReplicas": 2}


def test_a_transformer_is_part_of_the_revision_and_without_one_the_hash_is_as_ever() -> None:
    assert hash_of(MODEL, PREDICTOR, None) == hash_of(MODEL, PREDICTOR) == Source(MODEL, PREDICTOR).hash
    spec = {"model": MODEL, "predictor": PREDICTOR, "transformer": None}
    assert Source.of(spec).revision == "eefade75", "a transformer that is null is none"
    given = Source.of({**spec, "transformer": TRANSFORMER})
    assert given.hash != hash_of(MODEL, PREDICTOR)
    assert given.hash == Source(MODEL, PREDICTOR, {**TRANSFORMER, "minReplicas": 7, "timeout": None}).hash
    assert given.hash != Source(MODEL, PREDICTOR, {"containers": [{"image": "y"}]}).hash


def test_the_name_is_the_beginning_of_the_hash_and_two_contents_may_share_it() -> None:
    one, other = (spec(version, predictor=predictor) for version, predictor in (BENIGN, EVIL))
    assert revision_of(one["model"], one["predictor"]) == SHARED_NAME == revision_of(other["model"], other["predictor"])
    hashes = {hash_of(of["model"], of["predictor"]) for of in (one, other)}
    assert len(hashes) == 2
    assert all(whole.startswith(SHARED_NAME) and len(whole) == 64 for whole in hashes)


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
