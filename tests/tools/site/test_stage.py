from pathlib import Path, PurePosixPath

import pytest
import yaml

from tools.site import markdown
from tools.site.contents import HOME, navigation, place, sources
from tools.site.stage import rewritten, stage

ROOT = Path(__file__).parents[3]
REPOSITORY = "https://example.com/serin"


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    stage(ROOT, target)
    return target


def test_every_page_has_one_place_in_the_navigation(staged: Path) -> None:
    settings = (staged / "mkdocs.yml").read_text("utf-8")
    nav = yaml.safe_load(settings[settings.index("\nnav:") :])["nav"]

    def pages(entries: list[dict[str, object]]) -> list[str]:
        found: list[str] = []
        for entry in entries:
            for value in entry.values():
                found += pages(value) if isinstance(value, list) else [str(value)]
        return found

    there = {path.relative_to(staged / "docs").as_posix() for path in (staged / "docs").rglob("*.md")}
    assert sorted(pages(nav)) == sorted(there)
    assert nav[0] == {"Serin": "index.md"}


def test_every_link_between_pages_leads_to_a_page_of_the_site(staged: Path) -> None:
    wrong = [
        f"{path.name}:{link.line}: {link.target}"
        for path in (staged / "docs").rglob("*.md")
        for link in markdown.links(path.read_text("utf-8"))
        if link.target and not (path.parent / link.target).is_file()
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("page", "written", "on_the_site"),
    [
        ("docs/a/b.md", "c.md#x", "c.md#x"),
        ("docs/a/b.md", "#x", "#x"),
        ("docs/a/b.md", "../../SECURITY.md#x", "../development/reporting.md#x"),
        ("docs/a/b.md", "../../tools/x.py", f"{REPOSITORY}/blob/main/tools/x.py"),
        ("docs/a/b.md", "../../tools", f"{REPOSITORY}/tree/main/tools"),
        ("README.md", "docs/a/c.md", "a/c.md"),
        ("README.md", "docs/a/", "a/index.md"),
        ("README.md", "LICENSE", f"{REPOSITORY}/blob/main/LICENSE"),
    ],
)
def test_a_link_leads_to_the_page_or_to_the_repository(page: str, written: str, on_the_site: str) -> None:
    taken = frozenset(map(PurePosixPath, ["docs/a/b.md", "docs/a/c.md", "docs/a/README.md", "SECURITY.md"]))
    text = rewritten(f"[x]({written})", PurePosixPath(page), ROOT, taken, REPOSITORY)
    assert text == f"[x]({on_the_site})"


def test_a_page_that_no_section_has_is_named() -> None:
    titles = {page: page.stem for page in sources(ROOT) if page.suffix == ".md"}
    with pytest.raises(LookupError, match=r"no section .* has docs/somewhere/new\.md"):
        navigation({**titles, PurePosixPath("docs/somewhere/new.md"): "New"})


def test_a_new_page_of_a_folder_is_taken_in_by_its_section() -> None:
    titles = {page: page.stem for page in sources(ROOT) if page.suffix == ".md"}
    nav = navigation({**titles, PurePosixPath("docs/how-to/a-new-one.md"): "A new one"})
    assert {"A new one": "how-to/a-new-one.md"} in next(
        e["How to"] for e in nav if isinstance(e, dict) and "How to" in e
    )


def test_the_readme_is_the_first_page_and_short() -> None:
    assert place(HOME) == PurePosixPath("index.md")
    assert len((ROOT / HOME).read_text("utf-8").splitlines()) <= 150
    assert (ROOT / HOME).stat().st_size < 12_000
