"""The log of a process, as a stream."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
import structlog

from serin.controller.telling.log import configure_logging


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """The stream of a process that logs JSON."""
    root, stream = logging.getLogger(), io.StringIO()
    before, level = root.handlers[:], root.level
    configure_logging("json", stream)
    yield stream
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers[:] = before
    root.setLevel(level)
