"""Commands that people are told to type work as they stand, whatever their default namespace is."""

import re
from pathlib import Path

import pytest

from serin.cli.live.endings import ENDINGS, WITHOUT_CANDIDATE, ending
from serin.cli.shell import telling

CLI = Path(telling.__file__).parents[1]
WRITTEN = re.compile(r"\b(?:serin [a-z]+|kubectl [a-z]+ [a-z]+)(?: --[a-z-]+)* (?:[a-z]+/)?\{[^}]*\}(?! -n )")


def test_each_names_its_namespace() -> None:
    assert telling.serin("freeze --end", "freeze-x", "prod") == "serin freeze --end freeze-x -n prod"
    assert telling.kubectl("get pact", "x", "prod") == "kubectl get pact x -n prod"
    assert telling.judged_again("fraud-1", "prod") == "kubectl get prec fraud-1 -n prod -o json | serin replay -"


@pytest.mark.parametrize("reason", list(ENDINGS))
def test_what_ends_a_hold_names_the_namespace_in_its_commands(reason: str) -> None:
    commands = re.findall(r"`(serin \w+ fraud[^`]*)`", ending(reason, "fraud", "prod"))
    assert all(" fraud -n prod" in command for command in commands), commands


def test_nobody_is_told_to_promote_what_is_not_there() -> None:
    for reason in WITHOUT_CANDIDATE:
        assert "serin promote" not in ending(reason, "fraud", "prod", candidate=False)
    assert "serin promote fraud -n prod" in ending("CommonCause", "fraud", "prod")


@pytest.mark.parametrize("path", sorted(CLI.rglob("*.py")), ids=lambda path: path.relative_to(CLI).as_posix())
def test_no_command_is_written_elsewhere_without_its_namespace(path: Path) -> None:
    text = path.read_text("utf-8")
    if path.name == "endings.py":  # its {name} is ``telling.within``: see above
        return
    assert [each for each in WRITTEN.findall(text) if "get-contexts" not in each] == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("In numbers: so it is", "In numbers: so it is."),
        ("In numbers: it does not exist.", "In numbers: it does not exist."),
        ("In numbers: another name?", "In numbers: another name?"),
        ("In numbers: cut of…", "In numbers: cut of…"),
        ("In numbers: so it is. ", "In numbers: so it is."),
    ],
)
def test_a_sentence_has_one_mark_at_its_end(text: str, told: str) -> None:
    assert telling.sentence(text) == told


@pytest.mark.parametrize(
    ("phase", "message", "told"),
    [
        ("Baking", "BAKING version 2, 95 % on it: the bake: ends soon", "the bake: ends soon"),
        ("RolledBack", "ROLLED BACK, version 2 serves: version 3 was taken back", "version 3 was taken back"),
        ("Progressing", "HELD since 10:00 UTC, 40 % stay on version 2: why", None),
        ("RollingBack", "ROLLING BACK since 10:00 UTC, 50 % still on version 2: why", None),
        ("Stable", "version 1 serves all traffic", None),
        ("Baking", "BAKING version 2", None),
    ],
)
def test_a_message_beside_its_phase_does_not_say_it_again(phase: str, message: str, told: str | None) -> None:
    assert telling.beside(phase, message) == (told or message)
