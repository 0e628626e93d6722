"""What a newcomer copies from the pages is right: objects without a finding, commands and options that exist."""

import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer

from serin.cli.lint.checking import Traffic, checked
from serin.cli.main import app

ROOT = Path(__file__).parents[3]
FIRST = ("README.md", "docs/start.md", "docs/your-own-model.md")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: str, language: str) -> list[str]:
    return [body for kind, body in BLOCK.findall((ROOT / page).read_text("utf-8")) if kind == language]


@pytest.mark.parametrize("page", FIRST)
def test_its_objects_have_no_finding(page: str, tmp_path: Path) -> None:
    for number, text in enumerate(blocks(page, "yaml")):
        (tmp_path / f"{number}.yaml").write_text(text)
    found = checked([tmp_path], Traffic(50.0, None), datetime.now(UTC))
    assert found == []


def commands() -> dict[str, set[str]]:
    """Options of each command of ``serin``."""
    group = typer.main.get_command(app)
    return {
        name: {option for parameter in command.params for option in parameter.opts}
        for name, command in group.commands.items()  # type: ignore[attr-defined]
    }


def lines() -> list[tuple[str, str]]:
    """Each call of ``serin`` in a console block of any page."""
    found = []
    for path in sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]):
        page = path.relative_to(ROOT).as_posix()
        for body in blocks(page, "console"):
            for line in body.splitlines():
                parts = re.split(r"&&|\||;", line.removeprefix("$ ").partition("    #")[0])
                calls = [part.strip() for part in parts if part.strip().startswith("serin ")]
                found += [(page, call) for call in calls if line.startswith("$ ")]
    return found


@pytest.mark.parametrize(("page", "line"), lines())
def test_each_command_of_the_pages_exists_with_its_options(page: str, line: str) -> None:
    words = shlex.split(line.replace("…", "x"), comments=True)
    options = commands()[words[1]]
    asked = {word.partition("=")[0] for word in words[2:] if re.match(r"--?[a-z]", word)}
    assert asked <= options | {"--help"}, f"{page}: {line}"
