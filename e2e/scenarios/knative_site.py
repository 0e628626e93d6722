"""A site whose model is of mode Knative."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from e2e.deploy.cluster import wait_until
from e2e.scenarios.site import KSERVE_API, MODEL, Site

if TYPE_CHECKING:
    from e2e.deploy.cluster import Json
    from e2e.load.answer import Answer

NO_CLUSTER = 503
MOST_WITHOUT_A_CLUSTER = 3
"""An arm leaves the route two or three times in a scenario, and then for some milliseconds."""


class KnativeSite(Site):
    """A site whose model is of mode Knative."""

    @property
    def host(self) -> str:
        """The name that Knative makes of the model's."""
        return f"{MODEL}-predictor.{self.namespace}.example.com"

    def model_deployment(self, version: str, *, environment: dict[str, str] | None = None, **changes: Any) -> Json:
        """The ModelDeployment that asks for ``version``; more pods would only take the processors of the others."""
        item = super().model_deployment(version, environment=environment, **{"mode": "Knative", **changes})
        item["spec"]["predictor"]["maxReplicas"] = 1
        return item

    def is_gateways_own(self, answer: Answer) -> bool:
        """Whether Envoy had no cluster any more for an arm that has just left the route.

        Contour tells Envoy that a cluster is gone before it tells that no route leads there
        (projectcontour/contour#2151). Kourier keeps a cluster for at least 15 s after it left the route.
        """
        return self.provider.arms == "Contour" and answer.status == NO_CLUSTER and not answer.version

    def nobody_else_failed(self, but: str = "") -> None:
        """As ever; and of what the gateway failed there are no more than a few."""
        super().nobody_else_failed(but)
        gateways = sum(map(self.is_gateways_own, self.answers()))
        assert gateways <= MOST_WITHOUT_A_CLUSTER, f"{gateways} answers of 503 by the gateway"

    @property
    def isvc(self) -> Json:
        """The InferenceService; empty if there is none."""
        return self.api.get(KSERVE_API, "InferenceService", MODEL, self.namespace) or {}

    @property
    def percent(self) -> int | None:
        """``canaryTrafficPercent``."""
        value: int | None = self.isvc.get("spec", {}).get("predictor", {}).get("canaryTrafficPercent")
        return value

    def weight(self) -> int:
        """Percent that the template of the candidate has by KServe's status; 0 without a candidate."""
        component = self.isvc.get("status", {}).get("components", {}).get("predictor", {})
        own = (self.status.get("candidate") or {}).get("workload", {}).get("name")
        shares = component.get("traffic") or []
        return sum(share.get("percent") or 0 for share in shares if own and share["revisionName"] == own)

    def until_settled(self) -> None:
        """Until stable's template is there and nothing is split any more."""
        stable = self.status["stable"]["version"]

        def settled() -> bool:
            labels = self.isvc["spec"]["predictor"]["labels"]
            return self.percent is None and labels["serin.dev/version"] == stable

        wait_until(settled, what="the InferenceService is as without a rollout", seconds=60)
