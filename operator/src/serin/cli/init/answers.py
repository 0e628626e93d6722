"""What ``serin init`` asks of somebody whose model does not run yet, and what it takes for an answer."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import typer

from serin.api.routing.route import HOSTNAME
from serin.cli.console import ask
from serin.errors import InvalidInput
from serin.schema.types import DNS_LABEL, parse_duration

MOST_RPS = 1e6
FORMAT = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
IMAGE = re.compile(
    r"([a-z0-9.-]+(:[0-9]+)?/)?[a-z0-9._-]+(/[a-z0-9._-]+)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?"
)
"""``[HOST[:PORT]/]PATH[:TAG][@DIGEST]``, as the distribution's reference grammar has it."""
URI = re.compile(r"[a-z][a-z0-9+.-]*://\S{1,2000}")
NONE = "-"
"""An answer for "there is none"."""


@dataclass(frozen=True, slots=True)
class Answers:
    """A model that shall be served for the first time."""

    name: str
    source: str
    """The model's URI, or the image of a server that has it."""
    model_format: str
    """Empty with an image."""
    version: str
    hostnames: tuple[str, ...]
    gateway: tuple[str, str]
    """Its namespace and name."""
    rps: float | None
    """Requests per second; None if nobody knows."""
    threshold: timedelta | None
    """A slower answer is a bad one; None: latency is not judged."""

    @property
    def is_image(self) -> bool:
        """Whether the model is part of an image."""
        return is_image(self.source)


def is_image(source: str) -> bool:
    """A URI has a scheme, the name of an image has none."""
    return "://" not in source


@dataclass(frozen=True, slots=True)
class Question:
    """One answer: the option that gives it, the question that asks for it, and what it may be."""

    option: str
    text: str
    read: Callable[[str], Any]
    """``ValueError`` says what was expected."""
    default: str | None = None
    """None: it has to be given."""


def _matching(pattern: str | re.Pattern[str], expected: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(expected)
        return text

    return read


def _source(text: str) -> str:
    if not (IMAGE if is_image(text) else URI).fullmatch(text):
        message = "expected a URI such as s3://models/fraud/1, or an image such as registry.example.com/fraud:1"
        raise ValueError(message)
    return text


def _hostnames(text: str) -> tuple[str, ...]:
    names = tuple(filter(None, re.split(r"[,\s]+", text)))
    if not names or not all(re.fullmatch(HOSTNAME, name) for name in names):
        message = "expected a host such as fraud.models.example.com, without a scheme or a port"
        raise ValueError(message)
    return names


def _gateway(text: str) -> tuple[str, str]:
    namespace, _, name = text.partition("/")
    if not re.fullmatch(DNS_LABEL, namespace) or not re.fullmatch(DNS_LABEL, name):
        message = "expected NAMESPACE/NAME of a Gateway (kubectl get gateways -A)"
        raise ValueError(message)
    return namespace, name


def _rps(text: str) -> float | None:
    if text == NONE:
        return None
    try:
        rps = float(text)
    except ValueError:
        rps = 0.0
    if not 0 < rps <= MOST_RPS:
        message = f"expected a number of requests per second, or {NONE} if nobody knows"
        raise ValueError(message)
    return rps


def _threshold(text: str) -> timedelta | None:
    if text == NONE:
        return None
    threshold = parse_duration(text)
    if not threshold:
        message = f"expected a time such as 500ms, or {NONE} to leave latency out"
        raise ValueError(message)
    return threshold


QUESTIONS = {
    "name": Question("--name", "Name of the model", _matching(DNS_LABEL, "expected a name such as fraud-model")),
    "source": Question("--source", "Its URI (s3://, gs://, hf://, pvc:// …), or the image of your own server", _source),
    "model_format": Question(
        "--format",
        "Its format, as KServe names it (sklearn, xgboost, lightgbm, onnx, triton, huggingface …)",
        _matching(FORMAT, "expected a format such as sklearn (kubectl get clusterservingruntimes)"),
    ),
    "hostnames": Question("--hostname", "Hostname by which clients ask for it", _hostnames),
    "gateway": Question("--gateway", "Gateway, as NAMESPACE/NAME", _gateway),
    "rps": Question("--rps", f"Requests per second ({NONE}: nobody knows)", _rps, NONE),
    "threshold": Question("--latency", f"An answer is slow beyond ({NONE}: not judged)", _threshold, NONE),
}
"""By the field of :class:`Answers`, in the order in which they are asked."""


def answers(given: Mapping[str, str | None], version: str) -> Answers:
    """What the options say; a person at a terminal is asked for the rest, on standard error. ``InvalidInput``."""
    found: dict[str, Any] = {name: read(name, text) for name, text in given.items() if text is not None}
    asked = [name for name in QUESTIONS if name not in found]
    if not sys.stdin.isatty():
        _all_given([QUESTIONS[name] for name in asked if not _is_needless(name, found)])
    for name in asked:
        if _is_needless(name, found):
            found[name] = ""
        elif sys.stdin.isatty():
            found[name] = _asked(QUESTIONS[name])
        else:
            found[name] = QUESTIONS[name].read(QUESTIONS[name].default or "")
    return Answers(version=version, **found)


def _is_needless(name: str, found: Mapping[str, Any]) -> bool:
    """An image serves what it has."""
    return name == "model_format" and "source" in found and is_image(found["source"])


def _all_given(missing: list[Question]) -> None:
    options = [question.option for question in missing if question.default is None]
    if options:
        raise InvalidInput(
            f"nobody can be asked here: give {', '.join(options)} for a new model, or --from for one that runs"
        )


def read(name: str, text: str | None) -> Any:  # noqa: ANN401 - each question has its own type
    """The answer that an option gives to the question ``name``, None without one; ``InvalidInput``."""
    if text is None:
        return None
    try:
        return QUESTIONS[name].read(text)
    except ValueError as error:
        raise InvalidInput(f"{QUESTIONS[name].option} {text}: {error}") from None


def _asked(question: Question) -> Any:  # noqa: ANN401 - each question has its own type
    """Asks until the answer can be used."""
    default = "" if question.default is None else f" [{question.default}]"
    while True:
        answer = ask(f"{question.text}{default}: ")
        try:
            return question.read(answer or question.default or "")
        except ValueError as error:
            typer.echo(f"  {error}", err=True)
