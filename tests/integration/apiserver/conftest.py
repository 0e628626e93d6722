"""A real API server with Serin's CRDs and rights on it, shared by all tests here; a namespace for each of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import cast

import pytest

from e2e.deploy import ClusterApi, install
from e2e.sandbox.plan import Profile
from e2e.sandbox.sandbox import Sandbox

NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """etcd and the API server only: the one that runs under this name, or a new one that ends with the session."""
    with Sandbox.running("integration", profile=Profile.APISERVER) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def api(sandbox: Sandbox) -> Iterator[ClusterApi]:
    """The administrator's view, with Serin installed."""
    with ClusterApi(sandbox.kubeconfig) as api:
        install(api)
        yield api


@pytest.fixture(scope="session")
def as_operator(sandbox: Sandbox, api: ClusterApi) -> Iterator[ClusterApi]:
    """The cluster with the rights of the operator's service account."""
    namespace, account = install(api)
    with ClusterApi(sandbox.kubeconfig_for(namespace, account)) as limited:
        yield limited


def new_namespace(api: ClusterApi) -> str:
    """A namespace that nobody has used. It stays: without controllers a namespace is never finally deleted."""
    item = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": f"test-{next(NUMBERS)}-"}}
    made = api._send("POST", "/api/v1/namespaces", json=item)
    return cast("str", made["metadata"]["name"])


@pytest.fixture
def namespace(api: ClusterApi) -> str:
    """A namespace of its own."""
    return new_namespace(api)


@pytest.fixture(scope="module")
def namespace_of_module(api: ClusterApi) -> str:
    """One namespace for all tests of a module, for those that store nothing in it."""
    return new_namespace(api)
