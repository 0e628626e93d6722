"""The log: JSON lines on stderr, of this program and of its libraries, without credentials."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor

from serin.schema.masking import HIDDEN, masked
from serin.schema.secret_names import is_harmless, names_secret
from serin.tracing.recording import current

DEEPEST = 6
"""Levels of lists and mappings in a line; what is below is told as one text."""


def configure_logging(log_format: str, stream: TextIO | None = None) -> None:
    """Configures logging, as JSON or for a console; what libraries log is told from WARNING up, in the same form."""
    stream = stream or sys.stderr
    renderer: Processor = structlog.processors.JSONRenderer()
    if log_format == "console":
        renderer = structlog.dev.ConsoleRenderer(colors=stream.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_trace,
    ]
    ending: list[Processor] = [structlog.processors.format_exc_info, mask_texts, renderer]
    structlog.configure(processors=[*shared, *ending], logger_factory=structlog.PrintLoggerFactory(stream))
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def add_trace(_: object, level: str, event: EventDict) -> EventDict:
    """Adds the id of the trace of the pass under way, and has that trace kept: a line names none that is not there."""
    here = current()
    if here is not None and level != "debug":
        here.kept = True
        event["trace_id"] = here.whole.place.trace_id
    return event


def mask_texts(_: object, __: str, event: EventDict) -> EventDict:
    """Masks credentials in all texts of a line, tracebacks too: they may quote what others said."""
    return {key: _masked(key, value) for key, value in event.items()}


def _masked(key: str, value: Any, depth: int = 0) -> Any:  # noqa: ANN401 - whatever is logged
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return HIDDEN if names_secret(key) and not is_harmless(value) else masked(value)
        case Mapping() if depth < DEEPEST:
            return {str(name): _masked(str(name), item, depth + 1) for name, item in value.items()}
        case list() | tuple() | set() | frozenset() if depth < DEEPEST:
            return [_masked(key, item, depth + 1) for item in value]
        case _:
            return masked(str(value))
