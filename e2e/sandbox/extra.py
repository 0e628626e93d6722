"""A sandbox with something besides that takes long to build, as a provider of scenarios."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar, Self

from e2e.sandbox import build
from e2e.sandbox.launcher import EXTRAS
from e2e.sandbox.sandbox import DEFAULT_NAME, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from e2e.sandbox.plan import Profile


class ExtraSandbox(Sandbox):
    """A sandbox of one profile, which ``serin-sandbox up --with`` has by the same name."""

    extra: ClassVar[Profile]

    @classmethod
    def is_built(cls) -> bool:
        """Whether its parts are in the cache, or named in the environment."""
        return build.are_built(EXTRAS[cls.extra])

    @classmethod
    @contextmanager
    def running(
        cls,
        name: str = DEFAULT_NAME,
        *,
        state: Path | None = None,
        profile: Profile | None = None,
        keep: bool = False,
    ) -> Iterator[Self]:
        """See :class:`Sandbox`; it has a name of its own beside one without the extra."""
        with super().running(f"{name}-{cls.extra}", state=state, profile=profile or cls.extra, keep=keep) as sandbox:
            yield sandbox
