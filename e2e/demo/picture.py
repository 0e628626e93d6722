"""A run of the demo as a picture: which version answered the clients, second by second, and what was decided when.

Pure: answers and records in, an SVG out. Drawn from the load generator's own log, not from what Serin counted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from e2e.demo.snapshot import Record
    from e2e.load.answer import Answer

WIDTH, HEIGHT = 860, 400
LEFT, RIGHT, TOP, MIDDLE, LOWER, BOTTOM = 52, 12, 64, 258, 296, 366
"""Edges: of both panels, of the upper one (TOP to MIDDLE), of the lower one (LOWER to BOTTOM)."""
COLOURS: Final = ("#0072b2", "#56b4e9", "#d55e00")
"""Of the versions in their order: told apart by most eyes, also in grey."""
STYLE: Final = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .small { font-size: 11.5px; fill: #59636e }
  .title { font-size: 15px; font-weight: 600 }
  .line { stroke: #59636e; stroke-dasharray: 3 3 }
  .edge { stroke: #59636e }
  .name { font-weight: 600; fill: #fff; stroke: #1f2328; stroke-width: 3px; paint-order: stroke }
  @media (prefers-color-scheme: dark) {
    text:not(.name) { fill: #f0f6fc }
    .small { fill: #9198a1 }
    .line, .edge { stroke: #9198a1 }
  }
"""
ROOM_FOR_A_NAME: Final = 55
EVERY_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class Mark:
    """A decision, at a second of the run."""

    at: float
    words: str


@dataclass(frozen=True, slots=True)
class _Scale:
    start: float
    seconds: int

    def x(self, at: float) -> float:
        """Where a time (epoch) lies."""
        return round(LEFT + (at - self.start) / self.seconds * (WIDTH - LEFT - RIGHT), 1)

    def second(self, index: int) -> float:
        """Where a second of the run begins."""
        return self.x(self.start + index)


def picture(answers: Sequence[Answer], records: Sequence[Record], bad: str) -> str:
    """The SVG. ValueError if there is no answer."""
    if not answers:
        raise ValueError("no request was answered: there is nothing to draw")
    start = min(answer.at for answer in answers)
    per_second: dict[int, Counter[str]] = {}
    failed: Counter[int] = Counter()
    for answer in answers:
        second = int(answer.at - start)
        per_second.setdefault(second, Counter())[answer.version] += 1
        failed[second] += answer.failed
    scale = _Scale(start, max(per_second) + 1)
    versions = sorted({answer.version for answer in answers} - {""})
    elsewhere = sum(answer.failed and answer.version != bad for answer in answers)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"',
        f' aria-label="{_label(bad)}">',
        f"<style>{STYLE}</style>",
        f'<text class="title" x="{LEFT}" y="20">{_title(len(answers))}</text>',
        *_areas(per_second, versions, scale),
        *_names(answers, versions, scale),
        *_marks([mark for mark in marks(records) if mark.at >= start], scale),
        *_axis("share of answers", TOP, MIDDLE, "100 %"),
        *_failures(failed, scale),
        *_axis("failed each second", LOWER, BOTTOM, str(max(failed.values()))),
        *_seconds(scale),
        f'<text class="small" x="{LEFT}" y="{HEIGHT - 4}">{_foot(bad, elsewhere)}</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def marks(records: Sequence[Record]) -> list[Mark]:
    """Each new weight of each rollout, and how it ended, in the order of time."""
    out: list[Mark] = []
    for record in records:
        weight = 0
        for entry in record.timeline:
            if entry.weight > weight:
                out.append(Mark(entry.at, f"{entry.weight} %"))
            elif entry.weight < weight:
                out.append(Mark(entry.at, "taken back"))
            weight = entry.weight
    return sorted(out, key=lambda mark: mark.at)


def _label(bad: str) -> str:
    return f"Shares of the answers by version over time; version {escape(bad)} gets a small share and is taken back"


