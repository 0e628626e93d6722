"""The form of what is told of a ModelDeployment: checked for every status of every story of ``tests.world``."""

from __future__ import annotations

import re

from serin.api.status import ModelDeploymentStatus
from serin.rollout.report.state import ENDS, LAST_ANSWERS, LAST_WINDOWS, LONGEST_SUMMARY, PROGRESS, SAID, TAKING_BACK
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason

PHASES = "|".join(phase.value.upper() for phase in Phase if phase not in {Phase.ROLLED_BACK, Phase.ROLLING_BACK})
AT = r"(\d{4}-\d\d-\d\d )?\d\d:\d\d UTC"
BEGINNING = re.compile(
    rf"(HELD|STALLED|WAITING|DOWN|STABLE DOWN|ROLLING BACK|ROLLBACK STUCK) since {AT}(, [^:]+)?: "
    rf"|({PHASES}) version \S+(, \d+ % on it)?: "
    r"|PROMOTED, [^:]+: |ROLLED BACK, [^:]+: "
    r"|version \S+ serves all traffic"
)
WEIGHT = re.compile(r"^[A-Z ]+ (?:since [^,]*, |version \S+, )?(\d+) % (stay|on it)")


def problems(status: ModelDeploymentStatus) -> list[str]:
    """What is wrong with the message and the summary of a status."""
    message, short = status.message or "", status.summary or ""
    found = []
    for what, text in (("message", message), ("summary", short)):
        if not BEGINNING.match(text):
            found.append(f"the {what} does not begin with the state")
    if len(short) > LONGEST_SUMMARY:
        found.append(f"the summary has {len(short)} characters")
    if "query:" in short:
        found.append("there is a query in the summary")
    if "; query: " in message and "; " in message.rpartition("; query: ")[2]:
        found.append("the message goes on behind a query")
    weight = WEIGHT.match(message)
    if weight and status.weights is not None and int(weight[1]) != status.weights.desired:
        found.append(f"{weight[1]} % are not {status.weights.desired} %")
    if " inside the objective" in message and "outside the objective" in message:
        found.append("the message contradicts itself")
    return found + _without_end(status, message, short)


def _without_end(status: ModelDeploymentStatus, message: str, short: str) -> list[str]:
    """Holds, and ways back, say what ends them."""
    reason, rollout = status.reason, status.rollout
    if reason is None or (rollout is None and reason is Reason.SERVING):
        return []
    back = rollout is not None and rollout.taken_back
    end = ENDS.get(reason) or SAID.get(reason) or (TAKING_BACK if back else "")
    if status.phase is Phase.ROLLED_BACK:
        end = SAID[Reason.REVISION_REJECTED]
    if not end:
        return [] if reason in PROGRESS else [f"nobody says what ends {reason}"]
    ends = {end, TAKING_BACK, LAST_ANSWERS} if back else {end}
    if rollout is not None and rollout.outcome is Outcome.PROMOTED:
        ends.add(LAST_WINDOWS)
    told = any(each in short for each in ends) or (reason in SAID and message.startswith(short))
    whole = reason in SAID or any(each in message for each in ends)
    return [
        f"the {what} does not say what ends it" for what, said in (("summary", told), ("message", whole)) if not said
    ]


def check(status: ModelDeploymentStatus) -> None:
    """Fails, with the sentences, if something is wrong."""
    wrong = problems(status)
    assert not wrong, f"{wrong}: {status.reason}: {status.message!r}, {status.summary!r}"
