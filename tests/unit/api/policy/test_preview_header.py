"""Which headers may lead testers to a candidate: none that somebody else puts on every client's request."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from serin.api.files.load import policy_from_yaml
from serin.api.policy.preview_header import SET_BY_OTHERS, Header
from serin.errors import InvalidInput
from tests.fuzz import fuzzed

CRD = Path(__file__).parents[4] / "crds/promotionpolicies.yaml"
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def rule_patterns() -> list[re.Pattern[str]]:
    """The regular expressions of the header's rules in the definition: of the name, and of the value."""
    version = yaml.safe_load(CRD.read_text("utf-8"))["spec"]["versions"][0]
    preview = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["preview"]
    found = [rule["rule"] for rule in preview["properties"]["header"]["x-kubernetes-validations"]]
    return [re.compile(rule.partition("matches('")[2].removesuffix("')")) for rule in found]


NAMES, VALUES = rule_patterns()


@pytest.mark.parametrize(
    "name",
    [
        "x-forwarded-proto",
        "X-Forwarded-Proto",
        "X-FORWARDED-FOR",
        "x-forwarded-client-cert",
        "x-envoy-original-path",
        "x-envoy-external-address",
        "x-request-id",
        "X-Request-Id",
        "x-request-start",
        "x-real-ip",
        "x-b3-sampled",
        "x-b3-traceid",
        "x-ot-span-context",
        "x-amzn-trace-id",
        "x-amz-cf-id",
        "x-cloud-trace-context",
        "x-client-ip",
        "x-client-trace-id",
        "x-cluster-client-ip",
        "x-original-uri",
        "x-scheme",
        "x-requested-with",
        "x-istio-attributes",
        "x-http-method-override",
    ],
)
def test_a_header_that_somebody_else_sets_starts_no_rollout(name: str) -> None:
    problem = Header(name=name, value="candidate").problem
    assert problem is not None
    assert f"name: {name}: a gateway, proxy or browser sets or reads headers of this name" in problem


@pytest.mark.parametrize(
    "name",
    [
        "forwarded",
        "via",
        "traceparent",
        "tracestate",
        "b3",
        "uber-trace-id",
        "host",
        "cookie",
        "authorization",
        ":path",
    ],
)
def test_a_header_that_is_not_ones_own_is_none_at_all(name: str) -> None:
    with pytest.raises(ValidationError, match="match pattern"):
        Header(name=name, value="candidate")


@pytest.mark.parametrize("name", ["x-preview", "X-Preview", "x-other", "x-booking-team", "x-b3ta", "x-clouds", "x-p"])
def test_a_header_of_ones_own_is_taken(name: str) -> None:
    assert Header(name=name, value="candidate").problem is None


@pytest.mark.parametrize("value", ["1", "https", "1234567", "a value", "12345678, 9", "12345678;q=1", '"12345678"'])
def test_a_value_that_others_may_send_by_chance_starts_no_rollout(value: str) -> None:
    assert "at least 8 characters" in (Header(name="x-preview", value=value).problem or "")


@fuzzed()
@given(
    st.sampled_from(SET_BY_OTHERS),
    st.text(f"{LETTERS}-", max_size=20),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_no_case_and_no_ending_makes_it_ones_own(word: str, rest: str, ends: bool, draw: Any) -> None:  # noqa: FBT001
    spelled = f"x-{word}" if ends else f"x-{word}-{rest}"
    name = "".join(draw.choice((letter.lower(), letter.upper())) for letter in spelled)
    assert Header(name=name, value="candidate").problem is not None


@fuzzed()
@given(st.text(LETTERS, min_size=1, max_size=12), st.text(f"{LETTERS}-", max_size=20), st.text(max_size=40))
def test_the_definition_and_the_operator_refuse_the_same(word: str, rest: str, value: str) -> None:
    name = f"x-{word}-{rest}"
    assert (Header(name=name, value="candidate").problem is not None) is (word in SET_BY_OTHERS)
    assert bool(NAMES.search(name)) is (word in SET_BY_OTHERS)
    try:
        header = Header(name="x-preview", value=value)
    except ValidationError:
        return
    assert (header.problem is None) is bool(VALUES.search(value))


POLICY = """
apiVersion: serin.dev/v1alpha1
kind: PromotionPolicy
spec:
  slos: [{name: availability, objective: "99.0", indicator: {availability: {}}}]
  steps: [{weight: 5, for: 1m}]
  preview: {for: 1m, header: {name: NAME, value: VALUE}}
"""


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("X-Forwarded-Proto", "candidate", r"p\.yaml: spec\.preview\.header\.name: X-Forwarded-Proto: a gateway"),
        ("x-preview", "v2", r"p\.yaml: spec\.preview\.header\.value: the value has at least 8"),
    ],
)
def test_a_policy_file_with_such_a_header_is_refused(name: str, value: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        policy_from_yaml(POLICY.replace("NAME", name).replace("VALUE", value), "p.yaml")
    assert policy_from_yaml(POLICY.replace("NAME", "x-preview").replace("VALUE", "candidate"), "p.yaml")
