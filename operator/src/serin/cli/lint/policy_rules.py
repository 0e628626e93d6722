"""What of a PromotionPolicy only code can say: its queries, its windows, and whether its steps can decide."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from serin.analysis.preflight import assumed, forecasts
from serin.api.policy.analysis import Action
from serin.api.promotion_policy import PromotionPolicySpec
from serin.cli.lint import buckets
from serin.cli.lint.findings import Finding, Level
from serin.cli.lint.source import Document
from serin.policy_gates.answer import Before
from serin.policy_gates.approval import Approval
from serin.prometheus.reading import uncounted_shadow, unreadable
from serin.schema.types import format_duration

SPEC = "spec"
TIMEOUT = re.compile(r"spec\.steps\[(\d+)\]\.timeout")


def policy_of(document: Document) -> PromotionPolicySpec | ValidationError | None:
    """The policy; the error if it is none; None without a spec."""
    try:
        return PromotionPolicySpec.model_validate(document.value.get(SPEC), by_alias=True, by_name=False)
    except ValidationError as error:
        return error


def problems(
    document: Document, policy: PromotionPolicySpec, rps: float | None, bad: float | None
) -> Iterator[Finding]:
    """Everything but its form."""
    yield from _queries(document, policy)
    yield from buckets.problems(document, policy)
    yield from _settings(document, policy)
    times = list(_times(document, policy))
    yield from times
    yield from _gates(document, policy)
    if rps is not None:
        yield from _slow(document, policy, (rps, bad), _undecided(times))


def _queries(doc: Document, policy: PromotionPolicySpec) -> Iterator[Finding]:
    """Each SLO and each gate on its own: one that cannot be read hides no other."""
    for index, slo in enumerate(policy.slos):
        told = unreadable(policy.model_copy(update={"slos": [slo], "gates": []}))
        if told is not None:
            kind = slo.indicator.chosen.kind
            path: tuple[str | int, ...] = (SPEC, "slos", index, "indicator", kind)
            yield doc.finding("promql", path, told.removeprefix(f"slos: {slo.name}: indicator.{kind}: "), REMEDY)
    for index, gate in enumerate(policy.gates):
        told = unreadable(policy.model_copy(update={"slos": [], "gates": [gate]}))
        if told is not None:
            path = (SPEC, "gates", index, gate.chosen.kind, "query")
            yield doc.finding(
                "promql", path, told.removeprefix(f"gates: {gate.name}: {gate.chosen.kind}.query: "), REMEDY
            )


REMEDY = "try it in Prometheus, with the variables of docs/concepts/metrics.md in quoted label values only"


def _settings(doc: Document, policy: PromotionPolicySpec) -> Iterator[Finding]:
    """Patterns, zones, cron expressions and headers that cannot be used."""
    if (header := policy.preview.header.problem if policy.preview is not None else None) is not None:
        yield doc.finding("policy", (SPEC, "preview", "header"), header, "choose another header")
    if told := next(filter(None, (uncounted_shadow(policy, slo) for slo in policy.slos)), None):
        yield doc.finding("policy", (SPEC, "shadow"), told, "no rollout starts with it where the SLO may act")
    for index, gate in enumerate(policy.gates):
        if (told := gate.chosen.problem) is not None:
            field = told.partition(":")[0]
            yield doc.finding(
                "policy", (SPEC, "gates", index, gate.chosen.kind, field), told, "correct it: no rollout starts with it"
            )
    if (told := policy.windows.problem if policy.windows is not None else None) is not None:
        yield doc.finding("policy", (SPEC, "windows"), told, "correct it: no rollout starts with it")


def _times(doc: Document, policy: PromotionPolicySpec) -> Iterator[Finding]:
    """Times that leave no window, or no evidence."""
    analysis = policy.analysis
    bad_windows = analysis.window * analysis.min_bad_windows
    for index, step in enumerate(policy.steps):
        if step.timeout < bad_windows:
            yield doc.finding(
                "time",
                (SPEC, "steps", index, "timeout"),
                f"{format_duration(step.timeout)} is shorter than the {analysis.min_bad_windows} windows of "
                f"{format_duration(analysis.window)} that a breach needs",
                "make the timeout longer, or analysis.window shorter",
            )
        elif step.for_ < analysis.window:
            yield doc.finding(
                "time",
                (SPEC, "steps", index, "for"),
                f"{format_duration(step.for_)} is shorter than one window ({format_duration(analysis.window)})",
                f"write at least {format_duration(analysis.window)}",
                Level.WARNING,
            )
    first = policy.steps[0]
    if analysis.warmup and analysis.warmup >= first.timeout:
        yield doc.finding(
            "time",
            (SPEC, "analysis", "warmup"),
            f"{format_duration(analysis.warmup)} outlast the first step's timeout ({format_duration(first.timeout)})",
            "make the warmup shorter, or the timeout longer",
        )
    for name, undecided in (("onNoData", analysis.on_no_data), ("onInconclusive", analysis.on_inconclusive)):
        if undecided.action is Action.ABORT and undecided.after is not None and undecided.after < analysis.window * 2:
            yield doc.finding(
                "time",
                (SPEC, "analysis", name, "after"),
                f"{format_duration(undecided.after)} is less than two windows: one late scrape takes a version back",
                f"write at least {format_duration(analysis.window * 4)}",
                Level.WARNING,
            )
    if policy.bake is not None and policy.bake.holdback == 0:
        yield doc.finding(
            "time",
            (SPEC, "bake", "holdback"),
            "without a holdback a breach during the bake cannot be told from an outage of both",
            "write 1 to 50, or leave it out (5)",
            Level.WARNING,
        )


def _gates(doc: Document, policy: PromotionPolicySpec) -> Iterator[Finding]:
    """Gates that are never asked, or that nobody may have the time to open."""
    for index, gate in enumerate(policy.gates):
        path = (SPEC, "gates", index)
        if gate.before is Before.STEP and len(policy.steps) == 1:
            yield doc.finding(
                "gate",
                (*path, "before"),
                f"gate {gate.name} is asked before each weight after the first one, and there is one step: never",
                "write Start or Promote, or add a step",
                Level.WARNING,
            )
        kind = gate.chosen
        if isinstance(kind, Approval) and kind.timeout < timedelta(minutes=10):
            yield doc.finding(
                "gate",
                (*path, "approval", "timeout"),
                f"{format_duration(kind.timeout)} leave people no time: gate {gate.name} waits for nobody",
                "write at least 10m; the default is 72h",
                Level.WARNING,
            )
        if isinstance(kind, Approval) and len(set(kind.groups)) != len(kind.groups):
            yield doc.finding(
                "gate",
                (*path, "approval", "groups"),
                "a group stands there twice",
                "name each group once",
                Level.WARNING,
            )


def _undecided(times: list[Finding]) -> set[int]:
    """The steps of which a finding says already that their time leaves no evidence: their traffic is not asked."""
    fields = {each.field for each in times if each.level is Level.ERROR}
    found = {int(step[1]) for field in fields if (step := TIMEOUT.fullmatch(field)) is not None}
    return found | {0} if "spec.analysis.warmup" in fields else found


def _slow(
    doc: Document, policy: PromotionPolicySpec, traffic: tuple[float, float | None], undecided: set[int]
) -> Iterator[Finding]:
    """Steps that do not decide in their time with so many requests; what is so of several SLOs is said once."""
    rps, bad = traffic
    slos: dict[tuple[int, str, bool], list[str]] = {}
    for number, forecast in enumerate(forecasts(policy, assumed(policy, rps, bad))):
        step = number % len(policy.steps)
        if forecast.problem and step not in undecided:
            problem = forecast.problem.removeprefix(f"{forecast.slo}: ")
            slos.setdefault((step, problem, forecast.hopeless), []).append(forecast.slo)
    for (step, problem, hopeless), names in slos.items():
        told, _, cure = problem.partition("; ")
        cure = cure or "more time, larger first steps, or an objective that can be proven"
        level = Level.ERROR if hopeless else Level.WARNING
        told = f"{', '.join(names)}: {told}"
        yield doc.finding("slow", (SPEC, "steps", step), told, f"{cure}; see serin simulate", level)


def invalid(document: Document, error: ValidationError) -> Iterator[Finding]:
    """What the model says of a policy that the form let pass."""
    for each in error.errors(include_url=False):
        path: tuple[Any, ...] = (SPEC, *each["loc"])
        yield document.finding("policy", path, each["msg"].removeprefix("Value error, "))
