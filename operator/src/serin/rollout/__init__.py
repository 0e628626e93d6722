"""The rollout: what to do next, decided from what was observed. Pure: no clock, no I/O, no cluster."""

from __future__ import annotations
