"""``kubectl serin``: the same commands as a plugin of kubectl, and what kubectl asks when Tab is pressed."""

from __future__ import annotations

import contextlib
import io
import os
import sys

COMPLETE = "_SERIN_COMPLETE"
NO_FILES = ":4"
"""What kubectl expects last: offer these words, and no names of files."""


def run() -> None:
    """The entry point ``kubectl-serin``."""
    from serin.cli import main

    main.run("kubectl serin")


def complete() -> None:
    """The entry point ``kubectl_complete-serin``: prints the words that fit behind the arguments, one a line."""
    from serin.cli.main import app

    words = sys.argv[1:] or [""]
    # The protocol of the completion script for bash, whose answer is one word a line.
    os.environ |= {COMPLETE: "complete_bash", "COMP_WORDS": " ".join(["serin", *words]), "COMP_CWORD": str(len(words))}
    answer = io.StringIO()
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(answer):
        app(prog_name="serin")
    print("\n".join([*filter(None, answer.getvalue().splitlines()), NO_FILES]))
