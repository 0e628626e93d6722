"""What an answer of the API server means: its JSON, the error for its status, the token of a list's next page.

Both clients share it: the operator's, and that of the command line, which starts without the client library.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

from serin.cluster.decoding import decoded
from serin.cluster.resources import Resource
from serin.errors import ClusterError, Conflict, Expired, NotFound, Refused, Unavailable
from serin.schema.masking import masked

Object = dict[str, Any]


def object_path(resource: Resource, namespace: str, name: str, subresource: str = "") -> str:
    """The path of an object; ``NotFound`` for a name that none can have.

    Dots are steps in a path: ``.`` would read the whole collection, ``..`` what lies above it.
    """
    if name in {"", ".", ".."}:
        message = f"{resource.plural} {name!r}: no object can have this name"
        raise NotFound(message)
    return resource.path(namespace, name, subresource)


def list_path(resource: Resource, namespace: str, selector: str, limit: int, token: str) -> str:
    """The path of one page of a list, from ``token``."""
    query = {"labelSelector": selector, "limit": str(limit), "continue": token}
    return f"{resource.path(namespace)}?{urlencode({name: value for name, value in query.items() if value})}"


def continue_token(answer: Mapping[str, Any]) -> str:
    """Where the next page begins; empty after the last one."""
    return str((answer.get("metadata") or {}).get("continue") or "")


def checked(what: str, status: int, data: bytes, headers: Mapping[str, str]) -> Object:
    """The decoded answer; raises the error for its status."""
    try:
        parsed = decoded(data)
    except ValueError as error:
        message = f"{what}: status {status}, and the answer is not JSON"
        raise Unavailable(message) from error
    if status < 400:  # noqa: PLR2004 - HTTP
        return dict(parsed)
    message = f"{what}: {status} {masked(str(parsed.get('message', '')))}"  # it may quote what was sent
    if status == 410:  # noqa: PLR2004 - HTTP
        raise Expired(message, continue_token(parsed))
    raise error_for(status, message, headers)


def error_for(status: int, message: str, headers: Mapping[str, str]) -> ClusterError:
    """The error class for an HTTP status of the API server."""
    if status == 404:  # noqa: PLR2004
        return NotFound(message)
    if status == 409:  # noqa: PLR2004
        return Conflict(message)
    if status == 429 or status >= 500:  # noqa: PLR2004
        retry_after = headers.get("Retry-After", "")
        return Unavailable(message, float(retry_after) if retry_after.isdigit() else None)
    return Refused(message, _date(headers))


def _date(headers: Mapping[str, str]) -> datetime | None:
    """The server's clock, in whole seconds; None if the answer does not tell."""
    try:
        return parsedate_to_datetime(headers.get("Date", "")).astimezone(UTC)
    except ValueError:
        return None
