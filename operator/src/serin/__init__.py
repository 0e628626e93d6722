"""Serin: promotes models on KServe step by step, on evidence, and takes them back by itself."""

from __future__ import annotations

__version__ = "0.1.0"
