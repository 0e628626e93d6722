"""Traffic: from (stable, candidate, weight) to objects, and back to what the data plane really does."""

from __future__ import annotations
