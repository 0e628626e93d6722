"""Who and what took part: the requester, actions, gates, and the two revisions."""

from __future__ import annotations

from serin.api.model_digest import known_digest
from serin.api.people import AnsweredAction, GateStatus
from serin.api.policy.gate import WINDOWS
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.promotion_record import RevisionSource, ServedArm
from serin.api.revision import Source
from serin.report.facts.bundle import ActionFacts, GateFacts, Requester, RevisionFacts
from serin.report.facts.case import Case
from serin.report.facts.timeline import Wordings

NOT_ASKED = "NotAsked"


class Named:
    """What a case says of people, gates and revisions."""

    def __init__(self, case: Case, say: Wordings) -> None:
        self._case, self._say = case, say

    def requester(self) -> Requester:
        """Who asked for the revision."""
        found = self._case.record.spec.requested_by
        user = self._who(found.user) if found is not None and found.user else None
        manager = self._say.name(found.field_manager) if found is not None and found.field_manager else None
        contact = self._who(self._case.contact) if self._case.contact else None
        return Requester(user=user, field_manager=manager, contact=contact)

    def _who(self, user: str) -> str:
        return self._say.words.who(user, self._say.longest)

    def actions(self) -> list[ActionFacts]:
        """What was said about the rollout, oldest first."""
        found = self._case.record.status.actions
        by = [self._who(action.by) for action in found]
        return [self._action(action, user) for action, user in zip(found, by, strict=True)]

    def _action(self, action: AnsweredAction, by: str) -> ActionFacts:
        words, longest = self._say.words, self._say.longest
        return ActionFacts(
            action=self._say.name(str(action.action)),
            by=by,
            at=action.at,
            gate=words.name(action.gate, longest),
            reason=words.maybe(action.reason, longest),
            ticket=words.maybe(action.ticket, longest),
            outcome=self._say.name(str(action.outcome)),
            message=self._say(action.message),
        )

    def gates(self, policy: PromotionPolicySpec | None) -> list[GateFacts]:
        """Each result in the record, and the gates of the policy that have none."""
        found = [self._gate(gate) for gate in self._case.record.status.gates]
        have = {gate.name for gate in self._case.record.status.gates}
        if policy is None:
            return found
        unasked = [(gate.name, gate.chosen.kind, str(gate.before)) for gate in policy.gates if gate.name not in have]
        if policy.windows is not None and WINDOWS not in have:
            unasked.append((WINDOWS, WINDOWS, ""))
        return [*found, *(self._unasked(*one) for one in unasked)]

    def _gate(self, gate: GateStatus) -> GateFacts:
        return GateFacts(
            name=self._say.name(gate.name),
            kind=self._say.name(gate.kind),
            before=self._say.name(str(gate.before)),
            step=gate.step,
            state=self._say.name(str(gate.state)),
            since=gate.since,
            at=gate.at,
            by=[
                self._who(user)
                for user in [approval.by for approval in gate.approvals] or ([gate.by] if gate.by else [])
                if user
            ],
            message=self._say(gate.message),
        )

    def _unasked(self, name: str, kind: str, before: str) -> GateFacts:
        message = "the record has no result of it: the rollout ended before it was asked, or it asks none on this way"
        return GateFacts(
            name=self._say.name(name),
            kind=kind,
            before=before,
            step=0,
            state=NOT_ASKED,
            since=None,
            at=None,
            by=[],
            message=self._say(message),
        )

    def revision(self, source: RevisionSource | None, known: Source | None, *, of: str) -> RevisionFacts | None:
        """One of the revisions; ``known`` is what it serves, if that is known."""
        if source is None:
            return None
        words, longest = self._say.words, self._say.longest
        served = self._case.record.status.served
        ran: ServedArm | None = getattr(served, of) if served is not None else None
        digest = known_digest(known.model, known.predictor) if known is not None else source.digest
        return RevisionFacts(
            version=self._say.name(source.version),
            revision=self._say.name(source.revision),
            hash=source.hash,
            digest=words.name(digest if isinstance(digest, str) else None, longest),
            uri=words.location(known.model.get("uri"), longest) if known is not None else None,
            workload=self._say.name(f"{source.workload.kind}/{source.workload.name}"),
            image=words.name(ran.image, longest) if ran is not None else None,
            image_id=words.name(ran.image_id, longest) if ran is not None else None,
            runtime=words.name(ran.runtime, longest) if ran is not None else None,
        )
