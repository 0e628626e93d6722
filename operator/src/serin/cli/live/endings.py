"""What ends a hold, by its reason: a sentence with the command to type. A reason without a line is told by its own."""

from __future__ import annotations

from serin.cli.shell.telling import within
from serin.schema.reasons import Reason

ENDINGS: dict[Reason, str] = {
    Reason.SERVING: "a change of spec.model or spec.predictor starts the next rollout",
    Reason.FIRST_DEPLOYMENT: "its pods become ready; what hinders them stands in the message",
    Reason.PREPARING_CANDIDATE: "the candidate's pods become ready and answer the first prediction",
    Reason.WAITING_FOR_ROUTE: "the gateway accepts the route",
    Reason.WAITING_FOR_CAPACITY: "enough replicas become ready",
    Reason.COLLECTING_EVIDENCE: (
        "requests: with enough of them each SLO passes, or the candidate is breached and taken back by itself; "
        "`serin preflight {name}` says how long that takes at this traffic"
    ),
    Reason.STEP_TIME: "the step's time is over",
    Reason.STEP_TIMEOUT: (
        "evidence, or a person: `serin advance {name}` (this step), `serin promote {name}` (all traffic) or "
        "`serin abort {name}`"
    ),
    Reason.WORSE_THAN_STABLE: "the candidate becomes as good as stable, or a person: `serin promote {name}` or `abort`",
    Reason.CLIENT_ERRORS_DIFFER: (
        "`serin abort {name}`, or, if it should answer so, `serin advance {name}`; with an SLO of the indicator "
        "clientErrors such a version is taken back by itself"
    ),
    Reason.COMMON_CAUSE: "both arms keep the objective again, or a person: `serin promote {name}` or `abort`",
    Reason.NO_DATA: (
        "requests reach the candidate and their counts are in Prometheus again (where they stopped, whoever runs it "
        "knows why; `serin preflight {name} --prometheus ADDRESS` says which query lacks), or `serin abort {name}`"
    ),
    Reason.METRICS_UNAVAILABLE: "Prometheus answers again (whoever runs that server knows), or `serin abort {name}`",
    Reason.ANALYSIS_NOT_READY: "every query of the policy finds its series: `serin preflight {name}` says which lacks",
    Reason.PAUSED: "somebody sets spec.paused to false",
    Reason.FROZEN: "the freeze ends or is deleted: `kubectl get promotionfreezes -A`",
    Reason.SHADOWING: "the shadow's time is over and its evidence passes",
    Reason.PREVIEWING: "the preview's time is over",
    Reason.WAITING_FOR_APPROVAL: "an approval: `serin approve {name}`; `serin reject {name}` ends the rollout",
    Reason.OUTSIDE_WINDOW: "a window of the policy opens",
    Reason.GATE_CLOSED: "the gate's condition is met",
    Reason.HELD: "`serin release {name}`; `serin abort {name}` takes the candidate back",
    Reason.PROMOTING: "the gateway accepts the last weight",
    Reason.BAKING: "the bake's time is over and no SLO is breached",
    Reason.RETURNING: "the revision is ready",
    Reason.REVISION_REJECTED: ("nothing tonight; its owner chooses: another revision in spec, or `serin retry {name}`"),
    Reason.REJECTED_ELSEWHERE: "nothing tonight; its owner chooses: another model in spec, or `serin retry {name}`",
    Reason.NO_RECEIVER: "a replica of stable becomes ready: look at its pods now",
    Reason.STABLE_NOT_READY: "a replica of stable becomes ready: look at its pods now; or another revision in spec",
    Reason.STABLE_DOWN: "a replica of stable becomes ready, or whatever is ready takes the traffic",
    Reason.POLICY_MISSING: "the PromotionPolicy that spec.policyRef names is created",
    Reason.POLICY_INVALID: "the PromotionPolicy is corrected: `serin lint` says what is wrong with its file",
    Reason.SPEC_INVALID: "spec is corrected",
    Reason.RENDER_REFUSED: "spec.predictor is corrected as the message says",
    Reason.HOSTNAME_TAKEN: "one of the two gives up the hostname",
    Reason.NAME_TAKEN: "the other object is deleted or renamed",
    Reason.KSERVE_MISSING: "KServe is installed",
    Reason.TEMPLATE_DRIFT: "a new revision, or `serin abort {name}`",
    Reason.QUOTA_EXCEEDED: "the quota is raised, or something else is deleted",
    Reason.UNSCHEDULABLE: "a node has room for the pods",
    Reason.PERMISSION_MISSING: "the operator's rights are put back: the chart has them all",
}
WITHOUT_CANDIDATE: dict[Reason, str] = {
    Reason.STABLE_NOT_READY: "a replica of stable becomes ready: look at its pods",
    Reason.STABLE_DOWN: "a replica of stable becomes ready: look at its pods",
}
"""The same where there is no other arm that could take the traffic."""
NEEDS_A_PERSON = frozenset(
    {
        Reason.STEP_TIMEOUT,
        Reason.PAUSED,
        Reason.WAITING_FOR_APPROVAL,
        Reason.HELD,
        Reason.NO_RECEIVER,
        Reason.POLICY_MISSING,
        Reason.POLICY_INVALID,
        Reason.SPEC_INVALID,
        Reason.RENDER_REFUSED,
        Reason.HOSTNAME_TAKEN,
        Reason.NAME_TAKEN,
        Reason.KSERVE_MISSING,
        Reason.TEMPLATE_DRIFT,
        Reason.PERMISSION_MISSING,
        Reason.UNKNOWN_STATE,
        Reason.STATE_CONFLICT,
    }
)
"""Reasons that end only when somebody acts."""
ASKED_FOR = "a person is asked for"
AT_THE_DEADLINE = {
    "Preparing": "the candidate is taken back as not ready in time",
    "Shadowing": "a person is asked for (StepTimeout)",
    "Progressing": "a person is asked for (StepTimeout), or what analysis.onInconclusive says",
    "Baking": "a person is asked for (StepTimeout)",
}
"""What happens at ``wakeAt``, by phase."""


def reason_of(word: str | None) -> Reason | None:
    """The reason; None for a word of another version of Serin."""
    try:
        return Reason(word) if word else None
    except ValueError:
        return None


def ending(word: str | None, name: str, namespace: str, *, candidate: bool = True) -> str:
    """What ends the hold that has this reason; without a candidate there is nothing that could be promoted."""
    reason = reason_of(word)
    if reason is None:
        return "see the message; this version of serin does not know the reason" if word else ""
    if not candidate and reason in WITHOUT_CANDIDATE:
        return WITHOUT_CANDIDATE[reason]
    return ENDINGS.get(reason, reason.sentence).format(name=within(name, namespace))
