"""How does the audience see what is happening? On a terminal as a live picture, elsewhere as plain lines."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from e2e.load.live import Counts
from serin.schema.odds import mean, odds, part

if TYPE_CHECKING:
    from types import TracebackType

    from e2e.demo.snapshot import Slo, Snapshot
    from e2e.load.live import LiveCounts

RECENT_SECONDS = 5
PLAIN_EVERY_SECONDS = 5.0
WEIGHT_BAR, EVIDENCE_BAR = 30, 6


class Screen(Protocol):
    """Where the story is told."""

    def say(self, sentence: str) -> None:
        """Tell something that happened; it stays readable."""

    def show(self, snapshot: Snapshot, live: LiveCounts | None) -> None:
        """Show how things stand now."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def screen_for(console: Console) -> Screen:
    """The screen that suits the console."""
    return LiveScreen(console) if console.is_terminal else PlainScreen(console)


class PlainScreen:
    """One line per change, and one every few seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._start = time.monotonic()
        self._shown: tuple[object, ...] = ()
        self._next = 0.0

    def say(self, sentence: str) -> None:
        """One line with the seconds since the start."""
        self._console.print(f"{time.monotonic() - self._start:7.1f} s  {sentence}", highlight=False, soft_wrap=True)

    def show(self, snapshot: Snapshot, live: LiveCounts | None) -> None:
        """A line if phase, reason or weight changed, or if the last one is old."""
        if not snapshot.phase:
            return
        state, now = (snapshot.phase, snapshot.reason, snapshot.applied, snapshot.candidate), time.monotonic()
        if state == self._shown and now < self._next:
            return
        self._shown, self._next = state, now + PLAIN_EVERY_SECONDS
        arms = "; ".join(
            f"{_who(version)} {snapshot.split.get(version, 0)} %: {_rates(counts)}"
            for version, counts in _recent(live).items()
        )
        slos = "; ".join(f"{slo.name} {slo.verdict}, {breach_words(slo)}" for slo in snapshot.slos)
        self.say(" | ".join(part for part in (snapshot.phase, arms, slos, snapshot.message) if part))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to put back."""


class LiveScreen:
    """A picture that is drawn anew four times a second, with what was said above it."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, transient=False)
        self._start = time.monotonic()

    def say(self, sentence: str) -> None:
        """A line above the picture."""
        stamp = Text(f"{time.monotonic() - self._start:6.1f} s  ", style="dim")
        self._live.console.print(stamp.append(sentence, style="bold not dim"), soft_wrap=True)

    def show(self, snapshot: Snapshot, live: LiveCounts | None) -> None:
        """Draw the picture."""
        self._live.update(picture(snapshot, _recent(live)), refresh=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()


def picture(snapshot: Snapshot, recent: dict[str, Counts]) -> Group:
    """Both arms, the evidence and the sentence."""
    title = Text(f"{snapshot.phase or 'Starting'}", style="bold")
    if snapshot.step:
        title.append(f"  step {snapshot.step} of {snapshot.steps}", style="not bold")
    parts: list[Text | Table] = [title, _arms(snapshot, recent)]
    if snapshot.slos:
        parts.append(_evidence(snapshot.slos))
    parts.append(Text(snapshot.message, style="italic"))
    return Group(*parts)


def breach_words(slo: Slo) -> str:
    """How far the evidence is from a breach, in words: both tests must reach the threshold."""
    return f"breach evidence: {odds(_against(slo))} ({odds(_number(slo.threshold))} is proof)"


def _against(slo: Slo) -> float:
    """The lesser of two pieces of evidence: what both have reached."""
    return min(_number(slo.evidence.get(test, "0")) for test in ("e1", "e2"))


def _for(slo: Slo) -> float:
    """The mean of two pieces of evidence, by which an SLO passes."""
    return mean(*(_number(slo.evidence.get(test, "0")) for test in ("e3", "e4"))) or 0.0


def _arms(snapshot: Snapshot, recent: dict[str, Counts]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name in ("version", "", "weight", "", "requests/s", "errors"):
        table.add_column(name, no_wrap=True)
    for version in sorted(set(snapshot.split) | set(recent)):
        counts, weight = recent.get(version, Counts()), snapshot.split.get(version, 0)
        role = "stable" if version == snapshot.stable else "candidate" if version == snapshot.candidate else ""
        table.add_row(
            version or "(none)",
            role,
            _bar(weight, 100, "green" if role == "stable" else "yellow", width=WEIGHT_BAR),
            f"{weight} %",
            f"{counts.total / RECENT_SECONDS:.0f}",
            Text(f"{counts.failed_percent:.1f} %", style="red" if counts.failed else "green"),
        )
    return table


def _evidence(slos: tuple[Slo, ...]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for name in ("objective", "verdict", "bad/all of both", "", "against it", "", "for it"):
        table.add_column(name, no_wrap=True)
    for slo in slos:
        against, limit = _against(slo), _number(slo.threshold)
        support, goal = _for(slo), _number(slo.pass_threshold)
        table.add_row(
            slo.name,
            Text(slo.verdict, style={"Pass": "green", "Fail": "red"}.get(slo.verdict, "yellow")),
            f"{slo.candidate[0]}/{slo.candidate[1]} {slo.stable[0]}/{slo.stable[1]}",
            _bar(against, limit, "red", width=EVIDENCE_BAR),
            f"{odds(against)} of {odds(limit)}",
            _bar(support, goal, "green", width=EVIDENCE_BAR),
            part(support, goal),
        )
    return table


def _bar(value: float, limit: float, style: str, *, width: int) -> ProgressBar:
    total = limit or 1.0
    return ProgressBar(total, min(max(value, 0.0), total), width=width, complete_style=style, finished_style=style)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _who(version: str) -> str:
    return f"version {version}" if version else "no version"


def _rates(counts: Counts) -> str:
    return f"{counts.total / RECENT_SECONDS:.0f} requests/s, {counts.failed_percent:.1f} % errors"


def _recent(live: LiveCounts | None) -> dict[str, Counts]:
    return live.recent(RECENT_SECONDS, time.time()) if live else {}
