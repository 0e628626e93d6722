"""Asks before something is said about a rollout: why, and, when the API server would take it, whether to do it."""

from __future__ import annotations

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from serin.cli.act.commands import ANSWER_SECONDS
from serin.cli.act.effects import effect_of
from serin.cli.act.saying import Prepared, Wish, carried_out, prepared
from serin.cli.console import Output
from serin.cli.live.views import Asked, Details
from serin.cli.screen.apart import apart
from serin.cli.screen.sight import Opened
from serin.errors import SerinError
from serin.schema.printable import printable, shortened

LONGEST_REASON, LONGEST_TOLD = 500, 600
CHECK = "Enter asks the API server whether you may. Esc leaves it: nothing is written."


class Asking(ModalScreen[str | None]):
    """Asks for the reason, checks, asks again, does it. It ends with the answer, or None if nothing was asked for."""

    DEFAULT_CSS = """
    Asking { align: center middle; }
    Asking > Vertical { width: 76; max-width: 96%; height: auto; max-height: 96%; overflow-y: auto; }
    Asking > Vertical { padding: 1 2; border: round $warning; background: $surface; }
    Asking Label { width: 100%; }
    Asking #head { text-style: bold; }
    Asking #effect, Asking #why { margin-top: 1; }
    Asking #told { margin-top: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave it"),
        Binding("y", "do", "Do it", show=False),
    ]

    def __init__(self, opened: Opened, action: str, found: Details) -> None:
        super().__init__()
        self._opened, self._action, self._found = opened, action, found
        self._ready: tuple[Wish, Prepared] | None = None
        self._doing = False

    def compose(self) -> ComposeResult:
        """What it will do, and the line for the reason."""
        row = self._found.row
        with Vertical():
            yield Label(f"{self._action} {row.namespace}/{row.name}", id="head", markup=False)
            yield Label(printable(effect_of(self._action, self._found)), id="effect", markup=False)
            yield Input(placeholder="why: it stands in the record", id="why", max_length=LONGEST_REASON)
            yield Label(CHECK, id="told", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Checks it with the API server: nothing is stored yet."""
        reason = event.value.strip()
        if not reason:
            self._tell("Say why: it stands in the record for good.")
            return
        event.input.disabled = True
        self._tell("asking the API server whether you may …")
        self._check(reason)

    @work(exclusive=True)
    async def _check(self, reason: str) -> None:
        row = self._found.row
        wish = Wish(
            target=row.name,
            action=self._action,
            reason=reason,
            yes=True,
            dry_run=False,
            seconds=ANSWER_SECONDS,
            output=Output.TABLE,
        )

        def check() -> Prepared:
            with self._opened(row.namespace) as seen:
                return prepared(seen, wish, lambda: reason)

        try:
            ready = await apart(check)
        except Exception as error:  # noqa: BLE001 - whatever is answered, the screen says it and stays
            why = self.query_one("#why", Input)
            why.disabled = False
            why.focus()
            self._tell(f"{_words(error)} Enter asks again, Esc leaves it.")
            return
        self._ready = (wish, ready)
        self.query_one("#effect", Label).update(printable(ready.effect))
        self._tell(f"As {ready.who}: you may, and the API server would take it. y does it, Esc leaves it.")
        self.set_focus(None)

    def action_do(self) -> None:
        """Does what was checked, once."""
        if self._ready is not None:
            (wish, ready), self._ready, self._doing = self._ready, None, True
            self._tell("asked for: waiting for Serin's answer. Esc goes back; the answer will stand under “said”.")
            self._do(wish, ready)

    @work(exclusive=True)
    async def _do(self, wish: Wish, ready: Prepared) -> None:
        namespace = self._found.row.namespace

        def do() -> Asked:
            with self._opened(namespace) as seen:
                return carried_out(seen, wish, ready)

        try:
            asked = await apart(do)
        except Exception as error:  # noqa: BLE001 - whatever is answered, the screen says it and stays
            self._doing = False
            self._tell(f"{_words(error)} Esc leaves it.")
            return
        self.dismiss(f"{wish.action}: {asked.outcome}: {asked.message}")

    def action_leave(self) -> None:
        """Ends it; what was asked for already goes on."""
        self.dismiss(f"{self._action} was asked for; Serin's answer will stand under “said”" if self._doing else None)

    def _tell(self, text: str) -> None:
        self.query_one("#told", Label).update(printable(text))


def _words(error: Exception) -> str:
    """What went wrong, as a sentence."""
    told = str(error) if isinstance(error, SerinError) else f"{type(error).__name__}: {error}"
    return f"{shortened(told, LONGEST_TOLD).rstrip('.')}."
