import sys

import pytest

from e2e.demo import __main__ as demo


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), (["--rate", "5"], 2)])
def test_with_arguments_it_tells_its_variables_and_plays_nothing(
    arguments: list[str], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["e2e.demo", *arguments])
    monkeypatch.setattr(demo, "run", lambda _: pytest.fail("the story began"))
    assert demo.main() == code
    assert "DEMO_RATE" in capsys.readouterr().out
