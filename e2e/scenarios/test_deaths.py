"""The operator dies at each change that the status tells, in both modes: nobody fails, and nothing is tried twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e.scenarios.deaths import dies_at_each_change
from e2e.scenarios.provider import KNATIVE

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e.scenarios.quick_server import QuickSite
    from e2e.scenarios.site import Site

pytestmark = [pytest.mark.matrix, pytest.mark.timeout(2400)]
KNATIVE_RATE = 100
"""To a model that costs next to nothing: a revision and an operator start at the same time, again and again."""
OUTCOMES = pytest.mark.parametrize("outcome", ["Promoted", "RolledBack"])


@OUTCOMES
def test_at_each_change_of_a_rollout(site: Site, outcome: str, record_property: Callable[[str, object], None]) -> None:
    site.go_live()
    with site.load(rate=60):
        deaths = dies_at_each_change(site, outcome)
    record_property("deaths", deaths)
    failed_only_by_bad_versions(site, outcome, deaths + 1)


@pytest.mark.needs(KNATIVE)
@OUTCOMES
def test_at_each_change_of_a_rollout_in_mode_knative(
    quick: QuickSite, outcome: str, record_property: Callable[[str, object], None]
) -> None:
    quick.go_live()
    with quick.load(rate=KNATIVE_RATE):
        deaths = dies_at_each_change(quick, outcome)
        quick.until_settled()
    record_property("deaths", deaths)
    failed_only_by_bad_versions(quick, outcome, deaths + 1)


def failed_only_by_bad_versions(site: Site, outcome: str, rollouts: int) -> None:
    """No request failed but those that a version on trial answered itself, where these are bad."""
    own = "v" if outcome == "RolledBack" else "none"
    failed = [each for each in site.answers() if each.failed and not each.version.startswith(own)]
    assert not [each for each in failed if not site.is_gateways_own(each)]
    assert len(failed) <= rollouts, "at most one as each of the arms leaves the route"
