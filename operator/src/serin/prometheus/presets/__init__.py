"""Presets of arms: what availability and latency count behind a given gateway, and which label tells the arms apart.

Each preset is data, one file beside this one; where several stand for one proxy, ``counters`` names the file that they
share. Its counts are sums of increments of counters: each term adds its coefficients times its increment to the bad and
to the total count of its arm. The counters of answers with a 4xx are among those of availability, so that nobody has to
ask for them anew.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from importlib import resources
from typing import Any

from serin.indicators.arm_label import ArmIdentity, ArmLabel
from serin.prometheus.boundaries import boundary, same_boundary, written
from serin.schema.choices import Arms
from serin.schema.types import parse_duration

ARM_PATTERNS = {
    ArmIdentity.SERVICE: "{service}",
    ArmIdentity.WORKLOAD: "{arm}",
    ArmIdentity.REVISION: "{revision}",
    ArmIdentity.VERSION: "{version}",
    ArmIdentity.POD: "{service}-[a-z0-9]+(-[a-z0-9]+)?",
}
"""Value of a label of the user's own that identifies an arm."""


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
    rung: int | None = None
    """Of a latency ladder: the number of the boundary that it counts for, from 0, and for nothing else."""
    client_errors: int = 0
    """Its part in the answers with a 4xx."""

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
    """Value of ``arm_label``, a regular expression with ``{namespace}``, ``{service}``, ``{arm}``, ``{revision}`` or
    ``{version}``."""
    presence: str
    """A metric that each arm has whether or not it gets requests; empty: none."""
    matchers: Mapping[str, str]
    """Further label matchers, with ``{namespace}``."""
    target_has_label: bool
    """Whether the target's own metrics have the arm's label, too."""
    names_targets: bool
    """Whether each scrape target belongs to one arm."""
    counts_by_arms: bool
    """Whether availability and latency can be counted; otherwise only indicators with queries of the user's own can."""
    availability: tuple[Term, ...]
    client_errors_missing: str
    """Why nobody can tell which requests were answered with a 4xx, and what to do instead; empty: these arms can."""
    latency: tuple[Term, ...]
    """The term with an empty ``le`` label gets the threshold."""
    latency_unit: timedelta
    """Unit of the histogram's boundaries."""
    proven: str
    """The real parts on which it was tested; empty: none yet."""
    absent: str
    """What has to be set where nothing of it is found; empty if scraping is all."""
    unmatched: str
    """What has to be set where it is found, and none of it is an arm's; empty if that says all."""
    shadow_missing: str
    """Why what a shadow mirrors is not counted for the candidate, and what to do instead; empty: it is."""
    meaning: str
    """What is counted, in one sentence for people."""
    required: Mapping[str, str] = field(default_factory=dict)
    """Label values that the operator's settings demand of all series, as they are written there."""
    grpc: Preset | None = None
    """What is counted of calls by gRPC; None: these metrics do not show which of them failed."""

    @property
    def for_grpc(self) -> Preset:
        """The same for clients that speak gRPC. A model server counts its predictions, whoever asks."""
        if self.names_targets or self.grpc is not None:
            return self.grpc or self
        return replace(self, counts_by_arms=False, availability=(), latency=())

    @property
    def metrics(self) -> frozenset[str]:
        """Names of the metrics of availability and latency."""
        return frozenset(term.metric for term in (*self.availability, *self.latency))

    @property
    def of_gateway(self) -> bool:
        """Whether a gateway counts for both arms."""
        return not self.names_targets

    @property
    def tells_client_errors(self) -> bool:
        """Whether the counts of availability say how many requests were answered with a 4xx."""
        return any(term.client_errors for term in self.availability)

    @property
    def client_errors(self) -> tuple[Term, ...]:
        """The terms of client errors: of availability's, with the 4xx as the bad ones."""
        counted = (replace(term, bad=term.client_errors, client_errors=0) for term in self.availability)
        return tuple(term for term in counted if term.bad or term.total)

    def requiring(self, required: Mapping[str, str]) -> Preset:
        """The same, of series with these label values only."""
        return replace(self, required=required)

    def at_threshold(self, threshold: timedelta, ladder: Sequence[timedelta] = ()) -> tuple[Term, ...]:
        """The terms of latency with the threshold filled in, and those of each boundary of a ladder."""

        def at(term: Term, boundary: timedelta, rung: int | None = None) -> Term:
            le = written(boundary / (term.unit or self.latency_unit))
            return replace(term, labels={**term.labels, "le": le}, rung=rung)

        return tuple(at(term, threshold) if "le" in term.labels else term for term in self.latency) + tuple(
            at(term, boundary, rung)
            for rung, boundary in enumerate(ladder)
            for term in self.latency
            if "le" in term.labels
        )

    def labelled(self, label: ArmLabel) -> Preset:
        """The same, of series whose label of the user's own tells the arms apart; they are of the namespace itself."""
        own = {} if "{namespace}" in self.matchers.values() else {"namespace": "{namespace}"}
        pattern = ARM_PATTERNS[label.value]
        return replace(
            self,
            arm_label=label.name,
            arm_pattern=pattern,
            matchers={**self.matchers, **own},
            target_has_label=False,
            presence="",
            unmatched="",
        )


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
        client_errors=data.get("client_errors", 0),
    )


@cache
def preset(arms: Arms) -> Preset:
    """The preset of that name."""
    data = _read(arms.value.lower())
    if "counters" in data:
        data = {**_read(data["counters"]), **data}
    grpc = data.get("grpc")
    found = _made(data)
    return replace(found, grpc=_made({**data, "client_errors_missing": "", **grpc})) if grpc else found


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((resources.files(__package__) / f"{name}.toml").read_text("utf-8"))


def _made(data: Mapping[str, Any]) -> Preset:
    arm, availability, latency = (data.get(part, {}) for part in ("arm", "availability", "latency"))
    return Preset(
        arm_label=arm.get("label", ""),
        arm_pattern=arm.get("pattern", ""),
        presence=arm.get("presence", ""),
        matchers=data.get("matchers", {}),
        target_has_label=arm.get("of_target", False),
        names_targets=arm.get("of_target", False),
        counts_by_arms=bool(availability),
        availability=tuple(map(_term, availability.get("terms", []))),
        client_errors_missing=data.get("client_errors_missing", ""),
        latency=tuple(map(_term, latency.get("terms", []))),
        latency_unit=parse_duration(latency.get("unit", "1s")),
        proven=data["proven"],
        absent=data.get("absent", ""),
        unmatched=data.get("unmatched", ""),
        shadow_missing=data.get("shadow_missing", ""),
        meaning=data["meaning"],
    )
