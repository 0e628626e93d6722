"""A real API server with Serin's CRDs and rights on it, shared by all tests here; a namespace for each of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import cast

import pytest

from e2e.deploy import ClusterApi, install
from e2e.deploy.cluster import wait_until
from e2e.sandbox import parts
from e2e.sandbox.build import resolve_manifests
from e2e.sandbox.cache import Cache, default_root
from e2e.sandbox.plan import Profile
from e2e.sandbox.released import load
from e2e.sandbox.sandbox import Sandbox
from tools.kserve_manifests.collect import KSERVE_API

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


def serve_inference_services(api: ClusterApi) -> None:
    """Have the API server serve KServe's own InferenceServices, with their schema."""
    manifests = resolve_manifests(parts.load(), Cache(default_root()))
    assert manifests is not None, "the sandbox's parts are not built"
    for crd in load(manifests).kserve_crds:
        if crd["spec"]["names"]["kind"] == "InferenceService":
            api.apply(crd)
    wait_until(lambda: api.serves(KSERVE_API, "InferenceService"), what="KServe's kinds are served", seconds=60)
