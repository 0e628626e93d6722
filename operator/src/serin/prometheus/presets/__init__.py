"""Presets of arms: what availability and latency count behind a given gateway, and which label tells the arms apart.

Each preset is data, one file beside this one. Its counts are sums of increments of counters: each term adds its
coefficients times its increment to the bad and to the total count of its arm.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from importlib import resources
from typing import Any

from serin.prometheus.boundaries import boundary, same_boundary, written
from serin.schema.choices import Arms
from serin.schema.types import parse_duration


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
    unit: timedelta | None = None
    """Unit of its boundaries, where that is not the preset's."""
    required: bool = False
    """Without such a series the counts would be wrong, e.g. a threshold that is no bucket boundary."""

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether a series belongs to this term."""
        if labels.get("__name__") != self.metric:
            return False
        if self.pattern is not None and not re.fullmatch(self.pattern[1], labels.get(self.pattern[0], "")):
            return False
        return all(
            same_boundary(boundary(labels.get(key, "")), boundary(value))
            if key == "le"
            else labels.get(key, "") == value
            for key, value in self.labels.items()
        )


@dataclass(frozen=True, slots=True)
class Preset:
    """The metrics and labels of one way to tell the arms apart."""

    arm_label: str
    arm_pattern: str
    """Value of ``arm_label``, as a regular expression with ``{namespace}``, ``{service}`` or ``{arm}``."""
    matchers: Mapping[str, str]
    """Further label matchers, with ``{namespace}``."""
    names_targets: bool
    """Whether the arm's label belongs to the scrape target, so that its own metrics (``up``) have the label, too."""
    counts_by_arms: bool
    """Whether availability and latency can be counted; otherwise only indicators with queries of the user's own can."""
    availability: tuple[Term, ...]
    latency: tuple[Term, ...]
    """The term with an empty ``le`` label gets the threshold."""
    latency_unit: timedelta
    """Unit of the histogram's boundaries."""
    proven: str
    """The real parts on which it was tested; empty: none yet."""
    absent: str
    """What has to be set where nothing of it is found; empty if scraping is all."""
    refused: str
    """Why policies may not use it; empty: they may."""
    meaning: str
    """What is counted, in one sentence for people."""
    required: Mapping[str, str] = field(default_factory=dict)
    """Label values that the operator's settings demand of all series, as they are written there."""

    @property
    def metrics(self) -> frozenset[str]:
        """Names of the metrics of availability and latency."""
        return frozenset(term.metric for term in (*self.availability, *self.latency))

    @property
    def of_gateway(self) -> bool:
        """Whether a gateway counts for both arms, and policies may use it."""
        return not self.names_targets and not self.refused

    def requiring(self, required: Mapping[str, str]) -> Preset:
        """The same, of series with these label values only."""
        return replace(self, required=required)

    def at_threshold(self, threshold: timedelta) -> tuple[Term, ...]:
        """The terms of latency with the threshold filled in."""

        def at(term: Term) -> Term:
            le = written(threshold / (term.unit or self.latency_unit))
            return replace(term, labels={**term.labels, "le": le}) if "le" in term.labels else term

        return tuple(map(at, self.latency))


def _term(data: Mapping[str, Any]) -> Term:
    pattern = data.get("pattern")
    return Term(
        metric=data["metric"],
        bad=data.get("bad", 0),
        total=data.get("total", 0),
        labels=data.get("labels", {}),
        pattern=(pattern["label"], pattern["matches"]) if pattern else None,
        unit=parse_duration(data["unit"]) if "unit" in data else None,
        required=data.get("required", False),
    )


@cache
def preset(arms: Arms) -> Preset:
    """The preset of that name."""
    file = resources.files(__package__) / f"{arms.value.lower()}.toml"
    data = tomllib.loads(file.read_text("utf-8"))
    arm, availability, latency = (data.get(part, {}) for part in ("arm", "availability", "latency"))
    return Preset(
        arm_label=arm.get("label", ""),
        arm_pattern=arm.get("pattern", ""),
        matchers=data.get("matchers", {}),
        names_targets=arm.get("of_target", False),
        counts_by_arms=bool(availability),
        availability=tuple(map(_term, availability.get("terms", []))),
        latency=tuple(map(_term, latency.get("terms", []))),
        latency_unit=parse_duration(latency.get("unit", "1s")),
        proven=data["proven"],
        absent=data.get("absent", ""),
        refused=data.get("refused", ""),
        meaning=data["meaning"],
    )
