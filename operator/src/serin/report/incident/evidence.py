"""The section on the evidence: where each SLO stood, and how the evidence grew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from serin.records.replay import SENTENCES
from serin.report.facts.bundle import Bundle, Curve, SloFacts
from serin.report.facts.judged import AGAINST, MEANINGS
from serin.report.form.document import Block, Chart, Link, Mark, Paragraph, Section, Table
from serin.report.form.figures import in_odds, moment, of_all, or_nothing

MOST_CHARTS = 6


def agrees(bundle: Bundle) -> str:
    """Whether record and evidence agree, in words."""
    known = {answer.value: sentence for answer, sentence in SENTENCES.items()}
    if bundle.replay is None:
        return "It could not be judged again; why stands below, under what was missing."
    return known.get(bundle.replay.answer, bundle.replay.answer)


def evidence(bundle: Bundle) -> Section:
    """Where each SLO stood, and how its evidence grew."""
    blocks: list[Block] = []
    if bundle.replay is not None:
        found = bundle.replay
        note = f" ({found.note})" if found.note else ""
        blocks.append(
            Paragraph(
                f"Judged again by judge {found.judge_version}. The record: {found.recorded}; the evidence: "
                f"{found.recomputed}{note}. {agrees(bundle)}"
            )
        )
    else:
        blocks.append(Paragraph(agrees(bundle)))
    shown = sorted(bundle.curves, key=lambda curve: _order(bundle, curve))[:MOST_CHARTS]
    blocks += [_chart(bundle, curve) for curve in shown]
    if len(bundle.curves) > len(shown):
        blocks.append(Paragraph(f"{len(bundle.curves) - len(shown)} further curves are in the bundle (serin bundle)."))
    if bundle.slos:
        blocks += _standings(bundle.slos)
    blocks += [Link(f"Runbook of {slo.name}", slo.runbook) for slo in bundle.slos if slo.runbook]
    return Section("Evidence", blocks)


def _standings(slos: Sequence[SloFacts]) -> Iterator[Table]:
    rows = [
        [
            slo.name,
            slo.severity,
            or_nothing(slo.verdict),
            of_all(slo.candidate_bad, slo.candidate_total),
            of_all(slo.stable_bad, slo.stable_total),
            f"{slo.objective} %" if slo.objective else "–",
            str(slo.windows),
        ]
        for slo in slos
    ]
    heads = ("SLO", "Severity", "Verdict", "Candidate bad", "Stable bad", "Objective", "Windows")
    yield Table("Each SLO after the last window that was judged", heads, rows, frozenset({3, 4, 5, 6}))
    tests = [
        [slo.name, test.meaning, in_odds(test.log10), *_decides(slo, test.test)]
        for slo in slos
        for test in slo.evidence
    ]
    if tests:
        columns = ("SLO", "That the candidate …", "Evidence", "Proof begins at", "And then")
        yield Table("The evidence, as odds", columns, tests, frozenset({2, 3}))


def _decides(slo: SloFacts, test: str) -> tuple[str, str]:
    """What evidence a test needs, and for what."""
    if test in AGAINST:
        return in_odds(slo.roll_back_at), "it is taken back" if slo.severity == "Critical" else "it is held"
    return in_odds(slo.pass_at), "it goes on"


def _order(bundle: Bundle, curve: Curve) -> tuple[bool, bool]:
    """Broken SLOs first, then those that may roll back."""
    slo = next((s for s in bundle.slos if s.name == curve.slo), None)
    return slo is None or slo.breached_at is None, slo is None or slo.severity != "Critical"


def _chart(bundle: Bundle, curve: Curve) -> Chart:
    slo = next((s for s in bundle.slos if s.name == curve.slo), None)
    course = bundle.course

    def since(at_seconds: float) -> float:
        return round(at_seconds - curve.start.timestamp(), 3)

    weights = [(since(m.at.timestamp()), m.weight) for m in bundle.timeline if m.weight is not None]
    breach = slo.breached_at if slo is not None else None
    marks = [("breach proven", breach), ("decided", course.decided_at)]
    coarse = f" One point is {curve.windows_per_point} windows." if curve.windows_per_point > 1 else ""
    reached = [
        f"{MEANINGS[test]} ({in_odds(max((v for v in values if v is not None), default=None))})"
        for test, values in curve.evidence.items()
        if test in AGAINST
    ]
    proof = f"; proof begins at {in_odds(curve.roll_back_at[-1])}" if curve.roll_back_at else ""
    highest = f"; the highest evidence was: {', '.join(reached)}{proof}" if reached else ""
    return Chart(
        title=f"Evidence of {curve.slo}",
        summary=f"{curve.slo}: {curve.windows} windows from {moment(curve.start)} on{highest}.{coarse}",
        curve=curve,
        weights=weights,
        marks=[Mark(since(at.timestamp()), label) for label, at in marks if at is not None],
    )
