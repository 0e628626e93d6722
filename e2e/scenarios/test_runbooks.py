"""Every command of the runbooks works as it stands there, in the moment that it is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e.scenarios.provider import KNATIVE, PODS
from e2e.scenarios.runbooks import commands, play

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e.scenarios.knative_site import KnativeSite
    from e2e.scenarios.site import Site

pytestmark = [pytest.mark.matrix, pytest.mark.timeout(600)]
HEADER = {"name": "x-preview", "value": "candidate"}
LONG = [{"weight": 25, "for": "10m", "timeout": "1h"}]


def test_the_commands_of_the_runbooks(site: Site, record_property: Callable[[str, object], None]) -> None:
    """In mid-step. Writes are dry runs."""
    site.go_live()
    site.policy(steps=LONG)
    with site.load(rate=20):
        item = site.model_deployment("2")
        item["metadata"]["annotations"] = {"serin.dev/contact": "risk-models"}
        site.api.apply(item)
        site.until_weight(25)
        others = [each for each in commands() if not (each.of_shadow or each.of_preview or each.of_knative)]
        here = [each for each in others if not _is_elsewhere(site, each.of_installation, each.of_logs)]
        for each in here:
            play(site, each)
    record_property("commands", len(here))
    assert len(here) > (90 if PODS in site.provider.capabilities else 60)
    site.nobody_else_failed()


@pytest.mark.parametrize(
    "exposure", [{"shadow": {"for": "10m"}}, {"preview": {"header": HEADER, "for": "10m"}}], ids=["shadow", "preview"]
)
def test_the_commands_that_end_a_shadow_or_a_preview(site: Site, exposure: dict[str, object]) -> None:
    site.go_live()
    site.policy(**exposure, shadowSafe=True, steps=LONG)
    with site.load(rate=20):
        site.want("2")
        site.until(lambda status: status["phase"] == "Shadowing", what="the candidate is shown requests")
        [told] = [
            play(site, each) for each in commands() if (each.of_shadow if "shadow" in exposure else each.of_preview)
        ]
    assert "patched" in told


def _is_elsewhere(site: Site, *needs_pods: bool) -> bool:
    """Serin is a process on the sandbox, and no kubelet serves logs there: kind plays these."""
    return any(needs_pods) and PODS not in site.provider.capabilities


@pytest.mark.needs(KNATIVE)
def test_the_commands_of_the_runbooks_in_mode_knative(knative: KnativeSite) -> None:
    knative.go_live()
    knative.policy(steps=LONG)
    with knative.load(rate=20):
        knative.want("2")
        knative.until_weight(25)
        [told] = [play(knative, each) for each in commands() if each.of_knative]
    assert "patched" in told
    knative.nobody_else_failed()
