"""A sandbox with Knative Serving, as a provider of scenarios."""

from __future__ import annotations

from typing import ClassVar

from e2e.sandbox.extra import ExtraSandbox
from e2e.sandbox.plan import Profile


class KnativeSandbox(ExtraSandbox):
    """A sandbox of the profile ``knative``."""

    capabilities = frozenset({"knative"})
    extra: ClassVar[Profile] = Profile.KNATIVE
    steady_rate = 60
    """Each request passes a queue-proxy, too: at 120 two slow processors fall behind while a revision's pod starts."""
