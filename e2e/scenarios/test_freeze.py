"""A PromotionFreeze on a real API server: what it holds, what it tells, and what goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e.demo.objects import API_VERSION
from e2e.deploy.cluster import wait_until
from e2e.scenarios.site import MODEL

if TYPE_CHECKING:
    from e2e.scenarios.site import Site

pytestmark = pytest.mark.matrix
NAME = "peak"


def freeze(site: Site) -> None:
    """Nothing moves forward in the namespace from now on."""
    site.api.apply(site.item("PromotionFreeze", NAME, {"reason": "peak season"}))


def holds(site: Site) -> list[str]:
    """Whom the freeze says that it holds up."""
    item = site.api.get(API_VERSION, "PromotionFreeze", NAME, site.namespace) or {}
    return list(item.get("status", {}).get("holds", []))


def test_a_rollout_stays_where_it_is_until_the_freeze_goes(site: Site) -> None:
    site.go_live()
    with site.load():
        site.want("2")
        site.until_weight(25)
        freeze(site)
        site.until(lambda _: site.reason == "Frozen", what="the rollout is frozen")
        wait_until(
            lambda: holds(site) == [f"{site.namespace}/{MODEL}"], what="the freeze tells whom it holds", seconds=10
        )
        assert "peak season" in site.status["message"]
        assert site.weight() == 25
        site.api.delete(API_VERSION, "PromotionFreeze", NAME, site.namespace)
        site.until_stable("2")
    site.nobody_else_failed()


def test_nothing_starts_and_a_breach_is_taken_back(site: Site) -> None:
    site.go_live()
    with site.load():
        site.want("3", environment={"ERROR_RATE": "0.2"})
        site.until_weight(25)
        freeze(site)
        record = site.until_taken_back()
        assert record["status"]["outcome"] == "RolledBack"
        site.want("2")
        site.until(lambda status: status.get("phase") == "Waiting", what="version 2 waits")
        assert site.reason == "Frozen"
        assert len(site.services()) <= 2
        site.api.delete(API_VERSION, "PromotionFreeze", NAME, site.namespace)
        site.until_stable("2")
    site.nobody_else_failed(but="3")
