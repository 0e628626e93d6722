"""Tables as Markdown, beside what an earlier judge came to on the same seeds, and their places in docs/benchmarks.md.

``judge_3.json`` has the cells that ``make bench-judge`` wrote with judge 2, which finds the same breaches as judge 3
and passes the same where stable is not broken. Two of them were drawn again with judge 3 and were the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from serin.analysis.simulate import quantile

REPORT = Path("docs/benchmarks.md")
BEGIN, END = "<!-- bench-judge: begin -->\n", "<!-- bench-judge: end -->\n"
BEFORE: dict[str, dict[str, dict[str, str]]] = json.loads(
    Path(__file__).with_name("judge_3.json").read_text(encoding="utf-8")
)
"""Per table and row the cells of judge 3, by the number of the column."""


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """As Markdown."""
    lines = [f"## {title}", "", "| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows), ""])


def beside(name: str, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, keys: int = 1) -> str:
    """The table with judge 3: in a column of its own where there is one figure a row, else in a row below each.

    The first ``keys`` cells name a row.
    """
    before = BEFORE[name]
    if len(columns) == 2:
        wide = [(*row, before.get(row[0], {}).get("1", "-")) for row in rows]
        return table(title, (*columns, "judge 3"), wide)
    both: list[Sequence[str]] = []
    for row in rows:
        both.append(row)
        cells = before.get(", ".join(row[:keys]))
        if cells is not None:
            own = [cells.get(str(number), "") for number in range(keys, len(columns))]
            both.append(("… judge 3", *[""] * (keys - 1), *own))
    return table(title, columns, both)


def seconds(values: Sequence[float]) -> str:
    """p50 / p95."""
    ordered = sorted(values)
    fifty, ninety_five = quantile(ordered, 0.5), quantile(ordered, 0.95)
    return f"{fifty:.0f} / {ninety_five:.0f}" if fifty is not None and ninety_five is not None else "-"


def share(count: int, of: int) -> str:
    """Percent, and for none the 95 % bound that so many runs support (rule of three)."""
    return f"{100 * count / of:.3g} %" if count else f"0 (of {of}: below {300 / of:.2g} %)"


def write(parts: dict[str, str], order: Sequence[str]) -> None:
    """Puts these tables into the report; the others stay as they are."""
    head, rest = REPORT.read_text(encoding="utf-8").split(BEGIN)
    inside, tail = rest.split(END)
    found = re.findall(r"<!-- table: (\w+) -->\n(.*?)(?=<!-- table: |\Z)", inside, flags=re.DOTALL)
    kept = {**dict(found), **{name: f"\n{text}\n" for name, text in parts.items()}}
    body = "".join(f"<!-- table: {name} -->\n{kept[name]}" for name in order if name in kept)
    REPORT.write_text(head + BEGIN + body + END + tail, encoding="utf-8")
