"""A sandbox with Knative Serving, as a provider of scenarios."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from e2e.sandbox import build
from e2e.sandbox import parts as pins
from e2e.sandbox.cache import Cache, default_root
from e2e.sandbox.knative.services import PARTS
from e2e.sandbox.plan import Profile
from e2e.sandbox.sandbox import DEFAULT_NAME, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class KnativeSandbox(Sandbox):
    """A sandbox of the profile ``knative``."""

    capabilities = frozenset({"knative"})

    @staticmethod
    def is_built() -> bool:
        """Whether its parts are in the cache, or named in the environment: they take long to build."""
        catalogue, cache = pins.load(PARTS), Cache(default_root())
        binaries = (build.resolve(part, cache) for part in catalogue.parts)
        return all(binaries) and build.resolve_manifests(catalogue, cache) is not None

    @classmethod
    @contextmanager
    def running(
        cls,
        name: str = DEFAULT_NAME,
        *,
        state: Path | None = None,
        profile: Profile = Profile.KNATIVE,
        keep: bool = False,
    ) -> Iterator[Self]:
        """See :class:`Sandbox`; it has a name of its own beside one without Knative."""
        with super().running(f"{name}-knative", state=state, profile=profile, keep=keep) as sandbox:
            yield sandbox
