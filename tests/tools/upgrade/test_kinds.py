"""The kinds take what earlier ones took; what they do not is named here, and why no stored object has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.upgrade import store, versions
from tests.upgrade.narrowing import RULES, of_kind, of_schema

NOW = {crd["spec"]["names"]["kind"]: crd for crd in store.kinds(store.ROOT / "crds")}
NEW_FIELD = "about a field that was not there before"
LIBERAL = "takes what the older form of the rule took"
KNOWN: dict[str, dict[tuple[str, str], str]] = {
    "2026-11-28": {
        ("PromotionPolicy", ".spec.gates[].metric: rule !has(self.maxAge) || duration(self.maxAge)"): (
            "an unchanged gate goes on by ratcheting, and is read as 48h"
        ),
        ("ModelDeployment", ": rule self.metadata.name.size() <= 63"): "43 characters with the namespace before",
        ("ModelDeployment", ".spec: rule !has(self.explainer)"): NEW_FIELD,
        ("ModelDeployment", ".spec: rule !has(self.adopt) || (has(oldSelf.adopt) && self.adopt == oldSelf.adopt)"): (
            NEW_FIELD
        ),
        ("ModelDeployment", ".spec.predictor: rule has(self.model) || has(self.containers) || has(self.hu"): (
            "the operator refused a predictor without any of them: nothing serves by it"
        ),
        ("ModelDeployment", ".spec.route: rule !has(self.timeout) || duration(self.timeout) >= duration('"): LIBERAL,
        ("ModelDeployment", ".spec.route: rule self.protocol == oldSelf.protocol"): (
            "a new field, whose default is filled in on both sides"
        ),
        ("ModelDeployment", ".spec.route: rule self.protocol != 'GRPC' || !has(self.matches) || self.matc"): NEW_FIELD,
        ("ModelDeployment", ".spec.route: rule self.protocol != 'GRPC' || !has(self.filters) || self.filt"): NEW_FIELD,
        ("ModelDeployment", ".spec.route: rule !has(self.filters) || !self.filters.exists(f, has(f.urlRew"): NEW_FIELD,
        ("ModelDeployment", ".spec.route.timeout: default 1m is none"): (
            "the older kind's default is stored in each object; a new one without it follows KServe's 60 s"
        ),
        ("PromotionPolicy", ".spec.gates[]: rule [has(self.approval), has(self.metric), has(self.upstream"): LIBERAL,
    }
}
LENGTH = 82
"""Of a sentence's beginning: rules are long."""


@pytest.mark.parametrize("version", versions.VERSIONS, ids=lambda path: path.name)
def test_what_the_kinds_do_not_take_any_more_is_known(version: Path) -> None:
    found = {(kind, sentence) for kind, old in versions.kinds(version).items() for sentence in of_kind(old, NOW[kind])}
    known = KNOWN.get(version.name, {})
    unknown = [(kind, said) for kind, said in found if not any(k == kind and said.startswith(s) for k, s in known)]
    assert not unknown, "mend the kind, or say here why no stored object has it"
    gone = [(k, s) for k, s in known if not any(kind == k and said.startswith(s) for kind, said in found)]
    assert not gone, "not so any more: take it out"


def test_no_kind_is_gone() -> None:
    for version in versions.VERSIONS:
        assert set(versions.kinds(version)) <= set(NOW)


TEXT: dict[str, Any] = {"type": "string", "maxLength": 10}
CASES: list[tuple[dict[str, Any], dict[str, Any], list[str]]] = [
    (TEXT, TEXT, []),
    (TEXT, {"type": "string", "maxLength": 20}, []),
    (TEXT, {"type": "string", "maxLength": 9}, [".x: maxLength 10 is 9"]),
    ({"type": "string"}, TEXT, [".x: maxLength none is 10"]),
    ({"type": "integer", "minimum": 1}, {"type": "integer", "minimum": 0}, []),
    ({"type": "integer", "minimum": 0}, {"type": "integer", "minimum": 1}, [".x: minimum 0 is 1"]),
    ({"type": "integer"}, {"type": "number"}, []),
    ({"type": "number"}, {"type": "integer"}, [".x: type number is integer"]),
    (TEXT, {"maxLength": 10}, []),
    ({**TEXT, "nullable": True}, TEXT, [".x: null is refused"]),
    ({**TEXT, "enum": ["a", "b"]}, {**TEXT, "enum": ["a", "b", "c"]}, []),
    ({**TEXT, "enum": ["a", "b"]}, {**TEXT, "enum": ["a"]}, [".x: refuses b"]),
    (TEXT, {**TEXT, "enum": ["a"]}, [".x: refuses any other word"]),
    (TEXT, {**TEXT, "pattern": "^a"}, [".x: pattern none is ^a"]),
    ({**TEXT, "pattern": "^a"}, TEXT, []),
    ({**TEXT, "default": "a"}, TEXT, [".x: default a is none"]),
    (TEXT, {**TEXT, RULES: [{"rule": "self != ''", "message": "m"}]}, [".x: rule self != ''"]),
    (
        {**TEXT, RULES: [{"rule": "self != ''", "message": "m"}]},
        {**TEXT, RULES: [{"rule": "self != ''", "message": "other words"}]},
        [],
    ),
    ({"type": "object", "properties": {"a": TEXT}}, {"type": "object", "properties": {}}, [".x.a: gone"]),
    (
        {"type": "object", "properties": {"a": TEXT}},
        {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        [],
    ),
    (
        {"type": "object", "properties": {}},
        {"type": "object", "properties": {"a": TEXT}, "required": ["a"]},
        [".x.a: is required"],
    ),
    (
        {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        {"type": "object", "properties": {"a": TEXT}},
        [".x: fields that are not declared are dropped"],
    ),
    (
        {"type": "array", "items": TEXT},
        {"type": "array", "items": {"type": "integer"}},
        [
            ".x[]: type string is integer",
        ],
    ),
    (
        {"type": "object", "additionalProperties": TEXT},
        {"type": "object", "additionalProperties": {"type": "string", "maxLength": 1}},
        [".x.*: maxLength 10 is 1"],
    ),
    ({"type": "object", "additionalProperties": TEXT}, {"type": "object"}, [".x.*: gone"]),
]


@pytest.mark.parametrize(("old", "new", "said"), CASES)
def test_what_is_narrower(old: dict[str, Any], new: dict[str, Any], said: list[str]) -> None:
    assert list(of_schema(old, new, ".x")) == said


def test_a_version_that_is_not_served_any_more() -> None:
    old, new = NOW["PromotionPolicy"], {**NOW["PromotionPolicy"]}
    [version] = old["spec"]["versions"]
    new["spec"] = {**old["spec"], "versions": [{**version, "served": False}]}
    assert list(of_kind(old, new)) == ["v1alpha1: not served any more"]
    new["spec"] = {**old["spec"], "versions": [{**NOW["ModelDeployment"]["spec"]["versions"][0], "subresources": {}}]}
    deployments = NOW["ModelDeployment"]
    assert "v1alpha1: no sub-resource status any more" in list(
        of_kind(deployments, {**deployments, "spec": new["spec"]})
    )
