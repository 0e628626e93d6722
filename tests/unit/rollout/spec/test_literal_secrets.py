"""A secret in plain text is refused before a record keeps it; what only looks like one is not."""

from __future__ import annotations

from typing import Any

import pytest

from serin.rollout.spec.literal_secrets import literal_secret
from serin.schema.reasons import Reason
from tests.literal_secrets import HARMLESS, IN_A_URI, NAMED, PLAIN_URIS, SECRET_URIS, Predictor, args, env

MODEL = {"uri": "s3://models/fraud/42"}


def message(model: dict[str, Any], predictor: Predictor) -> str:
    """What is said of a secret in plain text; never the secret, always how to lift the rule."""
    problem = literal_secret(model, predictor)
    assert problem is not None
    assert problem.reason is Reason.SPEC_INVALID
    assert "hunter2" not in problem.message
    assert "SERIN_LITERAL_SECRETS=Allow" in problem.message
    return problem.message


@pytest.mark.parametrize(("predictor", "name"), NAMED)
def test_a_secret_under_a_name(predictor: Predictor, name: str) -> None:
    assert f": {name} has a secret" in message(MODEL, predictor).replace(": option ", ": ")


@pytest.mark.parametrize("predictor", IN_A_URI)
def test_a_secret_in_an_address(predictor: Predictor) -> None:
    assert message(MODEL, predictor).startswith("spec.predictor.")


@pytest.mark.parametrize("uri", SECRET_URIS)
def test_a_uri_with_a_secret(uri: str) -> None:
    assert message({"uri": uri}, {}).startswith("spec.model.uri has a password or a signature")
    told = message(MODEL, {"storageUris": [{"uri": "s3://models/a"}, {"uri": uri}]})
    assert told.startswith("spec.predictor.storageUris[1].uri has a password or a signature")


@pytest.mark.parametrize("uri", PLAIN_URIS)
def test_a_uri_without_one(uri: str) -> None:
    assert literal_secret({"uri": uri}, {"storageUris": [{"uri": uri}]}) is None


@pytest.mark.parametrize(
    ("predictor", "where"),
    [
        (env("HF_TOKEN"), "spec.predictor.model.env: HF_TOKEN has a secret"),
        ({"containers": [{}, {"env": [{"name": "PASSWORD", "value": "hunter2"}]}]}, "containers[1].env: PASSWORD has"),
        ({"initContainers": [{"command": ["x", "--token=hunter2"]}]}, "initContainers[0]: option --token has"),
        ({"sklearn": {"args": ["--token=hunter2"]}}, "spec.predictor.sklearn: option --token has a secret"),
        (args("https://ana:hunter2@h/x"), "spec.predictor.model.args[0] has a password or a signature in an address"),
    ],
)
def test_it_is_said_where_it_stands(predictor: Predictor, where: str) -> None:
    assert where in message(MODEL, predictor)


@pytest.mark.parametrize(
    "predictor",
    [
        *HARMLESS,
        {},
        {"model": {"env": "HF_TOKEN", "args": {"a": 1}}, "containers": ["x", None], "initContainers": 3},
        {"model": {"env": [None, "x", {"value": "x"}, {"name": "HF_TOKEN", "value": 3}], "args": [None, 3]}},
        {"model": {"storage": "x"}},
        {"model": {"storage": {"parameters": ["secret"]}}},
        {"model": {"storage": {"parameters": {"secret": 1}}}},
        {"storageUris": [None, {"mountPath": "/x"}, {"uri": None}]},
    ],
)
def test_no_secret_in_plain_text(predictor: Predictor) -> None:
    assert literal_secret(MODEL, predictor) is None
