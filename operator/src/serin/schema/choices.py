"""Closed choices of a policy's author that evidence, judge and indicators act on."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """What an SLO may do."""

    CRITICAL = "Critical"
    REQUIRED = "Required"
    ADVISORY = "Advisory"


class Compare(StrEnum):
    """Which tests must cross for a breach."""

    RELATIVE_AND_ABSOLUTE = "RelativeAndAbsolute"
    """Worse than stable and outside the objective: everything that is bad for another reason holds."""
    ABSOLUTE = "Absolute"
    """Outside the objective, whatever stable does: a common outage rolls back."""
    RELATIVE = "Relative"
    """Worse than stable, also inside the objective."""
    EITHER = "Either"
    """Either of the two, each at half of alpha: for those who prefer a false rollback to a late one."""


class Arms(StrEnum):
    """By what the metrics tell the candidate's requests from stable's."""

    CONTOUR = "Contour"
    ISTIO = "Istio"
    ENVOY_GATEWAY = "EnvoyGateway"
    KOURIER = "Kourier"
    KNATIVE = "Knative"
    POD = "Pod"

    @property
    def separate_targets(self) -> bool:
        """Whether each arm is a scrape target of its own, read at another instant than the other.

        A gateway counts for both arms and is scraped once; a pod counts for its own arm only.
        """
        return self in {Arms.POD, Arms.KNATIVE}
