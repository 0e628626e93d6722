"""What can go wrong when Serin is installed and run, by what the reader has to do about it.

DeployError             something a person should read as a sentence
└── RefusedError        the API server refused a request: mend the object
"""

from __future__ import annotations


class DeployError(Exception):
    """Something a person should read as a sentence."""


class RefusedError(DeployError):
    """The API server refused a request; ``status`` is HTTP's."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
