"""All SLOs of a policy together: who may roll back, who blocks, and how alpha is split."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from serin.analysis.assessment import Judge, settings_of
from serin.api.promotion_policy import PromotionPolicySpec
from serin.evidence import Counts, Window
from serin.schema.reasons import Verdict
from tests.clock import START
from tests.world import policy

SECOND = timedelta(seconds=1)


def of(**severities: str) -> PromotionPolicySpec:
    slos: list[dict[str, Any]] = [
        {"name": name, "severity": severity, "objective": "99.0", "indicator": {"availability": {}}}
        for name, severity in severities.items()
    ]
    return policy(slos=slos)


def fed(spec: PromotionPolicySpec, **bad: int) -> Judge:
    judge = Judge(spec)
    for i in range(8):
        window = {
            name: [Window(START + i * SECOND, SECOND, Counts(count, 100), Counts(0, 900))]
            for name, count in bad.items()
        }
        judge.add(window)
    return judge


def test_alpha_is_split_over_critical_slos_only() -> None:
    settings = settings_of(of(a="Critical", b="Critical", c="Required"))
    assert [own.alpha for own in settings.values()] == [0.005, 0.005, 0.005]


def test_only_a_critical_slo_is_a_breach() -> None:
    assessment = fed(of(a="Critical", b="Required"), a=0, b=50).assess(START)
    assert assessment.breach is None
    assert assessment.blocking is not None
    assert (assessment.blocking.name, assessment.verdict) == ("b", Verdict.FAIL)
    assessment = fed(of(a="Critical", b="Required"), a=50, b=0).assess(START)
    assert assessment.breach is not None
    assert assessment.breach.name == "a"


def test_an_advisory_slo_neither_blocks_nor_fails() -> None:
    assessment = fed(of(a="Critical", b="Advisory"), a=0, b=50).assess(START)
    assert assessment.blocking is None
    assert assessment.verdict is Verdict.PASS
    assert assessment.step_time == 8 * SECOND


def test_missing_data_of_one_slo_blocks() -> None:
    judge = fed(of(a="Critical", b="Required"), a=0)
    assessment = judge.assess(START)
    assert assessment.blocking is not None
    assert (assessment.blocking.name, assessment.verdict) == ("b", Verdict.NO_DATA)
