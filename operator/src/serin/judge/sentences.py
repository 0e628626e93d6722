"""The message of a judge of shares: the counts, the evidence, and which arm is broken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from serin.evidence import Counts
from serin.judge.slo import SloSettings
from serin.schema.odds import odds, part
from serin.schema.reasons import Reason, Verdict


@dataclass(frozen=True, slots=True)
class Seen:
    """What the windows so far showed of both arms."""

    settings: SloSettings
    bad: str
    """How bad requests are called, as in ``3 bad of 150``."""
    candidate: Counts
    stable: Counts
    epoch: Counts
    """The candidate's since the last common cause."""
    epoch_number: int
    threshold: float
    pass_threshold: float
    run: int
    """So many bad requests in a row need no statistics."""
    broken: bool
    """Whether the candidate is shown to be outside its limit."""
    doubted: bool
    """Whether the newest windows speak against it."""
    stable_broken: str
    """What stable does, if it is proven to break the objective."""
    silence: str
    """Why nothing is compared with stable, if that is so."""


def sentence(seen: Seen, verdict: Verdict, reason: Reason, evidence: Mapping[str, float], no_data: str) -> str:
    """The message for this verdict; ``no_data`` says why there is none."""
    counts = _counts(seen)
    if verdict in {Verdict.PASS, Verdict.INSUFFICIENT}:
        have = part(evidence["passing"], seen.pass_threshold)
        return f"{counts}; {have} of the evidence for passing{_doubt(seen, evidence)}{seen.silence}{_blame(seen)}"
    if verdict is Verdict.FAIL and reason is Reason.ALL_REQUESTS_BAD:
        return f"{counts}; {seen.run} requests and more in a row were all bad"
    if verdict in {Verdict.FAIL, Verdict.HOLD}:
        said = f"{counts}; evidence: {_against(seen, evidence)} ({odds(seen.threshold)} is proof)"
        if verdict is Verdict.FAIL:
            return f"{said}{seen.silence}{_too(seen)}"
        return f"{said}{_not_inside(seen, reason)}{seen.silence}{_blame(seen)}"
    if verdict is Verdict.NO_DATA:  # first what is wrong: the summary has no room for what was counted before
        return f"{seen.settings.name}: {no_data}; until then {counts.removeprefix(f'{seen.settings.name}: ')}"
    return f"{counts}; {no_data}"


def _counts(seen: Seen) -> str:
    c, b, bad, limit = seen.candidate, seen.stable, seen.bad, seen.settings.bad_share
    allowed = "objective at most" if seen.settings.has_objective else "no harm up to"
    return (
        f"{seen.settings.name}: candidate {c.bad} {bad} of {c.total} ({c.share:.2%}), "
        f"stable {b.bad} {bad} of {b.total} ({b.share:.2%}), {allowed} {limit:.2%}"
    )


def _against(seen: Seen, evidence: Mapping[str, float]) -> str:
    """The evidence of both tests of a breach."""
    limit = "it breaks the objective" if seen.settings.has_objective else f"it is above {seen.settings.bad_share:.2%}"
    return f"{odds(evidence['e1'])} that it is worse than stable, {odds(evidence['e2'])} that {limit}"


def _doubt(seen: Seen, evidence: Mapping[str, float]) -> str:
    """Why it does not pass, where the evidence for passing would suffice."""
    if not seen.doubted:
        return ""
    return f"; the newest windows speak against it ({_against(seen, evidence)})"


def _not_inside(seen: Seen, reason: Reason) -> str:
    """Where "inside the objective" would be said of a share that is above it."""
    share = seen.epoch.share
    if reason is not Reason.WORSE_THAN_STABLE or share <= seen.settings.bad_share or not seen.settings.has_objective:
        return ""
    return f"; the candidate's share is {share:.2%}, not yet proven outside the objective"


def _too(seen: Seen) -> str:
    """That stable is broken beside a candidate that is worse still."""
    return f"; {seen.stable_broken}, too" if seen.stable_broken else ""


def _blame(seen: Seen) -> str:
    """Whose fault it is, where stable is broken."""
    if not seen.stable_broken:
        return ""
    words, own = seen.stable_broken, seen.epoch
    if seen.broken:
        return f"; {words}, and so does the candidate"
    since = seen.epoch_number > 1 and own.total
    told = f" ({own.bad} {seen.bad} of {own.total} since the last common cause)" if since else ""
    if own.share <= seen.settings.bad_share:
        return f"; {words}: stable is what is broken, the candidate keeps it{told}"
    return (
        f"; {words}: stable is what is broken; the candidate's own share is {own.share:.2%}, not yet proven "
        f"outside the objective, but above it: better than stable is not enough to pass"
    )
