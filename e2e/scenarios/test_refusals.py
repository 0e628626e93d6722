"""What a user asks for and cannot have: it is refused, or a condition says why, and what serves goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e.demo.objects import API_VERSION
from e2e.deploy.cluster import wait_until
from e2e.deploy.errors import RefusedError
from e2e.scenarios.site import USUAL_SECONDS

if TYPE_CHECKING:
    from e2e.scenarios.site import Site


def test_bad_policy_refused(site: Site) -> None:
    """One for all: every rule and its message stand in the integration tests' tables."""
    with pytest.raises(RefusedError, match="weights must rise from step to step"):
        site.policy(steps=[{"weight": 50, "for": "1s"}, {"weight": 5, "for": "1s"}])


def test_told_in_a_condition(site: Site) -> None:
    """What admission cannot see is a condition with one clear message, and costs nothing that serves."""
    site.go_live()
    site.want("2", policyRef={"name": "nobody"})
    site.until(lambda _: site.reason == "PolicyMissing", what="the missing policy is told")
    assert "nobody does not exist" in site.status["message"]
    site.policy(prometheus={"address": "http://elsewhere:9090"})
    site.want("2")
    site.until(lambda _: site.reason == "PolicyInvalid", what="the address is refused")
    assert "allow-list" in site.status["message"]
    predictor = site.model_deployment("2")["spec"]["predictor"]
    site.want("2", predictor={**predictor, "labels": {"serin.dev/x": "y"}})
    site.until(lambda _: site.reason == "SpecInvalid", what="the reserved label is told")
    site.want("2", predictor={**predictor, "minReplicas": 3, "maxReplicas": 1})
    site.until(lambda _: site.reason == "RenderRefused", what="KServe's refusal is told")
    assert site.status["stable"]["version"] == "1"
    assert site.weight() == 0


def test_names_that_are_too_long_together(site: Site) -> None:
    """A hash stands for the end of a name that does not fit into what KServe derives from it and the namespace."""
    item = site.model_deployment("1")
    item["metadata"]["name"] = name = "f" * 50
    site.api.apply(item)

    def serves() -> bool:
        status = (site.api.get(API_VERSION, "ModelDeployment", name, site.namespace) or {}).get("status") or {}
        return str(status.get("phase")) == "Stable"

    wait_until(serves, what="KServe has made it, and it serves", seconds=USUAL_SECONDS)
    made = [service["metadata"]["name"] for service in site.services()]
    assert [len(f"{service}-transformer-{site.namespace}") <= 63 for service in made] == [True]
    site.api.delete(API_VERSION, "ModelDeployment", name, site.namespace)
