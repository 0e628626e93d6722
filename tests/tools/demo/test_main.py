import pytest

from e2e.demo import __main__ as demo
from e2e.demo.played import played


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), (["--rate", "5"], 2)])
def test_with_arguments_it_tells_its_variables_and_plays_nothing(
    arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert played(lambda _: pytest.fail("the story began"), demo.__doc__, arguments) == code
    assert "DEMO_RATE" in capsys.readouterr().out
