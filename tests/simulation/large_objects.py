"""How much memory does the operator take when a namespace holds large objects? Run it as a program.

    python -m tests.simulation.large_objects watch|claims [--objects 500] [--bytes 1000000] [--shape text|fields]

An API server of its own process answers with ModelDeployments of that size, and the peak of this process is printed.
``watch`` starts kopf as the operator does; ``claims`` reads what the check of hostnames reads.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import socket
import subprocess
import sys
import time
from typing import Any

from aiohttp import web
from kubernetes.aio import client

from serin.cluster import resources
from serin.cluster.client import KubernetesCluster
from serin.cluster.connection import ClusterCredentials
from serin.controller.handlers import registry_for, watch
from serin.controller.watchdog import Watchdog
from tests.discovery import api_server


def model_deployment(number: int, size: int, shape: str) -> dict[str, Any]:
    padding: Any = "x" * size if shape == "text" else {f"k{index:07}": 1 for index in range(size // 13)}
    name = f"m{number:05}"
    return {
        "metadata": {"namespace": "prod", "name": name, "uid": name, "generation": 1, "resourceVersion": "1"},
        "spec": {
            "policyRef": {"name": "careful"},
            "predictor": {"padding": padding},
            "route": {"hostnames": [f"{name}.example.com"], "parentRef": {"name": "models"}},
        },
    }


def application(objects: int, size: int, shape: str) -> web.Application:
    items = json.dumps(model_deployment(0, size, shape))

    async def listed(request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            response = web.StreamResponse()
            await response.prepare(request)
            await asyncio.Event().wait()
        count = objects if request.match_info["plural"] == "modeldeployments" else 0
        begin = int(request.query.get("continue") or 0)
        end = min(count, begin + int(request.query.get("limit") or count))
        token = str(end) if end < count else ""
        texts = [items.replace("m00000", f"m{number:05}") for number in range(begin, end)]
        head = json.dumps({"metadata": {"resourceVersion": "1", "continue": token}, "kind": "List"})
        return web.Response(text=f'{head[:-1]}, "items": [{",".join(texts)}]}}', content_type="application/json")

    return api_server(listed)


async def watched(url: str, objects: int) -> None:
    settings = client.Configuration()
    settings.host = url
    woken: set[object] = set()
    ready, stop = asyncio.Event(), asyncio.Event()
    registry = registry_for(woken.add, ClusterCredentials(settings), Watchdog(time.monotonic))
    work = asyncio.create_task(watch(registry, namespaces=("prod",), ready=ready, stop=stop))
    async with asyncio.timeout(1200):
        while len(woken) < objects and not work.done():  # noqa: ASYNC110 - a program, not a test
            await asyncio.sleep(0.05)
    stop.set()
    async with asyncio.timeout(10):
        await work


async def claims(url: str) -> None:
    settings = client.Configuration()
    settings.host = url
    api = client.ApiClient(settings)
    cluster = KubernetesCluster(api, timeout=120)
    try:
        from serin.cluster.paging import reduced
        from serin.traffic.gateway.claims import _claim_of
    except ImportError:  # a version before there were pages
        found = await cluster.list(resources.MODEL_DEPLOYMENTS, "prod", "")
    else:
        found = await reduced(cluster, resources.MODEL_DEPLOYMENTS, "prod", _claim_of)
    print(f"{len(found)} claims")
    await api.close()  # type: ignore[no-untyped-call]


def wait_for(port: int) -> None:
    """Waits for up to a minute until the server listens."""
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    message = f"nothing listens on port {port}"
    raise TimeoutError(message)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["watch", "claims", "serve"])
    parser.add_argument("--objects", type=int, default=500)
    parser.add_argument("--bytes", type=int, default=1_000_000)
    parser.add_argument("--shape", choices=["text", "fields"], default="text")
    parser.add_argument("--port", type=int, default=18099)
    options = parser.parse_args()
    if options.what == "serve":
        app = application(options.objects, options.bytes, options.shape)
        web.run_app(app, host="127.0.0.1", port=options.port, print=None)
        return
    arguments = [f"--{name}={getattr(options, name)}" for name in ("objects", "bytes", "shape", "port")]
    server = subprocess.Popen([sys.executable, "-m", "tests.simulation.large_objects", "serve", *arguments])
    try:
        wait_for(options.port)
        url, begun = f"http://127.0.0.1:{options.port}", time.monotonic()
        try:
            asyncio.run(watched(url, options.objects) if options.what == "watch" else claims(url))
        finally:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            asked = f"{options.what} {options.objects} x {options.bytes} {options.shape}"
            print(f"{asked}: {peak} MiB, {time.monotonic() - begun:.0f} s", flush=True)
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
