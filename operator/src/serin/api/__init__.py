"""The kinds of group ``serin.dev/v1alpha1``: the contract with users, and the only place where it is written."""

from __future__ import annotations

GROUP = "serin.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
