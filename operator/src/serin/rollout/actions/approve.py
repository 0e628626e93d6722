"""Approve: one approval of a gate of the policy."""

from __future__ import annotations

from serin.api.people import Approval
from serin.api.status import ModelDeploymentStatus
from serin.policy_gates.answer import Approved
from serin.rollout.actions.gate_answers import gate_of_action
from serin.rollout.actions.rule import ActionRule, Effect, Request
from serin.rollout.context import DecisionContext
from serin.rollout.gates.policy.asked import requester_of, with_gates

GROUPS_NOT_VERIFIED = (
    "nothing vouches for the groups of who approves: install the admission policies of this version's chart "
    "(admissionPolicies: true) and create the action again"
)


def _apply(context: DecisionContext, status: ModelDeploymentStatus, request: Request) -> Effect:
    """Adds the approval; the gate opens in the pass in which there are enough, and nothing else holds."""
    found = gate_of_action(context, status, request, "approve")
    if isinstance(found, str):
        return found
    entry, settings = found
    spec, given = request.view.spec, [Approved(approval.by) for approval in entry.approvals]
    if settings.groups and not context.observed.groups_verified:
        return GROUPS_NOT_VERIFIED
    requester = requester_of(context, status)
    objection = settings.objection(
        request.answer.by, groups=spec.groups, ticket=spec.ticket, requester=requester, given=given
    )
    if objection is not None:
        return objection
    group = next((group for group in settings.groups if group in spec.groups), None)
    answer = request.answer
    approval = Approval(by=answer.by, at=answer.at, action=answer.name, group=group, ticket=answer.ticket)
    return with_gates(status, [entry.model_copy(update={"approvals": [*entry.approvals, approval]})])


APPROVE = ActionRule(_apply, "the approval counts")
