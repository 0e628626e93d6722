"""What is the supervisor told when it starts?  Written by the launcher outside, read inside."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Profile(StrEnum):
    """How much of a sandbox."""

    FULL = "full"
    APISERVER = "apiserver"
    KNATIVE = "knative"
    """All of it, and Knative Serving."""
    KOURIER = "kourier"
    """The same, with Kourier as Knative's gateway."""
    ENVOY_GATEWAY = "envoy-gateway"
    """All of it, with Envoy Gateway in place of Contour."""


class Extra(StrEnum):
    """What a sandbox can have besides."""

    KNATIVE = "knative"
    KOURIER = "kourier"
    ENVOY_GATEWAY = "envoy-gateway"


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything as plain JSON values.

    ``listeners`` are inherited file descriptors of sockets that listen on the host's 127.0.0.1, ``ports`` their
    numbers. ``lifeline`` is the reading end of a pipe: one byte in it says that the sandbox may live on by itself; its
    end without one says that whoever started it died. ``models`` is where trained models are kept between sandboxes.
    """

    binaries: dict[str, str]
    manifests: str
    repository: str
    models: str
    ports: dict[str, int]
    listeners: dict[str, int]
    lifeline: int
    profile: str
    extra: str = ""
    """The folder with the manifests of what the profile has besides; empty if that is nothing."""

    def paths(self) -> list[Path]:
        """All places outside the state folder that must be reachable."""
        extra = (self.extra,) if self.extra else ()
        places = (*self.binaries.values(), self.manifests, self.repository, self.models, *extra)
        return [Path(path) for path in places]
