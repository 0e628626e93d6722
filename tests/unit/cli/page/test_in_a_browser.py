"""The page as people meet it, in a real browser: live, by keyboard, aloud, in the dark, on a phone, without script."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from e2e import browser
from tests.page_world import SLOW, World

Served = Callable[[World], AbstractAsyncContextManager[str]]
pytestmark = browser.needs_browser
ROLLOUT = "/mdep/prod/fraud"
TAB, ENTER = 9, 13
LIVE = "document.getElementById('live').textContent === 'live'"
CONTRAST = """
(() => {
  const rgb = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const linear = (v) => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => [r, g, b].map((v) => linear(v / 255))
    .reduce((sum, v, n) => sum + v * [.2126, .7152, .0722][n], 0);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const found = rgb(getComputedStyle(at).backgroundColor);
      if (found.length === 3 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const node of document.querySelectorAll("body *")) {
    if (![...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim())) continue;
    if (!node.checkVisibility() || node.closest("svg, script, .unseen, .skip")) continue;
    const [a, b] = [light(rgb(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5) poor.push(`${node.className || node.tagName}: ${node.textContent.slice(0, 40)}`);
  }
  return poor;
})()
"""
"""What is hard to read for want of contrast (WCAG AA, 4.5 : 1)."""


def world(back: bool = False) -> World:  # noqa: FBT001, FBT002 - a switch of a test
    made = World(SLOW)
    made.phase("Stable")
    made.lab.prometheus.candidate_bad = 12 if back else 0
    made.lab.want("2")
    if back:
        made.phase("RolledBack")
    else:
        made.weight(40)
    made.fleet(9)
    made.see()
    return made


async def text(page: browser.Page) -> str:
    return str(await page.value("document.body.innerText"))


async def test_a_rollout_is_followed_without_a_hand(served: Served) -> None:
    made = await asyncio.to_thread(world)
    async with served(made) as url, browser.page() as page:
        await page.size(1280, 900)
        await page.open(url + ROLLOUT)
        await page.until(LIVE)
        await page.value("window.kept = document.getElementById('arms'); document.querySelector('#history a').focus()")
        made.lab.prometheus.candidate_bad = 60
        await asyncio.to_thread(made.phase, "RolledBack")
        await page.until("document.querySelector('.lead').textContent.includes('RolledBack')")
        await page.until("document.getElementById('told').textContent.includes('RolledBack')")
        assert "100 % version 1" in await text(page)
        assert await page.value("document.activeElement.getAttribute('href')"), (
            "who is somewhere by keyboard stays there"
        )
        assert await page.value("!window.kept.isConnected || window.kept.isEqualNode(document.getElementById('arms'))")
        ids = await page.value("[...document.querySelector('main').children].map((each) => each.id)")
        assert "" not in ids
        assert len(ids) == len(set(ids)), ids
        assert ids[:3] == ["cluster", "head", "pair"], "parts keep their order"
        assert page.console == []


async def test_a_server_that_ends_is_told_and_found_again(served: Served) -> None:
    made = await asyncio.to_thread(world)
    async with browser.page() as page:
        async with served(made) as url:
            await page.open(url + "/")
            await page.until(LIVE)
        await page.until("document.getElementById('live').textContent.includes('away')")
        assert "fraud" in await text(page), "what was seen stays"


async def test_it_can_be_read_without_script(served: Served) -> None:
    async with served(await asyncio.to_thread(world)) as url, browser.page(script=False) as page:
        await page.open(url + "/")
        shown = await text(page)
        assert "not live: reload for newer" in shown
        assert "fraud" in shown
        await page.open(url + ROLLOUT)
        assert "Evidence: availability" in await text(page)


async def test_everything_is_reached_by_keyboard(served: Served) -> None:
    async with served(await asyncio.to_thread(world)) as url, browser.page() as page:
        await page.open(url + "/")
        await page.until(LIVE)
        await page.key("Tab", TAB)
        assert await page.value("document.activeElement.className") == "skip"
        seen = set()
        for _ in range(60):
            await page.key("Tab", TAB)
            where = await page.value("document.activeElement.getAttribute('href') || document.activeElement.id")
            if where == ROLLOUT:
                break
            seen.add(where)
        assert {"/", "q", "/?show=person"} <= seen
        outline = await page.value("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", "where one is can be seen"
        await page.call(
            "Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", windowsVirtualKeyCode=ENTER, text="\r"
        )
        await page.until(f"location.pathname === {ROLLOUT!r}")


async def test_it_is_read_aloud_with_roles_and_names(served: Served) -> None:
    async with served(await asyncio.to_thread(world)) as url, browser.page() as page:
        await page.size(390, 844, phone=True)
        named: dict[str, list[str]] = {}
        for path in ("/", ROLLOUT):
            await page.open(url + path)
            await page.until(LIVE)
            tree = (await page.call("Accessibility.getFullAXTree"))["nodes"]
            named = {}
            for node in tree:
                role = str(node.get("role", {}).get("value"))
                named.setdefault(role, []).append(str(node.get("name", {}).get("value", "")))
            for role in ("banner", "main", "navigation", "contentinfo", "heading", "link", "status"):
                assert named.get(role), (path, role)
            assert all(named["link"])
            assert all(named.get("image", ["x"]))
            assert named["table"]
            assert named["columnheader"], "also where rows are shown as cards"
        pictures = [name for name in named["image"] if "evidence" in name.lower()]
        assert any("availability at the end" in name for name in pictures), named["image"]


async def test_it_fits_a_phone_and_can_be_read_in_the_dark(served: Served) -> None:
    made = await asyncio.to_thread(world, back=True)
    made.board.failed("", "GET /apis: no answer in time", "Is it the right cluster? `kubectl config current-context`")
    async with served(made) as url, browser.page() as page:
        for width, phone in ((320, True), (390, True), (768, False), (1280, False)):
            for path in ("/", ROLLOUT, f"{ROLLOUT}/records/{made.record}"):
                await page.size(width, 844, phone=phone, dark=phone)
                await page.open(url + path)
                await page.until(LIVE)
                assert await page.value("document.documentElement.scrollWidth") <= width, (width, path)
                assert await page.value(CONTRAST) == [], (width, path)
        await page.size(1280, 900)
        light = await page.value("getComputedStyle(document.body).backgroundColor")
        await page.size(1280, 900, dark=True)
        assert await page.value("getComputedStyle(document.body).backgroundColor") != light


async def test_no_script_but_ours_runs(served: Served) -> None:
    made = await asyncio.to_thread(world)
    evil = "<img src=x onerror='window.evil=1'><script>window.evil=1</script>"
    made.board.put({**made.lab.obj(), "status": {"phase": evil, "message": evil, "reason": evil}})
    async with served(made) as url, browser.page() as page:
        for path in ("/", ROLLOUT):
            await page.open(url + path)
            await page.until(LIVE)
            assert await page.value("window.evil") is None
        inline: Any = (
            "const s = document.createElement('script'); s.textContent = 'window.evil = 1'; document.body.append(s)"
        )
        await page.value(inline)
        assert await page.value("window.evil") is None
        assert any("Content Security Policy" in told for told in page.console)
