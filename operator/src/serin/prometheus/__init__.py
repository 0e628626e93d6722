"""Prometheus: from an indicator to counts per arm and window. The only room that imports its client."""

from __future__ import annotations
