"""Asks for each rollout, before its first weight, whether its policy's queries can decide it, and remembers the answer.

What is lost with the process is asked again. A look goes on beyond the pass that began it, so that a slow Prometheus
delays no pass.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from serin.controller.snapshot.observe import Snapshot
from serin.controller.workqueue import Key
from serin.prometheus.figures import SloFigures, readiness_of
from serin.prometheus.survey import SurveyTarget
from serin.rollout.readiness import Readiness

log = structlog.get_logger()
PASS_WAITS = 1.0
"""Seconds that a pass waits for a look."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=5)
"""Between two looks while a rollout is held; it doubles each time."""
LONGEST_AWAY = timedelta(minutes=1)
"""The longest pause while Prometheus does not answer: that costs little, and may be over at any time."""
Look = Coroutine[Any, Any, list[SloFigures]]


@dataclass(slots=True)
class _Preflight:
    """The looks for one rollout."""

    record: str
    answer: Readiness | None = None
    looks: int = 0
    running: asyncio.Task[list[SloFigures]] | None = None
    with_candidate: bool = False
    """Whether the candidate was ready when the running look began."""


class Preflights:
    """The newest answer per ModelDeployment, and the look that is under way."""

    def __init__(self) -> None:
        self._of: dict[Key, _Preflight] = {}

    def answer(self, key: Key, record: str | None) -> Readiness | None:
        """What was found for the rollout with that record; None if nothing is known."""
        known = self._of.get(key)
        return known.answer if known is not None and known.record == record else None

    async def ask(self, key: Key, record: str, look: Look, now: datetime, *, candidate_ready: bool) -> None:
        """Begins a look unless one is under way, and waits for its end, for at most ``PASS_WAITS`` seconds."""
        known = self._of.get(key)
        if known is None or known.record != record:
            self.forget(key)
            known = self._of[key] = _Preflight(record)
        if known.running is None:
            known.running = asyncio.create_task(look)
            known.with_candidate = candidate_ready
        else:
            look.close()
        done, _ = await asyncio.wait({known.running}, timeout=PASS_WAITS)
        if done:
            known.answer = self._found(key, known, known.running, now)
            known.running = None

    def forget(self, key: Key, keep: str | None = None) -> None:
        """Drops what is known of a ModelDeployment's rollouts but of the one with the record ``keep``."""
        known = self._of.get(key)
        if known is None or known.record == keep:
            return
        if known.running is not None:
            known.running.cancel()
        del self._of[key]

    @staticmethod
    def _found(key: Key, known: _Preflight, look: asyncio.Task[list[SloFigures]], now: datetime) -> Readiness:
        known.looks += 1
        try:
            found = readiness_of(look.result(), now, saw_candidate=known.with_candidate)
        except Exception as error:  # a bug here must not hold a rollout; the windows are judged all the same
            log.exception("preflight failed", namespace=key[0], name=key[1])
            words = f"preflight failed: {type(error).__name__}"
            found = Readiness(now, warnings=(words,), summary="the queries could not be tried", saw_candidate=True)
        longest = LONGEST_PAUSE if found.obstacles else LONGEST_AWAY
        return replace(found, again_at=now + min(FIRST_PAUSE * 2 ** min(known.looks - 1, 10), longest))


def survey_target(snapshot: Snapshot) -> SurveyTarget | None:
    """What to survey for the rollout under way; None if its policy or an arm is not known."""
    status = snapshot.status
    record = next((r for r in snapshot.records if status.rollout and r.name == status.rollout.record), None)
    if record is None or record.policy is None or status.candidate is None or status.stable is None:
        return None
    identity = snapshot.backend.identity(snapshot.owner.namespace, status.candidate, status.stable)
    arm, stable = snapshot.arms.get(status.candidate.revision), snapshot.arms.get(status.stable.revision)
    return SurveyTarget(
        record.policy,
        identity,
        has_candidate=False,
        candidate_ready=arm is not None and arm.ready > 0,
        stable_asleep=stable is not None and stable.asleep,
    )
