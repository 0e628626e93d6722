"""``python -m e2e.environments``: plays the story of the three environments and exits 0 only if all of it is true.

KEEP=1 leaves sandbox and operator running. Exit codes: 1 reality differs from the story, 2 it could not be played, 130
interrupted.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING, NoReturn

from rich.console import Console

from e2e.demo.errors import StoryError
from e2e.demo.screen import PlainScreen
from e2e.demo.stage import stage
from e2e.deploy import ClusterApi, DeployError
from e2e.deploy.cluster import Person
from e2e.environments.files import ENVIRONMENTS
from e2e.environments.pipeline import Pipeline
from e2e.environments.story import play
from e2e.load.analysis import by_version
from e2e.sandbox.errors import SandboxError

if TYPE_CHECKING:
    from types import FrameType

DIFFERS, NOT_PLAYED, INTERRUPTED = 1, 2, 130
RITA = Person("rita@example.com", ("risk",))


def main() -> int:
    """The exit code."""
    console = Console()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    start = time.monotonic()
    try:
        run(console)
    except StoryError as error:
        console.print(f"NOT AS TOLD: {error}", style="bold red", highlight=False, soft_wrap=True)
        return DIFFERS
    except (SandboxError, DeployError) as error:
        console.print(f"The demo could not be played: {error}", style="bold red", highlight=False, soft_wrap=True)
        return NOT_PLAYED
    except KeyboardInterrupt:
        console.print("Interrupted.")
        return INTERRUPTED
    console.print(f"The demo took {time.monotonic() - start:.0f} s.", style="dim", highlight=False)
    return 0


def run(console: Console) -> None:
    """Plays the story on a fresh stage, and tells what clients saw. StoryError."""
    screen, keep = PlainScreen(console), os.environ.get("KEEP", "") not in {"", "0"}
    with stage(screen.say, keep=keep) as there, ClusterApi(there.sandbox.kubeconfig, person=RITA) as rita:
        pipeline = Pipeline(there.api, there.sandbox.gateway_url, there.folder, screen.say, there.operator.last_words)
        play(pipeline, rita)
        for name in ENVIRONMENTS:
            counts = by_version(pipeline.answers(name))
            told = ", ".join(f"{count.total} by version {v} ({count.failed} failed)" for v, count in counts.items())
            screen.say(f"Answers in {name}: {told}")
        if "3" in by_version(pipeline.answers("production")):
            raise StoryError("Version 3 answered clients of production.")


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    """Turn a signal into an exit that runs all the cleaning up."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
