"""The messages of a judge of shares, word by word."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from serin.evidence import Counts
from serin.judge.sentences import Seen, sentence
from serin.judge.slo import SloSettings
from serin.schema.choices import Severity
from serin.schema.reasons import Reason, Verdict

SETTINGS = SloSettings("availability", Severity.CRITICAL, bad_share=0.01, alpha=0.01, beta=0.05)
WITHOUT_OBJECTIVE = replace(SETTINGS, has_objective=False)
SEEN = Seen(
    settings=SETTINGS,
    bad="bad",
    candidate=Counts(3, 150),
    stable=Counts(14, 2850),
    epoch=Counts(3, 150),
    epoch_number=1,
    threshold=2.22,
    pass_threshold=1.3,
    run=20,
    broken=False,
    doubted=False,
    stable_broken="",
    silence="",
)
COUNTS = "availability: candidate 3 bad of 150 (2.00%), stable 14 bad of 2850 (0.49%), objective at most 1.00%"
NO_HARM = COUNTS.replace("objective at most", "no harm up to")
EVIDENCE = {"e1": 0.5, "e2": -0.25, "passing": 0.75}
BROKEN = "stable breaks the objective"
NOT_ENOUGH = (
    f"; {BROKEN}: stable is what is broken; the candidate's own share is 2.00%, not yet proven outside the objective, "
    "but above it: better than stable is not enough to pass"
)
INSIDE = Counts(1, 150)
AT_THE_LIMIT = Counts(1, 100)


def said(verdict: Verdict, reason: Reason = Reason.SLO_BREACHED, **changes: Any) -> str:
    return sentence(replace(SEEN, **changes), verdict, reason, EVIDENCE, "no data came")


BOTH = "3.1 to 1 that it is worse than stable, none that it breaks the objective"
ABOVE = "3.1 to 1 that it is worse than stable, none that it is above 1.00%"


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.INSUFFICIENT])
@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({}, ""),
        ({"doubted": True}, f"; the newest windows speak against it ({BOTH})"),
        ({"silence": "; nothing of stable"}, "; nothing of stable"),
        ({"stable_broken": BROKEN, "broken": True}, f"; {BROKEN}, and so does the candidate"),
        (
            {"stable_broken": BROKEN, "epoch": INSIDE},
            f"; {BROKEN}: stable is what is broken, the candidate keeps it",
        ),
        (
            {"stable_broken": BROKEN, "epoch": AT_THE_LIMIT},
            f"; {BROKEN}: stable is what is broken, the candidate keeps it",
        ),
        (
            {"stable_broken": BROKEN, "epoch": INSIDE, "epoch_number": 2},
            f"; {BROKEN}: stable is what is broken, the candidate keeps it (1 bad of 150 since the last common cause)",
        ),
        (
            {"stable_broken": BROKEN, "epoch": Counts(0, 0), "epoch_number": 2},
            f"; {BROKEN}: stable is what is broken, the candidate keeps it",
        ),
        (
            {"stable_broken": BROKEN},
            NOT_ENOUGH,
        ),
    ],
)
def test_on_the_way_to_a_pass(verdict: Verdict, changes: dict[str, Any], end: str) -> None:
    assert said(verdict, **changes) == f"{COUNTS}; 57 % of the evidence for passing{end}"


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({}, ""),
        ({"silence": "; nothing of stable"}, "; nothing of stable"),
        ({"stable_broken": BROKEN}, f"; {BROKEN}, too"),
    ],
)
def test_a_breach(changes: dict[str, Any], end: str) -> None:
    assert said(Verdict.FAIL, **changes) == f"{COUNTS}; evidence: {BOTH} (166 to 1 is proof){end}"


def test_a_run_of_bad_requests_needs_no_evidence() -> None:
    assert said(Verdict.FAIL, Reason.ALL_REQUESTS_BAD) == f"{COUNTS}; 20 requests and more in a row were all bad"


@pytest.mark.parametrize(
    ("reason", "changes", "end"),
    [
        (Reason.COMMON_CAUSE, {}, ""),
        (Reason.WORSE_THAN_STABLE, {"epoch": INSIDE}, ""),
        (Reason.WORSE_THAN_STABLE, {"epoch": AT_THE_LIMIT}, ""),
        (
            Reason.WORSE_THAN_STABLE,
            {},
            "; the candidate's share is 2.00%, not yet proven outside the objective",
        ),
        (Reason.ALL_REQUESTS_BAD, {}, ""),
    ],
)
def test_a_hold_never_calls_inside_what_is_not(reason: Reason, changes: dict[str, Any], end: str) -> None:
    assert said(Verdict.HOLD, reason, **changes) == f"{COUNTS}; evidence: {BOTH} (166 to 1 is proof){end}"


def test_without_an_objective_nothing_is_said_of_one() -> None:
    changes: dict[str, Any] = {"settings": WITHOUT_OBJECTIVE}
    assert (
        said(Verdict.HOLD, Reason.WORSE_THAN_STABLE, **changes) == f"{NO_HARM}; evidence: {ABOVE} (166 to 1 is proof)"
    )
    doubt = f"; the newest windows speak against it ({ABOVE})"
    assert said(Verdict.PASS, doubted=True, **changes) == f"{NO_HARM}; 57 % of the evidence for passing{doubt}"


def test_without_data_it_says_why() -> None:
    name, _, counts = COUNTS.partition(": ")
    assert said(Verdict.NO_DATA) == f"{name}: no data came; until then {counts}", "first what is wrong"
    assert said(Verdict.ERROR) == f"{COUNTS}; no data came", "it may end with a query"
