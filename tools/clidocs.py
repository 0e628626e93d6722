"""The documents that commands write as dicts, as shapes of which ``tools.cliref`` makes their schema.

Tests hold what the commands print against it. A field whose name is not camelCase has it in its metadata; one that may
be absent is marked there, too.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from serin.analysis.simulate import RunStatistics
from serin.cli.lint.findings import Finding
from serin.cli.live.views import DOCUMENT_VERSION
from serin.records.chain_report import Found


@dataclass(frozen=True)
class Version:
    """``serin version``."""

    serin: str
    judge: str
    kind: str = "Version"
    api_version: str = DOCUMENT_VERSION


@dataclass(frozen=True)
class PredictedStep:
    """What is foretold for one SLO at one weight."""

    slo: str
    step: int | None
    """Number of the policy's step; null where the weight is constant (``--stable-rps``)."""
    weight: int
    """Percent of traffic on the candidate."""
    detect_seconds: dict[str, float | None]
    """Seconds until bad requests at so many times the allowed share are found; null: never."""
    pass_seconds: float | None
    """Seconds until a candidate as good as stable passes; null: never."""
    problem: str = field(default="", metadata={"optional": True})
    """Why the step cannot decide in its time, and what would mend it."""


@dataclass(frozen=True)
class SimulationResult(RunStatistics):
    """``serin simulate``: how the drawn rollouts ended; shares of all runs, times in seconds."""

    predicted: list[PredictedStep]
    kind: str = "SimulationResult"
    api_version: str = DOCUMENT_VERSION


@dataclass(frozen=True)
class PreflightArm:
    """What was seen of one arm."""

    rps: float
    """Requests per second."""
    bad_share: float
    """Share of bad ones, 0 to 1."""
    minutes: int
    """Over how long."""
    sample_age_seconds: float | None


@dataclass(frozen=True)
class PreflightStep:
    """What is foretold for one step; as in ``serin simulate``."""

    weight: int
    detect_seconds: dict[str, float | None]
    pass_seconds: float | None
    problem: str


@dataclass(frozen=True)
class PreflightSlo:
    """What was seen of one SLO."""

    name: str
    severity: str
    arms: str
    meaning: str
    unproven: bool
    """Whether its preset was never tested with a real serving runtime."""
    warning: str
    stable: PreflightArm | None
    candidate: PreflightArm | None
    dispersion: float
    """Excess dispersion of stable's bad requests; 0 if they do not come in bursts."""
    boundaries: list[str]
    """Bucket boundaries that a threshold may have."""
    problem: str
    """Why it cannot be counted; empty if it can."""
    steps: list[PreflightStep]


@dataclass(frozen=True)
class PreflightReport:
    """``serin preflight``: whether the next rollout could be judged, and how fast."""

    ready: bool
    slos: list[PreflightSlo]
    kind: str = "PreflightReport"
    api_version: str = DOCUMENT_VERSION


@dataclass(frozen=True)
class ChainFinding(Found):
    """One thing that is wrong with a chain of records."""


@dataclass(frozen=True)
class ChainReport:
    """``serin verify``: whether the chain of PromotionRecords is whole."""

    whole: bool
    records: int
    """Finished records, without further parts."""
    head: str | None
    """The hash of the record that was finished last."""
    first_attempt: int | None = field(metadata={"name": "first_attempt"})
    last_attempt: int | None = field(metadata={"name": "last_attempt"})
    found: list[ChainFinding]
    notes: list[str]
    """What is not wrong and limits what is proven."""
    kind: str = "ChainReport"
    api_version: str = DOCUMENT_VERSION


@dataclass(frozen=True)
class LintFinding(Finding):
    """One thing that is wrong in a file."""


@dataclass(frozen=True)
class LintReport:
    """``serin lint``."""

    items: list[LintFinding]
    kind: str = "LintReport"
    api_version: str = DOCUMENT_VERSION


@dataclass(frozen=True)
class JudgedSlo:
    """How an SLO stood after a window."""

    verdict: str
    reason: str
    evidence: dict[str, float] = field(metadata={"name": "log10_e"})
    """log10 of the e-values, by test."""
    threshold: float
    pass_threshold: float


@dataclass(frozen=True)
class JudgedWindow:
    """A line of ``serin judge`` and ``serin replay``: the decision after one window."""

    start: str
    decision: str
    reason: str
    slos: dict[str, JudgedSlo]


@dataclass(frozen=True)
class JudgeSummary:
    """The last line of ``serin judge``."""

    decision: str
    decided_at: str | None
    first_breach_at: str | None
    requests: int
    bad_requests: int
    judge_version: str


@dataclass(frozen=True)
class ReplayAnswer:
    """The last line of ``serin replay``, or with an export a line for each record."""

    recorded: str
    recomputed: str
    answer: str
    """Agree, Disagree or NothingToCompare."""
    note: str
    record: str = field(default="", metadata={"optional": True})
    """Name of the record, with an export."""


DOCUMENTS = (
    *(Version, SimulationResult, PreflightReport, ChainReport, LintReport),
    *(JudgedWindow, JudgeSummary, ReplayAnswer),
)
