"""Asks a Prometheus server: over HTTP, with limits on time, size and number, and with errors by what to do next."""

from __future__ import annotations
