"""A sandbox behind Envoy Gateway, as a provider of scenarios."""

from __future__ import annotations

from e2e.sandbox.extra import ExtraSandbox
from e2e.sandbox.plan import Profile


class EnvoyGatewaySandbox(ExtraSandbox):
    """A sandbox of the profile ``envoy-gateway``."""

    capabilities = frozenset({"envoy-gateway"})
    arms = "EnvoyGateway"
    extra = Profile.ENVOY_GATEWAY
