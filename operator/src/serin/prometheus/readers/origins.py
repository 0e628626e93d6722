"""Who has exported the series of the arms: one job of one namespace, or somebody beside it, who may have forged them.

What tells whose requests a series counts is an ordinary label, which anybody can export who is scraped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from serin.prometheus.readers.arm_query import ArmPatterns
from serin.prometheus.readers.targets import counters
from serin.prometheus.series import Series

ORIGIN_LABELS: Mapping[str, str] = {"job": "jobs", "namespace": "namespaces"}
"""Labels of a scrape target that tell who it is, and how a message calls several values of them."""
SHOWN_NAMES = 4
LONGEST_NAME = 40
"""Characters: both are chosen by whoever exports."""
REMEDY = (
    "anybody who is scraped may have exported some of them, so none is counted: "
    "set the labels of the right ones in the operator's prometheus.arms"
)


def several_origins_error(arms: ArmPatterns, groups: Sequence[Sequence[Series]], start: float) -> str:
    """What to do about series of several origins with samples since ``start``; empty if there is one.

    Both arms must have the same origin. A gateway counts everything; of a pod, each group of counters may be exported
    by a container of its own, with a job of its own.
    """
    living = [[s for s in counters(group) if s.times[-1] > start] for group in groups]
    together = living if arms.of_targets else [list(chain.from_iterable(living))]
    return next(filter(None, map(_told, together)), "")


def _told(series: Sequence[Series]) -> str:
    several = [
        f"{len(values)} {plural} ({_names(values)})"
        for label, plural in ORIGIN_LABELS.items()
        if len(values := {s.labels.get(label, "") for s in series}) > 1
    ]
    return f"the arms' series come from {' and '.join(several)}: {REMEDY}" if several else ""


def _names(values: Iterable[str]) -> str:
    ordered = sorted(values)
    shown = [_name(value) for value in ordered[:SHOWN_NAMES]]
    return ", ".join([*shown, *(["…"] if len(ordered) > SHOWN_NAMES else [])])


def _name(value: str) -> str:
    printable = "".join(char if char.isprintable() else "?" for char in value)
    return (printable if len(printable) <= LONGEST_NAME else f"{printable[: LONGEST_NAME - 1]}…") or "none"
