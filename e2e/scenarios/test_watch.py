"""A real rollout and a real rollback on the full screen of ``serin watch``, held and released by its keys.

``SERIN_PICTURES`` names a folder for pictures of it, for docs/how-to/watch.md.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("textual", reason="textual is not installed: it is in the extra view")

from textual._context import visible_screen_stack
from textual.containers import Vertical

from e2e.scenarios.command_line import CommandLine
from e2e.scenarios.site import MODEL
from serin.cli.screen import running
from serin.cli.screen.asking import Asking

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from e2e.scenarios.site import Site

pytestmark = pytest.mark.matrix
STEPS = [{"weight": 5, "for": "12s"}, {"weight": 25, "for": "12s"}, {"weight": 50, "for": "12s"}]
SLOS = [
    {"name": "availability", "objective": "99.0", "indicator": {"availability": {}}},
    {"name": "latency", "severity": "Required", "objective": "95.0", "indicator": {"latency": {"threshold": "500ms"}}},
]
END = "\x1b[F"
"""What a terminal sends for the key End."""
SIZE = (110, 84)
SECONDS = 180.0


def shown(pilot: Pilot[Any]) -> str:
    """What the characters of the screen say, in one line; of a question only its box, not what is behind it."""
    screen = pilot.app.screen
    visible_screen_stack.set(pilot.app._background_screens)  # what a question is drawn over, as textual itself does it
    region = screen.query_one(Vertical).region if isinstance(screen, Asking) else screen.region
    strips = screen._compositor.render_strips()[region.y : region.bottom]
    lines = (strip.crop(region.x, region.right).text for strip in strips)
    return " ".join(" ".join(lines).replace("│", " ").split())


async def until(pilot: Pilot[Any], words: str) -> None:
    """Waits until the screen says something."""
    end = time.monotonic() + SECONDS
    while words not in (told := shown(pilot)):
        if time.monotonic() > end:
            raise AssertionError(f"{words!r} was not on the screen in {SECONDS:g} s, but: {told}")
        await pilot.pause(0.1)


def pictured(pilot: Pilot[Any], name: str) -> None:
    """A picture of what the screen shows now."""
    folder = os.environ.get("SERIN_PICTURES")
    if folder:
        (Path(folder) / f"{name}.svg").write_text(pilot.app.export_screenshot(title="serin watch"), "utf-8")


async def said(pilot: Pilot[Any], key: str, reason: str, answer: str, picture: str = "") -> None:
    """Asks for an action by its key, with a reason, and confirms it."""
    await pilot.press(key, *reason, "enter")
    await until(pilot, "you may, and the API server would take it")
    if picture:
        pictured(pilot, picture)
    await pilot.press("y")
    await until(pilot, answer)


@pytest.mark.timeout(900)
async def test_the_full_screen_follows_and_holds_a_rollout_and_follows_a_rollback(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(site.provider.kubeconfig))
    monkeypatch.delenv("NO_COLOR", raising=False)
    await asyncio.to_thread(site.go_live)
    site.policy(steps=STEPS, slos=SLOS)
    with site.load(), running.followed(None, site.namespace, None) as program:
        async with program.run_test(size=SIZE, notifications=True) as pilot:
            await until(pilot, "1 model")
            await until(pilot, f"{MODEL} Stable")
            await pilot.press("enter")
            await until(pilot, f"{site.namespace}/{MODEL} Stable")
            site.want("2")
            await until(pilot, "step 1 of 3 at 5 %")
            await said(pilot, "h", "look first", "Hold: Accepted", "watch-hold")
            await until(pilot, "look first")
            await said(pilot, "r", "looks well", "Release: Accepted")
            await until(pilot, "step 3 of 3 at 50 %")
            await until(pilot, "50 %: ")
            await until(pilot, "evidence: latency")
            pictured(pilot, "watch-rollout")
            await until(pilot, f"{site.namespace}/{MODEL} Stable")
            await until(pilot, "Promoted: ")

            site.want("3", environment={"ERROR_RATE": "0.2"})
            await until(pilot, "step 1 of 3 at 5 %")
            await until(pilot, f"{site.namespace}/{MODEL} RolledBack")
            await until(pilot, "RolledBack: SLOBreached")
            await until(pilot, "the last rollout over time")
            pictured(pilot, "watch-rollback")
            await pilot.press("escape")
            await until(pilot, f"{MODEL} RolledBack")
            pictured(pilot, "watch-list")
    await asyncio.to_thread(in_a_terminal, CommandLine(site.provider.kubeconfig, site.namespace))
    site.nobody_else_failed(but="3")


def in_a_terminal(serin: CommandLine) -> None:
    """The program itself, in a real terminal, until a key ends it; and by lines into a pipe."""
    with serin.screen("watch") as screen:
        screen.until("RolledBack")
        screen.press("\r")
        screen.until("the last rollout over time")
        screen.press(END)  # three SLOs are drawn above it
        screen.until("what happened")
        screen.press("q")
        assert screen.ended() == 0
    lines = serin.piped("watch", "--timeout", "2s")
    assert (lines.code, lines.err) == (0, "")
    assert f"{serin.namespace}/{MODEL} RolledBack" in lines.out
