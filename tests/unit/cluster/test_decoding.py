"""JSON that is nested more deeply than Python decodes: one object must not end the lists and watches that it is in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from serin.cluster.decoding import DEEPEST, decoded, flattened
from tests.fuzz import TREES, fuzzed


def nested(levels: int, opening: str = '{"a":', closing: str = "}") -> str:
    return opening * levels + '"x"' + closing * levels


def depth(value: Any) -> int:
    found = 0
    while isinstance(value, dict | list) and value:
        found, value = found + 1, next(iter(value.values())) if isinstance(value, dict) else value[0]
    return found


@pytest.mark.parametrize("levels", [2_000, 10_000])
@pytest.mark.parametrize(("opening", "closing"), [('{"a":', "}"), ("[", "]"), ('{"]}":[', "]}"), ('[{"\\"[":', "}]")])
def test_the_rest_of_a_list_is_read(levels: int, opening: str, closing: str) -> None:
    deep = nested(levels, opening, closing)
    items = f'{{"items": [{{"name": "a"}}, {deep}, {{"name": "]}}b[{{"}}, {deep}, {{"name": "c"}}]}}'
    found = decoded(items.encode())
    assert (found["items"][0], found["items"][2], found["items"][4]) == (
        {"name": "a"},
        {"name": "]}b[{"},
        {"name": "c"},
    )
    assert depth(found["items"][1]) == DEEPEST - 2


@pytest.mark.parametrize("levels", [1, 100, 500])
def test_what_can_be_decoded_is_as_it_was(levels: int) -> None:
    assert depth(decoded(nested(levels))) == levels


@pytest.mark.parametrize("text", ["", "{", "[" * 5000, '{"a":' * 5000, "x", '"'])
def test_what_is_no_json_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        decoded(text)


@fuzzed()
@given(TREES)
def test_flattening_changes_nothing_that_is_not_too_deep(value: Any) -> None:
    text = json.dumps(value)
    assert flattened(text) == text
