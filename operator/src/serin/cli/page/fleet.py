"""The first page: every ModelDeployment, the most urgent first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode
from xml.etree.ElementTree import Element

from serin.cli.following.entries import SHOWN, Entry, entry_of
from serin.cli.live.reading import Object
from serin.cli.live.views import Row
from serin.cli.page.markup import Node, pill, svg, table, tag, when
from serin.cli.shell.telling import beside
from serin.schema.printable import shortened

PER_PAGE = 500
LONGEST_MESSAGE, LONGEST_FILTER = 240, 253


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for."""

    text: str = ""
    group: str = ""
    page: int = 1

    def address(self, **changes: object) -> str:
        """The address of the list with some of it changed."""
        fields = {"q": self.text, "show": self.group, "page": self.page} | changes
        kept = {name: value for name, value in fields.items() if value and (name, value) != ("page", 1)}
        return f"/?{urlencode(kept)}" if kept else "/"


def asked_in(query: dict[str, str]) -> Asked:
    """What an address asks for; what it cannot ask for is left out."""
    group, page = query.get("show", ""), query.get("page", "1")
    number = int(page) if page.isascii() and page.isdecimal() and len(page) < 5 else 1  # noqa: PLR2004 - 9999 pages
    return Asked(query.get("q", "")[:LONGEST_FILTER].strip(), group if group in SHOWN else "", max(1, number))


def path_of(namespace: str, name: str) -> str:
    """The address of a ModelDeployment."""
    return f"/mdep/{quote(namespace, safe='')}/{quote(name, safe='')}"


def fleet(objects: list[Object], asked: Asked, now: datetime, *, known: bool) -> list[Node]:
    """The content of the page; ``known`` says whether there was ever a list."""
    entries = [entry_of(obj) for obj in objects]
    named = [entry for entry in entries if asked.text.lower() in f"{entry.row.namespace}/{entry.row.name}".lower()]
    found = sorted((entry for entry in named if entry.is_in(asked.group)), key=lambda entry: entry.order)
    last = max(1, -(-len(found) // PER_PAGE))
    page = min(asked.page, last)
    shown = found[(page - 1) * PER_PAGE : page * PER_PAGE]
    parts: list[Node] = [tag("h1", "Models", id="title"), _filter(asked), _groups(named, asked)]
    if not known:
        parts.append(tag("p", "No list of the ModelDeployments has come yet.", class_="empty", id="models"))
    elif not shown:
        told = "No ModelDeployment is like that." if objects else "There is no ModelDeployment yet."
        parts.append(tag("p", told, class_="empty", id="models"))
    else:
        parts.append(_models(shown, now))
    if last > 1:
        parts.append(_pages(asked, page, last, len(found)))
    return parts


def _filter(asked: Asked) -> Element:
    return tag(
        "form",
        tag("label", "Namespace or name", for_="q"),
        tag("input", id="q", name="q", type="search", value=asked.text, maxlength=LONGEST_FILTER, autocomplete="off"),
        tag("input", type="hidden", name="show", value=asked.group) if asked.group else None,
        tag("button", "Filter"),
        role="search",
        action="/",
        class_="filter",
        id="filter",
    )


def _groups(entries: list[Entry], asked: Asked) -> Element:
    links = []
    for group, title in SHOWN.items():
        count = sum(1 for entry in entries if entry.is_in(group))
        link = tag(
            "a",
            f"{title} ",
            tag("b", str(count)),
            href=asked.address(show=group, page=1),
            aria_current="true" if group == asked.group else None,
            class_="urgent" if group == "person" and count else None,
        )
        links.append(tag("li", link))
    return tag("nav", tag("ul", links), aria_label="Groups", class_="groups", id="groups")


def _models(entries: list[Entry], now: datetime) -> Element:
    heads = ["Model", "Phase", "Versions", "Weight", "Why", "Since"]
    return tag("div", table("ModelDeployments", heads, _rows(entries, now)), class_="models", id="models")


def _rows(entries: list[Entry], now: datetime) -> Iterator[list[Node]]:
    for entry in entries:
        row = entry.row
        name = tag("a", tag("span", f"{row.namespace}/", class_="dim"), row.name, href=path_of(row.namespace, row.name))
        phase = tag("span", phase_of(row), _person(entry))
        why = tag("span", tag("b", row.reason or ""), " ", shortened(beside(row.phase, row.message), LONGEST_MESSAGE))
        yield [tag("strong", name), phase, versions(row), weight_bar(row.weight), why, when(row.since, now, short=True)]


def phase_of(row: Row) -> Element:
    """The phase; of a model that answers nobody that it is down."""
    return pill("DOWN", "bad") if row.down else pill(row.phase)


def _person(entry: Entry) -> Element | None:
    if entry.wait.urgency == "Owner":
        return tag("span", "owner chooses", class_="dim")
    return tag("span", "needs somebody", class_="person") if entry.wait.needs_a_person else None


def versions(row: Row) -> Element:
    """What serves, and what is on trial."""
    if row.candidate is None:
        return tag("span", row.stable or "–")
    return tag(
        "span", row.stable or "–", tag("span", " → ", aria_label=" to "), tag("b", row.candidate, class_="candidate")
    )


def weight_bar(weight: int | None) -> Element:
    """The candidate's weight as a bar with its number."""
    if not isinstance(weight, int):  # None, or what another version writes
        return tag("span", "–", class_="dim none")
    bar = svg(
        "svg",
        svg("rect", width=100, height=8, rx=4, class_="stable-part"),
        svg("rect", width=max(0, min(100, weight)), height=8, rx=4, class_="candidate-part"),
        viewBox="0 0 100 8",
        preserveAspectRatio="none",
        width=100,
        height=8,
        aria_hidden="true",
    )
    return tag("span", bar, f" {weight} %", class_="bar")


def _pages(asked: Asked, page: int, last: int, count: int) -> Element:
    before = tag("a", "Before", href=asked.address(page=page - 1), rel="prev") if page > 1 else None
    after = tag("a", "Next", href=asked.address(page=page + 1), rel="next") if page < last else None
    return tag(
        "nav",
        before,
        tag("span", f"Page {page} of {last}, {count} models"),
        after,
        aria_label="Pages",
        class_="pages",
        id="pages",
    )
