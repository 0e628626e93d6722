"""Entry point of the command line. Each command has a module, which is imported when the command is called."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from serin import __version__
from serin.cli.act import commands as act
from serin.cli.console import (
    BAD_INPUT,
    NamespaceOption,
    Output,
    OutputOption,
    emit,
    for_programs,
    note,
    note_unused,
    one_line,
    say,
    show,
)
from serin.cli.evidence import commands as evidence
from serin.cli.init import command as init
from serin.cli.leaving import command as leaving
from serin.cli.lint import command as lint
from serin.cli.live import commands as live
from serin.cli.live.commands import ContextOption, TargetArgument
from serin.cli.page import command as page
from serin.cli.reports import commands as reports
from serin.cli.shell.asked import only_what_is_asked
from serin.cli.shell.panels import arrange
from serin.cli.shell.wording import Commands
from serin.cli.where import Where
from serin.judge import JUDGE_VERSION

app = typer.Typer(
    cls=Commands,
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Serin: promotes models on KServe, and takes them back by itself.",
)
DISAGREES, NOT_READY = 1, 1
for commands in (live, page, act, lint, evidence, reports, init, leaving):
    commands.register(app)
PolicyOption = Annotated[Path, typer.Option(help="A PromotionPolicy (YAML).")]


@app.callback()
def serin() -> None:
    """Serin: promotes models on KServe, and takes them back by itself."""


@app.command()
def version(output: OutputOption = Output.TABLE) -> None:
    """Versions of Serin and of its judge."""
    from serin.cli.live.views import DOCUMENT_VERSION

    document = {"apiVersion": DOCUMENT_VERSION, "kind": "Version", "serin": __version__, "judge": JUDGE_VERSION}
    show(document, output, [f"serin {__version__}, judge {JUDGE_VERSION}"])


@app.command()
def judge(
    policy: PolicyOption,
    windows: Annotated[Path, typer.Option(help="Windows, a JSON object a line; - is standard input.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """What would this policy have decided on these windows? See docs/concepts/judge.md for the file's format."""
    from serin.cli import judge as command

    with one_line():
        found, run, unknown = command.replay(policy, windows)
        note_unused(unknown)
        last = None
        for last in found:
            if for_programs(output):
                emit(command.as_json(last), output)
            else:
                say(command.as_text(last))
        if last is not None:
            if for_programs(output):
                emit(command.summary_as_json(run.summary), output)
            else:
                say(command.summary_as_text(run.summary, last))


@app.command()
def replay(
    record: Annotated[
        Path, typer.Argument(help="A PromotionRecord (YAML or JSON), or an export; - is standard input.")
    ],
    output: OutputOption = Output.TABLE,
) -> None:
    """Does the evidence in PromotionRecords, judged again, lead to their outcomes? Ends with 1 if it does not.

    What does not follow from windows (a hand, a crash, another revision) is not compared: it says so and ends with 0.
    """
    from serin.cli import judge as lines
    from serin.cli.evidence import replaying
    from serin.cli.replay import replay_in
    from serin.records.replay import SENTENCES, Answer

    with one_line():
        text = lines.read_text(record)
        if replaying.is_export(text):
            if not replaying.replayed(text, str(record), output=output):
                raise typer.Exit(DISAGREES)
            return
        run = replay_in(text, str(record))
        note_unused(run.unused)
        for judged in run.windows():
            if for_programs(output):
                emit(lines.as_json(judged), output)
            else:
                say(lines.as_text(judged))
        found = run.agreement()
        if for_programs(output):
            emit(json.dumps(dataclasses.asdict(found)), output)
        else:
            note = f"; {found.note}" if found.note else ""
            say(f"record: {found.recorded}; evidence: {found.recomputed}{note}")
            typer.echo(SENTENCES[found.answer])
        if found.answer is Answer.DISAGREE:
            raise typer.Exit(DISAGREES)


@app.command()
def preflight(  # noqa: PLR0917 - one parameter an option
    target: TargetArgument,
    namespace: NamespaceOption = None,
    context: ContextOption = None,
    prometheus: Annotated[
        str | None, typer.Option(help="Prometheus as seen from here; default: the policy's address, or PROMETHEUS_URL.")
    ] = None,
    servers: Annotated[
        Path | None, typer.Option(help="Servers and their credentials, a file as SERIN_PROMETHEUS_CONFIG names it.")
    ] = None,
    arms: Annotated[
        str | None,
        typer.Option(help="Whose series count, as the operator's settings say.", envvar="SERIN_PROMETHEUS_ARMS"),
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Could the next rollout be judged, and how fast? Reads the cluster and Prometheus; ends with 1 if it could not."""
    from rich.console import Console

    from serin.cli import preflight as command

    with one_line():
        source = command.Source(prometheus, servers, arms)
        figures = command.gathered(target, Where(namespace, context), source, note)
        if for_programs(output):
            show(command.as_fields_of(figures), output, ())
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
    output: OutputOption = Output.TABLE,
) -> None:
    """What would this policy do with such traffic? Draws many rollouts and counts how they end."""
    from serin.analysis.simulate import Traffic, statistics_of
    from serin.cli import simulate as command
    from serin.cli.plot import check_plot, draw_evidence

    with one_line():
        if plot is not None:
            check_plot(plot)
        spec, unknown = command.policy_to_simulate(policy)
        note_unused(unknown)
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
        if for_programs(output):
            emit(command.as_json(found, forecast, stepwise=rps is not None), output)
        else:
            for label, value in command.as_rows(found):
                typer.echo(f"{label:<32}{value}")
            for line in command.forecast_lines(forecast, stepwise=rps is not None):
                typer.echo(line)
        if plot is not None:
            draw_evidence(plot, spec, traffic, hours, seed << 32, stepwise=rps is not None)
            typer.echo(f"serin: {plot} shows the first rollout", err=True)


arrange(app)


def run(prog_name: str = "serin") -> None:
    """The entry point ``serin``."""
    try:
        only_what_is_asked(app, sys.argv[1:], os.environ)(prog_name=prog_name)
    except OSError as error:  # a disk that is full: what is left in the buffer cannot be written at the end either
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.stderr.write(f"serin: the output cannot be written: {error.strerror}\n")
        sys.exit(BAD_INPUT)
