"""A steady stream of prediction requests through the gateway, and what became of every single one."""

from __future__ import annotations

from e2e.load.answer import Answer, read_log
from e2e.load.background import BackgroundLoad
from e2e.load.generator import LoadPlan, LoadReport
from e2e.load.live import Counts, LiveCounts

__all__ = ["Answer", "BackgroundLoad", "Counts", "LiveCounts", "LoadPlan", "LoadReport", "read_log"]
