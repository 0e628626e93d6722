"""Normalises addresses of servers, so that an allow-list can compare them as text."""

from __future__ import annotations

from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}


def normalised(text: str) -> str:
    """``http(s)://host[:port][/path]`` in lower case, without default port and without a slash at the end.

    ``ValueError`` says what is wrong and quotes nothing, because the text may hold a password.
    """
    if any(not char.isprintable() or char.isspace() for char in text):
        # urlsplit drops tabs and line ends silently: what is compared would not be what is asked.
        raise ValueError("is not http(s)://host[:port][/path]: blanks and control characters do not belong there")
    parts = urlsplit(text)
    if "@" in parts.netloc or parts.query or parts.fragment or "?" in text or "#" in text:
        raise ValueError("is not http(s)://host[:port][/path] without credentials, query and fragment")
    host, port = parts.hostname, parts.port
    if parts.scheme not in DEFAULT_PORTS or not host or "\\" in text:
        raise ValueError("is not http(s)://host[:port][/path]")
    name = f"[{host}]" if ":" in host else host
    suffix = f":{port}" if port is not None and port != DEFAULT_PORTS[parts.scheme] else ""
    return f"{parts.scheme}://{name}{suffix}{parts.path.rstrip('/')}"


def same_place(text: str) -> str:
    """The normalised address, or an empty text if ``text`` is none: to be compared with an allow-list."""
    try:
        return normalised(text)
    except ValueError:
        return ""
