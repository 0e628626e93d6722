"""Every field that differs is named; values are told of those on the list only."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serin.api.revision import Source
from serin.report.facts import changes
from serin.report.facts.words import Words
from tests.fuzz import TREES, fuzzed

MODEL = {"version": "1", "uri": "s3://models/1"}
SKLEARN: dict[str, Any] = {"model": {"modelFormat": {"name": "sklearn"}}}


def found(before: Source, after: Source) -> list[tuple[str, str | None, str | None]]:
    return [(c.field, c.before, c.after) for c in changes.of_revision(before, after, Words(), 300) if c.told]


def hidden(before: Source, after: Source) -> list[str]:
    return [c.field for c in changes.of_revision(before, after, Words(), 300) if not c.told]


@pytest.mark.parametrize(
    ("before", "after", "told", "named"),
    [
        (MODEL, MODEL, [], []),
        (MODEL, MODEL | {"version": "2"}, [("model.version", "1", "2")], []),
        (MODEL, MODEL | {"digest": "sha256:9f"}, [("model.digest", None, "sha256:9f")], []),
        (
            MODEL | {"uri": "https://u:p@h/1?sig=x"},
            MODEL | {"uri": "https://u:q@h/2?sig=y"},
            [("model.uri", "https://h/1", "https://h/2")],
            [],
        ),
        (MODEL, MODEL | {"storageKey": "k"}, [], ["model.storageKey"]),
    ],
)
def test_models(before: dict[str, Any], after: dict[str, Any], told: list[Any], named: list[str]) -> None:
    pair = (Source(before, SKLEARN), Source(after, SKLEARN))
    assert (found(*pair), hidden(*pair)) == (told, named)


@pytest.mark.parametrize(
    ("before", "after", "told", "named"),
    [
        ({"runtime": "a"}, {"runtime": "b"}, [("predictor.model.runtime", "a", "b")], []),
        (
            {"resources": {"limits": {"nvidia.com/gpu": 1}}},
            {"resources": {"limits": {"nvidia.com/gpu": 2}}},
            [("predictor.model.resources.limits.nvidia.com/gpu", "1", "2")],
            [],
        ),
        (
            {"env": [{"name": "HF_TOKEN", "value": "hunter2"}, {"name": "A", "value": "1"}]},
            {"env": [{"name": "HF_TOKEN", "value": "hunter3"}, {"name": "B", "value": "1"}]},
            [],
            [
                "predictor.model.env[A].name",
                "predictor.model.env[A].value",
                "predictor.model.env[B].name",
                "predictor.model.env[B].value",
                "predictor.model.env[HF_TOKEN].value",
            ],
        ),
        ({"args": ["--key=hunter2"]}, {"args": ["--key=hunter3"]}, [], ["predictor.model.args"]),
        ({}, {"storage": {"parameters": {"secret": "hunter2"}}}, [], ["predictor.model.storage.parameters.secret"]),
    ],
)
def test_predictors(before: dict[str, Any], after: dict[str, Any], told: list[Any], named: list[str]) -> None:
    pair = (Source(MODEL, {"model": before}), Source(MODEL, {"model": after}))
    assert (found(*pair), hidden(*pair)) == (told, named)


def test_a_transformer_that_is_new_is_named_by_its_fields() -> None:
    container = {"name": "t", "image": "example.com/t:1", "command": ["x"]}
    pair = (Source(MODEL, SKLEARN), Source(MODEL, SKLEARN, {"containers": [container]}))
    assert found(*pair) == [
        ("transformer.containers[t].image", None, "example.com/t:1"),
        ("transformer.containers[t].name", None, "t"),
    ]
    assert hidden(*pair) == ["transformer.containers[t].command"]


def test_a_policy_tells_limits_and_not_queries() -> None:
    before = {
        "slos": [{"name": "a", "objective": "99.0", "indicator": {"ratio": {"bad": "x", "total": "y"}}}],
        "steps": [{"weight": 5, "for": "1m"}],
    }
    after = {
        "slos": [{"name": "a", "objective": "99.5", "indicator": {"ratio": {"bad": "z", "total": "y"}}}],
        "steps": [{"weight": 5, "for": "2m"}],
    }
    found = [(c.field, c.before, c.after) for c in changes.of_policy(before, after, Words(), 300)]
    assert found == [
        ("slos[a].indicator.ratio.bad", None, None),
        ("slos[a].objective", "99.0", "99.5"),
        ("steps", '[{"for": "1m", "weight": 5}]', '[{"for": "2m", "weight": 5}]'),
    ]


@fuzzed()
@given(TREES, TREES)
def test_what_is_equal_has_no_changes_and_what_differs_has_some(one: object, other: object) -> None:
    assert list(changes.different(one, one, "x")) == []
    trees = ({"a": one}, {"a": other})
    same = one == other and repr(one) == repr(other)
    assert same or one == other or list(changes.different(*trees, "")) or _empty(one, other)


def _empty(one: object, other: object) -> bool:
    """An absent field and an empty one are the same to a reader."""
    return one in ({}, None) or other in ({}, None)


@fuzzed()
@given(st.text(max_size=20), TREES)
def test_no_value_of_a_field_that_is_not_on_the_list_is_told(name: str, value: object) -> None:
    secret = "hunter2hunter2"
    pair = (Source(MODEL, {"x": {name: [value]}}), Source(MODEL, {"x": {name: [secret, value]}}))
    assert all(secret not in str(change) for change in changes.of_revision(*pair, Words(), 300))
