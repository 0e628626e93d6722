"""What the commands show, as values. Their JSON form is published: docs/reference/cli-schema.json is made from them.

Times stay as the API writes them. What an object of another version does not tell is None.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from serin.schema.odds import mean

DOCUMENT_VERSION = "cli.serin.dev/v1"
"""``apiVersion`` of every document; fields are added to it and never taken away."""


@dataclass(frozen=True, slots=True)
class Row:
    """A ModelDeployment in one line."""

    namespace: str
    name: str
    phase: str
    stable: str | None
    """Version that is stable."""
    candidate: str | None
    """Version on trial."""
    weight: int | None
    """Percent of traffic on the candidate; None without one."""
    ready: bool | None
    reason: str | None
    since: str | None
    message: str
    down: bool = False
    """Whether stable has traffic and no ready endpoint."""


@dataclass(frozen=True, slots=True)
class Rows:
    """``serin list``."""

    items: list[Row]
    kind: str = "ModelDeploymentList"
    api_version: str = DOCUMENT_VERSION


@dataclass(frozen=True, slots=True)
class Arm:
    """A revision and its part of the traffic."""

    version: str
    revision: str
    workload: str | None
    """Kind and name of the object that serves it."""
    weight: int
    """Percent of traffic by the route."""
    observed: str | None = None
    """Percent of requests in the newest window, where it is measured."""
    since: str | None = None
    """Since when it is stable, or on trial."""
    until: str | None = None
    """Of the one that was stable before: until when it can be returned to without steps."""
    answers: bool = True
    """False if it has no ready endpoint, and so answers nothing of its traffic."""


@dataclass(frozen=True, slots=True)
class Slo:
    """The evidence for one SLO. E-values are log10, as in the record."""

    name: str
    severity: str
    verdict: str
    candidate_bad: int
    candidate_total: int
    stable_bad: int
    stable_total: int
    worse_than_stable: float | None
    breaks_objective: float | None
    roll_back_at: float | None
    """The candidate is taken back when the tests that the policy compares are at or above this."""
    as_good_as_stable: float | None
    keeps_objective: float | None
    pass_at: float | None
    """The SLO passes when the mean of both e-values is at or above this."""
    message: str

    @property
    def passing(self) -> float | None:
        """What there is of ``pass_at``."""
        return mean(self.as_good_as_stable, self.keeps_objective)


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate of the policy that was asked."""

    name: str
    kind: str
    before: str
    state: str
    since: str | None
    until: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Why it is where it is, and how that ends."""

    reason: str
    message: str
    since: str | None
    until: str | None
    """When something happens by itself; None if only the world or a person ends it."""
    then: str
    """What happens at ``until``; empty without one."""
    ends: str
    """What ends it."""
    needs_a_person: bool
    """Somebody has to act before anything proceeds. What only its owner may choose, when it suits, is none of it."""
    urgency: str = "None"
    """Hurt (clients get errors), BlindOrStuck, Person, Owner or None."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is not as it should be: a condition, or a write that failed."""

    what: str
    reason: str
    message: str
    since: str | None


@dataclass(frozen=True, slots=True)
class Said:
    """A PromotionAction that was answered."""

    action: str
    by: str
    outcome: str
    at: str | None
    reason: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """A revision that was taken back."""

    version: str
    revision: str
    reason: str
    at: str | None
    record: str


@dataclass(frozen=True, slots=True)
class Details:
    """``serin get``: one ModelDeployment on one screen."""

    row: Row
    observed: bool
    """Whether Serin has seen the newest spec."""
    wanted: str | None
    """Version that spec asks for."""
    stable: Arm | None
    candidate: Arm | None
    previous: Arm | None
    record: str | None
    step: int
    steps: int
    wait: Wait
    contact: str = ""
    """Whom to ask, by the annotation serin.dev/contact; empty where there is none."""
    held: str | None = None
    """Who holds the rollout by a PromotionAction, and why."""
    slos: list[Slo] = field(default_factory=list)
    gates: list[Gate] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    logs: str | None = None
    """Of a version that was taken back: where its logs are; None of any other."""
    kind: str = "ModelDeploymentDetails"
    api_version: str = DOCUMENT_VERSION


@dataclass(frozen=True, slots=True)
class Attempt:
    """A PromotionRecord in one line."""

    name: str
    attempt: int | None
    version: str
    outcome: str | None
    """None while the rollout goes on."""
    reason: str | None
    started: str | None
    decided: str | None
    message: str


@dataclass(frozen=True, slots=True)
class History:
    """``serin history``: the newest first."""

    items: list[Attempt]
    kind: str = "RolloutList"
    api_version: str = DOCUMENT_VERSION


@dataclass(frozen=True, slots=True)
class Explanation:
    """``serin explain``: sentences, each of which stands alone."""

    namespace: str
    name: str
    record: str | None
    outcome: str | None
    reason: str | None
    sentences: list[str]
    measured: list[str] = field(default_factory=list)
    """What each SLO counts, as the policy of the rollout says."""
    what_to_do: list[str] = field(default_factory=list)
    kind: str = "Explanation"
    api_version: str = DOCUMENT_VERSION


@dataclass(frozen=True, slots=True)
class Result:
    """``serin wait``: how it ended."""

    namespace: str
    name: str
    revision: str
    result: str
    """Promoted, RolledBack, Replaced or Timeout."""
    reason: str | None
    message: str
    adopted: bool = False
    """Whether what was promoted is the running InferenceService that was there before."""
    kind: str = "WaitResult"
    api_version: str = DOCUMENT_VERSION


@dataclass(frozen=True, slots=True)
class Asked:
    """``serin hold`` and the other actions: what was asked for, and the answer."""

    namespace: str
    name: str
    action: str
    object: str
    """Name of the PromotionAction or the PromotionFreeze; empty for what was only checked."""
    by: str
    effect: str
    """What it does."""
    outcome: str
    """Accepted, Refused, Unanswered or Checked (with --dry-run)."""
    message: str
    kind: str = "ActionResult"
    api_version: str = DOCUMENT_VERSION


def as_document(view: Any) -> Any:  # noqa: ANN401 - a view, or part of one
    """The JSON form: names in camelCase, ``apiVersion`` and ``kind`` first."""
    if isinstance(view, list):
        return [as_document(item) for item in view]
    if not dataclasses.is_dataclass(view):
        return view
    names = [item.name for item in dataclasses.fields(view)]
    names.sort(key=lambda name: {"api_version": 0, "kind": 1}.get(name, 2))
    return {camel(name): as_document(getattr(view, name)) for name in names}


def camel(name: str) -> str:
    """``candidate_bad`` as ``candidateBad``."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
