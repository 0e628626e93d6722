"""What ``serin diff`` answers; as JSON the fields stand in camelCase."""

from __future__ import annotations

from dataclasses import dataclass, field

from serin.cli.live.views import DOCUMENT_VERSION


@dataclass(frozen=True, slots=True)
class Change:
    """``serin diff``: what the next apply of one ModelDeployment would change."""

    namespace: str
    name: str
    effect: str
    """New, Nothing, Scaling, Settings, Revision, Return, Refused or Unusable."""
    revision: str
    version: str
    sentences: list[str]
    fields: list[str] = field(default_factory=list)
    """The fields of spec that differ."""
    steps: list[str] = field(default_factory=list)
    at_least: str | None = None
    """How long the rollout takes at least, where it goes through steps."""
    approvals: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """``serin diff``: what the next apply of one PromotionPolicy would change."""

    namespace: str
    name: str
    effect: str
    """New, Changed or Nothing."""
    sentences: list[str]
    fields: list[str] = field(default_factory=list)
    """The fields of spec that differ, each with what it was and what it will be."""
    model_deployments: list[str] = field(default_factory=list)
    """Those of its namespace that name it."""
    under_way: list[str] = field(default_factory=list)
    """Those of them with a rollout under way, which goes on with the policy that it began with."""


@dataclass(frozen=True, slots=True)
class Changes:
    """``serin diff``."""

    items: list[Change]
    policies: list[PolicyChange] = field(default_factory=list)
    kind: str = "ChangeList"
    api_version: str = DOCUMENT_VERSION
