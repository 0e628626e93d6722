"""Lines of a windows file and the policy that they are judged by, for the tests of ``serin judge``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.clock import START

SLOS: list[dict[str, Any]] = [
    {"name": "availability", "objective": "99.0", "indicator": {"availability": {}}},
    {
        "name": "latency",
        "severity": "Required",
        "objective": "99.0",
        "indicator": {"latency": {"threshold": "500ms"}},
    },
    {
        "name": "drift",
        "severity": "Advisory",
        "indicator": {"gauge": {"query": "drift", "max": "0.2", "maxAge": "10m"}},
    },
    {
        "name": "score",
        "severity": "Advisory",
        "indicator": {"query": {"sum": "s", "count": "c", "maxShift": "0.01"}},
    },
]
Line = dict[str, Any]


def spec(*names: str, **changes: Any) -> dict[str, Any]:
    chosen = [slo for slo in SLOS if slo["name"] in (names or ("availability",))]
    base: dict[str, Any] = {
        "slos": chosen,
        "analysis": {"window": "15s"},
        "steps": [{"weight": 5, "for": "1m", "timeout": "10m"}],
    }
    return {**base, **changes}


def line(index: int, slo: str = "availability", **fields: Any) -> Line:
    start = (START + index * timedelta(seconds=15)).isoformat().replace("+00:00", "Z")
    return {"slo": slo, "start": start, "seconds": 15, **fields}


def counted(index: int, candidate: tuple[int, int] | None, stable: tuple[int, int] = (14, 2850), **more: Any) -> Line:
    own = {"bad": candidate[0], "total": candidate[1]} if candidate else None
    return line(index, candidate=own, stable={"bad": stable[0], "total": stable[1]}, **more)


GOOD, BROKEN, OUTAGE = (0, 150), (15, 150), (285, 2850)
