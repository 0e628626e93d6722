"""Where does a container's output go, and how does `kubectl logs` read it?"""

from __future__ import annotations

import asyncio
import shutil
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from pathlib import Path

KUBELET_PORT = 10250
_KEPT_RUNS = 2
_KEPT_PODS = 200
_FOLLOW_S = 0.2
_FALLBACK_LINES = 80
_FALLBACK_BYTES = 2048
_CHUNK = 64 * 1024


class LogRequestError(Exception):
    """A request for logs asks for something that plain files cannot answer."""


@dataclass(frozen=True, slots=True)
class ContainerLog:
    """The log files of one container, one per run: 0.log, 1.log, …; the newest two are kept."""

    folder: Path

    def start(self, run: int) -> Path:
        """Give the file of a run that begins, and delete the one that has become too old."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / f"{run - _KEPT_RUNS}.log").unlink(missing_ok=True)
        return self.folder / f"{run}.log"

    def newest(self, *, previous: bool = False) -> Path | None:
        """Give the file of the newest run, or of the one before; None if there is none."""
        runs = sorted(int(file.stem) for file in self.folder.glob("*.log"))
        index = 2 if previous else 1
        return self.folder / f"{runs[-index]}.log" if len(runs) >= index else None

    def tail(self) -> str:
        """Give the end of the newest run's output: what FallbackToLogsOnError reports."""
        file = self.newest()
        if file is None:
            return ""
        with file.open("rb") as source:
            source.seek(max(0, file.stat().st_size - _FALLBACK_BYTES))
            lines = source.read().decode(errors="replace").splitlines()
        return "\n".join(lines[-_FALLBACK_LINES:])


def pod_folder(logs: Path, namespace: str, pod: str, uid: str) -> Path:
    """Give the folder with a pod's logs: one folder per container in it."""
    return logs / f"{namespace}_{pod}_{uid}"


def prune(logs: Path) -> None:
    """Delete the logs of the pods that were changed longest ago, if there are very many."""
    folders = sorted((entry for entry in logs.iterdir() if entry.is_dir()), key=lambda f: f.stat().st_mtime)
    for folder in folders[:-_KEPT_PODS]:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class LogRequest:
    """What `kubectl logs` may ask for; None is "all"."""

    follow: bool
    previous: bool
    tail_lines: int | None
    limit_bytes: int | None

    @staticmethod
    def of(query: Mapping[str, str]) -> LogRequest:
        """Read a request's query; LogRequestError for what needs the time of each line, or a bad number."""
        if {"sinceSeconds", "sinceTime"} & query.keys() or query.get("timestamps") == "true":
            raise LogRequestError("the sandbox's node keeps no times of lines: no --since, no --timestamps")
        try:
            tail, limit = (int(query[name]) if name in query else None for name in ("tailLines", "limitBytes"))
        except ValueError as error:
            raise LogRequestError(str(error)) from error
        return LogRequest(
            follow=query.get("follow") == "true",
            previous=query.get("previous") == "true",
            tail_lines=tail,
            limit_bytes=limit,
        )


class LogServer:
    """The kubelet's end of `kubectl logs`: TLS on the kubelet's port, reached by the API server only."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs

    async def start(self, host: str, tls: ssl.SSLContext) -> web.AppRunner:
        """Listen; the caller cleans the runner up."""
        runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        await web.TCPSite(runner, host, KUBELET_PORT, ssl_context=tls).start()
        return runner

    def application(self) -> web.Application:
        """Give the routes alone."""
        app = web.Application()
        app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", self._serve)
        return app

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        try:
            wanted = LogRequest.of(request.query)
        except LogRequestError as error:
            return web.Response(status=400, text=f"{error}\n")
        log = self._find(**request.match_info)
        file = log.newest(previous=wanted.previous) if log else None
        if log is None or file is None:
            kind = "previous terminated container" if wanted.previous else "container"
            return web.Response(status=404, text=f"{kind} {request.match_info['container']} has no log\n")
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        await _copy(log, file, wanted, response)
        return response

    def _find(self, namespace: str, pod: str, container: str) -> ContainerLog | None:
        # A pod's name may belong to several pods, one after the other: the newest is meant.
        folders = sorted(self._logs.glob(f"{namespace}_{pod}_*/{container}"), key=lambda f: f.stat().st_mtime)
        return ContainerLog(folders[-1]) if folders else None


async def _copy(log: ContainerLog, file: Path, wanted: LogRequest, response: web.StreamResponse) -> None:
    left = wanted.limit_bytes
    with file.open("rb") as source:
        if wanted.tail_lines is not None:
            kept = deque(source, maxlen=wanted.tail_lines)
            source.seek(-sum(map(len, kept)), 2)
        while left is None or left > 0:
            chunk = source.read(_CHUNK if left is None else min(left, _CHUNK))
            if chunk:
                left = None if left is None else left - len(chunk)
                await response.write(chunk)
            elif wanted.follow and log.newest() == file:
                await asyncio.sleep(_FOLLOW_S)
            else:
                return
