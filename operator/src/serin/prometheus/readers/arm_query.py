"""How the counters of both arms are asked for, and told apart in the answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from serin.errors import QueryRejected
from serin.indicators.measurements import Counters, Mean
from serin.prometheus.grid import Grid
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.metrics import Metrics
from serin.prometheus.presets import Preset, preset
from serin.prometheus.readers.counter_groups import CounterGroup
from serin.prometheus.readers.targets import TARGET_METRICS
from serin.prometheus.series import Series
from serin.prometheus.series_request import SeriesRequest, Shape
from serin.prometheus.variables import quoted
from serin.schema.choices import Arms

NAME = re.compile("[A-Za-z0-9-]*")
NOBODY = "no-such-arm"
"""The pattern of an arm that is not there: before a rollout there is no candidate."""


@dataclass(frozen=True, slots=True)
class ArmPatterns:
    """How the series of both arms are told apart: a label, and a regular expression for its value per arm."""

    label: str
    candidate: str
    stable: str
    of_targets: bool = False
    """Whether the label is one of scrape targets, each of which belongs to one arm."""

    @property
    def both(self) -> tuple[str, str]:
        """Candidate's, stable's."""
        return self.candidate, self.stable

    def matches(self, value: str) -> bool:
        """Whether a value of the label is one of the two arms."""
        return any(re.fullmatch(pattern, value) for pattern in self.both)

    def of(self, pattern: str, series: Sequence[Series]) -> list[Series]:
        """The series of one arm."""
        compiled = re.compile(pattern)
        return [s for s in series if compiled.fullmatch(s.labels.get(self.label, ""))]


@dataclass(frozen=True, slots=True)
class ArmQuery:
    """The counters of both arms of a rollout, in the windows of a grid."""

    source: Preset
    identity: RolloutIdentity
    grid: Grid

    @classmethod
    def of(cls, metrics: Metrics, wanted: Counters | Mean | Arms, identity: RolloutIdentity, grid: Grid) -> ArmQuery:
        """The counters of some arms, in those series that the operator's settings let count; ``QueryRejected``."""
        arms, label = (wanted, None) if isinstance(wanted, Arms) else (wanted.arms, wanted.arm_label)
        known = preset(arms).for_grpc if identity.grpc else preset(arms)
        source = known if label is None else known.labelled(label)
        query = cls(source.requiring(metrics.required_matchers(arms)), identity, grid)
        candidate, stable = query.patterns.both
        if label is not None and candidate == stable:
            kind = label.value.value.lower()
            raise QueryRejected(
                f"armLabel: both arms have the same {kind}, {candidate}: name a label of another value, e.g. Revision"
            )
        return query

    @property
    def patterns(self) -> ArmPatterns:
        """How the arms are told apart; an arm of which nothing is known has no series."""
        source, identity = self.source, self.identity

        def pattern(arm: str) -> str:
            # Names of Kubernetes are of letters, digits and "-", which means nothing in a regular expression here.
            words = {
                key: word if NAME.fullmatch(word) else re.escape(word) for key, word in identity.words(arm).items()
            }
            return source.arm_pattern.format(**words) or NOBODY

        arms = (pattern(identity.candidate), pattern(identity.stable))
        return ArmPatterns(source.arm_label, *arms, of_targets=source.names_targets)

    def matchers(self, group: CounterGroup) -> tuple[str, ...]:
        """The label matchers of a group: the preset's, those that the operator's settings demand, the user's own."""
        fixed = {k: v.format(namespace=self.identity.namespace) for k, v in self.source.matchers.items()}
        demanded = (f"{k}={quoted(v)}" for k, v in {**fixed, **self.source.required}.items())
        return (*demanded, *group.matchers)

    def request(self, group: CounterGroup) -> SeriesRequest:
        """The series of one group, of both arms, with all samples that the grid looks at."""
        # A query with matchers of the user's own does not find the target's own metrics; a further query for them
        # would cost too much.
        asks_target = self.source.target_has_label and not group.matchers
        return SeriesRequest(
            shape=Shape(self.matchers(group), self.source.arm_label, group.own),
            metrics=frozenset(term.metric for term in group.terms) | (TARGET_METRICS if asks_target else frozenset()),
            boundaries=frozenset(term.labels["le"] for term in group.terms if "le" in term.labels),
            arms=self.patterns.both,
            start=self.grid.first_sample,
            end=self.grid.end,
        )
