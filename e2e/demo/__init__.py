"""The story of `make demo`: a good version is promoted step by step, a bad one is taken back."""

from __future__ import annotations
