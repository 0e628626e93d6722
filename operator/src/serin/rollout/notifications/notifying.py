"""Who may be told of a ModelDeployment, and what they have taken so far: an input of a decision."""

from __future__ import annotations

from dataclasses import dataclass

from serin.api.promotion_policy import PromotionPolicySpec
from serin.schema.notification_kinds import NotificationKind


@dataclass(frozen=True, slots=True)
class Addressee:
    """A receiver of notifications, as the operator's settings have it."""

    name: str
    about: frozenset[NotificationKind]
    """What it is told where a policy says nothing of it."""
    namespaces: frozenset[str] = frozenset()
    """The namespaces whose ModelDeployments it is told of; empty: all."""

    def serves(self, namespace: str) -> bool:
        """Whether it is told of ModelDeployments of the namespace."""
        return not self.namespaces or namespace in self.namespaces


@dataclass(frozen=True, slots=True)
class Notifying:
    """The receivers of one ModelDeployment's notifications."""

    addressees: tuple[Addressee, ...] = ()
    settled: frozenset[tuple[str, str]] = frozenset()
    """Ids of notifications with the receivers that have taken them, or were given up on."""
    trouble: tuple[str, ...] = ()
    """Receivers that take nothing, each with since when and why."""
    changed: tuple[str, ...] = ()
    """The fields in which the candidate differs from stable."""
    contact: str = ""
    """Whom to ask, by the ModelDeployment's annotation."""

    def wanted(self, namespace: str, policy: PromotionPolicySpec | None) -> dict[str, frozenset[NotificationKind]]:
        """By receiver, what it is told: what the policy says of it, otherwise its own default."""
        own = {rule.receiver: frozenset(rule.about) for rule in policy.notifications} if policy is not None else {}
        return {each.name: own.get(each.name, each.about) for each in self.addressees if each.serves(namespace)}

    def unknown(self, namespace: str, policy: PromotionPolicySpec | None) -> tuple[str, ...]:
        """The receivers that the policy names, and that the operator does not have for this namespace."""
        known = {each.name for each in self.addressees if each.serves(namespace)}
        rules = policy.notifications if policy is not None else []
        return tuple(rule.receiver for rule in rules if rule.about and rule.receiver not in known)


SILENT = Notifying()
"""Nobody is told anything."""
