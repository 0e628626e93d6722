"""The report on one rollout: its sections, from the incident bundle."""

from __future__ import annotations
