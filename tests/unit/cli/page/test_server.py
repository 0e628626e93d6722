"""What the page answers over HTTP: to readers, to those who want more, and when the cluster does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from html.parser import HTMLParser
from typing import Any

import aiohttp
import pytest

from serin.cli.page import fleet, server
from serin.cli.page.fleet import PER_PAGE
from serin.cli.page.frame import ICON_PATH, STYLE_PATH
from tests.page_world import SLOW, World

Served = Callable[[World], AbstractAsyncContextManager[str]]
ROLLOUT = "/mdep/prod/fraud"


def world(phase: str = "") -> World:
    """A lab with a rollout: on trial, taken back, or none yet."""
    made = World(SLOW)
    made.phase("Stable")
    made.see()
    if phase == "back":
        made.lab.prometheus.candidate_bad = 12
        made.lab.want("2")
        made.phase("RolledBack")
    if phase == "trial":
        made.lab.want("2")
        made.weight(40)
    return made


async def read(url: str, **options: Any) -> tuple[int, str, Any]:
    async with aiohttp.ClientSession() as http, http.request(options.pop("method", "GET"), url, **options) as answer:
        return answer.status, await answer.text(), answer.headers


def attributes(text: str) -> set[str]:
    """The names of all attributes in a document."""
    found: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, _: str, attrs: list[tuple[str, str | None]]) -> None:
            found.update(name for name, _ in attrs)

    Reader().feed(text)
    return found


async def test_a_rollout_with_both_arms_its_evidence_and_why_it_waits(served: Served) -> None:
    async with served(await asyncio.to_thread(world, "trial")) as url:
        status, text, _ = await read(url + ROLLOUT)
        assert status == 200
        for words in (
            "40 %",
            "version 2",
            "Progressing",
            "step 1 of 2",
            "Evidence: availability",
            "Weight of the candidate",
        ):
            assert words in text, words
        assert text.count('role="img"') == 3, "the weight and two SLOs"
        status, text, _ = await read(url + "/")
        assert f'href="{ROLLOUT}"' in text


async def test_a_rollback_leads_to_its_record(served: Served) -> None:
    made = await asyncio.to_thread(world, "back")
    async with served(made) as url:
        _, text, _ = await read(url + ROLLOUT)
        path = f"{ROLLOUT}/records/{made.record}"
        assert f'href="{path}"' in text
        assert "The last rollout over time" in text
        status, text, _ = await read(url + path)
        assert status == 200
        for words in (
            "was taken back",
            "of them bad",
            "SLOBreached",
            "Evidence: availability",
            "What happened",
            "serin replay",
        ):
            assert words in text, words


@pytest.mark.parametrize(
    "path",
    [
        "/nix",
        "/mdep/prod/nix",
        "/mdep/prod/fraud/records/nix",
        "/mdep/prod/../x",
        "/mdep/Prod/fraud",
        "/mdep/prod/a%2Fb",
        "/assets",
    ],
)
async def test_what_is_not_there_is_404(served: Served, path: str) -> None:
    async with served(await asyncio.to_thread(world)) as url:
        status, text, _ = await read(url + path)
        assert status == 404
        assert "Traceback" not in text


async def test_a_record_of_another_model_is_not_shown_under_this_one(served: Served) -> None:
    made = await asyncio.to_thread(world, "back")
    async with served(made) as url:
        assert (await read(f"{url}/mdep/prod/other/records/{made.record}"))[0] == 404


async def test_a_record_leads_to_its_report_which_is_a_page_of_its_own(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serin.cli.following.records.REPORT_PATIENCE", 60.0)
    made = await asyncio.to_thread(world, "back")
    async with served(made) as url:
        path = f"{ROLLOUT}/records/{made.record}"
        address = f"{path}/report"
        _, text, _ = await read(url + path)
        assert f'href="{address}"' in text
        status, text, headers = await read(url + address)
        assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        for words in (made.record, "SLOBreached", "Evidence of availability", "What changed", "<style>"):
            assert words in text, words
        assert "<script" not in text
        assert "src=" not in text
        assert headers["Content-Disposition"] == f'inline; filename="{made.record}.html"'
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'unsafe-inline';"), "its style is inside; nothing else"
        assert headers["X-Frame-Options"] == "DENY"


async def test_a_report_on_a_record_of_another_model_is_not_there(served: Served) -> None:
    made = await asyncio.to_thread(world, "back")
    async with served(made) as url:
        assert (await read(f"{url}/mdep/prod/other/records/{made.record}/report"))[0] == 404


async def test_where_no_report_can_be_made_the_page_says_why(served: Served) -> None:
    async with served(await asyncio.to_thread(world)) as url:
        status, text, headers = await read(f"{url}{ROLLOUT}/records/nix/report")
        assert status == 404
        assert "There is no report yet: PromotionRecord nix does not exist in namespace prod" in text
        assert "unsafe-inline" not in headers["Content-Security-Policy"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
async def test_nothing_can_be_written(served: Served, method: str) -> None:
    async with served(await asyncio.to_thread(world)) as url:
        for path in ("/", ROLLOUT, "/events", "/nix"):
            status, _, headers = await read(url + path, method=method)
            assert (status, headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("localhost:9000", 200),
        ("127.0.0.1:8088", 200),
        ("[::1]:8088", 200),
        ("10.1.2.3", 200),
        ("page.example.com", 200),
        ("PAGE.example.com:443", 200),
        ("evil.example.com", 421),
        ("localhost.evil.example.com", 421),
        ("127.0.0.1.nip.io", 421),
        ("", 421),
        ("[", 421),
    ],
)
async def test_a_name_that_was_made_to_stand_for_this_address_is_refused(
    served: Served, host: str, status: int
) -> None:
    async with served(await asyncio.to_thread(world)) as url:
        for path in ("/", ROLLOUT, "/events", STYLE_PATH):
            if status != 200 or path != "/events":
                found, text, _ = await read(url + path, headers={"Host": host})
                assert found == status, text
        assert (await read(f"{url}/healthz", headers={"Host": "10.0.0.7:8088"}))[0] == 200


async def test_another_site_may_not_read(served: Served) -> None:
    async with served(await asyncio.to_thread(world)) as url:
        assert (await read(url + "/events", headers={"Origin": "https://evil.example.com"}))[0] == 403
        assert (await read(url + "/", headers={"Origin": url}))[0] == 200
        assert (await read(url + "/", headers={"Origin": "null"}))[0] == 403


async def test_every_answer_says_what_a_browser_may_do(served: Served) -> None:
    async with served(await asyncio.to_thread(world)) as url:
        for path, kind in (
            ("/", "text/html"),
            (ROLLOUT, "text/html"),
            (STYLE_PATH, "text/css"),
            (ICON_PATH, "image/svg+xml"),
        ):
            _, text, headers = await read(url + path)
            assert headers["Content-Type"].startswith(kind)
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "no-referrer"
            policy = headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert " style=" not in text
            assert " onload=" not in text
        for path in ("/nix", "/events?x"):
            async with aiohttp.ClientSession() as http, http.get(url + path) as answer:
                assert answer.headers["Content-Security-Policy"]
                assert answer.headers["Cache-Control"] == "no-store"


async def test_what_an_object_says_is_text(served: Served) -> None:
    made = await asyncio.to_thread(world)
    evil = "<script>alert(1)</script>\x00\u202e\" onmouseover='x' "
    obj = {**made.lab.obj(), "status": {"phase": evil, "reason": evil, "message": evil, "stable": {"version": evil}}}
    made.board.put(obj)
    async with served(made) as url:
        for path in ("/", ROLLOUT, f"/?q={evil}"):
            _, text, _ = await read(url + path)
            assert text.count("<script>") == 1
            assert "<script>alert" not in text
            assert "\u202e" not in text
            assert not {name for name in attributes(text) if name.startswith("on")}


async def test_a_cluster_that_is_away_is_told_with_since_when(served: Served) -> None:
    made = await asyncio.to_thread(world)
    async with served(made) as url:
        made.board.failed("", "GET /apis at https://10.0.0.1:6443: no answer in time", "Is it the right cluster?")
        _, text, _ = await read(url + "/")
        assert "What the cluster does is not known" in text
        assert "no answer in time" in text
        assert made.now().strftime("%Y-%m-%d %H:%M:%S UTC") in text
        assert "prod/" in text, "what was seen before stays"


async def test_before_the_first_list_nothing_is_said_to_be_absent(served: Served) -> None:
    made = World()
    made.board.failed("", "modeldeployments.serin.dev is forbidden", "The right to list and watch is missing")
    async with served(made) as url:
        for path in ("/", ROLLOUT):
            _, text, _ = await read(url + path)
            assert "The right to list and watch is missing" in text
            assert "No list of the ModelDeployments has come yet." in text


async def test_records_that_may_not_be_read_leave_the_rest(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    from serin.errors import Refused

    made = await asyncio.to_thread(world, "trial")

    def refused(*_: object) -> Any:
        raise Refused("GET …: 403 promotionrecords.serin.dev is forbidden")

    monkeypatch.setattr(made.api, "get", refused)
    monkeypatch.setattr(made.api, "rows", refused)
    async with served(made) as url:
        status, text, _ = await read(url + ROLLOUT)
        assert status == 200
        assert "the right to get promotionrecords.serin.dev in namespace prod is missing" in text
        assert "Evidence: availability" in text, "what was seen in status is drawn"


@pytest.mark.parametrize(
    "status",
    [
        {},
        {"phase": "Hovering", "reason": "NewWord", "message": 7},
        {
            "rollout": {
                "record": 7,
                "slos": [{"name": "x", "evidence": {"e1": "inf"}, "threshold": "much"}],
                "gates": [{}],
            }
        },
        {"conditions": [{"type": "New", "status": "False"}], "actions": [{}], "rejected": [{}], "stable": {}},
        {"weights": {"applied": "five"}, "candidate": {}},
        {"rollout": "soon", "stable": "1", "conditions": {}, "rejected": 3},
        {"candidate": {"version": 2}, "weights": {"applied": 500}, "since": 12},
    ],
)
async def test_an_object_of_another_version_breaks_no_page(served: Served, status: dict[str, Any]) -> None:
    made = await asyncio.to_thread(world)
    made.fleet(3)
    made.see()
    made.board.put({**made.lab.obj(), "status": status})
    async with served(made) as url:
        found, text, _ = await read(url + "/")
        assert found == 200
        assert text.count('role="row"') == 5
        found, text, _ = await read(url + ROLLOUT)
        assert found in {200, 500}
        assert "Traceback" not in text
        assert "fraud" in text or "cannot show it" in text


async def test_many_models_come_in_pages(served: Served) -> None:
    made = await asyncio.to_thread(world)
    made.fleet(2 * PER_PAGE)
    made.see()
    async with served(made) as url:
        _, text, _ = await read(url + "/")
        assert text.count('<tr role="row">') == PER_PAGE + 1
        assert "Page 1 of 3" in text
        _, last, _ = await read(url + "/?page=3")
        assert last.count('<tr role="row">') == 2
        assert "Page 3 of 3" in (await read(url + "/?page=99"))[1]
        for odd in ("page=x", "page=-1", "page=²", "show=nix", "q=" + "x" * 5000):
            assert (await read(f"{url}/?{odd}"))[0] == 200
        _, found, _ = await read(url + "/?q=PROD/fraud&show=stable")
        assert found.count('<tr role="row">') == 2


async def test_many_readers_of_one_page_cost_as_much_as_one(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    made, count = await asyncio.to_thread(world), 0
    real = fleet.fleet

    def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        return real(*arguments, **options)

    monkeypatch.setattr(fleet, "fleet", counted)
    monkeypatch.setattr(server, "AGE", 3600.0)
    async with served(made) as url:
        await asyncio.gather(*(read(url + "/") for _ in range(40)))
        assert count == 1
        made.board.put({**made.lab.obj(), "status": {"phase": "Waiting"}})
        await asyncio.sleep(0)
        assert "Waiting" in (await read(url + "/"))[1], "what has changed is shown"
        assert count == 2


async def test_a_change_is_told_to_those_who_look_at_it(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "BEAT", 3600.0)
    made = await asyncio.to_thread(world)
    made.fleet(1)
    made.see()
    async with (
        served(made) as url,
        aiohttp.ClientSession() as http,
        http.get(url + "/events") as all_,
        http.get(f"{url}{ROLLOUT}/events") as one,
    ):
        for stream in (all_, one):
            assert stream.headers["Content-Type"] == "text/event-stream"
            assert b"event: ready" in await stream.content.readuntil(b"data: \n\n")
        made.board.put({**made.others[0], "status": {"phase": "Waiting"}})
        assert await all_.content.readuntil(b"\n\n") == b"event: changed\ndata: \n\n"
        made.board.put({**made.lab.obj(), "status": {"phase": "Waiting"}})
        assert await one.content.readuntil(b"\n\n") == b"event: changed\ndata: \n\n"


async def test_so_many_live_pages_and_no_more(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_VIEWERS", 1)
    async with served(await asyncio.to_thread(world)) as url, aiohttp.ClientSession() as http:
        async with http.get(url + "/events") as first:
            await first.content.readuntil(b"\n\n")
            status, text, headers = await read(url + "/events")
            assert (status, headers["Retry-After"]) == (503, "30")
            assert "can be reloaded" in text
        assert (await read(url + "/"))[0] == 200
