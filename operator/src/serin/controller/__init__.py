"""The operator process: event sources, the work queue, reconciliation, leader election and health."""

from __future__ import annotations
