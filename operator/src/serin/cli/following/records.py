"""Reads the records of rollouts: each at most once in a few seconds, however many people look at it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from serin.api.names import MODEL_DEPLOYMENT, OWNED_SELECTOR
from serin.cli.following.curves import Curve, curves_of
from serin.cli.following.follower import Connect
from serin.cli.live.reading import Object, attempt_of, part
from serin.cli.live.session import Session
from serin.cli.live.views import Attempt
from serin.cluster.resources import PROMOTION_RECORDS, Resource
from serin.errors import ClusterError, InvalidInput, NotFound, Refused
from serin.schema.printable import shortened

T = TypeVar("T")
FRESH = timedelta(seconds=4)
MOST_KEPT, MOST_AT_ONCE = 64, 4
PATIENCE = 2.0
"""Seconds that a reader waits for a record; it comes a moment later then, and the rest of the page does not wait."""
REPORT_PATIENCE = 5.0
"""The same for a report, which somebody has asked for and beside which nothing stands."""
LONGEST_PROBLEM = 400
CONTENT = ("model", "predictor", "transformer")
"""What a revision is made of: it is not shown, and may hold what is nobody's business."""


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """What was read, and why it is not what stands there now; ``value`` is None if it was never read."""

    value: T | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A record, and the evidence of its sealed windows, judged again."""

    record: Object
    curves: tuple[Curve, ...] = ()
    why_not: str = ""
    """Why there are no curves; empty if there are."""


class Records:
    """The records of a cluster. Any thread may ask; few requests are under way at a time, and one for each record."""

    def __init__(
        self, connect: Connect, now: Callable[[], datetime], is_away: Callable[[str], bool] = lambda _: False
    ) -> None:
        """``is_away`` says of a namespace whether the server does not answer: then it is not asked."""
        self._connect, self._now, self._is_away, self._lock = connect, now, is_away, threading.Lock()
        self._reading: dict[tuple[str, ...], threading.Event] = {}
        self._kept: OrderedDict[tuple[str, ...], tuple[datetime, Found[object]]] = OrderedDict()

    def attempts(self, namespace: str, name: str) -> Found[list[Attempt]]:
        """The rollouts of a ModelDeployment, the newest first."""

        def read(_: object) -> object:
            api = self._connect()
            try:
                rows = api.rows(PROMOTION_RECORDS, namespace, f"{MODEL_DEPLOYMENT}={name},{OWNED_SELECTOR}")
            finally:
                api.close()
            return sorted((attempt_of(row) for row in rows), key=lambda each: each.attempt or 0, reverse=True)

        return self._read(("attempts", namespace, name), read, "list")  # type: ignore[return-value]

    def evidence(self, namespace: str, record: str) -> Found[Evidence]:
        """A record with its evidence over time."""

        def read(known: object) -> object:
            if isinstance(known, Evidence) and part(known.record, "status", "finishedAt"):
                return known  # it never changes
            api = self._connect()
            try:
                found = api.get(PROMOTION_RECORDS, namespace, record)
            finally:
                api.close()
            if isinstance(known, Evidence) and _version(known.record) == _version(found):
                return known
            return evidence_of(found)

        return self._read(("record", namespace, record), read, "get")  # type: ignore[return-value]

    def report(self, namespace: str, record: str) -> Found[str]:
        """The report on a rollout, as one page of HTML: what ``serin report`` writes."""

        def read(_: object) -> object:
            from serin.cli.reports.reading import of_cluster  # late: most of a report's code is needed by nothing else
            from serin.report.facts.case import case_of
            from serin.report.facts.gathering import bundle_of
            from serin.report.form.page import page
            from serin.report.incident.report import incident

            api = self._connect()
            try:
                found, name = of_cluster(Session(api, namespace, self._now), record)
            finally:
                api.close()
            return page(incident(bundle_of(case_of(found.items, name))))

        return self._read(("report", namespace, record), read, "get", REPORT_PATIENCE)  # type: ignore[return-value]

    def _read(
        self, key: tuple[str, ...], read: Callable[[object], object], verb: str, patience: float | None = None
    ) -> Found[object]:
        """What is known, and read anew if that is old; whoever asks waits ``PATIENCE`` for it and no longer."""
        with self._lock:
            at, known = self._kept.get(key, (None, Found(None)))
            if at is not None and self._now() - at < FRESH:
                return known
            if self._is_away(key[1]):
                return replace(known, problem="the cluster does not answer")
            done = self._reading.get(key)
            if done is None and len(self._reading) < MOST_AT_ONCE:
                done = self._reading[key] = threading.Event()
                threading.Thread(target=self._fetch, args=(key, read, verb, known, done), daemon=True).start()
        if done is None or not done.wait(patience or PATIENCE):
            return replace(known, problem="the cluster is slow to answer: it will be here in a while")
        with self._lock:
            return self._kept[key][1] if key in self._kept else known

    def _fetch(
        self,
        key: tuple[str, ...],
        read: Callable[[object], object],
        verb: str,
        known: Found[object],
        done: threading.Event,
    ) -> None:
        try:
            found = Found(read(known.value))
        except ClusterError as error:
            found = replace(known, problem=_problem(error, verb, PROMOTION_RECORDS, key[1]))
        except InvalidInput as error:  # no report can be made of it
            found = replace(known, problem=shortened(str(error), LONGEST_PROBLEM))
        except Exception as error:  # noqa: BLE001 - whatever is answered, the page says it and goes on
            found = replace(known, problem=f"{type(error).__name__}: this is no answer of a Kubernetes API server")
        with self._lock:
            self._kept[key] = (self._now(), found)
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
            del self._reading[key]
        done.set()


def evidence_of(record: Object) -> Evidence:
    """A record without what its revisions are made of, and its evidence."""
    shown = without_content(record)
    try:
        return Evidence(shown, curves_of(shown))
    except InvalidInput as error:
        return Evidence(shown, why_not=shortened(str(error), LONGEST_PROBLEM))


def without_content(record: Object) -> Object:
    """The record without what its revisions are made of."""
    spec = dict(part(record, "spec") or {})
    for arm in ("candidate", "stable"):
        if part(spec, arm) is not None:
            spec[arm] = {**spec[arm], **{name: {} for name in CONTENT if name in spec[arm]}}
    return {**record, "spec": spec}


def _version(record: Object) -> object:
    return part(record, "metadata", "resourceVersion")


def _problem(error: ClusterError, verb: str, resource: Resource, namespace: str) -> str:
    if isinstance(error, NotFound):
        return f"{resource.kind} is not there: it was deleted, or Serin is not installed"
    told = shortened(str(error), LONGEST_PROBLEM)
    if isinstance(error, Refused) and " 403 " in told:
        return f"the right to {verb} {resource.plural}.{resource.group} in namespace {namespace} is missing ({told})"
    return told
