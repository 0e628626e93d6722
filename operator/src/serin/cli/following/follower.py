"""Follows the ModelDeployments of one namespace, or of all: one list and one watch, whoever looks."""

from __future__ import annotations

import threading
from collections.abc import Callable

from serin.cli.following.board import MOST_OBJECTS, Board, kept
from serin.cluster.direct import Object, OpenApi
from serin.cluster.resources import MODEL_DEPLOYMENTS
from serin.errors import Expired, NotFound, Refused, Unavailable
from serin.schema.printable import shortened

WATCH_SECONDS = 30
"""After so long a watch is begun anew: so a server that has gone silent is noticed in about this time."""
WATCHES = 10
"""So many watches use the credentials that were read at their beginning: a pod's token is replaced within the hour."""
POLL, REFUSED, FIRST_PAUSE, LONGEST_PAUSE = 5.0, 20.0, 1.0, 15.0
"""Seconds: between lists without the right to watch, after a refusal, and between tries of a server that is away."""
LONGEST_PROBLEM = 600


Connect = Callable[[], OpenApi]
"""Connects to the API server with the newest credentials; ``Refused`` if there are none."""


class Follower:
    """Writes to the board what the server tells."""

    def __init__(
        self, connect: Connect, namespace: str, board: Board, pause: Callable[[float], bool] | None = None
    ) -> None:
        """``pause`` waits so many seconds and says whether to end."""
        self._connect, self._namespace, self._board = connect, namespace, board
        self._ended = threading.Event()
        self._pause = pause or self._ended.wait
        self._failures = 0

    def start(self) -> None:
        """Follows in a thread that ends with the process."""
        threading.Thread(target=self.run, name=f"follow {self._namespace or 'all namespaces'}", daemon=True).start()

    def end(self) -> None:
        """Asks it to end, at the next word of the server."""
        self._ended.set()

    def run(self) -> None:
        """Follows until it is asked to end. Nothing that a server answers ends it."""
        while not self._ended.is_set():
            if self._pause(self.round()):
                return

    def round(self) -> float:
        """One list and what follows it; the seconds until the next one."""
        try:
            api = self._connect()
            try:
                self._follow(api)
            finally:
                api.close()
        except Expired:
            return 0.0
        except NotFound as error:
            return self._failed(
                error, "Is Serin installed there? `kubectl get crd modeldeployments.serin.dev`", REFUSED
            )
        except Refused as error:
            return self._failed(error, self._right_for(str(error), "list"), REFUSED)
        except Unavailable as error:
            self._failures += 1
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(8, self._failures - 1))
            return self._failed(error, "Is it the right cluster? `kubectl config current-context`", pause, away=True)
        except Exception as error:  # noqa: BLE001 - whatever is answered, nobody may take what was seen for what is
            told = f"{type(error).__name__}: {error}: this is no answer of a Kubernetes API server"
            return self._failed(told, "Is something in between? `kubectl get --raw /version`", REFUSED)
        return 0.0

    def _follow(self, api: OpenApi) -> None:
        version = self._listed(api)
        for _ in range(WATCHES):
            if self._ended.is_set():
                return
            try:
                for word, obj in api.changes(MODEL_DEPLOYMENTS, self._namespace, "", version, WATCH_SECONDS):
                    self._told(word, obj)
                    version = str(obj["metadata"]["resourceVersion"])
                    if self._ended.is_set():
                        return
            except Refused:
                self._pause(POLL)  # who may list and not watch looks again
                return
            self._board.answered(self._namespace)

    def _listed(self, api: OpenApi) -> str:
        found: list[Object] = []
        version, count = "", 0
        for page, version in api.pages(MODEL_DEPLOYMENTS, self._namespace):  # noqa: B007 - the last one counts
            count += len(page)
            found += [dict(kept(obj)) for obj in page[: max(0, MOST_OBJECTS - len(found))]]
        self._failures = 0
        self._board.replace(self._namespace, found, count - len(found))
        return version

    def _told(self, word: str, obj: Object) -> None:
        if word == "DELETED":
            self._board.remove(obj)
        elif word in {"ADDED", "MODIFIED"}:
            self._board.put(obj)

    def _failed(self, error: object, hint: str, pause: float, *, away: bool = False) -> float:
        self._board.failed(self._namespace, shortened(str(error), LONGEST_PROBLEM), hint, away=away)
        return pause

    def _right_for(self, problem: str, verb: str) -> str:
        """What is missing, where the server says 403."""
        if " 403 " not in problem:
            return "Are the credentials still good? `kubectl auth whoami`"
        where = f"in namespace {self._namespace}" if self._namespace else "in all namespaces: give some with -n"
        return f"The right to {verb} and watch {MODEL_DEPLOYMENTS.plural}.{MODEL_DEPLOYMENTS.group} is missing {where}"
