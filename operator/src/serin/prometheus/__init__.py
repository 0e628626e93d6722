"""Reads what a policy measures from Prometheus: from an indicator to counts, means or values per window.

The modules here and in ``readers`` say what to ask and what an answer means; they do no input or output. The package
``server`` asks.
"""

from __future__ import annotations
