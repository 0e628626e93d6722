"""One cluster and one operator for all scenarios; a namespace for each. `--provider kind` plays them on kind,
`--provider kind-knative` on kind with Knative, `--provider knative` on a sandbox with Knative, `--provider kourier` and
`kind-kourier` the same behind Kourier, and `--provider envoy-gateway` on a sandbox behind Envoy Gateway, where those
are in the cache."""

from __future__ import annotations

import itertools
import pkgutil
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from e2e.deploy import ClusterApi
from e2e.deploy.installed import InstalledProcess
from e2e.sandbox.extra import ExtraSandbox
from e2e.scenarios.alertmanager import Alertmanager, OnCall
from e2e.scenarios.clients import FAILED_REQUESTS
from e2e.scenarios.history import History
from e2e.scenarios.knative_site import KnativeSite
from e2e.scenarios.local_server import built
from e2e.scenarios.provider import skip_what_is_lacking
from e2e.scenarios.quick_server import QuickSite
from e2e.scenarios.site import KSERVE_API, MODEL, Site
from e2e.scenarios.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from e2e.scenarios.provider import Installation, Provider

NUMBERS = itertools.count(1)
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace"}
MOST_SECONDS = 300
"""A scenario that takes longer is ended from outside; each wait in it has a bound of its own, which says more."""
RESYNC = "10s"
PROVIDERS = {
    "sandbox": "e2e.sandbox.sandbox:Sandbox",
    "knative": "e2e.sandbox.knative.sandbox:KnativeSandbox",
    "kourier": "e2e.sandbox.kourier.sandbox:KourierSandbox",
    "envoy-gateway": "e2e.sandbox.envoygateway.sandbox:EnvoyGatewaySandbox",
    "kind": "e2e.kind.cluster:Kind",
    "kind-knative": "e2e.kind.knative:KnativeKind",
    "kind-kourier": "e2e.kind.kourier:KourierKind",
}
"""The class of each, by module and name."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """On what to play."""
    parser.addoption(
        "--provider",
        choices=tuple(PROVIDERS),
        default="sandbox",
    )
    parser.addoption(
        "--quick-models",
        action="store_true",
        help="in mode Knative: models that answer without a model (quick_server.py)",
    )
    parser.addoption("--rate", type=int, default=None, help="requests per second that this machine carries at most")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """All that is collected here takes longer than a test of functions, and may need what the provider lacks."""
    ours = [item for item in items if item.path.is_relative_to(Path(__file__).parent)]
    for item in ours:
        item.add_marker(pytest.mark.sandbox)
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(MOST_SECONDS))
    name = config.getoption("--provider")
    skip_what_is_lacking(ours, name, _provider(name).capabilities)


def _provider(name: str) -> type[Any]:
    """The class of the provider; imported only when it is wanted."""
    return cast("type[Any]", pkgutil.resolve_name(PROVIDERS[name]))


@pytest.fixture(scope="session")
def provider(request: pytest.FixtureRequest) -> Iterator[Provider]:
    """The one that runs, or a new one that ends with the session."""
    name = request.config.getoption("--provider")
    chosen = _provider(name)
    if issubclass(chosen, ExtraSandbox) and not chosen.is_built():
        pytest.skip(f"{name} is not in the cache: `serin-sandbox up --with {name}` builds it")
    arguments = () if name.startswith("kind") else ("scenarios",)
    running: AbstractContextManager[Provider] = chosen.running(*arguments)
    with running as provider:
        most = request.config.getoption("--rate")
        provider.steady_rate = most or provider.steady_rate
        provider.quick_rate = most or provider.quick_rate
        yield provider


@pytest.fixture(scope="session")
def api(provider: Provider) -> Iterator[ClusterApi]:
    """The administrator's view."""
    with ClusterApi(provider.kubeconfig) as api:
        yield api


@pytest.fixture(scope="session")
def shared_operator(
    provider: Provider, api: ClusterApi, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """The operator: installed by its chart where pods run, otherwise a process with the chart's rights."""
    log = tmp_path_factory.mktemp("operator") / "operator.log"
    if "pods" in provider.capabilities:
        from e2e.kind.release import released

        with released(provider, api, log, resync=RESYNC) as installed:  # type: ignore[arg-type]
            yield installed
        return
    with InstalledProcess(
        api, provider.kubeconfig_for, prometheus_url=provider.prometheus_url, log=log, resync=RESYNC
    ) as process:
        yield process


@pytest.fixture
def operator(shared_operator: Installation) -> Installation:
    """The operator, running: a scenario before this one may have killed it."""
    if not shared_operator.running:
        shared_operator.start()
    return shared_operator


@pytest.fixture
def site(
    provider: Provider,
    api: ClusterApi,
    operator: Installation,
    tmp_path_factory: pytest.TempPathFactory,
    record_property: Callable[[str, object], None],
) -> Iterator[Site]:
    """A fresh namespace; emptied afterwards, so that its pods do not slow the next scenario down."""
    with _played(provider, api, operator, tmp_path_factory) as played:
        record_property(FAILED_REQUESTS, played.clients)
        yield played


@pytest.fixture
def staging(
    provider: Provider, api: ClusterApi, operator: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Another one: the environment before this one."""
    with _played(provider, api, operator, tmp_path_factory) as played:
        yield played


@pytest.fixture
def on_call(record_property: Callable[[str, object], None]) -> Iterator[OnCall]:
    """Whoever is told by an Alertmanager."""
    with OnCall() as receiver:
        record_property("told", receiver)
        yield receiver


@pytest.fixture
def alertmanager(on_call: OnCall, tmp_path: Path) -> Iterator[Alertmanager]:
    """A real one, routed to ``on_call`` as the docs say."""
    with Alertmanager(built("alertmanager"), tmp_path / "alertmanager", receiver=on_call.url) as running:
        yield running


@pytest.fixture
def knative(site: Site, request: pytest.FixtureRequest) -> KnativeSite:
    """The site of the scenario, in mode Knative."""
    kind = QuickSite if request.config.getoption("--quick-models") else KnativeSite
    return kind.of(site)


@pytest.fixture
def quick(site: Site) -> QuickSite:
    """The site of the scenario, in mode Knative, with a model that costs next to nothing."""
    return QuickSite.of(site)


@pytest.fixture
def watcher(site: Site, alertmanager: Alertmanager, tmp_path: Path) -> Iterator[Watcher]:
    """A Prometheus that watches the site's operator and tells the Alertmanager."""
    source = site.provider.prometheus_url
    with Watcher(tmp_path / "watcher", source=source, alertmanager=alertmanager.url) as watcher:
        watcher.look_at(site.operator)
        yield watcher
        assert watcher.unhealthy() == []


@contextmanager
def _played(
    provider: Provider, api: ClusterApi, operator: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    # A namespace takes seconds to end: none is used twice, not even by two sessions on one sandbox.
    name = f"s{next(NUMBERS)}-{int(time.time()) % 100000}"
    api.apply(NAMESPACE | {"metadata": {"name": name}})
    with History(api, name) as history:
        yield Site(provider, api, operator, name, tmp_path_factory.mktemp(name), history, operator)
        contradictions = history.contradictions()
    api.delete("serin.dev/v1alpha1", "ModelDeployment", MODEL, name)
    for service in api.list(KSERVE_API, "InferenceService", name):
        api.delete(KSERVE_API, "InferenceService", service["metadata"]["name"], name)
    api.delete("v1", "Namespace", name)
    assert not contradictions
