"""Whose series count: what the operator's settings may say, and what is told of settings that say something else."""

from __future__ import annotations

import pytest

from serin.errors import InvalidInput
from serin.prometheus.server.arms import settings_from, unguarded
from serin.prometheus.server.credentials import servers_from
from serin.schema.choices import Arms

ONE = "{Contour: {matchers: {job: envoy, namespace: projectcontour}}}"


@pytest.mark.parametrize("text", ["", "  \n", "{}"])
def test_nothing_said_is_nothing_required(text: str) -> None:
    assert settings_from(text, "x") == {}


@pytest.mark.parametrize("text", [ONE, '{"Contour": {"matchers": {"job": "envoy", "namespace": "projectcontour"}}}'])
def test_yaml_or_json(text: str) -> None:
    assert settings_from(text, "x")[Arms.CONTOUR].matchers == {"job": "envoy", "namespace": "projectcontour"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[", "X:1: not YAML"),
        ("Contour", "X: Input should be a valid dictionary"),
        ("{Contuor: {matchers: {job: a}}}", "X: Contuor: Input should be 'Contour', 'Istio'"),
        ("{Contour: {job: envoy}}", "X: Contour.matchers: Field required"),
        ("{Contour: {matchers: {}}}", "X: Contour.matchers: Dictionary should have at least 1 item"),
        ("{Contour: {matchers: {job: [envoy]}}}", "X: Contour.matchers.job: Input should be a valid string"),
        ("{Contour: {matchers: {job: ''}}}", "X: Contour.matchers.job: String should have at least 1 character"),
        ('{Contour: {matchers: {job: "a\\nb"}}}', "X: Contour.matchers.job: a label's value of printable characters"),
        ("{Contour: {matchers: {'x-y': a}}}", "X: Contour.matchers.x-y: a label's name has letters, digits and _ only"),
        ("""{Contour: {matchers: {'a"} or up{b': a}}}""", "a label's name has letters, digits and _ only"),
        ("{Contour: {matchers: {__name__: a}}}", "X: Contour.matchers.__name__: this label does not tell who"),
        ("{Contour: {matchers: {le: a}}}", "X: Contour.matchers.le: this label does not tell who"),
        (
            "{Contour: {matchers: {envoy_cluster_name: a}}}",
            "X: Contour.matchers.envoy_cluster_name: Serin itself fills in this label",
        ),
        ("{Pod: {matchers: {namespace: a}}}", "X: Pod.matchers.namespace: Serin itself fills in this label"),
        ("{Istio: {matchers: {reporter: a}}}", "X: Istio.matchers.reporter: Serin itself fills in this label"),
    ],
)
def test_what_is_wrong_is_one_line(text: str, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        settings_from(text, "X")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_server_has_its_own_or_the_default() -> None:
    text = f"servers: [{{url: 'http://own', arms: {ONE}}}, {{url: 'http://other'}}]"
    default = settings_from("{Contour: {matchers: {job: gateway}}, Pod: {matchers: {job: models}}}", "x")
    own, other = (server.with_default(default).required_matchers for server in servers_from(text, "x"))
    assert own == {
        Arms.CONTOUR: {"job": "envoy", "namespace": "projectcontour"},
        Arms.POD: {"job": "models"},
    }
    assert other == {Arms.CONTOUR: {"job": "gateway"}, Arms.POD: {"job": "models"}}


def test_wrong_arms_of_a_server_are_told_with_their_place() -> None:
    with pytest.raises(InvalidInput, match=r"f\.yaml: servers\.0\.arms\.Contour\.matchers\.x-y: a label's name"):
        servers_from("servers: [{url: 'http://p', arms: {Contour: {matchers: {x-y: a}}}}]", "f.yaml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [Arms.CONTOUR, Arms.ISTIO, Arms.ENVOY_GATEWAY, Arms.KOURIER]),
        ("{Pod: {matchers: {job: models}}}", [Arms.CONTOUR, Arms.ISTIO, Arms.ENVOY_GATEWAY, Arms.KOURIER]),
        (ONE, []),
    ],
)
def test_whose_counts_can_be_forged(text: str, expected: list[Arms]) -> None:
    required = {arms: settings.matchers for arms, settings in settings_from(text, "x").items()}
    assert unguarded(required) == expected
