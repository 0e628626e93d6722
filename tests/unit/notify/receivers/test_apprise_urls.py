"""What apprise reaches is bounded by service and host; a call that never ends keeps its own thread only."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from serin.errors import NotDelivered
from serin.notify.message import Writer
from serin.notify.receivers import apprise_urls
from serin.notify.receivers.apprise_urls import Apprise, apprise_address
from serin.notify.receivers.settings import AppriseSettings, ReceiverSettings
from tests.unit.notify.receivers.notes import delivery


class Library(SimpleNamespace):
    """Of apprise, what Serin calls."""

    def __init__(
        self, *, answer: Any = True, templates: tuple[str, ...] = ("{schema}://{token}",), host: str = ""
    ) -> None:
        self.sent: list[dict[str, Any]] = []
        self.assets: list[dict[str, Any]] = []

        def notify(**said: Any) -> Any:
            self.sent.append(said)
            return answer

        self.address = SimpleNamespace(redirects=True, templates=templates, host=host, notify=notify)
        self.AppriseAsset = lambda **fields: self.assets.append(fields)

        class Apprise:
            """Gives a text to its addresses."""

            @staticmethod
            def instantiate(*_: object, **__: object) -> Any:
                return self.address

            def add(self, address: Any) -> bool:
                self.notify = address.notify
                return True

        self.Apprise = Apprise


def settings(tmp_path: Path, url: str = "slack://hush", **changes: Any) -> AppriseSettings:
    file = tmp_path / "url"
    file.write_text(url)
    return AppriseSettings(url_file=file, **{"schemas": ("slack",), **changes})


def receiver(found: AppriseSettings, deadline: float = 10) -> Apprise:
    return Apprise(ReceiverSettings(name="chat", apprise=found), Writer(), deadline)


async def test_a_message_is_sent_with_its_title_and_redirects_are_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = Library()
    monkeypatch.setitem(sys.modules, "apprise", library)
    chat = receiver(settings(tmp_path))
    await chat.deliver(delivery())
    await chat.close()
    [said] = library.sent
    assert said["title"] == "prod/fraud: version 42 was taken back: SLOBreached"
    assert said["notify_type"] == "info"
    assert library.address.redirects is False
    assert library.assets[0]["http_redirects"] is False


async def test_an_answer_that_is_no_success_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", Library(answer=None))
    with pytest.raises(NotDelivered, match="apprise could not deliver it"):
        await receiver(settings(tmp_path)).deliver(delivery())


async def test_without_the_library_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(NotDelivered, match="not installed"):
        await receiver(settings(tmp_path)).deliver(delivery())


@pytest.mark.parametrize(
    ("url", "library", "changes", "words"),
    [
        ("json://elsewhere", Library(), {}, "its service is not one of slack"),
        ("", Library(), {}, "one address of at most"),
        ("slack://x", Library(templates=("{schema}://{host}",), host="elsewhere"), {}, "the empty list of hosts"),
        (
            "slack://x",
            Library(templates=("{schema}://{host}",), host="Here"),
            {"hosts": ("there",)},
            "not one of there",
        ),
    ],
)
def test_what_is_not_allowed_is_not_addressed(
    tmp_path: Path, url: str, library: Library, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(NotDelivered) as caught:
        apprise_address(library, settings(tmp_path, url, **changes))
    assert words in str(caught.value)
    assert "elsewhere" not in str(caught.value)


async def test_a_call_that_hangs_is_left_and_no_second_one_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    over, calls = threading.Event(), []

    def hang(*_: object) -> bool:
        calls.append(1)
        return over.wait(60)

    monkeypatch.setattr(apprise_urls, "send", hang)
    chat = receiver(settings(tmp_path), deadline=0.05)
    with pytest.raises(NotDelivered, match=r"no answer within 0\.05 s"):
        await chat.deliver(delivery())
    with pytest.raises(NotDelivered, match="its last call has not ended"):
        await chat.deliver(delivery())
    assert len(calls) == 1
    over.set()
    await chat.close()


def test_nobody_is_called_and_no_link_is_hidden_by_what_somebody_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = Library()
    monkeypatch.setitem(sys.modules, "apprise", library)
    contact = "<!channel> @everyone <https://elsewhere|Runbook> [Runbook](https://elsewhere) <b>x</b> a@here.example"
    apprise_urls.send(settings(tmp_path), Writer().write(delivery(contact=contact)), "info")
    [said] = library.sent
    assert said["body_format"] == "text", "a service whose form is HTML gets no HTML of somebody else's"
    for mark in ("<", ">", "@everyone", "]("):
        assert mark not in said["body"], mark
    assert "https://elsewhere" in said["body"]
