"""What every test shares: the command line is put together once, which takes longer than most commands."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import pytest
from typer.main import get_command


@pytest.fixture(scope="session", autouse=True)
def one_command_line() -> Iterator[None]:
    """Typer makes all commands anew at each call of a ``CliRunner``; nothing in them changes by a call."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.testing._get_command", functools.cache(get_command))
        yield