def _title(requests: int) -> str:
    return f"Who answered the clients: {requests:,} requests of one run of make demo"


def _foot(bad: str, elsewhere: int) -> str:
    name = escape(bad)
    return f"Failed requests that version {name} did not answer itself: {elsewhere}. Seconds since the first request."


def _areas(per_second: Mapping[int, Counter[str]], versions: Sequence[str], scale: _Scale) -> Iterator[str]:
    """One area for each version, stacked: the share of each second's answers."""
    floor = dict.fromkeys(range(scale.seconds), 0.0)
    for version, colour in zip(versions, COLOURS, strict=False):
        upper, lower = list[str](), list[str]()
        for second in range(scale.seconds):
            counts = per_second.get(second, Counter())
            below = floor[second]
            above = below + (counts[version] / counts.total() if counts.total() else 0.0)
            floor[second] = above
            for edge in (scale.second(second), scale.second(second + 1)):
                upper.append(f"{edge},{_height(above)}")
                lower.append(f"{edge},{_height(below)}")
        yield f'<polygon fill="{colour}" points="{" ".join([*upper, *reversed(lower)])}"/>'


def _height(share: float) -> float:
    return round(MIDDLE - share * (MIDDLE - TOP), 1)


def _names(answers: Sequence[Answer], versions: Sequence[str], scale: _Scale) -> Iterator[str]:
    """Each version's name where it answered most; above the panel if its area has no room."""
    for version in versions:
        seconds = Counter(int(answer.at - scale.start) for answer in answers if answer.version == version)
        most = max(seconds.values())
        roomy = most > max(Counter(int(a.at - scale.start) for a in answers).values()) / 3
        best = sorted(second for second, count in seconds.items() if count > most / 2 or not roomy)
        middle = scale.second(best[len(best) // 2])
        x = min(max(middle, LEFT + ROOM_FOR_A_NAME), WIDTH - RIGHT - ROOM_FOR_A_NAME)
        place = f'class="name" y="{(TOP + MIDDLE) // 2}"' if roomy else f'y="{TOP - 20}"'
        yield f'<text {place} x="{x}" text-anchor="middle">version {escape(version)}</text>'


def _marks(found: Sequence[Mark], scale: _Scale) -> Iterator[str]:
    for mark in found:
        x = scale.x(mark.at)
        yield f'<line class="line" x1="{x}" y1="{TOP - 2}" x2="{x}" y2="{BOTTOM}"/>'
        yield f'<text class="small" x="{x}" y="{TOP - 6}" text-anchor="middle">{escape(mark.words)}</text>'


def _axis(name: str, top: int, bottom: int, most: str) -> Iterator[str]:
    yield f'<line class="edge" x1="{LEFT}" y1="{bottom}" x2="{WIDTH - RIGHT}" y2="{bottom}"/>'
    yield f'<text class="small" x="{LEFT - 6}" y="{top + 9}" text-anchor="end">{escape(most)}</text>'
    yield f'<text class="small" x="{LEFT - 6}" y="{bottom}" text-anchor="end">0</text>'
    turned = f"rotate(-90 14 {(top + bottom) / 2})"
    yield f'<text class="small" x="14" y="{(top + bottom) / 2}" text-anchor="middle" transform="{turned}">{name}</text>'


def _failures(failed: Mapping[int, int], scale: _Scale) -> Iterator[str]:
    most = max(failed.values())
    for second, count in sorted(failed.items()):
        if count:
            x, height = scale.second(second), round(count / most * (BOTTOM - LOWER), 1)
            width = round(scale.second(second + 1) - x, 1)
            yield f'<rect fill="{COLOURS[-1]}" x="{x}" y="{BOTTOM - height}" width="{width}" height="{height}"/>'


def _seconds(scale: _Scale) -> Iterator[str]:
    for second in range(0, scale.seconds + 1, EVERY_SECONDS):
        yield f'<text class="small" x="{scale.second(second)}" y="{BOTTOM + 14}" text-anchor="middle">{second}</text>'
