"""``serin judge``: what would this policy have decided on these windows? The output is the same on every machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from serin.analysis.replay import Judged, Replay, Summary
from serin.api.files.load import LARGEST_DOCUMENT, policy_from_yaml
from serin.cli.windows import WindowFile, read_windows
from serin.errors import InvalidInput
from serin.evidence import SloReport
from serin.judge import JUDGE_VERSION
from serin.schema.types import format_time

LARGEST_FILE = 256 * 1024 * 1024
"""Characters: two million windows have less."""
BYTE_ORDER_MARK = "\ufeff"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def read_text(path: Path, most: int = LARGEST_FILE) -> str:
    """The text of a file of at most ``most`` characters, or of standard input for ``-``; ``InvalidInput``.

    A byte order mark at its beginning is left out: editors write it, and every reader of YAML skips it.
    """
    try:
        if str(path) == "-":
            text = sys.stdin.read(most + 1)
        else:
            with path.open(encoding="utf-8") as file:
                text = file.read(most + 1)
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        other = " (it begins as UTF-16 does)" if error.object[:2] in UTF_16 else ""
        raise InvalidInput(f"{path}: not UTF-8 at byte {error.start}{other}: save it as UTF-8") from None
    if len(text) > most:
        raise InvalidInput(f"{path}: more than {most} characters")
    return text.removeprefix(BYTE_ORDER_MARK)


def replay(policy: Path, windows: Path) -> tuple[Iterator[Judged], Replay, list[str]]:
    """The judged windows, the replay that judges them, and what is not used of both files."""
    spec, unknown = policy_from_yaml(read_text(policy, LARGEST_DOCUMENT), str(policy))
    found = read_windows(read_text(windows).split("\n"), spec, str(windows))
    run = Replay(spec, found.rungs)
    return _judged(run, found), run, [*unknown, *found.unused]


def _judged(run: Replay, found: WindowFile) -> Iterator[Judged]:
    for row in found.rows[: found.history]:
        run.learn(row)
    for row in found.rows[found.history :]:
        yield run.judge(row)
        if run.over:
            return


def at_text(at: datetime | None) -> str | None:
    """A time as it is printed; None for None."""
    return None if at is None else format_time(at)


def as_json(judged: Judged) -> str:
    """A judged window as one line of JSON."""
    return _compact(
        {
            "start": format_time(judged.start),
            "decision": judged.decision,
            "reason": judged.reason,
            "slos": {slo.name: _slo(slo) for slo in judged.slos},
        }
    )


def _slo(slo: SloReport) -> dict[str, Any]:
    return {
        "verdict": slo.verdict,
        "reason": slo.reason,
        "log10_e": slo.evidence,
        "threshold": slo.threshold,
        "passThreshold": slo.pass_threshold,
    }


def summary_as_json(summary: Summary) -> str:
    """The summary, which is the last line, as JSON."""
    return _compact(
        {
            "decision": summary.decision,
            "decidedAt": at_text(summary.decided_at),
            "firstBreachAt": at_text(summary.first_breach_at),
            "requests": summary.requests,
            "badRequests": summary.bad_requests,
            "judgeVersion": JUDGE_VERSION,
        }
    )


def _compact(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)


def as_text(judged: Judged) -> str:
    """A judged window as one line of text."""
    slos = "; ".join(f"{slo.name} {slo.verdict}{_evidence(slo)}" for slo in judged.slos)
    return f"{format_time(judged.start)}  {judged.decision:<8}  {judged.reason}: {slos}"


def _evidence(slo: SloReport) -> str:
    tests = ", ".join(f"{name} {value:.2f}" for name, value in slo.evidence.items())
    return f" (log10 {tests}; threshold {slo.threshold:.2f})" if tests else ""


def summary_as_text(summary: Summary, last: Judged) -> str:
    """The decision with its counts, and a line per SLO with the reason."""
    first = f"; first proven breach {at_text(summary.first_breach_at)}" if summary.first_breach_at else ""
    head = (
        f"{summary.decision} at {at_text(summary.decided_at)}{first}; "
        f"the candidate answered {summary.requests} requests, {summary.bad_requests} of them bad"
    )
    return "\n".join([head, *(f"  {slo.message}" for slo in last.slos)])
