"""The judge: from counts per window to a verdict per SLO. Pure: no clock, no I/O, standard library only."""

from __future__ import annotations

JUDGE_VERSION = "3"
"""Changes whenever the same windows could give another verdict."""
