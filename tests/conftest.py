"""What every test shares: no deadline of an example, and two things that cost more time than what is tested."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import pytest
from hypothesis import settings
from structlog.dev import ConsoleRenderer, plain_traceback
from typer.main import get_command

# How long one example takes says how busy the machine is: Hypothesis' own 200 ms failed a test that was right.
settings.register_profile("untimed", settings(), deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def one_command_line() -> Iterator[None]:
    """Typer makes all commands anew at each call of a ``CliRunner``; nothing in them changes by a call."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.testing._get_command", functools.cache(get_command))
        yield


@pytest.fixture(scope="session", autouse=True)
def plain_tracebacks() -> None:
    """Where no log is configured structlog draws an exception with all variables: up to a second for each."""
    ConsoleRenderer.get_active().exception_formatter = plain_traceback
