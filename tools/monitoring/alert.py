"""An alert and a recording rule, as they are declared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["critical", "warning", "info"]
RUNBOOKS = "docs/runbooks"
DASHBOARD = "/d/serin-rollout?var-namespace={{ $labels.namespace }}&var-model_deployment={{ $labels.model_deployment }}"
FLEET = "/d/serin-fleet"
OF = "namespace, model_deployment"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert, by the conventions of the monitoring mixins. ``critical`` pages: a person is needed now."""

    name: str
    severity: Severity
    summary: str
    """One sentence, the same each time."""
    description: str
    """What is so here; templated."""
    expr: str
    lasts: str = "0m"
    """How long it must be so."""
    fleet: bool = False
    """Whether it is about Serin itself, and not about one ModelDeployment."""

    def rule(self) -> dict[str, object]:
        """The rule as Prometheus reads it."""
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": self.lasts,
            "labels": {"severity": self.severity},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook_url": f"{RUNBOOKS}/{self.name}.md",
                "dashboard_url": FLEET if self.fleet else DASHBOARD,
            },
        }


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording rule."""

    name: str
    expr: str
    help: str

    def rule(self) -> dict[str, object]:
        """The rule as Prometheus reads it."""
        return {"record": self.name, "expr": self.expr}


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated together."""

    name: str
    rules: tuple[Alert | Recording, ...]
    interval: str = ""
    about: str = field(default="", kw_only=True)

    def rendered(self) -> dict[str, object]:
        """The group as Prometheus reads it."""
        every = {"interval": self.interval} if self.interval else {}
        return {"name": self.name, **every, "rules": [rule.rule() for rule in self.rules]}
