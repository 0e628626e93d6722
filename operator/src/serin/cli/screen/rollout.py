"""One ModelDeployment: what ``serin get`` says, weight and evidence over time, what happened; live, by keys."""

from __future__ import annotations

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Footer, Static

from serin.cli.following.course import Seen, record_shown
from serin.cli.following.records import Evidence, Found
from serin.cli.following.traces import ODD, Key
from serin.cli.live.reading import Object, details_of
from serin.cli.live.views import Attempt, Details
from serin.cli.screen import view
from serin.cli.screen.apart import apart
from serin.cli.screen.asking import Asking
from serin.cli.screen.sight import Sight
from serin.schema.printable import printable

EVERY, READ_EVERY = 1.0, 5.0
"""Seconds between two looks at the board, and between two readings of a record that may have changed."""
PANELS = ("now", "time", "events", "rollouts")
EDGES = 6
"""Columns of a panel's border and padding, and of the scroll bar."""
TOLD_SECONDS = 15


class Rollout(Screen[None]):
    """One ModelDeployment."""

    DEFAULT_CSS = """
    Rollout #state { height: auto; padding: 0 1; }
    Rollout #gone { height: auto; padding: 1 1; }
    Rollout VerticalScroll { height: 1fr; scrollbar-gutter: stable; }
    Rollout .panel { height: auto; padding: 0 1; border: round $panel-lighten-2; border-title-style: bold;
        border-title-color: $text; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", key_display="esc"),
        Binding("h", "say('Hold')", "Hold"),
        Binding("r", "say('Release')", "Release"),
        Binding("a", "say('Abort')", "Abort"),
        Binding("q", "app.quit", "Quit"),
    ]

    def __init__(self, sight: Sight, key: Key, *, alone: bool = False) -> None:
        """``alone``: there is no list to go back to."""
        super().__init__()
        self._sight, self._key, self._alone = sight, key, alone
        self._evidence: Found[Evidence] = Found(None)
        self._attempts: Found[list[Attempt]] = Found(None)
        self._record = ""
        """The record that the evidence is of."""
        self._read: tuple[Object | None, int] = (None, 0)
        """What the ModelDeployment was when the record was read last, and how often it was read since."""
        self._mark: object = None

    def compose(self) -> ComposeResult:
        """The parts, which scroll together."""
        yield Static(id="state")
        yield Static(id="gone", markup=False)
        with VerticalScroll():
            for name in PANELS:
                panel = Static(id=name, markup=False, classes="panel")
                panel.display = False
                yield panel
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Begins to look and to read."""
        self.query_one(VerticalScroll).focus()
        self.look()
        self.set_interval(EVERY, self.look)
        self.set_interval(READ_EVERY, self.read)

    def on_resize(self) -> None:
        """Lays out anew."""
        self.look()

    @property
    def found(self) -> Details | None:
        """The ModelDeployment as it is; None if it is not there, or written by another version."""
        obj = self._sight.board.get(self._key)
        try:
            return details_of(obj) if obj is not None else None
        except ODD:
            return None

    def look(self) -> None:
        """Shows what the board has now."""
        board, now, name = self._sight.board, self._sight.now(), "/".join(self._key)
        self.query_one("#state", Static).update(view.reached(board.reach, now, name, known=board.listed))
        parts: dict[str, view.Panel] = {}
        told = f"{name} is not there: it was deleted, or there never was one." if board.listed else ""
        obj, mark = board.get(self._key), None
        if obj is not None:
            try:
                found, told = details_of(obj), ""
                made = view.panels(self._seen(found), now, max(1, self.size.width - EDGES))
                parts = {part.name: part for part in made}
                mark = (found.row.phase, found.row.weight, found.record)
            except ODD as error:
                why = f"it was written by another version of Serin ({type(error).__name__})"
                told = f"{name}: this version of serin cannot show it: {why}."
        self._show(parts, told)
        if mark != self._mark:
            self._mark = mark
            self.read()

    def _seen(self, found: Details) -> Seen:
        """What is known of its rollout; nothing of another one's record."""
        name = record_shown(found, self._attempts)
        evidence: Found[Evidence] = self._evidence if name == self._record else Found(None)
        return Seen(found, evidence, self._attempts, self._sight.board.trace(self._key, name))

    def _show(self, parts: dict[str, view.Panel], told: str) -> None:
        gone = self.query_one("#gone", Static)
        gone.display = bool(told)
        gone.update(told)
        for name in PANELS:
            panel, part = self.query_one(f"#{name}", Static), parts.get(name)
            panel.display = part is not None
            if part is not None:
                panel.border_title = part.title
                panel.update(part.text)

    @work(exclusive=True)
    async def read(self) -> None:
        """Reads the records, unless nothing can have changed since; a ModelDeployment that is idle costs no request."""
        obj, found = self._sight.board.get(self._key), self.found
        if found is None or self._is_read(obj):
            return
        namespace, records = self._key[0], self._sight.records
        self._attempts = await apart(lambda: records.attempts(*self._key))
        name = record_shown(found, self._attempts)
        evidence: Found[Evidence] = Found(None)
        if name:
            evidence = await apart(lambda: records.evidence(namespace, name))
        self._record, self._evidence = name, evidence
        self._read = (obj, self._read[1] + 1 if obj is self._read[0] else 1)
        self.look()

    def _is_read(self, obj: Object | None) -> bool:
        """Whether the records are known as they are: read twice, as the first time may have been from memory."""
        read, times = self._read
        evidence = self._evidence.value
        ended = evidence is None or view.is_over(evidence)
        return obj is read and times > 1 and ended and not (self._evidence.problem or self._attempts.problem)

    def action_say(self, action: str) -> None:
        """Asks for an action, if there is a rollout that it could be about."""
        found = self.found
        if found is None or found.record is None:
            told = f"there is nothing to {action.lower()}: no rollout is under way"
            self.notify(told, severity="warning", markup=False)
            return
        self.app.push_screen(Asking(self._sight.opened, action, found), self._said)

    def _said(self, answer: str | None) -> None:
        if answer is not None:
            self.notify(printable(answer), timeout=TOLD_SECONDS, markup=False)

    def action_back(self) -> None:
        """Goes back to the list; where there is none, ends."""
        if self._alone:
            self.app.exit()
        else:
            self.app.pop_screen()
