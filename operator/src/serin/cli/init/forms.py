"""The form of each answer of ``serin init``: what it may be, in one sentence, and what it is in Python.

Each function takes a text and raises ``ValueError`` with what was expected.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address

from serin.api.model_deployment import LABEL_VALUE
from serin.api.routing.route import HOSTNAME
from serin.schema.types import DNS_LABEL, OBJECT_NAME, parse_duration

NONE = "-"
"""An answer for "there is none"."""
MOST_RPS = 1e6
LONGEST_THRESHOLD = timedelta(minutes=10)
LONGEST_LABEL, LONGEST_NAME, LONGEST_IMAGE, LONGEST_URI, MOST_HOSTNAMES = 63, 253, 500, 2048, 16
NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)
FORMAT = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
URI = re.compile(r"[a-z][a-z0-9+.-]*://[!-~]+")
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = rf"({_LABEL}(\.{_LABEL})*|\[[0-9a-fA-F:]+\])(:[0-9]+)?"
_PART = r"[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*"
_END = r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha(256:[0-9a-f]{64}|512:[0-9a-f]{128}))?"
IMAGE = re.compile(rf"({_HOST}/)?{_PART}(/{_PART})*{_END}")
"""``[HOST[:PORT]/]PATH[:TAG][@DIGEST]``, as the reference grammar of OCI's distribution has it."""


def label(example: str) -> Callable[[str], str]:
    """A name that is one DNS label."""
    expected = f"expected a name of at most {LONGEST_LABEL} characters from a-z, 0-9 and -, such as {example}"

    def read(text: str) -> str:
        if len(text) > LONGEST_LABEL or not re.fullmatch(DNS_LABEL, text):
            raise ValueError(expected)
        return text

    return read


def version(text: str) -> str:
    """The name of a version, which is the value of a label."""
    if not re.fullmatch(LABEL_VALUE, text):
        message = "expected at most 63 characters from A-Z, a-z, 0-9, '-', '_' and '.', such as 2026.11"
        raise ValueError(message)
    return text


def is_image(source: str) -> bool:
    """A URI has a scheme, the name of an image has none."""
    return "://" not in source


def source(text: str) -> str:
    """The URI of a model, or the image of a server that has it."""
    form, longest = (IMAGE, LONGEST_IMAGE) if is_image(text) else (URI, LONGEST_URI)
    if len(text) > longest or not form.fullmatch(text):
        message = (
            "expected a URI with its scheme in small letters, such as s3://models/fraud/1, or an image, such as "
            "registry.example.com/fraud:1"
        )
        raise ValueError(message)
    return text


def model_format(text: str) -> str:
    """A model format of KServe's."""
    if not FORMAT.fullmatch(text):
        message = "expected a format such as sklearn (kubectl get clusterservingruntimes)"
        raise ValueError(message)
    return text


def hostnames(text: str) -> tuple[str, ...]:
    """One host or several, between commas or blanks."""
    names = tuple(dict.fromkeys(filter(None, re.split(r"[,\s]+", text))))
    if not names or not all(map(_is_host, names)):
        message = (
            "expected a host in small letters such as fraud.models.example.com, without a scheme, a port or a dot at "
            "the end"
        )
        raise ValueError(message)
    if len(names) > MOST_HOSTNAMES:
        message = f"expected at most {MOST_HOSTNAMES} hosts"
        raise ValueError(message)
    return names


def _is_host(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        fits = len(name) <= LONGEST_NAME and re.fullmatch(HOSTNAME, name) is not None
        return fits and all(len(part) <= LONGEST_LABEL for part in name.split("."))
    return False  # the Gateway API takes no address for a hostname


def gateway(text: str) -> tuple[str, str]:
    """Namespace and name."""
    namespace, _, name = text.partition("/")
    fits = len(namespace) <= LONGEST_LABEL and re.fullmatch(DNS_LABEL, namespace)
    if not fits or len(name) > LONGEST_NAME or not re.fullmatch(OBJECT_NAME, name):
        message = "expected NAMESPACE/NAME of a Gateway (kubectl get gateways -A)"
        raise ValueError(message)
    return namespace, name


def rps(text: str) -> float | None:
    """Requests per second; None if nobody knows."""
    if text == NONE:
        return None
    if not NUMBER.fullmatch(text) or not 0 < float(text) <= MOST_RPS:
        message = f"expected a number of requests per second, above 0, or {NONE} if nobody knows"
        raise ValueError(message)
    return float(text)


def threshold(text: str) -> timedelta | None:
    """After how long an answer is slow; None if that is not judged."""
    if text == NONE:
        return None
    found = parse_duration(text)
    if not timedelta() < found <= LONGEST_THRESHOLD:
        message = f"expected a time such as 500ms, at most 10m, or {NONE} to leave latency out"
        raise ValueError(message)
    return found
