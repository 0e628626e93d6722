"""What can go wrong with kind, by what the reader has to do about it.

SandboxError
└── KindError        something a person should read as a sentence
"""

from __future__ import annotations

from e2e.sandbox.errors import SandboxError


class KindError(SandboxError):
    """Something a person should read as a sentence."""
