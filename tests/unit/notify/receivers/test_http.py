"""A request reaches its receiver, or says why it did not; it goes nowhere else and tells nothing of the address."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from serin.errors import NotDelivered
from serin.notify.receivers.http import LONGEST_WAIT, HttpSender
from serin.notify.receivers.settings import Endpoint
from tests.unit.notify.receivers.http_box import HttpBox, http_box, says


async def failure(endpoint: Endpoint, seconds: float = 5) -> NotDelivered:
    sender = HttpSender(endpoint, seconds)
    try:
        with pytest.raises(NotDelivered) as caught:
            await sender.post("/hook-token", {"a": 1})
    finally:
        await sender.close()
    assert "127.0.0.1" not in str(caught.value)
    assert "token" not in str(caught.value)
    assert "secret-answer" not in str(caught.value)
    return caught.value


async def taken(box: HttpBox, endpoint: Endpoint) -> Any:
    sender = HttpSender(endpoint)
    try:
        await sender.post("/x", {"a": "ü"})
    finally:
        await sender.close()
    return box.bodies[-1]


@pytest.mark.parametrize("code", [200, 201, 202, 204])
async def test_any_success_is_one(code: int) -> None:
    async with http_box(says(code)) as box:
        assert await taken(box, Endpoint(url=box.url)) == {"a": "ü"}


IN_A_MINUTE = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)


@pytest.mark.parametrize(
    ("answer", "words", "refused", "wait"),
    [
        (says(500), "answered 500", False, None),
        (says(503, Retry_After="7"), "answered 503", False, (7, 7)),
        (says(429, Retry_After="120"), "answered 429", False, (120, 120)),
        (says(429, Retry_After=IN_A_MINUTE), "answered 429", False, (0, 60)),
        (says(429, Retry_After="9999999"), "answered 429", False, (LONGEST_WAIT, LONGEST_WAIT)),
        (says(429, Retry_After="soon"), "answered 429", False, None),
        (says(408), "answered 408", False, None),
        (says(400), "answered 400", True, None),
        (says(404), "answered 404", True, None),
        (says(302, Location="/elsewhere"), "answered 302: a redirect that would drop what was sent", False, None),
        (says(307, Location="http://other.example/"), "the answer leads to another host", False, None),
        (says(308, Location="//other.example:99/"), "the answer leads to another host", False, None),
        (says(307, Location="https://127.0.0.1/"), "the answer leads to another host", False, None),
        (says(307, Location="http://127.0.0.1:1/"), "the answer leads to another host", False, None),
        (says(307), "the answer leads to another host", False, None),
    ],
)
async def test_what_is_no_success_says_so(answer: Any, words: str, refused: bool, wait: Any) -> None:  # noqa: FBT001
    async with http_box(answer) as box:
        error = await failure(Endpoint(url=box.url))
        assert str(error).startswith(words)
        assert error.refused is refused
        if wait is None:
            assert error.retry_after is None
        else:
            assert error.retry_after is not None
            assert wait[0] <= error.retry_after <= wait[1]
        assert len(box.requests) == 1, "nobody else was asked"


async def test_a_redirect_on_the_same_host_is_followed_with_what_was_sent_but_not_for_ever() -> None:
    async with http_box(says(307, Location="/there")) as box:
        assert await taken(box, Endpoint(url=box.url)) == {"a": "ü"}
        assert [request.path for request in box.requests] == ["/x", "/there"]
    async with http_box(*[says(307, Location="/there")] * 9) as box:
        assert str(await failure(Endpoint(url=box.url))) == "too many redirects"


async def test_one_that_is_slow_or_gone_is_left_in_time() -> None:
    async with http_box(30.0) as box:
        assert str(await failure(Endpoint(url=box.url), seconds=0.05)) == "no answer within 0.05 s"
    assert str(await failure(Endpoint(url=box.url))).startswith("no connection: ")


async def test_credentials_are_read_each_time_and_are_not_told(tmp_path: Path) -> None:
    file = tmp_path / "bearer"
    file.write_text("first\n")
    async with http_box() as box:
        endpoint = Endpoint(url=box.url, bearer_token_file=file, plain_http=True)
        await taken(box, endpoint)
        file.write_text("second")
        await taken(box, endpoint)
        assert [request.headers["Authorization"] for request in box.requests] == ["Bearer first", "Bearer second"]
        file.unlink()
        assert str(await failure(endpoint)) == f"{file}: No such file or directory"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("http://elsewhere.example/hook-token", "its host is not one of 127.0.0.1"),
        ("ftp://127.0.0.1/hook-token", "no address of http or https"),
        ("http://127.0.0.1:x/", "no address"),
        ("", "one address of at most"),
        ("http://127.0.0.1/a\nhttp://127.0.0.1/b", "one address of at most"),
    ],
)
async def test_an_address_in_a_file_leads_to_its_hosts_only(tmp_path: Path, content: str, words: str) -> None:
    file = tmp_path / "url"
    file.write_text(content)
    endpoint = Endpoint(url_file=file, hosts=("127.0.0.1",), plain_http=True)
    with pytest.raises(NotDelivered) as caught:
        endpoint.address()
    assert words in str(caught.value)
    assert "token" not in str(caught.value)


async def test_an_address_in_a_file_is_used(tmp_path: Path) -> None:
    file = tmp_path / "url"
    async with http_box() as box:
        file.write_text(f"{box.url}/hook?key=1\n")
        endpoint = Endpoint(url_file=file, hosts=("127.0.0.1",), plain_http=True)
        sender = HttpSender(endpoint)
        await sender.post("", {})
        await sender.close()
        assert box.requests[0].path_qs == "/hook?key=1"
    with pytest.raises(NotDelivered, match="http, where everybody on the way can read the address"):
        Endpoint(url_file=file, hosts=("127.0.0.1",)).address()
