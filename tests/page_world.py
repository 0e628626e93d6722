"""A fleet, and a rollout in a lab, as the page and the screen of a terminal see them."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime
from typing import Any

from serin.cli.following.board import Board
from serin.cli.following.records import Records
from serin.cluster import resources
from tests.fake_api import FakeApi, run
from tests.lab import Lab

SLOW: dict[str, Any] = {
    "slos": [
        {"name": "availability", "objective": "99.0", "indicator": {"availability": {}}},
        {"name": "client-errors", "severity": "Required", "indicator": {"clientErrors": {}}},
    ],
    "analysis": {"window": "1s"},
    "steps": [{"weight": 40, "for": "40s"}, {"weight": 50, "for": "8s"}],
}
"""More of a rollout to look at than the lab's own policy gives."""


class World:
    """A lab whose operator works when it is told to, and what is seen of it."""

    def __init__(self, policy: dict[str, Any] | None = None) -> None:
        self.lab = Lab(policy) if policy else Lab()
        self.api = FakeApi(self.lab)
        self.board = Board(self.now)
        self.records = Records(lambda: self.api, self.now)
        self.others: list[dict[str, Any]] = []

    def now(self) -> datetime:
        """The lab's time."""
        return self.lab.now

    def see(self) -> None:
        """The board sees what there is."""
        kind = resources.MODEL_DEPLOYMENTS.plural
        self.board.replace(
            "", [*(obj for key, obj in self.lab.cluster.objects.items() if key[0] == kind), *self.others]
        )

    def work(self, until: Callable[[], bool], limit: int = 300) -> None:
        """Lets the operator work until something is true; everything it writes is seen."""
        for _ in range(limit):
            with contextlib.redirect_stdout(io.StringIO()):
                run(self.lab.tick())
            self.board.put(self.lab.obj())
            if until():
                return
        raise AssertionError(self.lab.status)

    def phase(self, phase: str) -> None:
        """Lets the operator work until a phase."""
        self.work(lambda: self.lab.status.get("phase") == phase)

    def weight(self, weight: int) -> None:
        """Lets the operator work until the candidate has a weight and evidence."""

        def judged() -> bool:
            status = self.lab.status
            slos = (status.get("rollout") or {}).get("slos") or []
            return status.get("weights", {}).get("applied") == weight and any(s["candidate"]["total"] for s in slos)

        self.work(judged)

    def fleet(self, count: int) -> None:
        """Further ModelDeployments, of every kind."""
        for number in range(count):
            self.others.append(other(number, self.lab.now))

    @property
    def record(self) -> str:
        """The name of the record of the rollout, or of the last one."""
        status = self.lab.status
        name = (status.get("rollout") or {}).get("record") or status["rejected"][0]["record"]
        return str(name)


KINDS: tuple[dict[str, Any], ...] = (
    {"phase": "Stable", "reason": "Serving", "message": "version {v} serves all traffic"},
    {
        "phase": "Progressing",
        "reason": "CollectingEvidence",
        "message": "step 2 of 3 at 25 %: availability has 0.61 of 1.30 of the evidence for passing",
        "weight": 25,
    },
    {"phase": "Stable", "reason": "Serving", "message": "version {v} serves all traffic"},
    {
        "phase": "Waiting",
        "reason": "WaitingForApproval",
        "message": "gate cab waits for 1 approval of risk",
        "weight": 0,
    },
    {"phase": "RolledBack", "reason": "SLOBreached", "message": "availability: 31 of 640 bad (4.84 %), stable 0.4 %"},
    {"phase": "Stable", "reason": "Serving", "message": "version {v} serves all traffic"},
)
NAMES = ("fraud-cards", "churn", "ranking", "credit-limit", "search-reranker", "support-intent", "demand", "eta")


def other(number: int, now: datetime) -> dict[str, Any]:
    """A ModelDeployment of a kind by its number."""
    kind, version = deepcopy(KINDS[number % len(KINDS)]), str(10 + number)
    weight = kind.pop("weight", None)
    arm = {
        "revision": f"{number:08x}",
        "version": version,
        "workload": {"kind": "InferenceService", "name": f"m{number}"},
    }
    status = kind | {"since": now.isoformat(), "stable": arm, "observedGeneration": 1}
    status["message"] = status["message"].format(v=version)
    if weight is not None:
        status |= {"candidate": arm | {"version": f"{version}.1"}, "weights": {"applied": weight, "desired": weight}}
        status["rollout"] = {"record": f"m{number}-1", "step": 2, "steps": 3, "since": now.isoformat()}
    name = NAMES[number % len(NAMES)] + (f"-{number // len(NAMES)}" if number >= len(NAMES) else "")
    namespace = ("payments", "growth", "search", "risk")[number % 4]
    metadata = {"namespace": namespace, "name": name, "generation": 1, "resourceVersion": str(number)}
    return {"metadata": metadata, "spec": {"model": {"version": version}}, "status": status}
