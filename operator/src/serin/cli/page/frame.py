"""The frame of each page: head, what is said of the cluster, and the script that keeps it live."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.resources import files
from xml.etree.ElementTree import Element

from serin import __version__
from serin.cli.following.board import Reach
from serin.cli.page.markup import Node, commands, html, tag, when

ASSETS = files("serin.cli.page") / "assets"
STYLE, SCRIPT, ICON = ((ASSETS / name).read_text("utf-8") for name in ("page.css", "live.js", "icon.svg"))
STYLE_PATH = f"/page-{hashlib.sha256(STYLE.encode()).hexdigest()[:16]}.css"
ICON_PATH = "/icon.svg"
SCRIPT_HASH = "sha256-" + base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
POLICY = "; ".join(
    (
        "default-src 'none'",
        f"script-src '{SCRIPT_HASH}'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""What a browser may do with a page: run this one script, by its hash, and ask this server."""
BEFORE_SCRIPT, AFTER_SCRIPT = "<script>", "</script>"


def document(
    title: str, way: Sequence[tuple[str, str]], main: Sequence[Node], reach: list[Reach], now: datetime
) -> str:
    """A page; ``way`` leads to it: texts with their addresses, the last of which is the page."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{title} · Serin"),
        tag("link", rel="stylesheet", href=STYLE_PATH),
        tag("link", rel="icon", href=ICON_PATH, type="image/svg+xml"),
    )
    body = tag(
        "body",
        tag("a", "To the content", href="#content", class_="skip"),
        tag("header", _way(way), tag("p", _as_of(now), class_="as-of", id="as-of"), class_="top"),
        tag("p", id="told", class_="unseen", role="status"),
        tag("main", _cluster(reach, now), *main, id="content", tabindex="-1"),
        tag(
            "footer",
            tag("p", f"Serin {__version__}. Read only: to act, use the command line, which asks who you are."),
            id="foot",
        ),
    )
    text = html(tag("html", head, body, lang="en"))
    # The script is a file of ours; the tree would write its characters as text.
    return text.replace("</body>", f"{BEFORE_SCRIPT}{SCRIPT}{AFTER_SCRIPT}</body>")


def _way(way: Sequence[tuple[str, str]]) -> Element:
    steps = [
        tag("li", tag("a", tag("img", src=ICON_PATH, alt="", width=22, height=22), "Serin", href="/", class_="home"))
    ]
    for number, (text, address) in enumerate(way):
        here = "page" if number == len(way) - 1 else None
        steps.append(tag("li", tag("a", text, href=address, aria_current=here)))
    return tag("nav", tag("ol", steps), aria_label="Where you are", class_="way")


def _as_of(now: datetime) -> list[Node]:
    at = now.astimezone(UTC)
    return [
        tag("span", "not live: reload for newer", id="live", class_="dot off"),
        tag("time", f"{at:%Y-%m-%d %H:%M:%S} UTC", datetime=at.isoformat(timespec="seconds")),
    ]


def _cluster(reach: list[Reach], now: datetime) -> Element:
    """What a reader must know about all that stands below: that it is old, or not all."""
    told: list[Node] = []
    for each in reach:
        where = f"namespace {each.namespace}" if each.namespace else "the cluster"
        if each.problem:
            since = when(each.since.isoformat(), now)
            what = tag("strong", f"What {where} does is not known")
            told.append(
                tag(
                    "div",
                    tag("p", what, " since ", since, ". What stands below was seen before."),
                    tag("p", each.problem, class_="words"),
                    tag("p", *commands(each.hint)),
                    class_="notice bad",
                    role="alert",
                )
            )
        if each.left_out:
            told.append(
                tag("p", f"{each.left_out} further ModelDeployments of {where} are not shown.", class_="notice")
            )
    return tag("div", told, id="cluster")
