"""What does a person see who has nothing but kubectl? Rows, conditions and Events, as the API server gives them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from e2e.demo.objects import API_VERSION
from e2e.deploy.cluster import wait_until
from e2e.scenarios.site import MODEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e.deploy.cluster import Json
    from e2e.scenarios.site import Site

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
LONGEST_CELL = 400


def get(site: Site) -> dict[str, str]:
    """``kubectl get mdep -o wide``: what stands under each heading. The API server makes the table, kubectl prints."""
    path = site.api._path(API_VERSION, "ModelDeployment", site.namespace, MODEL)
    table = site.api._send("GET", path, headers={"Accept": TABLE})
    headings = [column["name"] for column in table["columnDefinitions"]]
    return dict(zip(headings, map(str, table["rows"][0]["cells"]), strict=True))


def condition(site: Site, kind: str) -> Json:
    """One condition of ``kubectl describe mdep``; empty if it is not there."""
    return next((dict(c) for c in site.status.get("conditions") or [] if c["type"] == kind), {})


def conditions(site: Site) -> dict[str, str]:
    """All of them: type and status."""
    return {c["type"]: c["status"] for c in site.status.get("conditions") or []}


def events(site: Site) -> list[tuple[str, str, str]]:
    """The Events of ``kubectl describe mdep``, oldest first: type, reason and message."""
    own = [
        event
        for event in site.api.list("v1", "Event", site.namespace)
        if (event["involvedObject"]["kind"], event["involvedObject"]["name"]) == ("ModelDeployment", MODEL)
    ]
    own.sort(key=lambda event: int(event["metadata"]["resourceVersion"]))
    return [(event["type"], event["reason"], event["message"]) for event in own]


def until_warned(site: Site, reason: str) -> None:
    """Until there is such a Warning; it is made after the status is written."""
    wait_until(
        lambda: ("Warning", reason) in {event[:2] for event in events(site)}, what=f"a Warning {reason}", seconds=10
    )


def cell(words: str) -> str:
    """Words for a cell of the reliability tables."""
    flat = " ".join(words.replace("|", "/").split())
    return f'"{flat[:LONGEST_CELL]}…"' if len(flat) > LONGEST_CELL else f'"{flat}"'


class FirstSeen:
    """Notes when each of some things was first true, on the clock of the load's log."""

    def __init__(self, **questions: Callable[[], bool]) -> None:
        self._questions = questions
        self.at: dict[str, float] = {}

    def look(self) -> bool:
        """Asks what was not yet true; whether everything has been by now."""
        for name, asks in self._questions.items():
            if name not in self.at and asks():
                self.at[name] = time.time()
        return len(self.at) == len(self._questions)
