"""The CRDs are structural, bounded, plain text, and those of the models."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from serin.schema.words import LISTED
from tools.crdgen import KINDS, _PlainDumper, crd, main, plain_text, rendered, structural

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", sorted(rendered()))
def test_crds_are_those_of_the_models(name: str) -> None:
    assert (ROOT / "crds" / name).read_text() == rendered()[name]


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
    assert plain_text(docstring) == shown


def texts(node: Any) -> Any:
    """What people read of a CRD: descriptions and the messages of its rules."""
    if isinstance(node, dict):
        yield from (node[key] for key in ("description", "message") if isinstance(node.get(key), str))
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from texts(item)


RST = re.compile(r"`|:[a-z:]+:\S|::(\s|$)|(^|\s)\.\. |\*\*|\w_(\s|$)|\|\w+\||\n")
"""Back-ticks, roles, literal blocks, directives, bold text, links, substitutions and paragraphs."""


@pytest.mark.parametrize(
    "text",
    [
        "A ``field``.",
        "See :class:`X`.",
        "As follows::",
        "Text. .. note:: this",
        "**Never**.",
        "A link_ here.",
        "a\n\nb",
    ],
)
def test_rst_is_recognized(text: str) -> None:
    assert RST.search(text)


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.kind)
def test_no_text_of_a_crd_contains_rst(kind: Any) -> None:
    found = list(texts(crd(kind)))
    assert len(found) > 5
    assert [text for text in found if RST.search(text)] == []


def test_a_word_that_is_added_changes_one_line() -> None:
    described = "Why it is so. " * 20 + f"{LISTED} {{}}and no other word."
    before, after = (
        yaml.dump({"a": [{"description": described.format(words)}]}, Dumper=_PlainDumper, width=110)
        for words in ("Held, Paused, ", "Held, Late, Paused, ")
    )
    assert [line for line in after.splitlines() if line not in before.splitlines()] == ["    Late,"]
    assert len(after.splitlines()) == len(before.splitlines()) + 1
    assert max(map(len, after.splitlines())) <= 110
    assert yaml.safe_load(after)["a"][0]["description"] == described.format("Held, Late, Paused, ")


def test_a_union_of_two_types_is_refused() -> None:
    with pytest.raises(ValueError, match="not structural"):
        structural({"anyOf": [{"type": "string"}, {"type": "integer"}]}, {})


def test_a_file_that_differs_is_named_until_it_is_written_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 0
    assert main(["--check", str(tmp_path)]) == 0
    (tmp_path / "promotionactions.yaml").write_text("")
    assert main(["--check", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"{tmp_path}/promotionactions.yaml differs from the models; run `make crds`\n"


def undescribed(schema: dict[str, Any], path: str) -> Any:
    """The fields of a schema without a description."""
    for name, field in schema.get("properties", {}).items():
        if not field.get("description"):
            yield f"{path}.{name}"
        yield from undescribed(field, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from undescribed(schema[key], path)


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.kind)
def test_kubectl_explain_has_a_sentence_for_every_field(kind: Any) -> None:
    schema = crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    known = {f"{kind.short}.{name}" for name in ("apiVersion", "kind", "metadata")}  # the API server's own
    assert set(undescribed(schema, kind.short)) - known == set()
