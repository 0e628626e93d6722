"""``python -m e2e.demo``: plays the story and exits 0 only if all of it is true.

KEEP=1 leaves sandbox and operator running; DEMO_JSON=path writes the summary there, DEMO_SVG=path a picture of the
run; DEMO_RATE is the load in requests per second. Exit codes: 1 reality differs from the story, 2 it could not be
played, 130 interrupted.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

from rich.console import Console

from e2e.demo import objects
from e2e.demo.errors import StoryError
from e2e.demo.picture import picture
from e2e.demo.report import print_summary
from e2e.demo.screen import screen_for
from e2e.demo.stage import stage
from e2e.demo.story import Scene, play, records
from e2e.demo.summary import Expectation, Summary, summarise
from e2e.deploy import DeployError
from e2e.load.answer import read_log
from e2e.sandbox.errors import SandboxError

DIFFERS, NOT_PLAYED, INTERRUPTED = 1, 2, 130
DEFAULT_RATE = 200.0
MOST_RATE = 2000.0
TOLD = Expectation(objects.FIRST.name, objects.GOOD.name, objects.BAD.name, objects.STEPS)


def main() -> int:
    """The exit code."""
    console = Console()
    if len(sys.argv) > 1:
        console.print((__doc__ or "").strip(), markup=False, highlight=False)
        return 0 if sys.argv[1:] == ["--help"] else NOT_PLAYED
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    start = time.monotonic()
    try:
        summary = run(console)
    except StoryError as error:
        console.print(f"NOT AS TOLD: {error}", style="bold red", highlight=False, soft_wrap=True)
        return DIFFERS
    except (SandboxError, DeployError) as error:
        console.print(f"The demo could not be played: {error}", style="bold red", highlight=False, soft_wrap=True)
        return NOT_PLAYED
    except KeyboardInterrupt:
        console.print("Interrupted.")
        return INTERRUPTED
    print_summary(summary, TOLD, console)
    target = os.environ.get("DEMO_JSON")
    if target:
        Path(target).write_text(json.dumps(summary.to_json(), indent=2) + "\n", "utf-8")
    console.print(f"The demo took {time.monotonic() - start:.0f} s.", style="dim", highlight=False)
    return DIFFERS if summary.contradictions else 0


def run(console: Console) -> Summary:
    """Play the story on a fresh stage; what came of it."""
    keep = os.environ.get("KEEP", "") not in {"", "0"}
    rate = _rate(os.environ.get("DEMO_RATE", ""))
    screen = screen_for(console)
    with stage(screen.say, keep=keep) as there:
        log = there.folder / "load.csv"
        scene = Scene(there.api, there.operator, there.sandbox.gateway_url, log, rate)
        with screen:
            load = play(scene, screen)
        answers, kept = list(read_log(log)), records(there.api)
        drawing = os.environ.get("DEMO_SVG")
        if drawing and answers:
            Path(drawing).write_text(picture(answers, kept, TOLD.bad), "utf-8")
        return summarise(answers, kept, load.report, TOLD)


def _rate(text: str) -> float:
    """Requests per second; DeployError for what is none."""
    try:
        rate = float(text or DEFAULT_RATE)
    except ValueError:
        rate = 0.0
    if not 0 < rate <= MOST_RATE:
        raise DeployError(f"DEMO_RATE={text} is no number of requests per second between 0 and {MOST_RATE:.0f}.")
    return rate


def _end(number: int, _frame: object) -> NoReturn:
    """Turn a signal into an exit that runs all the cleaning up."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
