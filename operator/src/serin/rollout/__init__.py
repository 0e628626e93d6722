"""The rollout's state machine: observation in, decision out. Pure: no clock, no I/O, no API server."""

from __future__ import annotations
