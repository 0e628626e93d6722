"""Three readers, one for each kind of measurement: ``counters``, ``value`` and ``mean``; and what they share."""

from __future__ import annotations
