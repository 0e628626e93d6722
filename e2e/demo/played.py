"""How does a demo end? With an exit code: 0 if all that it tells is true, and what went wrong in a sentence."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, NoReturn

from rich.console import Console

from e2e.demo.errors import StoryError
from e2e.deploy import DeployError
from e2e.sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

DIFFERS, NOT_PLAYED, INTERRUPTED = 1, 2, 130


def played(story: Callable[[Console], int], about: str | None, arguments: Sequence[str] = ()) -> int:
    """Runs a demo; its exit code, or that of what ended it. An argument is answered with ``about``."""
    console = Console()
    if arguments:
        console.print((about or "").strip(), markup=False, highlight=False)
        return 0 if list(arguments) == ["--help"] else NOT_PLAYED
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    start = time.monotonic()
    try:
        code = story(console)
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
    return code


def keeps() -> bool:
    """Whether sandbox and operator stay (``KEEP=1``)."""
    return os.environ.get("KEEP", "") not in {"", "0"}


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    """Turn a signal into an exit that runs all the cleaning up."""
    raise SystemExit(128 + number)
