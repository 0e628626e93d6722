"""``serin-load``: a steady load on a model, from the command line."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from e2e.load.analysis import by_version, latency
from e2e.load.answer import read_log
from e2e.load.background import BackgroundLoad
from e2e.load.client import infer_body
from e2e.load.generator import LoadPlan

app = typer.Typer(add_completion=False, no_args_is_help=True)
TICK_SECONDS = 1.0
LINE_SECONDS = 5.0
"""Between two lines where nobody looks at a terminal, in which one line changes."""


@app.command()
def main(  # noqa: PLR0917 - typer turns parameters into options
    model: Annotated[str, typer.Argument(help="Served name of the model.")],
    host: Annotated[str, typer.Option(help="Hostname of the model's route.")],
    features: Annotated[str, typer.Option(help="One row of features, comma-separated.")],
    gateway: Annotated[str, typer.Option(envvar="GATEWAY_URL", help="Base URL of the gateway.")],
    rate: Annotated[float, typer.Option(help="Requests per second.", min=0.1, max=5000)] = 200.0,
    seconds: Annotated[float, typer.Option(help="How long.", min=1)] = 30.0,
    log: Annotated[Path | None, typer.Option(help="Keep the load log (CSV) here.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the result only.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Send predictions at a fixed rate, and tell how it goes; print counts and latency per version as JSON."""
    body = infer_body([float(value) for value in features.split(",")])
    plan = LoadPlan(gateway, host, model, body, rate=rate)
    with tempfile.TemporaryDirectory(prefix="serin-load-") as folder:
        path = log or Path(folder) / "load.csv"
        cpu = time.process_time()
        with BackgroundLoad(plan, path) as load:
            _wait(load, seconds, quiet=quiet)
        cpu = time.process_time() - cpu
        answers = list(read_log(path))
    versions = {
        version or "(nobody)": {"requests": counts.total, "failed": counts.failed}
        for version, counts in by_version(answers).items()
    }
    p50, p99 = (None if value is None else round(value * 1000, 2) for value in latency(answers))
    result: dict[str, Any] = {"versions": versions, "p50_ms": p50, "p99_ms": p99}
    result |= {"pace": load.report.sentence, "cpu_percent": round(100 * cpu / seconds, 1)}
    json.dump(result, sys.stdout, indent=2)
    print()


def so_far(load: BackgroundLoad) -> str:
    """What the load did until now."""
    told = ", ".join(
        f"{counts.total} answered by {f'version {version}' if version else 'no version'}"
        + (f" ({counts.failed} failed)" if counts.failed else "")
        for version, counts in load.live.totals().items()
    )
    return f"{load.report.sentence}; {told or 'no answer yet'}"


def _wait(load: BackgroundLoad, seconds: float, *, quiet: bool) -> None:
    """Until the time is over, or until Ctrl-C, which ends the load as well as time does."""
    console, deadline = Console(stderr=True, soft_wrap=True, quiet=quiet), time.monotonic() + seconds
    next_line = time.monotonic() + LINE_SECONDS
    try:
        while (left := deadline - time.monotonic()) > 0:
            load.check()
            if os.isatty(2):
                console.print(f"{so_far(load)}; {left:.0f} s left", end="\r", highlight=False)
            elif time.monotonic() >= next_line:
                console.print(f"{so_far(load)}; {left:.0f} s left", highlight=False)
                next_line += LINE_SECONDS
            time.sleep(min(TICK_SECONDS, left))
    except KeyboardInterrupt:
        console.print("Stopped early.")
