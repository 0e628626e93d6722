"""A real rollout and a real rollback, followed on the page in a real browser that nobody touches.

``SERIN_PICTURES`` names a folder for pictures of it, for docs/how-to/dashboard.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e2e import browser
from e2e.scenarios.site import MODEL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.scenarios.site import Site

pytestmark = [pytest.mark.matrix, browser.needs_browser]
STEPS = [{"weight": 5, "for": "12s"}, {"weight": 25, "for": "12s"}, {"weight": 50, "for": "12s"}]
SLOS = [
    {"name": "availability", "objective": "99.0", "indicator": {"availability": {}}},
    {"name": "latency", "severity": "Required", "objective": "95.0", "indicator": {"latency": {"threshold": "500ms"}}},
]
LEAD = "document.querySelector('.lead').textContent + document.querySelector('.ends').textContent"
WIDE, PHONE = (1280, 800), (390, 844)
URL = re.compile(r"http://\S+/")


@contextlib.contextmanager
def dashboard(site: Site) -> Iterator[str]:
    """The command, as somebody with this cluster's kubeconfig runs it; its address."""
    command = [sys.executable, "-m", "serin.cli", "dashboard", "--port", "0", "-n", site.namespace]
    environment = {**os.environ, "KUBECONFIG": str(site.provider.kubeconfig)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            told = process.stderr.readline()
            found = URL.search(told)
            assert found, told
            yield found.group()
        finally:
            process.terminate()
            assert process.wait(60) == 0, "it ends when it is asked to"


async def pictured(page: browser.Page, name: str) -> None:
    """Pictures of what the page shows now: all of it, wide, and the screen of a phone in the dark."""
    folder = os.environ.get("SERIN_PICTURES")
    if folder:
        for kind, (width, height) in (("", WIDE), ("-phone", PHONE)):
            await page.size(width, height, dark=bool(kind), phone=bool(kind))
            await page.picture(Path(folder) / f"{name}{kind}.png", whole=not kind)
        await page.size(*WIDE)


async def opened(page: browser.Page, url: str) -> None:
    """Goes to an address and waits until the page is live."""
    await page.open(url)
    await page.until("document.getElementById('live').textContent === 'live'")


def others(site: Site) -> None:
    """Two models beside the one that is followed: one that waits for a policy, and one that is paused."""
    for name, changes in (("churn", {"policyRef": {"name": "missing"}}), ("ranking", {"paused": True})):
        obj = site.model_deployment(
            "7", route={**site.model_deployment("7")["spec"]["route"], "hostnames": [f"{name}.example.com"]}
        )
        obj["metadata"]["name"] = name
        obj["spec"] |= changes
        site.api.apply(obj)


@pytest.mark.timeout(900)
async def test_the_page_follows_a_rollout_and_a_rollback(site: Site) -> None:
    await asyncio.to_thread(site.go_live)
    await asyncio.to_thread(others, site)
    site.policy(steps=STEPS, slos=SLOS)
    here = f"mdep/{site.namespace}/{MODEL}"
    with dashboard(site) as url, site.load():
        async with browser.page() as page:
            await page.size(*WIDE)
            await opened(page, url + here)
            await page.value("window.never = 'reloaded'")
            site.want("2")
            for weight in (5, 25, 50):
                await page.until(f"({LEAD}).includes('{weight} % version 2, on trial')", 180)
            await page.until("document.querySelectorAll('figure').length === 3")
            await pictured(page, "rollout")
            await page.until("document.querySelector('.lead').textContent.includes('Stable')", 180)
            assert await page.value("document.body.innerText.includes('100 % version 2')")

            site.want("3", environment={"ERROR_RATE": "0.2"})
            await page.until(f"({LEAD}).includes('5 % version 3, on trial')", 180)
            await page.until("document.querySelector('.lead').textContent.includes('RolledBack')", 180)
            await page.until("document.querySelector('#time h2').textContent.includes('last rollout')")
            await page.until("document.body.innerText.includes('SLOBreached')")
            assert await page.value("window.never") == "reloaded", "all of that without a hand"
            await pictured(page, "rollback")

            record = (await asyncio.to_thread(site.until_taken_back))["metadata"]["name"]
            await opened(page, f"{url}{here}/records/{record}")
            await page.until("document.body.innerText.includes('was taken back')")
            assert await page.value("document.querySelectorAll('figure').length") == 3
            assert await page.value("document.body.innerText.includes('judged again')")
            await pictured(page, "record")
            await opened(page, url)
            assert await page.value("document.querySelectorAll('tbody tr').length") == 3
            await pictured(page, "fleet")
            assert page.console == []
    site.nobody_else_failed(but="3")
