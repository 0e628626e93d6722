"""What can go wrong with a sandbox, by what the reader has to do about it.

* ``SandboxError``: anything a person should read as a sentence, without a traceback

  * ``BuildError``: a part could not be built, installed or found; the message says how to get it
  * ``NamespaceError``: this machine refuses the namespaces; the message says how to mend it
  * ``NotRunningError``: there is no such sandbox, or it died; start it, or read its log
  * ``PartError``: a part of the sandbox failed; the message ends with its last log lines
"""

from __future__ import annotations


class SandboxError(Exception):
    """Something a person should read as a sentence."""


class BuildError(SandboxError):
    """A part could not be built, installed or found."""


class NamespaceError(SandboxError):
    """The kernel or the container around us refuses the namespaces that the sandbox lives in."""


class NotRunningError(SandboxError):
    """The sandbox is not running."""


class PartError(SandboxError):
    """A part of the sandbox failed, did not become ready in time, or does not exist."""
