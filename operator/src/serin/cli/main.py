"""Entry point of the command line. Each command has a module, which is imported when the command is called."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from serin import __version__
from serin.errors import InvalidInput
from serin.judge import JUDGE_VERSION
from serin.schema.printable import shortened

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Serin: promotes models on KServe, and takes them back by itself.",
)
DISAGREES, NOT_READY, BAD_INPUT = 1, 1, 2
LONGEST_ERROR, LONGEST_NOTE, MOST_NOTES = 1000, 200, 20


class Output(StrEnum):
    """For people or for programs."""

    TEXT = "text"
    JSON = "json"


OutputOption = Annotated[Output, typer.Option(help="For people or for programs.")]
PolicyOption = Annotated[Path, typer.Option(help="A PromotionPolicy (YAML).")]


@contextmanager
def _one_line() -> Iterator[None]:
    """Prints ``InvalidInput`` as one line and exits with 2; exits silently when the output's reader has gone."""
    try:
        yield
    except InvalidInput as error:
        typer.echo(f"serin: {shortened(str(error), LONGEST_ERROR)}", err=True)
        raise typer.Exit(BAD_INPUT) from None
    except BrokenPipeError:
        sys.stderr.close()
        raise typer.Exit(1) from None


def _note_unused(fields: list[str]) -> None:
    for field in fields[:MOST_NOTES]:
        typer.echo(f"serin: note: {shortened(field, LONGEST_NOTE)} is not used here", err=True)
    if len(fields) > MOST_NOTES:
        typer.echo(f"serin: note: {len(fields) - MOST_NOTES} further fields are not used here", err=True)


def _say(text: str) -> None:
    """Prints lines for people; files and records may hold anything, a terminal gets only what can be printed."""
    typer.echo("".join(char if char.isprintable() or char == "\n" else " " for char in text))


@app.callback()
def serin() -> None:
    """Serin: promotes models on KServe, and takes them back by itself."""


@app.command()
def version(output: OutputOption = Output.TEXT) -> None:
    """Versions of Serin and of its judge."""
    if output is Output.JSON:
        typer.echo(json.dumps({"serin": __version__, "judge": JUDGE_VERSION}))
    else:
        typer.echo(f"serin {__version__}, judge {JUDGE_VERSION}")


@app.command()
def judge(
    policy: PolicyOption,
    windows: Annotated[Path, typer.Option(help="Windows, a JSON object a line; - is standard input.")],
    output: OutputOption = Output.TEXT,
) -> None:
    """What would this policy have decided on these windows? See docs/concepts/judge.md for the file's format."""
    from serin.cli import judge as command

    with _one_line():
        found, run, unknown = command.replay(policy, windows)
        _note_unused(unknown)
        last = None
        for last in found:
            if output is Output.JSON:
                typer.echo(command.as_json(last))
            else:
                _say(command.as_text(last))
        if last is not None:
            if output is Output.JSON:
                typer.echo(command.summary_as_json(run.summary))
            else:
                _say(command.summary_as_text(run.summary, last))


@app.command()
def replay(
    record: Annotated[Path, typer.Argument(help="A PromotionRecord (YAML or JSON); - is standard input.")],
    output: OutputOption = Output.TEXT,
) -> None:
    """Does the evidence in a PromotionRecord, judged again, lead to its outcome? Ends with 1 if it does not.

    What does not follow from windows (a hand, a crash, another revision) is not compared: it says so and ends with 0.
    """
    from serin.cli import judge as lines
    from serin.cli.replay import SENTENCES, Answer, RecordReplay

    as_json = output is Output.JSON
    with _one_line():
        run = RecordReplay(record)
        _note_unused(run.unused)
        for judged in run.windows():
            if as_json:
                typer.echo(lines.as_json(judged))
            else:
                _say(lines.as_text(judged))
        found = run.agreement()
        if as_json:
            typer.echo(json.dumps(dataclasses.asdict(found)))
        else:
            note = f"; {found.note}" if found.note else ""
            _say(f"record: {found.recorded}; evidence: {found.recomputed}{note}")
            typer.echo(SENTENCES[found.answer])
        if found.answer is Answer.DISAGREE:
            raise typer.Exit(DISAGREES)


