"""The writes of one pass. Each is tried on its own; failures are part of the next decision and appear in status."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

import structlog

from serin.api.status import WriteFailure
from serin.controller.snapshot.refusals import describe, reason_of
from serin.errors import Conflict, NotLeader
from serin.schema.reasons import Reason

log = structlog.get_logger()
MAX_MESSAGE = 1024
"""Characters."""
CONFLICT_RETRY, FIRST_RETRY, RETRY = timedelta(milliseconds=50), timedelta(seconds=1), timedelta(seconds=5)
TRANSIENT = timedelta(seconds=5)
"""A conflict or an outage is reported when it has lasted this long."""


def lasting(failures: Iterable[WriteFailure], now: datetime) -> tuple[WriteFailure, ...]:
    """The failures to report: refusals at once, conflicts and outages after ``TRANSIENT``."""
    return tuple(f for f in failures if f.reason is not Reason.WRITE_UNAVAILABLE or now - f.since >= TRANSIENT)


class Act(StrEnum):
    """The kinds of writes."""

    ROUTE = "HTTPRoute"
    RECORD = "PromotionRecord"
    INFERENCE_SERVICE = "InferenceService"
    SCALING = "Scaling"
    DELETION = "Deletion"
    ACTION = "PromotionAction"
    """The answer to one: it is told, and holds nothing, since status has it already."""
    EVENT = "Event"
    JOB = "Job"


@dataclass(slots=True)
class Acts:
    """The writes of one pass over one ModelDeployment, and those that failed."""

    key: tuple[str, str]
    now: datetime
    before: tuple[WriteFailure, ...] = ()
    """Failures of the last pass."""
    failures: list[WriteFailure] = field(default_factory=list)
    conflict: bool = False
    """Whether an object had changed since it was read."""
    untried: bool = False
    """Whether a write was left out because what it follows from could not be read: that is tried again soon."""

    async def run(self, act: Act, name: str, call: Awaitable[object]) -> bool:
        """Awaits a write and returns whether it succeeded. Notes a failure or a bug; raises only ``NotLeader``."""
        try:
            await call
        except NotLeader:
            raise
        except Exception as error:  # noqa: BLE001 - a bug must not stop the other writes either; it is reported
            self.note(act, name, error)
            return False
        return True

    def note(self, act: Act, name: str, error: Exception) -> None:
        """Logs a failure and keeps it, with the time since which it lasts."""
        reason, message = reason_of(error), describe(act.value, name, error)[:MAX_MESSAGE]
        known = next((f for f in self.before if (f.act, f.name) == (act.value, name)), None)
        began = self.now.replace(microsecond=0)
        since = min(known.since, began) if known is not None else began  # another replica's clock may be ahead
        if reason is Reason.WRITE_UNAVAILABLE and known is not None and known.reason is reason:
            message = known.message  # an outage's message differs each time, and each would be a write of the status
        self.conflict = self.conflict or isinstance(error, Conflict)
        log.warning("not written", namespace=self.key[0], name=self.key[1], act=act.value, error=str(error)[:500])
        if act is Act.EVENT:  # never tried again
            return
        self.failures.append(WriteFailure(act=act.value, name=name, reason=reason, message=message, since=since))

    @property
    def pause(self) -> timedelta | None:
        """The wait before the next pass; None if every write that holds something succeeded.

        It is short when the first write fails.
        """
        holding = [failure for failure in self.failures if failure.act != Act.ACTION]
        if not holding:
            return None
        began = self.now.replace(microsecond=0)
        if any(failure.since < began for failure in holding):
            return RETRY
        return CONFLICT_RETRY if self.conflict else FIRST_RETRY
