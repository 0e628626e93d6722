"""How a demo ends: an exit code, and a sentence where something went wrong."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from rich.console import Console

from e2e.demo.errors import StoryError
from e2e.demo.played import keeps, played
from e2e.deploy import DeployError
from e2e.sandbox.errors import SandboxError


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (StoryError("version 3 answered"), 1, "NOT AS TOLD: version 3 answered"),
        (SandboxError("no etcd"), 2, "The demo could not be played: no etcd"),
        (DeployError("no operator"), 2, "The demo could not be played: no operator"),
        (KeyboardInterrupt(), 130, "Interrupted."),
    ],
)
def test_what_went_wrong_is_told(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, words: str
) -> None:
    def story(_: Console) -> int:
        raise error

    assert played(story, None) == code
    assert capsys.readouterr().out.strip() == words


@pytest.mark.parametrize("code", [0, 1])
def test_a_story_that_ends_gives_its_own_code(capsys: pytest.CaptureFixture[str], code: int) -> None:
    assert played(lambda _: code, None) == code
    assert "The demo took 0 s." in capsys.readouterr().out


def test_a_signal_ends_it_with_all_the_cleaning_up() -> None:
    cleaned = []

    def story(_: Console) -> int:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            cleaned.append(True)
        return 0

    with pytest.raises(SystemExit) as ended:
        played(story, None)
    assert (ended.value.code, cleaned) == (128 + signal.SIGTERM, [True])


@pytest.mark.parametrize(("value", "kept"), [("1", True), ("0", False), ("", False)])
def test_it_keeps_the_sandbox_if_asked(monkeypatch: pytest.MonkeyPatch, value: str, *, kept: bool) -> None:
    monkeypatch.setenv("KEEP", value)
    assert keeps() is kept