@app.command()
def preflight(  # noqa: PLR0917 - one parameter an option
    target: Annotated[str, typer.Argument(help="mdep/NAME")],
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Namespace.")] = "default",
    prometheus: Annotated[
        str | None, typer.Option(help="Prometheus as seen from here; default: the policy's address.")
    ] = None,
    servers: Annotated[
        Path | None, typer.Option(help="Servers and their credentials, a file as SERIN_PROMETHEUS_CONFIG names it.")
    ] = None,
    arms: Annotated[
        str | None,
        typer.Option(help="Whose series count, as the operator's settings say.", envvar="SERIN_PROMETHEUS_ARMS"),
    ] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Could the next rollout be judged, and how fast? Reads the cluster and Prometheus; ends with 1 if it could not."""
    from rich.console import Console

    from serin.cli import preflight as command

    with _one_line():
        figures = command.gathered(target, namespace, command.Source(prometheus, servers, arms))
        if output is Output.JSON:
            typer.echo(command.as_json(figures))
        else:
            command.show(figures, Console())
        if not command.ready(figures):
            raise typer.Exit(NOT_READY)


@app.command()
def simulate(  # noqa: PLR0917 - one parameter an option
    policy: PolicyOption,
    stable_bad: Annotated[float, typer.Option(help="Share of stable's bad requests, 0 to 1.")],
    candidate_bad: Annotated[float, typer.Option(help="Share of the candidate's bad requests, 0 to 1.")],
    rps: Annotated[
        float | None, typer.Option(help="Requests per second of both arms: plays all steps at their weights.")
    ] = None,
    stable_rps: Annotated[float | None, typer.Option(help="Requests per second of stable, at constant weight.")] = None,
    candidate_rps: Annotated[
        float | None, typer.Option(help="Requests per second of the candidate, at constant weight.")
    ] = None,
    bursts: Annotated[float, typer.Option(help="Coefficient of variation of the bad share per minute and arm.")] = 0.0,
    outage: Annotated[str | None, typer.Option(help="START,SECONDS,RATE: both arms fail alike for a time.")] = None,
    fault_at: Annotated[
        float, typer.Option(help="Seconds after which the candidate is bad; until then as stable.")
    ] = 0,
    hours: Annotated[float, typer.Option(help="How long each rollout is watched.")] = 1.0,
    runs: Annotated[int, typer.Option(help="How many rollouts.")] = 500,
    seed: Annotated[int, typer.Option(help="The same seed draws the same rollouts.")] = 1,
    plot: Annotated[Path | None, typer.Option(help="Draw the first rollout's evidence (.svg or .png).")] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """What would this policy do with such traffic? Draws many rollouts and counts how they end."""
    from serin.analysis.simulate import Traffic, statistics_of
    from serin.cli import simulate as command
    from serin.cli.plot import check_plot, draw_evidence

    with _one_line():
        if plot is not None:
            check_plot(plot)
        spec, unknown = command.policy_to_simulate(policy)
        _note_unused(unknown)
        rates = command.rates_of(rps, stable_rps, candidate_rps)
        traffic = Traffic(*rates, stable_bad, candidate_bad, bursts, command.parse_outage(outage), fault_at)
        command.checked(spec, traffic, hours, runs)
        drawn = command.simulated(spec, traffic, hours, runs, seed, stepwise=rps is not None)
        if sys.stderr.isatty():
            with typer.progressbar(drawn, length=runs, label="Simulating", file=sys.stderr) as bar:
                results = list(bar)
        else:
            results = list(drawn)
        found, forecast = statistics_of(results, fault_at), command.predicted(spec, traffic)
        if output is Output.JSON:
            typer.echo(command.as_json(found, forecast))
        else:
            for label, value in command.as_rows(found):
                typer.echo(f"{label:<32}{value}")
            for line in command.forecast_lines(forecast):
                typer.echo(line)
        if plot is not None:
            draw_evidence(plot, spec, traffic, hours, seed << 32)
            typer.echo(f"serin: {plot} shows the first rollout", err=True)
