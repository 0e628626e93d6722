"""What a ModelDeployment may ask for: names that end up in labels, hostnames and URLs."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from serin.api.model_deployment import ModelDeploymentSpec
from tests.lab import spec

LONG = "a" * 64


def refused(changed: dict[str, Any]) -> bool:
    try:
        ModelDeploymentSpec.model_validate(changed)
    except ValidationError:
        return True
    return False


@pytest.mark.parametrize("field", ["version", "servedName"])
@pytest.mark.parametrize(
    ("word", "fits"),
    [
        ("42", True),
        ("2026.11_rc-1", True),
        (LONG[:63], True),
        (LONG, False),
        ("", False),
        ("-1", False),
        ("1.", False),
        ("a b", False),
        ("a/b", False),
        ("42\n", False),
    ],
)
def test_a_version_is_a_label_value(field: str, word: str, *, fits: bool) -> None:
    wanted = spec("1")
    assert refused(wanted | {"model": wanted["model"] | {field: word}}) is not fits


@pytest.mark.parametrize(
    ("hostname", "fits"),
    [
        ("fraud.example.com", True),
        ("*.example.com", True),
        ("fraud", True),
        ("*", False),
        ("a.*.example.com", False),
        ("Fraud.example.com", False),
        ("a..example.com", False),
        ("fraud.example.com.", False),
        ("fraud.example.com:80", False),
        ("", False),
    ],
)
def test_a_hostname_is_one_of_the_gateway_api(hostname: str, *, fits: bool) -> None:
    wanted = spec("1")
    assert refused(wanted | {"route": wanted["route"] | {"hostnames": [hostname]}}) is not fits


@pytest.mark.parametrize("hostnames", [[], [f"a{number}.example.com" for number in range(17)]])
def test_a_route_has_one_to_sixteen_hostnames(hostnames: list[str]) -> None:
    wanted = spec("1")
    assert refused(wanted | {"route": wanted["route"] | {"hostnames": hostnames}})


@pytest.mark.parametrize(
    ("digest", "fits"),
    [
        (f"sha256:{'9f' * 32}", True),
        (f"sha512:{'9f' * 64}", True),
        ("9f" * 32, False),
        (f"sha256:{'9F' * 32}", False),
        (f"md5:{'9f' * 16}", False),
    ],
)
def test_a_digest_names_its_algorithm(digest: str, *, fits: bool) -> None:
    wanted = spec("1")
    assert refused(wanted | {"model": wanted["model"] | {"digest": digest}}) is not fits


@pytest.mark.parametrize("word", [{"mode": "Serverless"}, {"onNewRevision": "Ignore"}])
def test_a_word_of_spec_that_is_not_known_is_refused(word: dict[str, str]) -> None:
    assert refused(spec("1") | word), "in status another version's word is kept, in spec it is a user's mistake"


def test_a_predictor_passes_through_unchanged() -> None:
    predictor = {"model": {"modelFormat": {"name": "sklearn"}, "env": [{"name": "A", "value": None}]}, "newField": {}}
    assert ModelDeploymentSpec.model_validate(spec("1", predictor=predictor)).to_api()["predictor"] == predictor
