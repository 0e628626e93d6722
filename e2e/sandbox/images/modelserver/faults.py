"""What goes wrong, how often and when? Read from the environment; nothing goes wrong by default."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class FaultError(Exception):
    """An environment variable for a fault holds no number, or one that makes no sense."""


@dataclass(frozen=True, slots=True)
class Faults:
    """The faults of one server; times in the unit the name says, shares between 0 and 1."""

    error_rate: float = 0.0
    error_status: int | None = None
    """HTTP status of those answers, 422 for a model with another input schema; None: KServe's own 500."""
    error_after_s: float = 0.0
    """So long after its start there are none."""
    latency_ms: float = 0.0
    latency_sigma: float = 0.0
    start_delay_s: float = 0.0
    fail_load: bool = False
    crash_after_s: float | None = None
    crash_at: float | None = None
    """Epoch seconds: from then on each start ends in a crash."""
    crash_after_requests: int | None = None
    oom_mib: int | None = None
    """How much to allocate and keep; 0 is "without an end"."""
    oom_after_s: float = 0.0
    seed: int | None = None

    @staticmethod
    def read(env: Mapping[str, str]) -> Faults:
        """Read the variables; FaultError names the one that is wrong."""
        crash_requests = _number(env, "CRASH_AFTER_REQUESTS")
        status = _number(env, "ERROR_STATUS", most=599)
        oom, seed = _number(env, "OOM"), _number(env, "FAULT_SEED")
        return Faults(
            error_rate=_number(env, "ERROR_RATE", most=1.0) or 0.0,
            error_status=None if status is None else int(status),
            error_after_s=_number(env, "ERROR_AFTER_S") or 0.0,
            latency_ms=_number(env, "LATENCY_MS") or 0.0,
            latency_sigma=_number(env, "LATENCY_SIGMA") or 0.0,
            start_delay_s=_number(env, "START_DELAY_S") or 0.0,
            fail_load=bool(_number(env, "FAIL_LOAD")),
            crash_after_s=_number(env, "CRASH_AFTER_S"),
            crash_at=_number(env, "CRASH_AT"),
            crash_after_requests=None if crash_requests is None else int(crash_requests),
            oom_mib=None if not oom else 0 if oom == 1 else int(oom),
            oom_after_s=_number(env, "OOM_AFTER_S") or 0.0,
            seed=None if seed is None else int(seed),
        )


class Dice:
    """Decides for each request; seeded per process, or by FAULT_SEED for a repeatable run."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._random = random.Random(faults.seed)  # noqa: S311 not for secrets
        self._failing_from = time.monotonic() + faults.error_after_s

    def delay_s(self) -> float:
        """Give the time to wait: log-normal, with LATENCY_MS as its median."""
        if not self._faults.latency_ms:
            return 0.0
        return self._faults.latency_ms / 1000 * self._random.lognormvariate(0.0, self._faults.latency_sigma)

    def fails(self) -> bool:
        """Whether this request is answered with an error."""
        return time.monotonic() >= self._failing_from and self._random.random() < self._faults.error_rate


def _number(env: Mapping[str, str], name: str, most: float = float("inf")) -> float | None:
    text = env.get(name, "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError as error:
        raise FaultError(f"{name}={text!r} is not a number") from error
    if not 0 <= value <= most:
        raise FaultError(f"{name}={text!r} must lie between 0 and {most:g}")
    return value
