"""The kinds that Serin reads and writes, and their URL paths."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from serin.api import GROUP, VERSION


@dataclass(frozen=True, slots=True)
class Resource:
    """A namespaced kind of the API server."""

    group: str
    version: str
    plural: str
    kind: str

    def path(self, namespace: str, name: str = "", subresource: str = "") -> str:
        """The URL path of a collection (of all namespaces: ``""``), an object or a sub-resource."""
        base = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        scope = ("namespaces", quote(namespace, safe="")) if namespace else ()
        parts = [base, *scope, self.plural, quote(name, safe=""), subresource]
        return "/".join(part for part in parts if part)

    @property
    def api_version(self) -> str:
        """``group/version``."""
        return f"{self.group}/{self.version}" if self.group else self.version


MODEL_DEPLOYMENTS = Resource(GROUP, VERSION, "modeldeployments", "ModelDeployment")
PROMOTION_POLICIES = Resource(GROUP, VERSION, "promotionpolicies", "PromotionPolicy")
PROMOTION_RECORDS = Resource(GROUP, VERSION, "promotionrecords", "PromotionRecord")
PROMOTION_FREEZES = Resource(GROUP, VERSION, "promotionfreezes", "PromotionFreeze")
PROMOTION_ACTIONS = Resource(GROUP, VERSION, "promotionactions", "PromotionAction")
INFERENCE_SERVICES = Resource("serving.kserve.io", "v1beta1", "inferenceservices", "InferenceService")
KNATIVE_REVISIONS = Resource("serving.knative.dev", "v1", "revisions", "Revision")
HTTP_ROUTES = Resource("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute")
GRPC_ROUTES = Resource("gateway.networking.k8s.io", "v1", "grpcroutes", "GRPCRoute")
GATEWAYS = Resource("gateway.networking.k8s.io", "v1", "gateways", "Gateway")
GATEWAY_CLASSES = Resource("gateway.networking.k8s.io", "v1", "gatewayclasses", "GatewayClass")
ENDPOINT_SLICES = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
PODS = Resource("", "v1", "pods", "Pod")
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")
EVENTS = Resource("", "v1", "events", "Event")
