"""A policy from a file: its spec and the fields that nobody reads, or one line that says what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from serin.api.files.load import policy_from_yaml
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
        ("kind: 2026-99-99", "P.yaml: kind: expected PromotionPolicy, found '2026-99-99'"),
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
        ({"window": 15}, "must be of type string, found integer 15: it is not a duration such as 15s"),
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


HEAD = "apiVersion: serin.dev/v1alpha1\nkind: PromotionPolicy\n"
SLO = "{name: a, objective: '99.0', indicator: {availability: {}}}"
STEPS = "[{weight: 5, for: 1m}]"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("objective: '99.9'\n    objective: '90.0'", "P.yaml:7: 'objective' is there twice, first in line 6"),
        ("objective: '99.9'\n    'objective': '90.0'", "P.yaml:7: 'objective' is there twice, first in line 6"),
        ("objective: '99.9'\n    indicator: {latency: {}}", "'indicator' is there twice"),
        ("<<: {severity: Required}\n    <<: {severity: Advisory}", "'<<' is there twice"),
    ],
)
def test_a_key_that_stands_twice_is_refused_as_kubectl_does(text: str, expected: str) -> None:
    policy = f"{HEAD}spec:\n  slos:\n  - name: a\n    {text}\n    indicator: {{availability: {{}}}}\n  steps: {STEPS}\n"
    assert expected in refusal(policy)


def test_a_key_that_stands_twice_is_refused_in_json_too() -> None:
    assert refusal('{"kind": "PromotionPolicy", "spec": {}, "spec": {}}').endswith(
        "'spec' is there twice, first in line 1"
    )


@pytest.mark.parametrize(
    ("spec_text", "expected"),
    [
        (
            "slos: [{name: a, objective: 99.5}]",
            'slos[0].objective: must be of type string, found number 99.5: write "99.5"',
        ),
        ("slos: [{name: a, objective: 99}]", 'slos[0].objective: must be of type string, found integer 99: write "99"'),
        ("slos: [{name: 7}]", "slos[0].name: must be of type string, found integer 7"),
        ("slos: [{name: yes}]", "slos[0].name: must be of type string, found boolean True: put the word into quotes"),
        ("slos: {name: a}", "slos: must be of type array, found object of 1"),
        ("slos: [{name: a, indicator: [availability]}]", "slos[0].indicator: must be of type object, found array of 1"),
        (
            f"slos: [{SLO}]\n  analysis: {{alpha: 0.01}}",
            "analysis.alpha: must be of type string, found number 0.01: write",
        ),
        (
            f"slos: [{SLO}]\n  analysis: {{minBadWindows: '2'}}",
            "minBadWindows: must be of type integer, found string '2': write 2",
        ),
        (
            f"slos: [{SLO}]\n  analysis: {{minBadWindows: 1.5}}",
            "minBadWindows: must be of type integer, found number 1.5",
        ),
        (
            f"slos: [{SLO}]\n  shadowSafe: 'true'",
            "shadowSafe: must be of type boolean, found string 'true': write true without",
        ),
        (
            f"slos: [{SLO}]\n  prepareTimeout: 600",
            "prepareTimeout: must be of type string, found integer 600: it is not a dur",
        ),
        (f"slos: [{SLO}]\n  arms: {{}}", "spec.arms: must be of type string, found object of 0"),
        (f"slos: [{SLO}]\n  analysis: 5", "spec.analysis: must be of type object, found integer 5"),
    ],
)
def test_what_has_another_type_than_the_api_server_takes(spec_text: str, expected: str) -> None:
    assert expected in refusal(f"{HEAD}spec:\n  {spec_text}\n  steps: {STEPS}\n")


def test_a_weight_in_quotes() -> None:
    policy = f"{HEAD}spec: {{slos: [{SLO}], steps: [{{weight: '5', for: 1m}}]}}"
    assert (
        refusal(policy)
        == "P.yaml: spec.steps[0].weight: must be of type integer, found string '5': write 5 without quotes"
    )


def test_what_the_api_server_takes_is_taken() -> None:
    policy = (
        f"{HEAD}metadata: {{name: 2026-11-22}}\nspec: {{slos: [{SLO}], bake: null, steps: [{{weight: 5.0, for: 1m}}]}}"
    )
    found, unknown = policy_from_yaml("\ufeff" + policy, "P.yaml")
    assert (found.steps[0].weight, found.bake, unknown) == (5, None, [])


def test_the_names_that_python_has_for_fields_are_no_fields() -> None:
    given = {**spec(analysis={"max_ratio": "9"}), "status": {}}
    found, unknown = policy_from_yaml(
        yaml.safe_dump({"kind": "PromotionPolicy", "spec": given, "status": {}}), "P.yaml"
    )
    assert str(found.analysis.max_ratio) == "1.5"
    assert unknown == ["status", "spec.analysis.max_ratio", "spec.status"]
