"""One sandbox and one operator for all scenarios; a namespace for each."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e.deploy import ClusterApi, OperatorProcess, OperatorSettings, install
from e2e.sandbox.sandbox import Sandbox
from e2e.scenarios.history import History
from e2e.scenarios.site import KSERVE_API, MODEL, Site

if TYPE_CHECKING:
    from collections.abc import Iterator

NUMBERS = itertools.count(1)
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace"}
MOST_SECONDS = 300
"""A scenario that takes longer is ended from outside; each wait in it has a bound of its own, which says more."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All that is collected here is played on the sandbox, and takes longer than a test of functions."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.sandbox)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(MOST_SECONDS))


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """The one that runs under this name, or a new one that ends with the session."""
    with Sandbox.running("scenarios") as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def api(sandbox: Sandbox) -> Iterator[ClusterApi]:
    """The administrator's view."""
    with ClusterApi(sandbox.kubeconfig) as api:
        yield api


@pytest.fixture(scope="session")
def shared_operator(
    sandbox: Sandbox, api: ClusterApi, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """The operator, as its own process with its own service account."""
    namespace, account = install(api)
    settings = OperatorSettings(
        kubeconfig=sandbox.kubeconfig_for(namespace, account),
        prometheus_url=sandbox.prometheus_url,
        log=tmp_path_factory.mktemp("operator") / "operator.log",
        extra=(("SERIN_RESYNC", "10s"),),
    )
    with OperatorProcess(settings) as operator:
        yield operator


@pytest.fixture
def operator(shared_operator: OperatorProcess) -> OperatorProcess:
    """The operator, running: a scenario before this one may have killed it."""
    if shared_operator.pid is None:
        shared_operator.start()
    return shared_operator


@pytest.fixture
def site(
    sandbox: Sandbox,
    api: ClusterApi,
    operator: OperatorProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """A fresh namespace; emptied afterwards, so that its pods do not slow the next scenario down."""
    # A namespace takes seconds to end: none is used twice, not even by two sessions on one sandbox.
    name = f"s{next(NUMBERS)}-{int(time.time()) % 100000}"
    api.apply(NAMESPACE | {"metadata": {"name": name}})
    with History(api, name) as history:
        yield Site(sandbox, api, operator, name, tmp_path_factory.mktemp(name), history)
        contradictions = history.contradictions()
    api.delete("serin.dev/v1alpha1", "ModelDeployment", MODEL, name)
    for service in api.list(KSERVE_API, "InferenceService", name):
        api.delete(KSERVE_API, "InferenceService", service["metadata"]["name"], name)
    api.delete("v1", "Namespace", name)
    assert not contradictions
