"""What does it cost a pass to be told of? `python -m tests.simulation.telling`; passes in memory, in a process each.

The API server and Prometheus answer at once, so that the ratio is the highest there can be: in a real pass most of the
time is waiting for them. CPU time is that of all threads; the endpoint for traces is another process.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from serin.cluster.client import Call
from serin.controller.loop import Loop
from serin.controller.metrics.exposition import Exposition
from serin.controller.metrics.metric import REGISTRY
from serin.controller.metrics.model_deployments import ModelDeploymentMetrics
from serin.controller.reconciliation.reconcile import Reconciler
from serin.controller.telling.log import configure_logging
from serin.controller.telling.passes import call_seen, query_seen, traced_by
from serin.prometheus.server.client import QueryStats, Result
from serin.tracing.choice import tracer_of
from tests.lab import KEY, POLICY, URL, Lab

PASSES, WARM_UP = 1500, 100
SCRAPED_EACH = 15
"""Passes between two scrapes: with windows of 1 s that is every 15 s."""
MODES = ("nothing", "metrics", "metrics and traces")
LONG = POLICY | {"steps": [{"weight": 40, "for": "10h", "timeout": "20h"}]}


class Seen:
    """The API server in memory, whose requests are told of as those of the real one."""

    def __init__(self, cluster: Any, on_call: Callable[[Call], None]) -> None:
        self._cluster, self._on_call = cluster, on_call

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._cluster, name)
        if name not in {"get", "list", "list_page", "list_rows", "create", "apply", "merge", "update_status", "delete"}:
            return method

        async def told(kind: Any, *arguments: Any, **options: Any) -> Any:
            began, code = time.monotonic(), 0
            try:
                found = await method(kind, *arguments, **options)
                code = 200
            finally:
                verb = "get" if name in {"get", "list", "list_page", "list_rows"} else "patch"
                path = f"/apis/{kind.group}/{kind.version}/namespaces/prod/{kind.plural}"
                self._on_call(Call(verb, code, time.monotonic() - began, path))
            return found

        return told


async def passes(mode: str) -> dict[str, float]:
    """CPU seconds and KiB of one process that runs passes of a rollout in mid-step."""
    configure_logging("json", io.StringIO())
    lab, spans = Lab(LONG), Counter[str]()
    tracer = tracer_of(os.environ, "1", lambda result, count: spans.update({result: count}))
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lab.phase("Progressing"))
    on = mode != "nothing"
    metrics = ModelDeploymentMetrics(REGISTRY if on else None)
    cluster: Any = Seen(lab.cluster, call_seen if on else lambda _: None)
    read = lab.prometheus.series

    async def series(request: Any) -> Any:
        began = time.monotonic()
        found = await read(request)
        if on:
            query_seen(QueryStats(URL, Result.OK, time.monotonic() - began, 900, len(found), query=str(request.shape)))
        return found

    lab.prometheus.series = series  # type: ignore[method-assign]
    reconciler = Reconciler(cluster, {URL: lab.prometheus}, lambda: lab.now, metrics=metrics)
    loop = Loop(reconciler.reconcile, lambda: lab.now, timedelta(hours=1), traced=traced_by(tracer))
    exposition = Exposition(time.monotonic, exemplars=tracer is not None)
    used = wall = 0.0
    for number in range(WARM_UP + PASSES):
        loop.queue.add(KEY)
        await loop.queue.get()
        began, cpu = time.perf_counter(), time.process_time()
        with loop._traced(KEY):
            await loop._timed(KEY)
        took = time.perf_counter() - began
        if on and number % SCRAPED_EACH == 0:
            await exposition.text("application/openmetrics-text")
        await asyncio.sleep(0.003)  # what is sent, is sent between passes, and counts
        if number >= WARM_UP:
            wall, used = wall + took, used + time.process_time() - cpu
        lab.now += timedelta(seconds=1)
    if tracer is not None:
        tracer.close()
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sent = {f"spans {result}": count for result, count in spans.items()}
    return {"wall": 1000 * wall / PASSES, "cpu": 1000 * used / PASSES, "kib": kib, **sent}


def measured(mode: str, endpoint: str) -> dict[str, float]:
    """What a process of its own says."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    if mode == MODES[-1]:
        env["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint
    command = [sys.executable, "-m", "tests.simulation.telling", "--one", mode]
    found: dict[str, float] = json.loads(subprocess.run(command, env=env, check=True, capture_output=True).stdout)
    return found


def receive() -> None:
    """Takes traces until it is ended."""
    from tests.otlp_receiver import Receiver

    with Receiver() as server:
        print(server.url, flush=True)
        server.serve_forever()


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one")
    parser.add_argument("--receive", action="store_true")
    options = parser.parse_args()
    if options.receive:
        receive()
    elif options.one:
        print(json.dumps(asyncio.run(passes(options.one))))
    else:
        _table()


def _table() -> None:
    command = [sys.executable, "-m", "tests.simulation.telling", "--receive"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as receiver:
        try:
            endpoint = receiver.stdout.readline().strip() if receiver.stdout else ""
            runs = {mode: [measured(mode, endpoint) for _ in range(3)] for mode in MODES}
        finally:
            receiver.terminate()
    best = {mode: {key: min(run.get(key, 0) for run in found) for key in found[0]} for mode, found in runs.items()}
    base = best[MODES[0]]
    print(
        "| what is told | pass, ms | CPU per pass, ms | ratio | memory, MiB | ratio | spans sent / failed / dropped |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for mode, found in best.items():
        spans = " / ".join(f"{found.get(f'spans {result}', 0):.0f}" for result in ("sent", "failed", "dropped"))
        print(
            f"| {mode} | {found['wall']:.2f} | {found['cpu']:.2f} | {found['cpu'] / base['cpu']:.2f} "
            f"| {found['kib'] / 1024:.0f} | {found['kib'] / base['kib']:.2f} | {spans} |"
        )


if __name__ == "__main__":
    main()
