"""A sandbox with Knative Serving behind Kourier, as a provider of scenarios."""

from __future__ import annotations

from e2e.sandbox.knative.sandbox import KnativeSandbox
from e2e.sandbox.plan import Profile


class KourierSandbox(KnativeSandbox):
    """A sandbox of the profile ``kourier``."""

    arms = "Kourier"
    extra = Profile.KOURIER
