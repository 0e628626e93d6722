"""``serin``: what people and pipelines say to Serin from a shell."""

from __future__ import annotations
