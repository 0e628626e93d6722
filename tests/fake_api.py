"""The API server of the unit tests as the command line asks it: without an event loop, and with reviews and changes."""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from serin.cli.live import session
from serin.cli.live.session import Session
from serin.cluster.direct import SELF_SUBJECT_REVIEW, Object, Objects
from serin.cluster.resources import Resource
from serin.errors import NotFound, Refused, Unavailable
from tests.lab import Lab

T = TypeVar("T")
NUMBERS = itertools.count(1)


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of work that needs an event loop."""
    return asyncio.run(work)


@dataclass
class FakeApi:
    """Implements the protocol ``Api`` on a lab; each change and each sleep lets the operator work for a second."""

    lab: Lab
    user: str = "ana@example.com"
    forbidden: set[str] = field(default_factory=set)
    """``resource/subresource`` that may not be created."""
    refusal: str = ""
    """What the admission policies say of each object."""
    works: bool = True
    """The operator runs."""
    may_watch: bool = True
    away: int = 0
    """How often the server does not answer the next requests for changes."""

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        return run(self.lab.cluster.get(resource, namespace, name))

    def list(self, resource: Resource, namespace: str, selector: str = "") -> Objects:
        return run(self.lab.cluster.list(resource, namespace, selector))

    def rows(self, resource: Resource, namespace: str, selector: str = "") -> Objects:
        return run(self.lab.cluster.list_rows(resource, namespace, selector))

    def pages(self, resource: Resource, namespace: str) -> Iterator[tuple[Objects, str]]:
        found = self.list(resource, namespace)
        yield found[:1], "1"
        yield found[1:], "1"

    def close(self) -> None:
        """Nothing is open."""

    def create(self, resource: Resource, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
        if self.refusal:
            raise Refused(self.refusal)
        metadata = body["metadata"]
        assert metadata["namespace"] == namespace
        named = {**body, "metadata": {**metadata, "name": f"{metadata['generateName']}{next(NUMBERS)}"}}
        if not dry_run:
            self.lab.cluster.put(resource, named)
        return named

    def delete(self, resource: Resource, namespace: str, name: str) -> None:
        self.lab.cluster.objects.pop((resource.plural, namespace, name))

    def review(self, path: str, body: Object) -> Object:
        if path == SELF_SUBJECT_REVIEW:
            return {"status": {"userInfo": {"username": self.user, "groups": ["risk"]}}}
        asked = body["spec"]["resourceAttributes"]
        what = "/".join(filter(None, (asked["resource"], asked.get("subresource"))))
        return {"status": {"allowed": what not in self.forbidden}}

    def changes(
        self, resource: Resource, namespace: str, name: str, version: str, seconds: int
    ) -> Iterator[tuple[str, Object]]:
        assert version
        if not self.may_watch:
            raise Refused("cannot watch modeldeployments")
        if self.away:
            self.away -= 1
            raise Unavailable("no answer in time")
        for _ in range(seconds):
            self.work()
            try:
                yield "MODIFIED", self.get(resource, namespace, name)
            except NotFound:
                yield "DELETED", {}
                return

    def work(self, _: float = 0) -> None:
        """One pass of the operator."""
        if self.works:
            with contextlib.redirect_stdout(io.StringIO()):  # the operator's log is no output of the command
                run(self.lab.tick())
        else:
            self.lab.now += timedelta(seconds=1)


@dataclass
class Desk:
    """A lab, and a command line that looks at it."""

    lab: Lab
    api: FakeApi

    def until(self, phase: str) -> None:
        """Lets the operator work until a phase."""
        run(self.lab.until(lambda: self.lab.status.get("phase") == phase))

    def go_live(self) -> None:
        """Version 1 is stable."""
        run(self.lab.until(self.lab.stable("1")))

    def take_back(self, until: str = "RolledBack") -> None:
        """Version 2 is bad, and taken back, as far as that phase."""
        self.lab.prometheus.candidate_bad = 40
        self.lab.want("2")
        self.until(until)

    def judged(self) -> None:
        """Lets the operator work until there is evidence."""

        def evidence() -> bool:
            slos = (self.lab.status.get("rollout") or {}).get("slos") or []
            return any(slo["candidate"]["total"] for slo in slos)

        run(self.lab.until(evidence))


def desk_of(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Every command reads this lab's cluster, and tells its time."""
    api = FakeApi(lab)

    @contextlib.contextmanager
    def opened(_: str | None, namespace: str | None) -> Iterator[Session]:
        yield Session(api, namespace or "prod", lambda: lab.now, api.work)

    monkeypatch.setattr(session, "opened", opened)
    return Desk(lab, api)
