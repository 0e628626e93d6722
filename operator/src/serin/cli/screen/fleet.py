"""The list: every ModelDeployment, one a line."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Footer, Input, OptionList, Static
from textual.widgets.option_list import Option

from serin.cli.following.entries import Entry, entry_of
from serin.cli.following.traces import Key
from serin.cli.live.reading import Object
from serin.cli.screen import view
from serin.cli.screen.rollout import Rollout
from serin.cli.screen.sight import Sight

EVERY, AGES_EVERY = 1.0, 5
"""Seconds between two looks, and after which the lines are made anew though nothing but the time has changed."""
LONGEST_FILTER = 253
EDGES = 4
"""Columns of a line's padding, and of the scroll bar."""


class Models(OptionList):
    """The lines."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select", "Open")]


class Fleet(Screen[None]):
    """All ModelDeployments; one of them is opened with Enter."""

    DEFAULT_CSS = """
    Fleet #state { height: auto; padding: 0 1; margin-bottom: 1; }
    Fleet #head { height: 1; padding: 0 1; }
    Fleet Models, Fleet Models:focus { height: 1fr; border: none; padding: 0; scrollbar-gutter: stable;
        background: $background; background-tint: $background 0%; }
    Fleet Models > .option-list--option { padding: 0 1; }
    /* Words keep their colours on the chosen line: red on the theme's blue cannot be read. */
    Fleet Models:focus > .option-list--option-highlighted { background: $panel-lighten-1; }
    Fleet Input { height: 3; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("escape", "all", "All", show=False),
        Binding("q", "app.quit", "Quit"),
    ]

    def __init__(self, sight: Sight) -> None:
        super().__init__()
        self._sight, self._asked = sight, ""
        self._entries: dict[Key, tuple[Object, Entry]] = {}
        self._shown: list[tuple[Key, Text]] = []
        self._told, self._new, self._mark = "", True, (0, 0, "")
        sight.board.listen(self._changed)

    def _changed(self, _: Key | None) -> None:
        """Called in the thread that follows the cluster."""
        self._new = True

    def compose(self) -> ComposeResult:
        """What is known of the cluster, the lines, and the filter when it is asked for."""
        yield Static(id="state")
        yield Static(id="head")
        yield Models(id="models", markup=False)
        asked = Input(placeholder="a part of namespace/name", id="asked", max_length=LONGEST_FILTER)
        asked.display = False
        yield asked
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Begins to look."""
        self.query_one(Models).focus()
        self.look()
        self.set_interval(EVERY, self.look)

    def on_resize(self) -> None:
        """Lays out anew."""
        self.look()

    def on_screen_resume(self) -> None:
        """Shows at once what has come while something else was shown."""
        self.look()

    def look(self) -> None:
        """Shows what the board has now; the cursor stays on its model."""
        if not self.is_current:
            return
        board, now = self._sight.board, self._sight.now()
        mark = (int(now.timestamp()) // AGES_EVERY, self.size.width, self._asked)
        if self._new or mark != self._mark:
            self._new, self._mark = False, mark
            self._entries = {key: self._entry(key, obj) for key, obj in board.by_key.items()}
            entries = [entry for _, entry in self._entries.values()]
            width = max(1, self.size.width - EDGES)
            listing = view.listing(entries, self._asked, self._sight.namespace, now, width)
            self._told = listing.told
            self.query_one("#head", Static).update(listing.head)
            self._show(list(listing.lines))
        self.query_one("#state", Static).update(view.reached(board.reach, now, self._told, known=board.listed))

    def _entry(self, key: Key, obj: Object) -> tuple[Object, Entry]:
        """What was made of the same object before, or what is made of it now."""
        known = self._entries.get(key)
        return known if known is not None and known[0] is obj else (obj, entry_of(obj))

    def _show(self, lines: list[tuple[Key, Text]]) -> None:
        models, before = self.query_one(Models), self._shown
        self._shown = lines
        if [key for key, _ in lines] == [key for key, _ in before]:
            for index, (line, known) in enumerate(zip(lines, before, strict=True)):
                if line[1] != known[1] or line[1].spans != known[1].spans:
                    models.replace_option_prompt_at_index(index, line[1])
            return
        at = models.highlighted
        chosen = before[at][0] if at is not None and at < len(before) else None
        top = models.scroll_offset.y
        models.set_options([Option(text) for _, text in lines])
        keys = [key for key, _ in lines]
        if keys:
            models.highlighted = keys.index(chosen) if chosen in keys else 0
            models.scroll_to(y=top, animate=False)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Opens the model of the line."""
        self.app.push_screen(Rollout(self._sight, self._shown[event.option_index][0]))

    def action_filter(self) -> None:
        """Asks for a part of a name."""
        asked = self.query_one("#asked", Input)
        asked.display = True
        asked.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Shows what fits so far."""
        self._asked = event.value.strip()
        self.look()

    def on_input_submitted(self) -> None:
        """Goes back to the lines; the filter stays."""
        self.query_one("#asked", Input).display = bool(self._asked)
        self.query_one(Models).focus()

    def action_all(self) -> None:
        """Shows all again."""
        asked = self.query_one("#asked", Input)
        asked.value, asked.display = "", False
        self.query_one(Models).focus()
