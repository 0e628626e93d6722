"""What can go wrong with kind, by what the reader has to do about it.

SandboxError
└── KindError                  something a person should read as a sentence
    ├── ToolsError             a command is missing here; the message says how to get it
    └── ForeignClusterError    a kubeconfig is about a cluster that is not ours: nothing was done to it
"""

from __future__ import annotations

from e2e.sandbox.errors import SandboxError


class KindError(SandboxError):
    """Something a person should read as a sentence."""


class ToolsError(KindError):
    """A command is missing on this machine and could not be installed."""


class ForeignClusterError(KindError):
    """A kubeconfig is about another cluster than ours."""
