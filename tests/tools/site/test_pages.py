"""What a newcomer copies from the pages is right: objects without a finding, commands and options that exist."""

import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer

from serin.cli.lint.checking import Traffic, checked
from serin.cli.main import app
from tools.site.markdown import links

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


FROM_AN_INDEX = re.compile(r"""pip3? install[^\n|;&]*\s["']?serin(?![\w./-])|(?<![\w./-])serin\[[a-z]""")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("pip install serin", True),
        ("python -m pip install --user 'serin==0.1.0'", True),
        ('needs `pip install "serin[lint]"`', True),
        ("install serin[tracing]", True),
        ("python -m pip install '.[lint]'", False),
        ("python -m pip install './.serin[lint]'", False),
        ("helm install serin charts/serin", False),
    ],
)
def test_an_installation_from_a_package_index_is_recognised(text: str, *, found: bool) -> None:
    assert bool(FROM_AN_INDEX.search(text)) is found


def test_nobody_is_told_to_install_what_a_package_index_calls_serin() -> None:
    """Serin is on none: there it is the package of a stranger."""
    files = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "Makefile"]
    for folder in ("docs", "examples", "charts", "operator/src", "e2e", "tools"):
        files += [path for path in (ROOT / folder).rglob("*") if path.suffix in {".md", ".py", ".yaml", ".sh"}]
    told = [path.relative_to(ROOT).as_posix() for path in files if FROM_AN_INDEX.search(path.read_text("utf-8"))]
    assert told == []


def test_uninstalling_deletes_every_kind() -> None:
    kinds = {path.stem for path in (ROOT / "crds").glob("*.yaml")}
    page = (ROOT / "docs/operations/install.md").read_text("utf-8")
    (crds,) = re.findall(r"^kubectl delete crd (.*)$", page, re.MULTILINE)
    assert set(crds.split()) == {f"{kind}.serin.dev" for kind in kinds}
    (objects,) = re.findall(r"^kubectl delete (\S+) -A --all$", page, re.MULTILINE)
    assert set(objects.split(",")) == kinds - {"promotionrecords"}, (
        "records go with their kind, after they are exported"
    )


@pytest.mark.parametrize("folder", ["how-to", "operations", "concepts", "reference"])
def test_the_first_page_of_a_folder_names_all_of_its_pages(folder: str) -> None:
    pages = {path.name for path in (ROOT / "docs" / folder).glob("*.md")} - {"README.md"}
    named = {link.target for link in links((ROOT / "docs" / folder / "README.md").read_text("utf-8"))}
    assert pages - named == set()


def test_no_page_upgrades_with_the_values_of_the_release_alone() -> None:
    """``--reuse-values`` leaves out what a newer chart needs."""
    told = [
        path.name
        for path in (ROOT / "docs").rglob("*.md")
        if re.search(r"helm upgrade[^\n]*--reuse-values", path.read_text("utf-8"))
    ]
    assert told == []


def test_the_two_commands_are_two() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    section = text.split("##@ The two commands")[1].split("##@")[0]
    assert re.findall(r"^([a-z0-9-]+):.*## ", section, re.MULTILINE) == ["demo", "test"]


@pytest.mark.parametrize("target", ["build", "demo-environments", "playground"])
def test_no_command_begins_with_paths_of_a_cache(target: str) -> None:
    """What ``e2e.sandbox.build`` prints is for programs; how far it is stands on stderr."""
    recipe = (ROOT / "Makefile").read_text("utf-8").split(f"\n{target}:")[1].split("\n\n")[0]
    calls = [line for line in recipe.splitlines() if "e2e.sandbox.build" in line]
    assert calls
    assert all(line.endswith(">/dev/null") for line in calls)
