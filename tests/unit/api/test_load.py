"""A policy from a file: its spec and the fields that nobody reads, or one line that says what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from serin.api.load import policy_from_yaml
from serin.errors import InvalidInput
from tests.window_lines import SLOS, spec


def refusal(text: str) -> str:
    with pytest.raises(InvalidInput) as caught:
        policy_from_yaml(text, "P.yaml")
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [", "P.yaml:1: not YAML: "),
        ("--- 1\n--- 2\n", "P.yaml"),
        ("[]", "P.yaml: expected a PromotionPolicy, found list"),
        ("kind: Policy", "P.yaml: kind: expected PromotionPolicy, found 'Policy'"),
        ("kind: PromotionPolicy\napiVersion: v1", "P.yaml: apiVersion: expected serin.dev/v1alpha1, found 'v1'"),
        ("kind: PromotionPolicy", "P.yaml: spec: "),
        ("kind: 2026-99-99", "P.yaml: not YAML: "),
        ("[" * 3000, "P.yaml: not YAML: it is nested too deeply"),
        ("kind: PromotionPolicy\nspec: {slos: [], steps: []}", "P.yaml: spec.slos: "),
    ],
)
def test_a_bad_policy_is_told_in_one_line(text: str, expected: str) -> None:
    assert expected in refusal(text)


@pytest.mark.parametrize(
    ("analysis", "expected"),
    [
        ({"alpha": "0"}, "spec.analysis: alpha is within (0, 0.2]"),
        ({"alpha": "nan"}, "spec.analysis.alpha: "),
        ({"beta": "0.9"}, "beta is within (0, 0.5]"),
        ({"maxRatio": "0.5"}, "maxRatio is at least 1"),
        ({"window": "0s"}, "window is within 1s and 5m"),
        ({"window": "soon"}, "'soon' is not a duration"),
        ({"compare": "Both"}, "spec.analysis.compare: "),
        ({"alpha": "1e-400"}, "'1e-400' is not a decimal number"),
        ({"maxRatio": 1e308}, "spec.analysis.maxRatio: "),
        ({"window": 15}, "15 is not a duration such as"),
    ],
)
def test_bad_analysis(analysis: dict[str, Any], expected: str) -> None:
    assert expected in refusal(yaml.safe_dump({"kind": "PromotionPolicy", "spec": spec(analysis=analysis)}))


def test_fields_that_no_policy_has_are_named() -> None:
    given = {**spec(analysis={"alhpa": "0.1"}), "gatse": [], "slos": [{**SLOS[0], "target": 1}]}
    _, unknown = policy_from_yaml(yaml.safe_dump({"kind": "PromotionPolicy", "spec": given}), "P.yaml")
    assert sorted(unknown) == ["spec.analysis.alhpa", "spec.gatse", "spec.slos[0].target"]


def test_the_names_of_gates_differ() -> None:
    gate = {"name": "cab", "before": "Start", "approval": {}}
    given = {"kind": "PromotionPolicy", "spec": spec(gates=[gate, gate])}
    assert "spec.gates: names must differ, found cab, cab" in refusal(yaml.safe_dump(given))


def test_the_names_of_slos_differ() -> None:
    given = {"kind": "PromotionPolicy", "spec": spec(slos=[SLOS[0], SLOS[0]])}
    assert refusal(yaml.safe_dump(given)) == "P.yaml: spec.slos: names must differ, found availability, availability"
