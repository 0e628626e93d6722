"""Approval: people who may say so let a rollout move, by a PromotionAction Approve that names rollout and gate."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from serin.policy_gates.answer import Answer, Approved, Asked, GateState
from serin.policy_gates.kind import GateKind
from serin.policy_gates.ticket import LONGEST_PATTERN, matches, pattern_problem
from serin.schema.reasons import Reason
from serin.schema.types import Duration, format_time, validations

TOO_SHORT = "timeout is at least 1m"
SHORTEST = timedelta(minutes=1)
SHOWN_GROUPS = 3


class NotBy(StrEnum):
    """Whose approval does not count."""

    REQUESTER = "Requester"
    """That of who asked for the revision: four eyes."""
    NOBODY = "Nobody"
    """Everybody's counts."""


class OnTimeout(StrEnum):
    """What happens to a rollout that nobody approves in time."""

    HOLD = "Hold"
    """It waits on, and asks for a person."""
    ABORT = "Abort"
    """It ends: outcome Aborted; the revision is refused until a Retry."""


class Approval(GateKind):
    """Somebody's approval."""

    kind: ClassVar[str] = "approval"
    stays_open: ClassVar[bool] = True

    count: Annotated[int, Field(ge=1, le=5)] = 1
    """So many people have to approve; each counts once."""
    groups: Annotated[list[Annotated[str, Field(min_length=1, max_length=128)]], Field(max_length=16)] = []
    """Only members of one of these groups count, as the API server authenticated them; empty: everybody who may create
    ``promotionactions/approve``."""
    not_by: NotBy = NotBy.REQUESTER
    """Requester: who asked for the revision cannot approve it."""
    timeout: Duration = timedelta(hours=72)
    """How long it waits before ``onTimeout`` happens."""
    on_timeout: OnTimeout = OnTimeout.HOLD
    ticket_pattern: Annotated[str, Field(min_length=1, max_length=LONGEST_PATTERN)] | None = None
    """A regular expression that the whole ``ticket`` of an approval has to match, such as ``^CHG[0-9]{7}$``; without
    repeated groups."""

    model_config: ClassVar = {
        "json_schema_extra": validations(("!has(self.timeout) || duration(self.timeout) >= duration('1m')", TOO_SHORT))
    }

    @model_validator(mode="after")
    def _long_enough(self) -> Approval:
        if self.timeout < SHORTEST:
            raise ValueError(TOO_SHORT)
        return self

    @property
    def problem(self) -> str | None:
        """A pattern that cannot be used."""
        problem = pattern_problem(self.ticket_pattern) if self.ticket_pattern is not None else None
        return f"ticketPattern: {problem}" if problem is not None else None

    def objection(
        self, by: str, *, groups: Sequence[str], ticket: str | None, requester: str | None, given: Sequence[Approved]
    ) -> str | None:
        """Why an approval does not count; None if it does."""
        if self.not_by is NotBy.REQUESTER and requester == by:
            return f"{by} asked for this revision, and may not approve it too: somebody else has to"
        if any(approved.by == by for approved in given):
            return f"{by} has approved it already; each person counts once"
        if self.groups and not set(groups) & set(self.groups):
            return (
                f"only members of {self._groups} count: name yours in spec.groups of the action, where the API server "
                f"checks that you are a member"
            )
        if self.ticket_pattern is not None and not matches(self.ticket_pattern, ticket or ""):
            return f"spec.ticket is to match {self.ticket_pattern}, and is {ticket or 'missing'}"
        return None

    def answer(self, asked: Asked) -> Answer:
        """Open with enough approvals; refused or stalled after the timeout."""
        people, until = tuple(approved.by for approved in asked.approvals), asked.since + self.timeout
        if len(people) >= self.count:
            message = f"approved by {', '.join(people)}{self._unproven(asked)}"
            return Answer(GateState.OPEN, message, Reason.WAITING_FOR_APPROVAL, by=people)
        late = asked.now >= until
        if late and self.on_timeout is OnTimeout.ABORT:
            message = f"{len(people)} of {self.count} approvals by {format_time(until)} (onTimeout: Abort)"
            return Answer(GateState.REFUSED, message, Reason.APPROVAL_TIMEOUT, by=people)
        given = f", {', '.join(people)} so far" if people else ""
        whose = f" of {self._groups}" if self.groups else ""
        ticket = f" with a ticket like {self.ticket_pattern}" if self.ticket_pattern else ""
        then = "the rollout ends then" if self.on_timeout is OnTimeout.ABORT else "it is late then"
        time = f"late since {format_time(until)}" if late else f"until {format_time(until)}, {then}"
        message = f"{len(people)} of {self.count} approvals{whose}{ticket}{given}; {time}"
        return Answer(
            GateState.WAITING,
            message,
            Reason.WAITING_FOR_APPROVAL,
            until=None if late else until,
            look_at=None if late else until,
            stalled=late,
            by=people,
        )

    def _unproven(self, asked: Asked) -> str:
        if self.not_by is NotBy.NOBODY or asked.requester is not None:
            return ""
        return "; the record does not tell who asked for the revision, so that nothing proves that it was somebody else"

    @property
    def _groups(self) -> str:
        more = len(self.groups) - SHOWN_GROUPS
        return ", ".join(self.groups[:SHOWN_GROUPS]) + (f" and {more} more" if more > 0 else "")
