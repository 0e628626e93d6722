"""The cluster that a command reads: its client, the namespace that is meant, and the clock."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from serin.cluster import resources
from serin.cluster.direct import Api, DirectApi, Object
from serin.cluster.kubeconfig import access
from serin.cluster.resources import Resource
from serin.errors import ClusterError, Expired, InvalidInput, NotFound, Refused, Unavailable

KINDS = {
    resources.MODEL_DEPLOYMENTS: ("mdep", "modeldeployment", "modeldeployments"),
    resources.PROMOTION_RECORDS: ("prec", "promotionrecord", "promotionrecords"),
}
WATCH_SECONDS = 60
PAUSE = 1.0
"""Seconds between two tries while the server does not answer."""


def now() -> datetime:
    """The time of this machine."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Session:
    """A cluster, and what is meant by default."""

    api: Api
    namespace: str
    now: Callable[[], datetime] = now
    sleep: Callable[[float], None] = time.sleep

    def deployment(self, target: str) -> Object:
        """The ModelDeployment of that name; ``InvalidInput``."""
        return self.found(resources.MODEL_DEPLOYMENTS, name_in(target, resources.MODEL_DEPLOYMENTS))

    def found(self, resource: Resource, name: str) -> Object:
        """The object; ``InvalidInput`` if there is none."""
        try:
            return self.api.get(resource, self.namespace, name)
        except NotFound:
            short = KINDS.get(resource, (resource.plural,))[0]
            listed = "serin list" if short == "mdep" else f"kubectl get {short}"
            hint = f"{listed} -n {self.namespace} shows what there is"
            raise InvalidInput(
                f"{resource.kind} {name} does not exist in namespace {self.namespace}: {hint} "
                f"({self._meant(resource, name) or 'or is it another namespace?'})"
            ) from None

    def _meant(self, resource: Resource, name: str) -> str:
        """What else somebody may have meant who names a record: the ModelDeployment, if there is one of that name."""
        if resource is not resources.PROMOTION_RECORDS:
            return ""
        try:
            self.api.get(resources.MODEL_DEPLOYMENTS, self.namespace, name)
        except NotFound:
            return ""
        except ClusterError:
            return "mdep/NAME is the newest rollout of a ModelDeployment"
        return f"did you mean mdep/{name}, the newest rollout of that ModelDeployment?"

    def changes(self, name: str, until: datetime | None) -> Iterator[Object | None]:
        """The ModelDeployment as it is, and each time it changes; None when it is gone.

        It ends at ``until``. While the server does not answer it goes on trying; what it could not see is skipped.
        """
        while True:
            try:
                obj = self.api.get(resources.MODEL_DEPLOYMENTS, self.namespace, name)
                yield obj
                version = obj["metadata"]["resourceVersion"]
                yield from self._told(name, version, until)
            except NotFound:
                yield None
                self.sleep(PAUSE)
            except (Expired, Unavailable):
                self.sleep(PAUSE)
            if until is not None and self.now() >= until:
                return

    def _told(self, name: str, version: str, until: datetime | None) -> Iterator[Object | None]:
        """What the server tells after ``version``; who may read but not watch looks again after a pause."""
        left = self._left(until)
        try:
            for word, changed in self.api.changes(resources.MODEL_DEPLOYMENTS, self.namespace, name, version, left):
                yield None if word == "DELETED" else changed
        except Refused:
            self.sleep(PAUSE)

    def _left(self, until: datetime | None) -> int:
        left = WATCH_SECONDS if until is None else (until - self.now()).total_seconds()
        return max(1, min(WATCH_SECONDS, round(left)))


@contextlib.contextmanager
def opened(context: str | None, namespace: str | None) -> Iterator[Session]:
    """A session with the cluster of a kubeconfig's context; ``Refused``."""
    reached = access(context)
    api = DirectApi(reached)
    try:
        yield Session(api, namespace or reached.namespace)
    finally:
        api.close()


def name_in(target: str, resource: Resource) -> str:
    """The name in ``NAME`` or ``KIND/NAME``; ``InvalidInput`` if it is of another kind."""
    kind, slash, name = target.rpartition("/")
    if slash and kind.split(".")[0].lower() not in KINDS[resource]:
        raise InvalidInput(f"{target}: expected {KINDS[resource][0]}/NAME, or the name alone")
    if not name:
        raise InvalidInput(f"{target or 'an empty name'}: expected {KINDS[resource][0]}/NAME, or the name alone")
    return name
