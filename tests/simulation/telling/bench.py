"""``make bench-telling``: what does it cost a pass that Serin tells what it does? Written to docs/benchmarks.md.

A process for each way of telling, and one that tells nothing; they take turns, a round of passes each, so that a busy
machine slows all of them down alike. What is compared is each round with the same round of the process that tells
nothing. The endpoints that traces and notifications go to are here, in another process than those that are measured.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.simulation.report import REPORT, table
from tests.simulation.telling.scene import EVERYTHING, MODES, NOTHING

BEGIN, END = "<!-- bench-telling: begin -->\n", "<!-- bench-telling: end -->\n"
WARM_UP = 10
WORDS = {
    NOTHING: "nothing",
    "metrics": "metrics, scraped every 15 s",
    "logs": "a log as JSON lines",
    "notifications": "notifications to two receivers, and Kubernetes events",
    "traces": "traces of all passes to an OTLP endpoint",
    EVERYTHING: "**all of it**",
}


class Endpoint(ThreadingHTTPServer):
    """Takes everything, and counts it by its path."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taken)
        self.taken: Counter[str] = Counter()


class _Taken(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Endpoint

    def do_POST(self) -> None:
        """Reads it, and says that it was taken."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken[self.path] += 1
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def endpoint() -> Iterator[tuple[str, Counter[str]]]:
    """Its address, and what it has taken."""
    with Endpoint() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", server.taken
        finally:
            server.shutdown()


@dataclass
class Measured:
    """What the processes of one way of telling came to."""

    took: list[float] = field(default_factory=list)
    """Median of a round's passes, in milliseconds."""
    cpu: list[float] = field(default_factory=list)
    """Processor time of all threads for a round, for each ModelDeployment, in milliseconds."""
    ended: list[dict[str, Any]] = field(default_factory=list)

    @property
    def memory(self) -> float:
        """MiB."""
        return float(statistics.median(each["MiB"] for each in self.ended))


@contextmanager
def child(mode: str, count: int, url: str, folder: str) -> Iterator[subprocess.Popen[str]]:
    """A process that waits to be asked for rounds."""
    module = "tests.simulation.telling.passes"
    command = [sys.executable, "-m", module, mode, str(count), url, str(Path(folder) / f"{mode}.log")]
    env = {"PATH": "", "PYTHONHASHSEED": "0", "OTEL_EXPORTER_OTLP_ENDPOINT": url, "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def asked(process: subprocess.Popen[str], what: str = "") -> dict[str, Any]:
    """The next line of a child, after it was asked for it."""
    assert process.stdin is not None
    assert process.stdout is not None
    if what:
        process.stdin.write(f"{what}\n")
        process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"{process.args!r}: it ended")
    return dict(json.loads(line))


def one_set(found: dict[str, Measured], count: int, rounds: int, order: random.Random) -> Counter[str]:
    """A set of processes, one for each way; what the endpoint has taken of them."""
    with endpoint() as (url, taken), tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        children = {mode: stack.enter_context(child(mode, count, url, folder)) for mode in MODES}
        for process in children.values():
            asked(process)
        for number in range(WARM_UP + rounds):
            for mode in order.sample(list(children), len(children)):
                told = asked(children[mode], "round")
                if number >= WARM_UP:
                    found[mode].took.append(told["pass"])
                    found[mode].cpu.append(told["cpu"])
        for mode, process in children.items():
            ended = asked(process, "end")
            if not ended["progressing"] or ended["failures"]:
                raise RuntimeError(f"{mode}: not what was to be measured: {ended}")
            found[mode].ended.append(ended)
            print(f"  {mode}: {ended}", file=sys.stderr, flush=True)
        return Counter(taken)


def middle(those: Sequence[float], nothing: Sequence[float]) -> float:
    """The median over the rounds of what one costs beside the other."""
    return statistics.median(a / b for a, b in zip(those, nothing, strict=True))


def ratio(those: Sequence[float], nothing: Sequence[float]) -> str:
    """The median over the rounds, and the middle half of them."""
    quarters = statistics.quantiles((a / b for a, b in zip(those, nothing, strict=True)), n=4)
    return f"{quarters[1]:.2f} ({quarters[0]:.2f}-{quarters[2]:.2f})"


def written(found: dict[str, Measured], taken: Counter[str], count: int, rounds: int, sets: int) -> str:
    """The table, and what was told in it."""
    base, rows = found[NOTHING], []
    for mode, own in found.items():
        more = mode != NOTHING
        rows.append(
            (
                WORDS[mode],
                f"{statistics.median(own.took):.2f} ms",
                ratio(own.took, base.took) if more else "1",
                f"{statistics.median(own.cpu):.2f} ms",
                ratio(own.cpu, base.cpu) if more else "1",
                f"{own.memory:.0f} MiB",
                f"{own.memory / base.memory:.2f}" if more else "1",
            )
        )
    columns = ("what is told", "a pass", "ratio", "processor time", "ratio", "memory", "ratio")
    everything = found[EVERYTHING].ended
    spans = sum(each["spans"].get("sent", 0) for each in everything)
    lost = sum(each["spans"].get(result, 0) for each in everything for result in ("failed", "dropped"))
    bundle = {key: statistics.median(each["bundle"][key] for each in everything) for key in ("ms", "KiB", "MiB")}
    notes = sum(number for path, number in taken.items() if path != "/v1/traces")
    own = found[EVERYTHING]
    time, processor = middle(own.took, base.took), middle(own.cpu, base.cpu)
    memory = f"{own.memory / base.memory:.2f} times the memory ({own.memory - base.memory:.0f} MiB more)"
    whole = f"All of it took {time:.2f} times the time of a pass, {processor:.2f} times the processor's, and {memory}."
    said = (
        f"{count} ModelDeployments in mid-rollout with two SLOs, windows of 1 s and steps of 20 windows; {sets} times "
        f"{rounds} rounds of a pass over each. In brackets: the middle half of the rounds. The process with all of it "
        f"sent {spans:.0f} spans ({lost:.0f} were lost), and the endpoint took {notes} requests with notifications of "
        f"the two that send some. An incident bundle is made by whoever asks for one, not by the operator: "
        f"{bundle['ms']:.0f} ms of a processor, {bundle['KiB']:.0f} KiB of JSON, {bundle['MiB']:.1f} MiB at most."
    )
    command = f"`python -m tests.simulation.telling.bench --deployments {count} --rounds {rounds} --sets {sets}`"
    # The headings of the page are about more than one table each.
    title = table("", columns, rows).removeprefix("## \n\n")
    return f"{whole}\n\n{title}\n{textwrap.fill(said, 160)}\n\n{command}\n"


def write(text: str) -> None:
    """Puts it into the report."""
    head, rest = REPORT.read_text(encoding="utf-8").split(BEGIN)
    REPORT.write_text(f"{head}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}", encoding="utf-8")


def main() -> int:
    """Measures, and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deployments", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=120)
    parser.add_argument("--sets", type=int, default=3, help="so many times, with new processes")
    parser.add_argument("--print", action="store_true", help="print the table, and leave the report as it is")
    options = parser.parse_args()
    found, taken, order = {mode: Measured() for mode in MODES}, Counter[str](), random.Random(1)
    for number in range(options.sets):
        print(f"set {number + 1} of {options.sets}", file=sys.stderr, flush=True)
        taken += one_set(found, options.deployments, options.rounds, order)
    text = written(found, taken, options.deployments, options.rounds, options.sets)
    if options.print:
        print(text)
    else:
        write(text)
        print(f"{REPORT} written", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
