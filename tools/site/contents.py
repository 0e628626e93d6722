"""Which pages does the site have, and in which order?

A section is a folder: pages that are named come first, in this order, the others after them by title. A page that no
section takes in is an error of the build, so that a new page is found by its readers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

HOME = PurePosixPath("README.md")
PLACES = {
    HOME: PurePosixPath("index.md"),
    PurePosixPath("CONTRIBUTING.md"): PurePosixPath("development/contributing.md"),
    PurePosixPath("SECURITY.md"): PurePosixPath("development/reporting.md"),
    PurePosixPath("CHANGELOG.md"): PurePosixPath("changelog.md"),
}
"""Pages outside of docs/, and where the site has them."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the site."""

    title: str
    first: tuple[str, ...] = ()
    """Pages in their order, as paths of the repository."""
    folders: tuple[str, ...] = ()
    """Whose other pages follow."""
    inner: tuple[Section, ...] = field(default=())


SECTIONS = (
    Section("Start", ("docs/start.md", "docs/your-own-model.md", "docs/sandbox.md", "docs/kind.md")),
    Section(
        "Concepts",
        (
            "docs/concepts/README.md",
            "docs/concepts/lifecycle.md",
            "docs/concepts/judge.md",
            "docs/concepts/metrics.md",
            "docs/concepts/gates.md",
            "docs/concepts/evidence.md",
            "docs/concepts/inferenceservice.md",
            "docs/concepts/gateways.md",
        ),
        ("docs/concepts",),
    ),
    Section(
        "How to",
        (
            "docs/how-to/README.md",
            "docs/how-to/adopt-and-leave.md",
            "docs/operations/actions.md",
            "docs/operations/freeze.md",
            "docs/operations/environments.md",
        ),
        ("docs/how-to",),
    ),
    Section(
        "Operations",
        (
            "docs/operations/README.md",
            "docs/operations/install.md",
            "docs/operations/security.md",
            "docs/operations/prometheus.md",
            "docs/operations/gateway-metrics.md",
            "docs/operations/sizing.md",
            "docs/operations/disaster-recovery.md",
            "docs/operations/process.md",
            "docs/operations/monitoring.md",
            "docs/operations/events.md",
        ),
        ("docs/operations",),
        (
            Section(
                "Runbooks",
                ("docs/runbooks/README.md", "docs/runbooks/take-it-back-by-hand.md", "docs/runbooks/lost-status.md"),
                ("docs/runbooks",),
            ),
        ),
    ),
    Section(
        "Reference",
        ("docs/reference/README.md", "docs/reference/cli.md", "docs/reference/lint.md", "docs/reference/reasons.md"),
        ("docs/reference",),
        (Section("Kinds", (), ("docs/reference/kinds",)),),
    ),
    Section(
        "How good it is",
        (
            "docs/compared.md",
            "docs/benchmarks.md",
            "docs/reliability.md",
            "docs/reliability-kind.md",
            "docs/limits.md",
        ),
    ),
    Section("Decisions", ("docs/adr/README.md",), ("docs/adr",)),
    Section(
        "Contributing",
        ("CONTRIBUTING.md", "docs/development/architecture.md", "docs/development/extending.md"),
        ("docs/development",),
        (
            Section(
                "More",
                (
                    "docs/development/testing.md",
                    "docs/development/newcomers.md",
                    "docs/node-agent.md",
                    "SECURITY.md",
                    "CHANGELOG.md",
                ),
            ),
        ),
    ),
)


def place(page: PurePosixPath) -> PurePosixPath:
    """Where the site has a page or a picture of the repository."""
    if page in PLACES:
        return PLACES[page]
    there = page.relative_to("docs")
    return there.with_name("index.md") if there.name == "README.md" else there


def sources(root: Path) -> list[PurePosixPath]:
    """Every page and picture that the site has."""
    docs = [path for path in (root / "docs").rglob("*") if path.suffix in {".md", ".svg", ".png", ".json"}]
    return sorted([*PLACES, *(PurePosixPath(path.relative_to(root)) for path in docs)])


def navigation(titles: dict[PurePosixPath, str]) -> list[object]:
    """The sections with their pages, as the generator reads them. LookupError for a page in none or in two places."""
    left = dict(titles)
    left.pop(HOME, None)
    out: list[object] = [{"Serin": str(place(HOME))}, *(_section(section, left) for section in SECTIONS)]
    if left:
        raise LookupError(f"no section of tools/site/contents.py has {', '.join(map(str, sorted(left)))}")
    return out


def _section(section: Section, left: dict[PurePosixPath, str]) -> dict[str, object]:
    inner = [_section(each, left) for each in section.inner]
    named = [PurePosixPath(page) for page in section.first]
    missing = [str(page) for page in named if page not in left]
    if missing:
        raise LookupError(f"section {section.title} names {', '.join(missing)}: not there, or in two places")
    entries = [_entry(page, left) for page in named]
    entries += [_entry(page, left) for page in _others(section.folders, left)]
    return {section.title: [*entries, *inner]}


def _others(folders: Iterable[str], left: dict[PurePosixPath, str]) -> list[PurePosixPath]:
    """The pages of the folders that nobody has named: decisions by number, others by title."""
    own = [page for page in left if str(page.parent) in folders]
    return sorted(own, key=lambda page: page.name if page.parent.name == "adr" else left[page].lower())


def _entry(page: PurePosixPath, left: dict[PurePosixPath, str]) -> dict[str, str]:
    return {left.pop(page): str(place(page))}
