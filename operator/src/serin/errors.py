"""All errors that one package raises and another handles: one class per reaction.

::

    SerinError
    ├── ClusterError                 a request to the API server failed
    │   ├── NotFound                 the object does not exist: treat it as absent
    │   ├── Expired                  the rest of a list is no longer kept: begin again, or go on with the new token
    │   ├── Conflict                 the object has changed, or exists: read it again
    │   ├── NameTaken                an object of that name exists that Serin did not make: leave it alone, and tell it
    │   ├── Refused                  the request is invalid or forbidden: a person has to fix it
    │   ├── Unavailable              network, 429, 5xx, timeout: try again later
    │   └── NotLeader                another replica leads, or may lead: do not write
    ├── MetricsError                 a query to Prometheus failed
    │   ├── QueryRejected            4xx: query, address or credentials are wrong; a retry does not help
    │   ├── MetricsUnavailable       network, TLS, 408, 429, 5xx, timeout, partial data: hold and try again
    │   ├── AnswerTooLarge           over the size limit: query less, or ask for sums
    │   └── MalformedAnswer          not an answer of the Prometheus API: hold and report it
    ├── NotDelivered                 a receiver has not taken a notification: try again later, in its own time
    └── InvalidInput                 a file or an option of a command is wrong: say where, and exit with 2
"""

from __future__ import annotations

import copy
from datetime import datetime
from typing import Self


class SerinError(Exception):
    """Base of all errors that Serin raises on purpose."""


class ClusterError(SerinError):
    """A request to the API server failed."""


class NotFound(ClusterError):
    """The object does not exist."""


class Expired(ClusterError):
    """The server no longer keeps the rest of a list; ``token`` continues with newer objects, empty without one."""

    def __init__(self, message: str, token: str = "") -> None:
        super().__init__(message)
        self.token = token


class Conflict(ClusterError):
    """The object changed since it was read, or exists already."""


class NameTaken(ClusterError):
    """An object of the name that Serin derives exists, and Serin did not make it."""


class Refused(ClusterError):
    """The request is invalid or forbidden; the message is the server's, ``at`` what its clock said, if it told."""

    def __init__(self, message: str, at: datetime | None = None) -> None:
        super().__init__(message)
        self.at = at


class Unavailable(ClusterError):
    """The API server could not answer; ``retry_after`` is its ``Retry-After`` in seconds, if it sent one."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class InvalidInput(SerinError):
    """The input of a command cannot be used; the message says what is wrong, where, and how to fix it."""


class NotLeader(ClusterError):
    """The lease is lost or could not be renewed in time; no request was sent."""


class NotDelivered(SerinError):
    """A receiver has not taken a notification. The text quotes nothing of the receiver's address or answer."""

    def __init__(self, message: str, *, retry_after: float | None = None, refused: bool = False) -> None:
        super().__init__(message)
        self.retry_after, self.refused = retry_after, refused
        """Seconds that the receiver asks to wait; whether it is this notification that it does not want."""


class MetricsError(SerinError):
    """Prometheus gave no usable answer. The text names the server, what came back and the query."""

    def __init__(self, cause: str, *, server: str = "", query: str = "") -> None:
        super().__init__(cause)
        self.cause, self.server, self.query = cause, server, query

    def __str__(self) -> str:
        before = f"{self.server}: " if self.server else ""
        return f"{before}{self.cause}{f'; query: {self.query}' if self.query else ''}"

    def with_query(self, query: str, *, server: str = "") -> Self:
        """A copy that names another query, and the server if one is given; it has no traceback."""
        copied = copy.copy(self)
        copied.query, copied.server = query, server or self.server
        return copied


class QueryRejected(MetricsError):
    """The query, the address or the credentials are wrong; trying again will not help."""


class MetricsUnavailable(MetricsError):
    """Prometheus cannot be reached or cannot answer now; ``retry_after`` is what it asks for, in seconds."""

    def __init__(self, cause: str, *, server: str = "", query: str = "", retry_after: float | None = None) -> None:
        super().__init__(cause, server=server, query=query)
        self.retry_after = retry_after


class AnswerTooLarge(MetricsError):
    """The answer has more bytes or series than Serin reads."""


class MalformedAnswer(MetricsError):
    """The answer is not a complete one of the Prometheus API."""
