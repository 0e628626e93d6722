"""The command line ``serin``, for people and for pipelines."""

from __future__ import annotations
