"""The command line's entry; commands live in modules of their own."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from serin import __version__
from serin.judge import JUDGE_VERSION

app = typer.Typer(no_args_is_help=True, help="Serin: promotes models on KServe, and takes them back by itself.")


@app.callback()
def serin() -> None:
    """Serin: promotes models on KServe, and takes them back by itself."""


@app.command()
def version(output: Annotated[str, typer.Option(help="text or json")] = "text") -> None:
    """Versions of Serin and of its judge."""
    if output == "json":
        typer.echo(json.dumps({"serin": __version__, "judge": JUDGE_VERSION}))
    else:
        typer.echo(f"serin {__version__}, judge {JUDGE_VERSION}")
