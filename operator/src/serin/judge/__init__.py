"""The judge of one SLO: from counts per window to a verdict. Pure arithmetic, without a policy."""

from __future__ import annotations

JUDGE_VERSION = "6"
"""Changes whenever the same windows could give another verdict."""
