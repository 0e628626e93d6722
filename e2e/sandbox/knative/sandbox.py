"""A sandbox with Knative Serving, as a provider of scenarios."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from e2e.sandbox.extra import ExtraSandbox
from e2e.sandbox.knative.services import PARTS
from e2e.sandbox.plan import Profile

if TYPE_CHECKING:
    from pathlib import Path


class KnativeSandbox(ExtraSandbox):
    """A sandbox of the profile ``knative``."""

    capabilities: frozenset[str] = frozenset({"knative"})
    extra: ClassVar[Profile] = Profile.KNATIVE
    extra_parts: ClassVar[tuple[Path, ...]] = (PARTS,)
    steady_rate = 60
    """Each request passes a queue-proxy, too: at 120 two slow processors fall behind while a revision's pod starts."""
