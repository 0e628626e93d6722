"""What do Serin's session and decoding cost beside ``prometheus-api-client`` alone, and what do they catch?

``python -m tests.simulation.client_library [costs|faults]``. The figures stand in docs/adr/0014. Each case runs in a
process of its own with 1 GiB of address space above what it has at its start.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import queue
import resource
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prometheus_api_client import PrometheusConnect
from urllib3.util import Retry

from serin.prometheus.server.client import Prometheus
from serin.prometheus.server.credentials import Server
from tests.clock import START
from tests.faulty import DEADLINE, MOST, QUERY, FaultyServer, body, says

MEBI = 1024 * 1024
REPEATS = 15
ROOM = 1024 * MEBI
LONGEST = 2 * DEADLINE


def envoy_answer(series: int, samples: int) -> bytes:
    """Counters of Envoy as several pods of a gateway expose them."""
    return body(
        [
            {
                "metric": {
                    "__name__": "envoy_cluster_upstream_rq_xx",
                    "envoy_cluster_name": f"httproute/prod/model-{number}/rule/0",
                    "envoy_response_code_class": str(number % 4 + 2),
                    "instance": f"10.0.{number % 250}.{number % 199}:9901",
                    "job": "envoy",
                    "namespace": "gateway",
                    "pod": f"envoy-7c9d6b5f4-{number:05d}",
                },
                "values": [[START.timestamp() + 15 * at, str(1_000_000 + number * at)] for at in range(samples)],
            }
            for number in range(series)
        ]
    )


def with_serin(url: str, most: int) -> int:
    """Series, as the operator reads them."""

    async def ask() -> int:
        prometheus = Prometheus(Server(url=url), max_bytes=most)
        try:
            return len(await prometheus.matrix(QUERY, START))
        finally:
            prometheus.close()

    return asyncio.run(ask())


def with_the_library(url: str, most: int) -> int:
    """Series, as the library returns them: lists of texts."""
    del most
    # Its time limit as short as ours, and no repeats: those would last longer than a query of ours may.
    client = PrometheusConnect(url, timeout=DEADLINE, retry=Retry(0), method="POST")
    found = client.custom_query(QUERY, params={"time": START.timestamp()})
    return sum(len(series["values"]) > 0 for series in found)


WAYS: dict[str, Callable[[str, int], int]] = {"Serin": with_serin, "library alone": with_the_library}


def _peak() -> float:
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return int(text.partition("VmHWM:")[2].split()[0]) / 1024


def _cost(way: str, url: str, results: multiprocessing.Queue[Any]) -> None:
    WAYS[way](url, 64 * MEBI)
    took = []
    for _ in range(REPEATS):
        begun = time.process_time()
        WAYS[way](url, 64 * MEBI)
        took.append(time.process_time() - begun)
    results.put((statistics.median(took), _peak()))


def _outcome(way: str, url: str, results: multiprocessing.Queue[Any]) -> None:
    used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, before[1]))
    try:
        WAYS[way](url, MOST)
        outcome = "taken for an answer"
    except Exception as error:  # noqa: BLE001 - what it is, is the result
        outcome = type(error).__name__
    resource.setrlimit(resource.RLIMIT_AS, before)
    results.put(outcome)


def _in_a_process(work: Callable[..., None], way: str, url: str) -> Any:
    spawn = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[Any] = spawn.Queue()
    process = spawn.Process(target=work, args=(way, url, results))
    process.start()
    try:
        return results.get(timeout=LONGEST + 5 if work is _outcome else 300)
    except queue.Empty:
        return f"no end within {LONGEST:.0f} s"
    finally:
        process.kill()
        process.join()


def costs() -> None:
    """Time of the processor and peak memory of a query, for a usual and for a large answer."""
    for series, samples in ((1, 1), (3000, 6), (200, 1800), (20_000, 6)):
        sent = envoy_answer(series, samples)
        with FaultyServer(says(200, sent)) as server:
            for way in WAYS:
                seconds, peak = _in_a_process(_cost, way, server.url)
                size = f"{series} series x {samples} samples, {len(sent) / MEBI:.1f} MiB"
                print(f"{size:44} {way:14} {1000 * seconds:7.1f} ms {peak:7.0f} MiB peak", flush=True)


def faults() -> None:
    """What becomes of each fault of tests/unit/prometheus/server/test_session.py."""
    from tests.unit.prometheus.server.test_session import FAULTS  # late: its imports are no part of the costs

    for way in WAYS:
        outcomes = {}
        for name, (script, expected, _) in FAULTS.items():
            with FaultyServer(script) as server:
                outcomes[name] = (_in_a_process(_outcome, way, server.url), expected.__name__)
        print(way, json.dumps(Counter(outcome for outcome, _ in outcomes.values()), indent=2))
        print({name: outcome for name, (outcome, expected) in outcomes.items() if outcome != expected}, flush=True)


if __name__ == "__main__":
    {"costs": costs, "faults": faults}[sys.argv[1]]()
