"""Each folder of examples/ is listed, explained, linted, and decides with the traffic that its README names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner, Result

from serin.cli.main import app
from tests.examples import EXAMPLES, FOLDERS, commands, documents, named, readme

ROOT = EXAMPLES.parent
PARTS = ("**What.**", "**For whom.**", "**When not.**", "**What happens on a breach.**", "**Traffic: ")
RUNS = [5, pytest.param(20, marks=pytest.mark.matrix)]
"""Few: a healthy version that is taken back at all, or a bad one that is promoted, is a wrong example."""
each_folder = pytest.mark.parametrize("folder", FOLDERS, ids=named)


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """The paths of the READMEs begin there."""
    monkeypatch.chdir(ROOT)


def ran(arguments: list[str]) -> Result:
    result = CliRunner().invoke(app, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def option(arguments: list[str], name: str) -> float:
    return float(arguments[arguments.index(name) + 1])


def test_the_index_has_every_folder_and_no_other() -> None:
    index = (EXAMPLES / "README.md").read_text("utf-8")
    linked = {link.partition("/")[0] for link in index.split("](")[1:] if link.split(")")[0].endswith("/README.md")}
    assert linked == {folder.name for folder in FOLDERS}
    assert [folder.name for folder in FOLDERS if index.count(f"]({folder.name}/README.md)") != 1] == []


@each_folder
def test_its_page_says_for_whom_it_is_when_not_and_what_a_breach_does(folder: Path) -> None:
    text = readme(folder)
    positions = [text.find(part) for part in PARTS]
    assert -1 not in positions, [part for part, at in zip(PARTS, positions, strict=True) if at < 0]
    assert len(text.splitlines()) <= 60, "a page, not a manual"


@each_folder
def test_every_manifest_begins_with_a_comment_that_says_what_it_is_for(folder: Path) -> None:
    bare = [str(path) for path, _ in documents(folder) if not path.read_text("utf-8").startswith("#")]
    # A kustomization's patch has nothing of its own to say.
    assert [path for path in bare if "/environments/" not in path] == []


@each_folder
def test_lint_finds_nothing_and_the_steps_decide_with_the_traffic(folder: Path) -> None:
    [arguments] = commands(folder, "lint")
    assert f"**Traffic: {option(arguments, '--rps'):g} requests/s" in readme(folder)
    assert Path(arguments[1]) == folder.relative_to(ROOT)
    result = ran(arguments)
    rps = option(arguments, "--rps")
    told = f"at {rps:g} requests/s the steps of each PromotionPolicy in these files decide in their time"
    assert (result.exit_code, result.stdout.splitlines()[1:]) == (0, [told]), result.stdout


@each_folder
@pytest.mark.parametrize("runs", RUNS)
def test_a_healthy_version_is_promoted_and_a_bad_one_is_taken_back(runs: int, folder: Path) -> None:
    played = {}
    for arguments in commands(folder, "simulate"):
        result = ran([*arguments, "--runs", str(runs), "-o", "json"])
        assert result.exit_code == 0, result.stderr
        healthy = option(arguments, "--candidate-bad") <= option(arguments, "--stable-bad")
        played[healthy] = json.loads(result.stdout)
        assert option(arguments, "--rps") == option(commands(folder, "lint")[0], "--rps")
    assert played[True]["promoted"] >= 0.95
    assert played[True]["rolledBack"] == 0.0
    assert played[False]["rolledBack"] >= 0.95
    assert played[False]["promoted"] == 0.0


@each_folder
def test_one_policy_of_the_folder_is_simulated(folder: Path) -> None:
    files = {path for path, item in documents(folder) if item["kind"] == "PromotionPolicy"}
    simulated = {Path(arguments[arguments.index("--policy") + 1]) for arguments in commands(folder, "simulate")}
    assert simulated <= {path.relative_to(ROOT) for path in files}
    assert len(simulated) == 1


@each_folder
def test_its_commands_are_commands(folder: Path) -> None:
    """Names and options of every ``serin`` command that the page shows."""
    group = typer.main.get_command(app)
    for arguments in commands(folder):
        command = group.commands[arguments[0]]  # type: ignore[attr-defined]
        command.make_context("serin", list(arguments[1:]))  # a wrong option raises


def test_the_wait_of_the_pipelines_is_the_command_lines() -> None:
    group = typer.main.get_command(app)
    wait = group.commands["wait"]  # type: ignore[attr-defined]
    workflow = (EXAMPLES / "pipelines" / "github-actions" / "release.yaml").read_text("utf-8")
    [line] = [line.split("serin wait ")[1] for line in workflow.splitlines() if "run: serin wait " in line]
    wait.make_context("serin", line.split())
    [task] = [
        item
        for _, item in documents(EXAMPLES / "pipelines" / "tekton")
        if item["metadata"].get("name") == "wait-for-promotion"
    ]
    [step] = task["spec"]["steps"]
    assert step["command"][:4] == ["python", "-m", "serin.cli", "wait"]
    wait.make_context("serin", [word.replace("$(params.timeout)", "2h") for word in step["command"][4:]])
