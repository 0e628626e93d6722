"""Chat, mail and paging through the library apprise, where it is installed (the extra ``apprise``).

Its calls block, so each receiver has one thread. A call that does not end keeps its own thread and nobody else's; until
it has ended nothing more is sent. Redirects are not followed, and the address is in a file that is read each time.
"""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ClassVar

from serin.errors import NotDelivered
from serin.notify.message import Message, Writer, severity_of
from serin.notify.receiver import Delivery
from serin.notify.receivers.settings import AppriseSettings, ReceiverSettings, secret_line, split

DEADLINE = 20.0
"""Seconds."""
TYPES = {"critical": "failure", "warning": "warning", "info": "info"}
TEXT = "text"
"""What Serin writes: apprise puts it into a service's own form (a mail's HTML), in which nothing is a mark then."""
_CALLS = re.compile(r"@(?=(?:everyone|here|channel|all|room)\b)", re.IGNORECASE)
_MARKS = str.maketrans({"<": "\u2039", ">": "\u203a"})
MISSING = "the library apprise is not installed in this image: docs/how-to/notifications.md"


class Apprise:
    """Sends each notification as a text to one address of apprise."""

    reminded_every: ClassVar[float | None] = None

    def __init__(self, settings: ReceiverSettings, writer: Writer, deadline: float = DEADLINE) -> None:
        if settings.apprise is None:  # pragma: no cover - the settings have been checked
            raise AssertionError
        self.name, self._settings, self._writer, self._deadline = settings.name, settings.apprise, writer, deadline
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"apprise-{settings.name}")
        self._last: Future[bool] | None = None

    async def deliver(self, delivery: Delivery) -> None:
        """See :class:`Receiver`."""
        if self._last is not None and not self._last.done():
            raise NotDelivered("its last call has not ended")
        message, kind = self._writer.write(delivery), TYPES[severity_of(delivery.notification.kind)]
        self._last = self._thread.submit(send, self._settings, message, kind)
        answer = asyncio.wrap_future(self._last)
        answer.add_done_callback(lambda it: it.cancelled() or it.exception())  # one that comes late is nobody's
        try:
            async with asyncio.timeout(self._deadline):
                taken = await asyncio.shield(answer)
        except TimeoutError:
            raise NotDelivered(f"no answer within {self._deadline:g} s") from None
        if not taken:
            raise NotDelivered("apprise could not deliver it")

    async def remind(self, lasting: object) -> None:
        """See :class:`Receiver`; a text is sent once."""

    async def close(self) -> None:
        """See :class:`Receiver`."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def send(settings: AppriseSettings, message: Message, kind: str) -> bool:
    """Sends it, and blocks; whether it was taken. ``NotDelivered`` where it may not be sent at all."""
    try:
        import apprise  # it takes most of a second and 17 MB: only where somebody wants it
    except ImportError:
        raise NotDelivered(MISSING) from None
    address = apprise_address(apprise, settings)
    service = apprise.Apprise()
    service.add(address)
    title, body = plain(message.title), plain(message.text)
    return bool(service.notify(title=title, body=body, notify_type=kind, body_format=TEXT))


def plain(text: str) -> str:
    """The text without what a chat takes for an order: whom to call, or a link under other words than its address.

    It quotes others: a reason, a contact, the last line of a log.
    """
    return _CALLS.sub("@ ", text.translate(_MARKS)).replace("](", "] (")


def apprise_address(apprise: Any, settings: AppriseSettings) -> Any:  # noqa: ANN401 - a library that is optional
    """The address that the file names, if it is one of the allowed services and hosts; ``NotDelivered``."""
    url, where = secret_line(settings.url_file), str(settings.url_file)
    schema = split(url, where).scheme
    if schema not in settings.schemas:
        raise NotDelivered(f"{where}: its service is not one of {', '.join(settings.schemas)}")
    asset = apprise.AppriseAsset(app_id="Serin", app_desc="Serin", http_redirects=False, async_mode=False)
    address = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    if not address:
        raise NotDelivered(f"{where}: apprise does not understand the address")
    address.redirects = False  # an option in the address would turn them on
    names_host = any("{host}" in template for template in getattr(address, "templates", ()) or ("{host}",))
    host = str(getattr(address, "host", "") or "").lower()
    if names_host and host not in settings.hosts:
        allowed = ", ".join(settings.hosts) or "the empty list of hosts"
        raise NotDelivered(f"{where}: its host is not one of {allowed}")
    return address
