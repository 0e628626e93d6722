"""The head of the page of one ModelDeployment: its name, its phase, and who gets how much of the traffic."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from serin.cli.live.views import Details
from serin.cli.page.fleet import phase_of
from serin.cli.page.markup import svg, tag


def head(found: Details) -> Element:
    """The name, the phase, the step, and who gets how much."""
    row = found.row
    step = ""
    if found.candidate is not None and found.steps:
        step = f"step {found.step} of {found.steps}" if found.step else f"before the first of {found.steps} steps"
    return tag(
        "div",
        tag("h1", tag("span", f"{row.namespace}/", class_="dim"), row.name),
        tag("p", phase_of(row), f" {step}" if step else None, class_="lead"),
        tag("p", "Serin has not yet looked at the newest spec.", class_="notice") if not found.observed else None,
        _shares(found) if found.stable or found.candidate else None,
        id="head",
    )


def _shares(found: Details) -> Element:
    """Who answers how much of the traffic, as one bar."""
    weight = found.candidate.weight if found.candidate is not None else 0
    drawn = svg(
        "svg",
        svg("rect", width=100, height=14, class_="stable-part"),
        svg("rect", x=100 - weight, width=weight, height=14, class_="candidate-part"),
        viewBox="0 0 100 14",
        preserveAspectRatio="none",
        height=14,
        class_="shares",
        aria_hidden="true",
    )
    stable = None
    if found.stable:
        none = "" if found.stable.answers else ", and answers none"
        stable = tag("span", tag("b", f"{100 - weight} %"), f" version {found.stable.version}{none}")
    candidate = None
    if found.candidate:
        words = f" version {found.candidate.version}, on trial"
        candidate = tag("span", tag("b", f"{weight} %"), words, class_="candidate")
    return tag("div", drawn, tag("p", stable, candidate, class_="ends"))
