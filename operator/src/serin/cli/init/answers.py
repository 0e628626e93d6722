"""What ``serin init`` asks of somebody whose model does not run yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import typer

from serin.cli.console import ask, can_ask
from serin.cli.init import forms
from serin.cli.init.forms import NONE, is_image
from serin.errors import InvalidInput
from serin.schema.printable import shortened

LONGEST_SHOWN = 60


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


@dataclass(frozen=True, slots=True)
class Question:
    """One answer: the option that gives it, the question that asks for it, and what it may be."""

    option: str
    text: str
    read: Callable[[str], Any]
    """``ValueError`` says what was expected."""
    default: str | None = None
    """None: it has to be given."""


QUESTIONS = {
    "name": Question("--name", "Name of the model", forms.label("fraud-model")),
    "source": Question(
        "--source", "Its URI (s3://, gs://, hf://, pvc:// …), or the image of your own server", forms.source
    ),
    "model_format": Question(
        "--format",
        "Its format, as KServe names it (sklearn, xgboost, lightgbm, onnx, triton, huggingface …)",
        forms.model_format,
    ),
    "hostnames": Question("--hostname", "Hostname by which clients ask for it", forms.hostnames),
    "gateway": Question("--gateway", "Gateway, as NAMESPACE/NAME", forms.gateway),
    "rps": Question("--rps", f"Requests per second ({NONE}: nobody knows)", forms.rps, NONE),
    "threshold": Question(
        "--latency", f"An answer is slow beyond, such as 500ms or 2s ({NONE}: not judged)", forms.threshold, NONE
    ),
}
"""By the field of :class:`Answers`, in the order in which they are asked."""
OPTIONS = QUESTIONS | {
    "version": Question("--version", "", forms.version),
    "namespace": Question("--namespace", "", forms.label("models")),
}
"""Everything that an option may say."""


def answers(given: Mapping[str, str | None], version: str) -> Answers:
    """What the options say; a person at a terminal is asked for the rest, on standard error. ``InvalidInput``."""
    found: dict[str, Any] = {name: read(name, text) for name, text in given.items() if text is not None}
    if "model_format" in found and "source" in found and is_image(found["source"]):
        raise InvalidInput(
            f"--format {found['model_format']}: {shortened(found['source'], LONGEST_SHOWN)} is taken for an image, "
            f"whose server knows its format; leave --format out, or give the model's URI with its scheme"
        )
    asked = [name for name in QUESTIONS if name not in found]
    if not can_ask():
        _all_given([QUESTIONS[name] for name in asked if not _is_needless(name, found)])
    for name in asked:
        if _is_needless(name, found):
            found[name] = ""
        elif can_ask():
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
        told = ", ".join(f"{each} (of a URI)" if each == "--format" else each for each in options)
        raise InvalidInput(f"nobody can be asked here: give {told} for a new model, or --from for one that runs")


def read(name: str, text: str | None) -> Any:  # noqa: ANN401 - each option has its own type
    """The answer that an option gives, by its name in ``OPTIONS``; None without one; ``InvalidInput``."""
    if text is None:
        return None
    try:
        return OPTIONS[name].read(text)
    except ValueError as error:
        raise InvalidInput(f"{OPTIONS[name].option} {shortened(text, LONGEST_SHOWN)}: {error}") from None


def _asked(question: Question) -> Any:  # noqa: ANN401 - each question has its own type
    """Asks until the answer can be used."""
    default = "" if question.default is None else f" [{question.default}]"
    while True:
        answer = ask(f"{question.text}{default}: ")
        try:
            return question.read(answer or question.default or "")
        except ValueError as error:
            typer.echo(f"  {error}", err=True)
