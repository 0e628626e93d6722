"""The program that draws the full screen of ``serin watch``."""

from __future__ import annotations

from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType

from serin.cli.following.traces import Key
from serin.cli.screen.fleet import Fleet
from serin.cli.screen.rollout import Rollout
from serin.cli.screen.sight import Sight


class Watch(App[None]):
    """The list, or with a key the one ModelDeployment, until its user, or the time, ends it."""

    TITLE = "serin"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c", "quit", show=False, priority=True)]

    def __init__(self, sight: Sight, key: Key | None = None, seconds: float | None = None) -> None:
        super().__init__()
        self._sight, self._key, self._seconds = sight, key, seconds

    def on_mount(self) -> None:
        """Shows the first screen."""
        self.push_screen(Rollout(self._sight, self._key, alone=True) if self._key else Fleet(self._sight))
        if self._seconds is not None:
            self.set_timer(self._seconds, self.exit)
