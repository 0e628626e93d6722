"""Prints the summary for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from e2e.demo.summary import Expectation, Summary


def print_summary(summary: Summary, told: Expectation, console: Console) -> None:
    """Print the figures, then what is not as told."""
    lines = figures(summary, told)
    width = max(len(name) for name, _ in lines)
    console.print("\nWhat the clients saw", style="bold")
    for name, value in lines:
        console.print(f"  {name:{width}}  {value}", highlight=False, soft_wrap=True)
    if summary.message:
        console.print(f"Why version {told.bad} was taken back: {summary.message}.", highlight=False, soft_wrap=True)
    console.print(f"Pace of the load: {summary.pace}.", style="dim", highlight=False, soft_wrap=True)
    for sentence in summary.contradictions:
        console.print(f"NOT AS TOLD: {sentence}", style="bold red", highlight=False, soft_wrap=True)


def figures(summary: Summary, told: Expectation) -> list[tuple[str, str]]:
    """The summary, line by line."""
    versions = ", ".join(f"{count} by {version or '(nobody)'}" for version, count in summary.per_version.items())
    steps = ", ".join(f"{step.weight} % → {step.observed:.1f} % ({step.seconds:.0f} s)" for step in summary.steps)
    name = (
        "failures that no version was made to answer"
        if told.errors
        else f"failures other than version {told.bad}'s own"
    )
    share = 100 * summary.bad_failures / summary.bad_requests if summary.bad_requests else 0.0
    return [
        ("requests", f"{summary.requests} ({summary.rate:.0f} per second)"),
        ("answered", versions),
        (name, str(summary.failures_elsewhere)),
        (
            f"version {told.bad}: requests, of them failed",
            f"{summary.bad_requests}, {summary.bad_failures} ({share:.1f} %)",
        ),
        (f"version {told.good}: weight decided → share seen", steps or "none"),
        (f"version {told.good}: first request → promoted", _seconds(summary.promoted_in)),
        (f"version {told.bad}: first request → decision to take it back", _seconds(summary.decided_in)),
        (f"that decision → last answer of version {told.bad}", _milliseconds(summary.cleared_in)),
        ("latency p50, p99", f"{_milliseconds(summary.p50)}, {_milliseconds(summary.p99)}"),
    ]


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f} s"


def _milliseconds(value: float | None) -> str:
    return "never" if value is None else f"{value * 1000:.0f} ms"
