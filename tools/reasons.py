"""Writes what the reasons mean, from ``serin.schema.reasons``: a table in ``docs/operations/events.md``, and a page.

``python -m tools.reasons`` writes the table between its two marks, and ``docs/reference/reasons.md``; a test compares.
"""

from __future__ import annotations

import sys
from pathlib import Path

from serin.schema.reasons import Reason
from tools.reason_advice import advice

REFERENCE = Path("docs/reference/reasons.md")
ANSWERS = """# Reasons, at night

<!-- Made by `make crds` from serin/schema/reasons.py and tools/reason_advice.py; a test compares it. -->

`kubectl -n NAMESPACE get mdep NAME -o wide` shows the sentence, `status.reason` the word. For each word: is it safe,
must somebody act, what next.

* **Who was hurt** is in the record of a rollout that was taken back (requests, bad ones, and how many more of them than
  stable would have had): `kubectl -n NAMESPACE get prec RECORD -o jsonpath='{.status.cost}'`.
* **Why** is its message, with counts, rates and evidence; `serin replay` shows the windows.
* **What changed** between the two revisions is `spec.candidate` and `spec.stable` of the record.
* Whatever it is, [one command takes all of it back](../runbooks/take-it-back-by-hand.md); an action is
  [said so](../operations/actions.md).

"""

PAGE = Path("docs/operations/events.md")
BEGIN, END = "<!-- reasons: begin -->", "<!-- reasons: end -->"


def table() -> str:
    """Returns the table of all reasons in Markdown, in the order of the code."""
    rows = [
        f"| `{reason.value}` | {reason.sentence} | {'Warning' if reason.effect.warning else 'Normal'} | "
        f"{'refused' if reason.effect.rejects else ''} |"
        for reason in Reason
    ]
    return "\n".join(
        ["| reason | what it says | Event | the revision afterwards |", "| --- | --- | --- | --- |", *rows]
    )


def reference() -> str:
    """Returns the page that answers, for each reason, what somebody asks who was woken by it."""
    parts = []
    for reason in Reason:
        given = advice(reason)
        parts += [
            f"## {reason.value}",
            "",
            reason.sentence,
            "",
            f"* Safe now? {given.safe}",
            f"* Must somebody act? {given.act.capitalize()}.",
            f"* What next? {given.next}",
            "",
        ]
    return ANSWERS + "\n".join(parts)


def with_table(page: str) -> str:
    """Returns the page with the present table between the marks; ``ValueError`` without marks."""
    before, _, rest = page.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        message = f"no {BEGIN} … {END} in the page"
        raise ValueError(message)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main() -> int:
    """Writes the table and the page; returns the exit code."""
    PAGE.write_text(with_table(PAGE.read_text()))
    REFERENCE.write_text(reference())
    return 0


if __name__ == "__main__":
    sys.exit(main())
