"""The process: events in, one pass of observe, decide, act per key, and the process's own health."""

from __future__ import annotations
