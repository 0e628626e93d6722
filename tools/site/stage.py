"""Puts the pages where the generator of the site reads them.

The pages are written to be read in the repository, too. So a link that leaves the site (a source file, a folder)
becomes one to the repository, and one to a page outside of docs/ (CONTRIBUTING.md) leads to where the site has it.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path, PurePosixPath

import yaml

from tools.site import markdown
from tools.site.contents import navigation, place, sources

SETTINGS = Path(__file__).with_name("mkdocs.yml")
ASSETS = Path(__file__).with_name("assets")
BRANCH = "main"


def stage(root: Path, target: Path) -> None:
    """Write pages, pictures and settings to ``target``, which is emptied first. LookupError: see contents."""
    if target.exists():
        shutil.rmtree(target)
    taken = sources(root)
    settings = SETTINGS.read_text("utf-8")
    repository = _value(settings, "repo_url")
    titles: dict[PurePosixPath, str] = {}
    for page in taken:
        there = target / "docs" / place(page)
        there.parent.mkdir(parents=True, exist_ok=True)
        if page.suffix != ".md":
            shutil.copyfile(root / page, there)
            continue
        text = (root / page).read_text("utf-8")
        titles[page] = markdown.title(text) or page.stem
        there.write_text(rewritten(text, page, root, frozenset(taken), repository), "utf-8")
    shutil.copytree(ASSETS, target / "docs" / ASSETS.name)
    nav = yaml.safe_dump({"nav": navigation(titles)}, sort_keys=False, allow_unicode=True, width=1000)
    (target / "mkdocs.yml").write_text(f"{settings}\n{nav}", "utf-8")


def _value(settings: str, name: str) -> str:
    """A setting of the first level. The file has tags of Python's, which a safe reader of YAML refuses."""
    found = re.search(rf"^{name}: (\S+)$", settings, re.MULTILINE)
    if found is None:
        raise LookupError(f"{SETTINGS} has no {name}")
    return found.group(1)


def rewritten(text: str, page: PurePosixPath, root: Path, taken: frozenset[PurePosixPath], repository: str) -> str:
    """The page with its links as they are on the site."""
    own = place(page)

    def changed(target: str) -> str:
        path, mark, fragment = target.partition("#")
        if not path:
            return target
        there = PurePosixPath(os.path.normpath(page.parent / path))
        for candidate in (there, there / "README.md"):
            if candidate in taken:
                return os.path.relpath(place(candidate), own.parent) + mark + fragment
        kind = "tree" if (root / there).is_dir() else "blob"
        return f"{repository}/{kind}/{BRANCH}/{there}{mark}{fragment}"

    return markdown.with_links(text, changed)
