"""The review of all rollouts of a namespace in a period: outcomes, the four DORA figures, holds, noise."""

from __future__ import annotations
