"""The passes that ``tests.simulation.telling.bench`` measures, in a process of their own, as its parent asks for them.

What the process tells of itself is what one word of ``MODES`` says.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import statistics
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any, TextIO

import structlog
from prometheus_client import Counter, Gauge, Histogram

import serin.controller.process  # noqa: F401 - the rest of the operator: its memory is there, too
from serin.cluster import resources
from serin.controller.metrics.metric import REGISTRY
from serin.controller.metrics.process import declare_process, declare_server
from serin.controller.telling.log import configure_logging
from serin.records.chain_report import item_of
from serin.report.facts.case import case_of
from serin.report.facts.gathering import bundle_of, encoded
from tests.lab import URL
from tests.simulation.telling.scene import MODES, Scene


def silence() -> None:
    """Nothing is counted and nothing is logged, at the least cost that there can be."""
    for kind, methods in ((Counter, ("inc",)), (Gauge, ("inc", "dec", "set")), (Histogram, ("observe",))):
        for method in (*methods, "labels"):
            setattr(kind, method, lambda self, *_, **__: self)


def be_quiet() -> None:
    """No line of the log is made."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable()


def resident() -> float:
    """MiB of memory that this process has now."""
    gc.collect()
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return int(text.partition("VmRSS:")[2].split()[0]) / 1024


def bundled(scene: Scene) -> dict[str, float]:
    """What one incident bundle costs: milliseconds of a processor, KiB of JSON, and MiB of memory at most."""
    objects = scene.clusters["team-0"].objects
    records = [obj for key, obj in objects.items() if key[0] == resources.PROMOTION_RECORDS.plural]
    items = [item for obj in records if (item := item_of(obj, "fake")) is not None]
    name = max(items, key=lambda item: item.order).name
    took = []
    for _ in range(9):
        began = time.process_time()
        encoded(bundle_of(case_of(items, name)))
        took.append(1000 * (time.process_time() - began))
    tracemalloc.start()
    made = encoded(bundle_of(case_of(items, name)))
    peak = tracemalloc.get_traced_memory()[1] / 1024 / 1024
    tracemalloc.stop()
    return {"ms": statistics.median(took), "KiB": len(made) / 1024, "MiB": peak}


async def measure(mode: str, count: int, receiver: str, log: TextIO) -> None:
    """Makes the scene, and then a round for each line of standard input that asks for one."""
    scene = Scene(MODES[mode], count, receiver)
    configure_logging("json", log)
    if "metrics" in scene.on:
        declare_process()
        declare_server(URL)
    else:
        silence()
    if "logs" not in scene.on:
        be_quiet()
    async with scene.working():
        scene.want("1")
        await scene.until("Stable")
        scene.want("2")
        await scene.until("Progressing")
        say({"ready": True})
        cpu, aside = time.process_time(), scene.aside.cpu
        for line in sys.stdin:
            if line.strip() == "end":
                break
            took = await scene.round()
            now, left_out = time.process_time(), scene.aside.cpu
            say({"pass": statistics.median(took), "cpu": 1000 * (now - cpu - (left_out - aside)) / count})
            cpu, aside = now, left_out
        in_progress, memory = scene.phases() == {"Progressing"}, resident()
        spans = {
            result: REGISTRY.get_sample_value("serin_trace_spans_total", {"result": result})
            for result in ("sent", "failed", "dropped")
        }
        ended = {"progressing": in_progress, "failures": scene.failures, "MiB": memory, "lines": log.tell()}
        scene.prometheus.candidate_bad = scene.prometheus.candidate_rate // 5
        await scene.until("RolledBack")
        say({**ended, "spans": {k: v for k, v in spans.items() if v}, "bundle": bundled(scene)})


def say(told: dict[str, Any]) -> None:
    """One line for the parent."""
    print(json.dumps(told), flush=True)


def main() -> None:
    """``MODE COUNT RECEIVER LOG``."""
    mode, count, receiver, path = sys.argv[1:]
    with Path(path).open("w", encoding="utf-8") as log:
        asyncio.run(measure(mode, int(count), receiver, log))


if __name__ == "__main__":
    main()
