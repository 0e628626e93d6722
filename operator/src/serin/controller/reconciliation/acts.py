"""What could a pass not write? Every act is tried on its own; failures come into the next decision, and are told."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

import structlog

from serin.api.status import WriteFailure
from serin.controller.reconciliation.refusals import describe, reason_of
from serin.errors import Conflict, NotLeader
from serin.schema.reasons import Reason

log = structlog.get_logger()
LONGEST = 1024
AT_ONCE, SOON, TRY_AGAIN = timedelta(milliseconds=50), timedelta(seconds=1), timedelta(seconds=5)
TRANSIENT = timedelta(seconds=5)
"""What the server may take the next time is told when it has failed for so long."""


def lasting(failures: Iterable[WriteFailure], now: datetime) -> tuple[WriteFailure, ...]:
    """The failures that are worth telling: refusals at once, conflicts and outages when they last."""
    return tuple(f for f in failures if f.reason is not Reason.WRITE_UNAVAILABLE or now - f.since >= TRANSIENT)


class Act(StrEnum):
    """What is written."""

    ROUTE = "HTTPRoute"
    RECORD = "PromotionRecord"
    INFERENCE_SERVICE = "InferenceService"
    SCALING = "Scaling"
    DELETION = "Deletion"
    EVENT = "Event"


@dataclass(slots=True)
class Acts:
    """The acts of one pass over one ModelDeployment."""

    key: tuple[str, str]
    now: datetime
    before: tuple[WriteFailure, ...] = ()
    """What the pass before could not write."""
    failures: list[WriteFailure] = field(default_factory=list)
    conflict: bool = False
    """Somebody else was faster with something."""

    async def run(self, act: Act, name: str, call: Awaitable[object]) -> bool:
        """Does it; whether it is done. A failure, of the server or our own, is noted and stops nothing else."""
        try:
            await call
        except NotLeader:
            raise
        except Exception as error:  # noqa: BLE001 - a bug in one act must not stop the others either; it is told
            self.note(act, name, error)
            return False
        return True

    def note(self, act: Act, name: str, error: Exception) -> None:
        """Remembers a failure, since when it lasts, and logs it."""
        reason, message = reason_of(error), describe(act.value, name, error)[:LONGEST]
        known = next((f for f in self.before if (f.act, f.name) == (act.value, name)), None)
        since = known.since if known is not None else self.now.replace(microsecond=0)
        if reason is Reason.WRITE_UNAVAILABLE and known is not None and known.reason is reason:
            message = known.message  # the words of an outage differ from try to try; each would be a write
        self.conflict = self.conflict or isinstance(error, Conflict)
        log.warning("not written", namespace=self.key[0], name=self.key[1], act=act.value, error=str(error)[:500])
        if act is Act.EVENT:  # nothing waits for it, and a later pass does without it
            return
        self.failures.append(WriteFailure(act=act.value, name=name, reason=reason, message=message, since=since))

    @property
    def pause(self) -> timedelta | None:
        """How soon to try again; None when everything was done. What has just begun to fail is tried again quickly."""
        if not self.failures:
            return None
        began = self.now.replace(microsecond=0)
        if any(failure.since < began for failure in self.failures):
            return TRY_AGAIN
        return AT_ONCE if self.conflict else SOON
