"""The phases of a ModelDeployment."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """Where a ModelDeployment stands, derived for people (the printer column)."""

    PENDING = "Pending"
    WAITING = "Waiting"
    PREPARING = "Preparing"
    SHADOWING = "Shadowing"
    PROGRESSING = "Progressing"
    PROMOTING = "Promoting"
    BAKING = "Baking"
    STABLE = "Stable"
    ROLLING_BACK = "RollingBack"
    ROLLED_BACK = "RolledBack"
