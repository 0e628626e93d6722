"""What do availability and latency mean with a given gateway, and which series tell the arms apart?

Each preset is data, one file beside this one. Its counts are sums of increments of counters: each term adds its
coefficients times its increment to the bad and to the total count of its arm.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from importlib import resources
from typing import Any

from serin.api.indicator import Arms
from serin.api.types import parse_duration


@dataclass(frozen=True, slots=True)
class Term:
    """One counter's part in the counts."""

    metric: str
    bad: int
    total: int
    labels: Mapping[str, str] = field(default_factory=dict)
    """Only series with these labels; ``le`` is compared as a number."""
    pattern: tuple[str, str] | None = None
    """Only series whose label (first) matches the regular expression (second)."""
    required: bool = False
    """Without such a series the counts would be wrong, e.g. a threshold that is no bucket boundary."""

    def takes(self, labels: Mapping[str, str]) -> bool:
        """Whether a series belongs to this term."""
        if labels.get("__name__") != self.metric:
            return False
        if self.pattern is not None and not re.fullmatch(self.pattern[1], labels.get(self.pattern[0], "")):
            return False
        return all(_same(key, labels.get(key, ""), value) for key, value in self.labels.items())


def _same(key: str, actual: str, wanted: str) -> bool:
    if key != "le":
        return actual == wanted
    try:
        return float(actual) == float(wanted)
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Preset:
    """How one way of telling the arms apart names things."""

    arm_label: str
    arm_pattern: str
    """Value of ``arm_label``, as a regular expression with ``{namespace}`` and ``{service}``."""
    matchers: Mapping[str, str]
    """Further label matchers, with ``{namespace}``."""
    counts_by_arms: bool
    """Whether availability and latency have a meaning here; otherwise only raw indicators have."""
    availability: tuple[Term, ...]
    latency: tuple[Term, ...]
    """The term with an empty ``le`` label gets the threshold."""
    latency_unit: timedelta
    """Unit of the histogram's boundaries."""
    proven: str
    """On which parts it was run; empty: on none yet."""
    meaning: str
    """What is counted, in a sentence for people."""

    def at_threshold(self, threshold: timedelta) -> tuple[Term, ...]:
        """The terms of latency with the threshold filled in."""
        boundary = f"{threshold / self.latency_unit:g}"
        return tuple(
            Term(t.metric, t.bad, t.total, {**t.labels, "le": boundary}, t.pattern, t.required)
            if "le" in t.labels
            else t
            for t in self.latency
        )


def _term(data: Mapping[str, Any]) -> Term:
    pattern = data.get("pattern")
    return Term(
        metric=data["metric"],
        bad=data.get("bad", 0),
        total=data.get("total", 0),
        labels=data.get("labels", {}),
        pattern=(pattern["label"], pattern["matches"]) if pattern else None,
        required=data.get("required", False),
    )


@cache
def preset(arms: Arms) -> Preset | None:
    """The preset of that name; None where the arms cannot be told apart in this version."""
    file = resources.files(__package__) / f"{arms.value.lower()}.toml"
    if not file.is_file():
        return None
    data = tomllib.loads(file.read_text("utf-8"))
    availability, latency = data.get("availability", {}), data.get("latency", {})
    return Preset(
        arm_label=data["arm"]["label"],
        arm_pattern=data["arm"]["pattern"],
        matchers=data.get("matchers", {}),
        counts_by_arms=bool(availability),
        availability=tuple(map(_term, availability.get("terms", []))),
        latency=tuple(map(_term, latency.get("terms", []))),
        latency_unit=parse_duration(latency.get("unit", "1s")),
        proven=data["proven"],
        meaning=data["meaning"],
    )
