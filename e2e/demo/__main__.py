"""``python -m e2e.demo``: plays the story and exits 0 only if all of it is true.

KEEP=1 leaves sandbox and operator running; DEMO_JSON=path writes the summary there, DEMO_SVG=path a picture of the
run; DEMO_RATE is the load in requests per second; DEMO_ERRORS is the percentage of requests that also the good versions
answer with an error (with 0.5 it is the story of docs/benchmarks.md). Exit codes: 1 reality differs from the story,
2 it could not be played, 130 interrupted.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from e2e.demo import objects
from e2e.demo.picture import picture
from e2e.demo.played import DIFFERS, keeps, played
from e2e.demo.report import print_summary
from e2e.demo.screen import screen_for
from e2e.demo.stage import stage
from e2e.demo.story import Scene, play, records
from e2e.demo.summary import Expectation, Summary, summarise
from e2e.deploy import DeployError
from e2e.load.answer import read_log

if TYPE_CHECKING:
    from rich.console import Console

DEFAULT_RATE = 200.0
MOST_RATE = 2000.0
MOST_ERRORS = 0.9
"""Percent. The policy's objective is 99 %: with more, the good versions would be none."""


def run(console: Console) -> int:
    """Plays the story and tells what came of it."""
    told = told_with(_percent(os.environ.get("DEMO_ERRORS", "")))
    summary = summary_of(console, told)
    print_summary(summary, told, console)
    target = os.environ.get("DEMO_JSON")
    if target:
        Path(target).write_text(json.dumps(summary.to_json(), indent=2) + "\n", "utf-8")
    return DIFFERS if summary.contradictions else 0


def told_with(errors: float) -> Expectation:
    """What the demo tells if every version answers the share ``errors`` (0…1) with an error."""
    return Expectation(objects.FIRST.name, objects.GOOD.name, objects.BAD.name, objects.STEPS, errors)


def summary_of(console: Console, told: Expectation) -> Summary:
    """Play the story on a fresh stage; what came of it."""
    rate = _rate(os.environ.get("DEMO_RATE", ""))
    screen = screen_for(console)
    with stage(screen.say, keep=keeps()) as there:
        log = there.folder / "load.csv"
        scene = Scene(there.api, there.operator, there.sandbox.gateway_url, log, rate, told.errors)
        with screen:
            load = play(scene, screen)
        answers, kept = list(read_log(log)), records(there.api)
        drawing = os.environ.get("DEMO_SVG")
        if drawing and answers:
            Path(drawing).write_text(picture(answers, kept, told.bad), "utf-8")
        return summarise(answers, kept, load.report, told)


def _rate(text: str) -> float:
    """Requests per second; DeployError for what is none."""
    try:
        rate = float(text or DEFAULT_RATE)
    except ValueError:
        rate = 0.0
    if not 0 < rate <= MOST_RATE:
        raise DeployError(f"DEMO_RATE={text} is no number of requests per second between 0 and {MOST_RATE:.0f}.")
    return rate


def _percent(text: str) -> float:
    """The share (0…1) that a percentage is; DeployError for what is none, or too much for the policy."""
    try:
        percent = float(text or 0)
    except ValueError:
        percent = -1.0
    if not 0 <= percent <= MOST_ERRORS:
        raise DeployError(f"DEMO_ERRORS={text} is no percentage between 0 and {MOST_ERRORS}.")
    return percent / 100


if __name__ == "__main__":
    sys.exit(played(run, __doc__, sys.argv[1:]))
