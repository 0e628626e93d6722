"""A lab whose ModelDeployment adopts a service that was there before it."""

from __future__ import annotations

from typing import Any

from serin.api.revision import Source
from serin.cluster import resources
from serin.errors import NotFound, Unavailable
from tests.fakes import FakeCluster
from tests.lab import Lab, spec

OLD = "old"
HOST = "fraud.example.com"


class Guarded(FakeCluster):
    """An API server that fails the test when Serin writes to what is not its own."""

    routes_down = services_down = kserve_missing = False

    async def list(self, resource: resources.Resource, namespace: str, selector: str) -> list[Any]:
        if self.kserve_missing and resource is resources.INFERENCE_SERVICES:
            raise NotFound("the server could not find the requested resource")
        return await super().list(resource, namespace, selector)

    async def get(self, resource: resources.Resource, namespace: str, name: str) -> Any:
        if self.routes_down and resource is resources.HTTP_ROUTES and name.startswith(OLD):
            raise Unavailable("slow")
        if self.services_down and resource is resources.INFERENCE_SERVICES:
            raise Unavailable("slow")
        return await super().get(resource, namespace, name)

    def _write(self, what: str, key: tuple[str, str, str], new: Any) -> Any:
        assert not key[2].startswith(OLD), f"{what} {key[2]}"
        return super()._write(what, key, new)


class Adopting(Lab):
    """A ModelDeployment with ``spec.adopt``, beside a service that KServe made a route for."""

    cluster: Guarded

    def new_cluster(self) -> FakeCluster:
        return Guarded(clock=lambda: self.now)

    def __init__(self, *, service: dict[str, Any] | None = None, route: bool = True) -> None:
        super().__init__()
        if service is not None:
            self.cluster.put(resources.INFERENCE_SERVICES, service)
        if route:
            self.cluster.put(resources.HTTP_ROUTES, kserves_route())
        self.want("1")

    def want(self, version: str, **changes: Any) -> None:
        model = {"version": version, "uri": f"s3://models/{version}", "servedName": OLD}
        super().want(version, **{"model": model, "adopt": {"inferenceService": OLD}} | changes)

    @property
    def reason(self) -> str:
        return str(self.condition("Ready")["reason"])

    def own(self) -> set[str]:
        return {k[2] for k in self.cluster.objects if k[0] == "inferenceservices" and k[2] != OLD}

    def matches(self) -> int:
        return len(self.obj(resources.HTTP_ROUTES)["spec"]["rules"][0]["matches"])

    async def adopted(self) -> None:
        await self.until(self.stable("1"))


def old(**changes: Any) -> dict[str, Any]:
    predictor = {"model": {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://models/1"}, "minReplicas": 3}
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": OLD, "namespace": "prod"},
        "spec": {"predictor": predictor},
        "status": {"deploymentMode": "Standard"},
    } | changes


def kserves_route() -> dict[str, Any]:
    match = {"path": {"type": "RegularExpression", "value": "^/.*$"}}
    headers = [{"name": "KServe-Isvc-Name", "value": OLD}, {"name": "KServe-Isvc-Namespace", "value": "prod"}]
    rule = {
        "matches": [match],
        "filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": headers}}],
        "backendRefs": [{"name": f"{OLD}-predictor", "port": 80}],
        "timeouts": {"request": "5s"},  # the predictor's; the lab's ModelDeployment has the same
    }
    return {
        "metadata": {"name": OLD, "namespace": "prod"},
        "spec": {"hostnames": [HOST], "parentRefs": [{"name": "models"}], "rules": [rule]},
    }


def named(version: str) -> str:
    wanted = spec(version)
    model = {**wanted["model"], "servedName": OLD}
    return f"fraud-{Source(model, wanted['predictor']).revision}"
