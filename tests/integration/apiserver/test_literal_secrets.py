"""A secret in plain text is refused at admission by the same rule as the operator's: the table of its unit tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from e2e.deploy import ClusterApi
from e2e.deploy.cluster import Json
from tests.integration.apiserver import objects
from tests.integration.apiserver.tenants import creation, settled, values
from tests.literal_secrets import (
    HARMLESS,
    HARMLESS_NAMES,
    HARMLESS_VALUES,
    IN_A_URI,
    NAMED,
    OTHER_VALUES,
    PLAIN_URIS,
    SECRET_NAMES,
    SECRET_URIS,
    container,
    env,
)

pytestmark = pytest.mark.apiserver
START = "serin.dev/modeldeployments: spec.predictor, spec.transformer: "
IN_ADDRESS = START + "a value of env, or an argument, has a password or a signature in an address"
IN_MODEL_URI = "serin.dev/modeldeployments: spec.model.uri: it has a password or a signature in it"


@pytest.fixture(scope="module")
def namespace(namespace_of_module: str) -> str:
    """Nothing is stored here."""
    return namespace_of_module


@pytest.fixture(scope="module", autouse=True)
def _nobody_restores(api: ClusterApi, namespace: str) -> Iterator[None]:
    """The tests' own account is that of a backup tool, whose ModelDeployments are not asked."""
    with values(api, "modeldeployments", restoreAccounts="[]"):
        settled(lambda: creation(api, asked(namespace, env("HF_TOKEN"))), "HF_TOKEN")
        yield


def asked(namespace: str, predictor: Json, uri: str = "s3://models/fraud/1") -> Json:
    """A ModelDeployment with this predictor and nothing else in it."""
    item = objects.model_deployment(namespace)
    item["spec"]["model"]["uri"], item["spec"]["predictor"] = uri, predictor
    return item


def variables(*pairs: tuple[str, str]) -> Json:
    """A container with these variables."""
    return container(env=[{"name": name, "value": value} for name, value in pairs])


def names(answer: str) -> list[str]:
    """Whose values are refused."""
    found, _, rest = answer.partition(START + "the literal value of ")[2].partition(" would stand in records")
    assert rest, answer
    return found.split(", ")


def test_every_name_that_holds_a_secret_is_told(api: ClusterApi, namespace: str) -> None:
    pairs = [(name, "hunter2") for name in (*SECRET_NAMES, *HARMLESS_NAMES)]
    answer = creation(api, asked(namespace, variables(*pairs)))
    assert names(answer) == SECRET_NAMES
    assert "hunter2" not in answer
    options = container(args=[part for name, value in pairs for part in (f"--{name}", value)])
    assert names(creation(api, asked(namespace, options))) == [f"--{name}" for name in SECRET_NAMES]


def test_no_harmless_name_is_refused(api: ClusterApi, namespace: str) -> None:
    assert creation(api, asked(namespace, variables(*((name, "hunter2") for name in HARMLESS_NAMES)))) == ""


def test_a_harmless_value_is_accepted_under_any_name(api: ClusterApi, namespace: str) -> None:
    harmless = [(f"HARMLESS_{number}_TOKEN", value) for number, value in enumerate(["", *HARMLESS_VALUES])]
    others = [(f"OTHER_{number}_TOKEN", value) for number, value in enumerate(OTHER_VALUES)]
    assert creation(api, asked(namespace, variables(*harmless))) == ""
    assert names(creation(api, asked(namespace, variables(*harmless, *others)))) == [name for name, _ in others]


@pytest.mark.parametrize(("predictor", "name"), NAMED)
def test_a_secret_under_a_name(api: ClusterApi, namespace: str, predictor: Json, name: str) -> None:
    assert names(creation(api, asked(namespace, predictor))) == [name]


@pytest.mark.parametrize("predictor", IN_A_URI)
def test_a_secret_in_an_address(api: ClusterApi, namespace: str, predictor: Json) -> None:
    answer = creation(api, asked(namespace, predictor))
    assert IN_ADDRESS in answer
    assert "hunter2" not in answer


@pytest.mark.parametrize("uri", SECRET_URIS)
def test_a_uri_with_a_secret(api: ClusterApi, namespace: str, uri: str) -> None:
    assert IN_MODEL_URI in creation(api, asked(namespace, {"model": {}}, uri))
    assert IN_MODEL_URI in creation(api, asked(namespace, {"model": {}, "storageUris": [{"uri": uri}]}))
    assert IN_ADDRESS in creation(api, asked(namespace, env("SOURCE", uri)))


@pytest.mark.parametrize("uri", PLAIN_URIS)
def test_a_uri_without_one(api: ClusterApi, namespace: str, uri: str) -> None:
    predictor = env("SOURCE", uri) | {"storageUris": [{"uri": uri}]}
    assert creation(api, asked(namespace, predictor, uri)) == ""


@pytest.mark.parametrize("predictor", HARMLESS)
def test_no_secret_in_plain_text(api: ClusterApi, namespace: str, predictor: dict[str, Any]) -> None:
    assert creation(api, asked(namespace, predictor)) == ""


def test_the_values_of_the_chart_lift_it(api: ClusterApi, namespace: str) -> None:
    both = env("HF_TOKEN", "https://ana:hunter2@h")
    with values(api, "modeldeployments", restoreAccounts="[]", literalSecretsAllowed="true"):
        settled(lambda: creation(api, asked(namespace, both, SECRET_URIS[0])), "")
    settled(lambda: creation(api, asked(namespace, both)), "HF_TOKEN")


def test_a_large_object_is_not_too_dear(api: ClusterApi, namespace: str) -> None:
    """The API server bounds the cost of an expression; 32 containers of 100 variables and arguments are not near it."""
    some = [{"name": f"VARIABLE_NUMBER_{number}", "value": "x" * 200} for number in range(90)]
    some += [{"name": f"MAX_TOKEN_NUMBER_{number}", "value": "10"} for number in range(10)]
    arguments = [
        part for number in range(50) for part in (f"--option-number-{number}=1", "https://models.example.com/a")
    ]
    containers = [{"name": f"c{number}", "env": some, "args": arguments} for number in range(32)]
    assert creation(api, asked(namespace, {"containers": containers})) == ""
