"""What does a part's declaration need to know about the sandbox it runs in?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import yaml

from e2e.sandbox.knative.ingress import NET_GATEWAY_API

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping
    from pathlib import Path

    from e2e.sandbox.cluster import Cluster
    from e2e.sandbox.knative.ingress import Ingress
    from e2e.sandbox.knative.released import KnativeReleased
    from e2e.sandbox.layout import Layout
    from e2e.sandbox.pki import Pki
    from e2e.sandbox.reaper import Reaper
    from e2e.sandbox.released import Released


@dataclass(frozen=True, slots=True)
class Inside:
    """The sandbox as its parts see it. ``probe`` is a client for readiness checks, without any credentials."""

    layout: Layout
    pki: Pki
    binaries: Mapping[str, Path]
    python: str
    repository: Path
    models: Path
    cluster: Cluster
    released: Released
    reaper: Reaper
    probe: httpx.AsyncClient
    doors: MutableMapping[str, tuple[str, int]]
    """Where the relays of the host's ports lead now, by name."""
    knative: KnativeReleased | None = None
    """None in a sandbox without Knative."""
    ingress: Ingress = NET_GATEWAY_API
    """Knative's, where there is Knative."""
    envoy_gateway: list[dict[str, Any]] | None = None
    """Its definitions; None in a sandbox without it."""

    @property
    def has_controllers_as_pods(self) -> bool:
        """Whether pods have to reach the API server."""
        return self.knative is not None or self.envoy_gateway is not None

    def binary(self, name: str) -> str:
        """The path of a binary, as an argument."""
        return str(self.binaries[name])

    def data(self, part: str) -> str:
        """The folder where a part may store things, as an argument."""
        return str(self.layout.data / part)

    def answers(self, url: str) -> Callable[[], Awaitable[bool]]:
        """A readiness check: the URL answers 200."""

        async def check() -> bool:
            try:
                return (await self.probe.get(url)).status_code == httpx.codes.OK
            except httpx.HTTPError:
                return False

        return check


def manifest(path: Path) -> list[dict[str, Any]]:
    """The objects of one of our own manifests."""
    return [item for item in yaml.load_all(path.read_text("utf-8"), Loader=yaml.CSafeLoader) if item]
