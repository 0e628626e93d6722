"""The figures of a ModelDeployment's SLOs before a rollout, and what they say: can it be judged?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from serin.analysis.preflight import Forecast
from serin.rollout.readiness import Readiness
from serin.schema.choices import Severity

LEAST_MINUTES = 5
"""Minutes that stable must have been counted for before its rate says how long a step takes."""


class Doubt(Enum):
    """What a problem of an SLO means."""

    NONE = "None"
    OBSTACLE = "Obstacle"
    """It cannot be judged until somebody, or something, changes."""
    ABSENT = "Absent"
    """Nothing of stable is there to count, and it cannot be told whether for want of requests."""
    LESS = "Less"
    """It is judged, but by less than the policy says."""
    UNKNOWN = "Unknown"
    """It cannot be told yet."""
    UNAVAILABLE = "Unavailable"
    """Prometheus did not answer."""


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """The requests of one arm in the last half hour."""

    rps: float
    bad_share: float
    minutes: int
    """Minutes that had data."""
    sample_age: float | None
    """Age of the newest sample in seconds."""
    newest_rps: float = 0.0
    """Requests per second in the newest minute that had data."""


@dataclass(slots=True)
class SloFigures:
    """The figures of one SLO."""

    name: str
    severity: str
    arms: str
    unproven: bool = False
    """Whether its preset was never tested with a real serving runtime."""
    meaning: str = ""
    """The meaning of availability and latency with these arms; empty for custom indicators."""
    stable: ArmFigures | None = None
    candidate: ArmFigures | None = None
    excess: float = 0.0
    """The excess dispersion of stable's bad requests; 0 if they do not come in bursts."""
    boundaries: list[str] = field(default_factory=list)
    """The bucket boundaries that the threshold and a ladder may have, as values of ``le``."""
    warning: str = ""
    """Why the counts may be somebody else's, although they can be counted."""
    problem: str = ""
    doubt: Doubt = Doubt.NONE
    """What ``problem`` means."""
    forecasts: list[Forecast] = field(default_factory=list)

    @property
    def decides(self) -> bool:
        """Whether a rollout waits for it."""
        return self.severity != Severity.ADVISORY.value

    @property
    def total_rps(self) -> float:
        """Requests per second of both arms: the half hour's, or the newest minute's if that had more."""
        arms = [arm for arm in (self.stable, self.candidate) if arm is not None]
        return max(sum(arm.rps for arm in arms), sum(arm.newest_rps for arm in arms))

    def doubt_it(self, doubt: Doubt, problem: str) -> None:
        """Notes why it cannot be counted."""
        self.doubt, self.problem = doubt, problem

    @property
    def hopeless(self) -> str:
        """Why no step can pass in its time at the traffic seen; empty if each can, or if the traffic is too new."""
        if self.stable is None or self.stable.minutes < LEAST_MINUTES:
            return ""
        return next((f.problem for f in self.forecasts if f.hopeless), "")


def readiness_of(figures: Sequence[SloFigures], asked_at: datetime, *, saw_candidate: bool = True) -> Readiness:
    """What the figures say of a rollout."""
    deciding = [f for f in figures if f.decides]
    obstacles = [_named(f, f.problem) for f in deciding if f.doubt is Doubt.OBSTACLE]
    obstacles += [_named(f, f.hopeless) for f in deciding if f.hopeless]
    away = next((_named(f, f.problem) for f in deciding if f.doubt is Doubt.UNAVAILABLE), "")
    unknown = [_named(f, f.problem) for f in deciding if f.doubt in {Doubt.ABSENT, Doubt.UNKNOWN}]
    return Readiness(
        asked_at,
        obstacles=tuple(obstacles),
        unavailable=away,
        unknown=tuple(unknown),
        warnings=tuple(_warnings(figures)),
        summary=_summary(deciding),
        saw_candidate=saw_candidate,
    )


def _warnings(figures: Sequence[SloFigures]) -> Iterator[str]:
    """What holds nothing: an Advisory SLO's problems, and the first step of each SLO that is doubtful."""
    for f in figures:
        if f.problem and (not f.decides or f.doubt is Doubt.LESS):
            yield _named(f, f.problem)
        doubtful = next((forecast.problem for forecast in f.forecasts if forecast.problem), "")
        if doubtful and doubtful != f.hopeless:
            yield _named(f, doubtful)


def _summary(deciding: Sequence[SloFigures]) -> str:
    """The slowest SLO's times per step, without digits that change from look to look."""
    timed = [f for f in deciding if f.forecasts and all(math.isfinite(x.passing) for x in f.forecasts)]
    if not timed:
        return "every SLO that decides can be counted"
    slowest = max(timed, key=lambda f: sum(forecast.passing for forecast in f.forecasts))
    steps = ", ".join(f"{_rounded(x.passing)} at {x.weight} %" for x in slowest.forecasts)
    passes = f"a candidate as good as stable passes {slowest.name} after about {steps}"
    return f"every SLO that decides can be counted; {passes}"


def _rounded(seconds: float) -> str:
    return f"{max(10, round(seconds, -1)):.0f} s" if seconds < 120 else f"{math.ceil(seconds / 60)} min"  # noqa: PLR2004 - two minutes


def _named(figures: SloFigures, words: str) -> str:
    return f"{figures.name}: {words.removeprefix(f'{figures.name}: ')}"
