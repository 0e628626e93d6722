"""What brings requests to Knative's revisions?  Knative leaves that to others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from e2e.sandbox.knative.released import SETTINGS
from e2e.sandbox.knative.workloads import NET_GATEWAY_API as CONTROLLER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e2e.sandbox.knative.workloads import Controller

CLASS = "ingress-class"


@dataclass(frozen=True, slots=True)
class Ingress:
    """One way to bring them there."""

    name: str
    controller: Controller
    """What turns Knative's routes into its own."""
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What it changes of our settings of Knative, by config map."""
    config: tuple[dict[str, Any], ...] = ()
    """Config maps of its own."""
    images: Mapping[str, str] = field(default_factory=dict)
    """Its images that are none of Knative's parts, each with the binary behind it."""
    job: str = ""
    """The scrape job of a gateway of its own."""

    @property
    def class_name(self) -> str:
        """By which Knative's routes ask for it."""
        return {**SETTINGS["config-network"], **self.settings.get("config-network", {})}[CLASS]


NET_GATEWAY_API = Ingress("net-gateway-api", CONTROLLER)
"""The gateway that is there in any case, by the Gateway API."""
