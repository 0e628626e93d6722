"""Will an approval count? What the gate of the rollout's own policy says of it, before it is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from serin.api.names import REQUESTED_BY
from serin.cli.live.reading import Object, items, part
from serin.cli.live.session import Session
from serin.cluster.resources import PROMOTION_RECORDS
from serin.errors import ClusterError

if TYPE_CHECKING:
    from serin.policy_gates.approval import Approval

NOBODY_KNOWN = (
    f"who asked for this revision is not known (it has no annotation {REQUESTED_BY}): this approval may be the "
    "requester's own, and nothing proves four eyes (admission.requestedBy: Required, or admission.stampRequester)"
)


@dataclass(frozen=True, slots=True)
class Gate:
    """What an approval is measured by, as far as the record of the rollout can be read."""

    settings: Approval | None = None
    requester: str | None = None
    given: tuple[str, ...] = ()

    def objection(self, by: str, groups: list[str], ticket: str | None) -> str | None:
        """Why Serin would not count it; None if it would, or what it needs cannot be read here."""
        from serin.policy_gates.answer import Approved

        if self.settings is None or self.settings.problem is not None:
            return None
        given = [Approved(name) for name in self.given]
        return self.settings.objection(by, groups=groups, ticket=ticket, requester=self.requester, given=given)

    def groups_of(self, groups: tuple[str, ...]) -> list[str]:
        """Those of the groups that it asks for."""
        return [group for group in groups if self.settings is not None and group in self.settings.groups]

    @property
    def doubt(self) -> str | None:
        """What is not proven although the gate asks for it."""
        from serin.policy_gates.approval import NotBy

        asks = self.settings is not None and self.settings.not_by is NotBy.REQUESTER
        return NOBODY_KNOWN if asks and self.requester is None else None


def gate_of(seen: Session, obj: Object, record: str, name: str) -> Gate:
    """The gate of the rollout that ``obj`` is in; one that says nothing if its record cannot be read."""
    from pydantic import ValidationError

    from serin.policy_gates.approval import Approval

    try:
        spec = part(seen.api.get(PROMOTION_RECORDS, seen.namespace, record), "spec") or {}
    except ClusterError:
        return Gate()
    found = next((each for each in items(spec, "policy", "spec", "gates") if each.get("name") == name), {})
    try:
        settings = Approval.model_validate(part(found, "approval"), by_alias=True, by_name=False)
    except ValidationError:  # a gate of another kind, or of another version of Serin: the operator says it
        return Gate()
    asked = next((each for each in items(obj, "status", "rollout", "gates") if each.get("name") == name), {})
    given = tuple(str(each.get("by")) for each in items(asked, "approvals"))
    return Gate(settings, part(spec, "requestedBy", "user"), given)
