"""Reads a list in pages whose size follows the size of its objects, so that no list takes more memory than a bound.

An object may have 1.5 MB; a page of a fixed number of objects would be too large for some lists, and too small for
others.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from serin.cluster.resources import Resource
from serin.errors import Expired, Refused

Object = dict[str, Any]
FIRST_LIMIT = 20
"""Objects of the first page, as their size is not known yet: 30 MB at the most."""
LARGEST_LIMIT = 500
PAGE_BYTES = 4 * 2**20
"""Size of a page to aim at; it is decoded in about 50 ms, during which nothing else runs."""
MOST_BYTES = 64 * 2**20
"""Size of a whole list that is kept."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list."""

    items: list[Object]
    token: str
    """Where the next page begins; empty after the last one."""
    size: int
    """Bytes of the answer."""


class PageReader(Protocol):
    """Reads one page; ``Expired`` if the server no longer keeps what ``token`` stands for."""

    async def __call__(self, limit: int, token: str) -> Page:
        """The page of at most ``limit`` objects at ``token``; empty: the first one."""
        ...


class PagedCluster(Protocol):
    """The request that ``pages_of`` sends to an API server."""

    async def list_page(self, resource: Resource, namespace: str, selector: str, *, limit: int, token: str) -> Page:
        """One page of a list."""
        ...


def next_limit(page: Page) -> int:
    """How many objects the next page may have, by the size of those on this one."""
    average = page.size / max(1, len(page.items))
    return max(1, min(LARGEST_LIMIT, int(PAGE_BYTES / max(1.0, average))))


async def pages(read: PageReader) -> AsyncIterator[Page]:
    """The pages of one list. An object that changes meanwhile may be on two of them, or on none."""
    token, limit = "", FIRST_LIMIT
    while True:
        page = await read(limit, token)
        yield page
        if not page.token:
            return
        token, limit = page.token, next_limit(page)


async def pages_of(cluster: PagedCluster, resource: Resource, namespace: str, selector: str) -> AsyncIterator[Page]:
    """The pages of a list of objects, each to be reduced before the next one is read."""

    async def read(limit: int, token: str) -> Page:
        return await cluster.list_page(resource, namespace, selector, limit=limit, token=token)

    async for page in pages(read):
        yield page


async def whole_list(read: PageReader, what: str) -> list[Object]:
    """All objects of a list that is kept as a whole; it is begun anew once if the server forgets where it was.

    ``Refused`` if the list is larger than ``MOST_BYTES``.
    """
    try:
        return await _collected(read, what)
    except Expired:
        return await _collected(read, what)


async def _collected(read: PageReader, what: str) -> list[Object]:
    found: list[Object] = []
    size = 0
    async for page in pages(read):
        size += page.size
        if size > MOST_BYTES:
            message = f"{what}: the list has more than {MOST_BYTES // 2**20} MiB; delete objects, or make them smaller"
            raise Refused(message)
        found += page.items
    return found


async def reduced(
    cluster: PagedCluster, resource: Resource, namespace: str, keep: Callable[[Object], Object]
) -> list[Object]:
    """All objects of a kind, each reduced by ``keep`` to what is needed of it, page by page.

    For lists that are too large to be kept. It is begun anew once if the server forgets where it was.
    """

    async def collected() -> list[Object]:
        return [keep(obj) async for page in pages_of(cluster, resource, namespace, "") for obj in page.items]

    try:
        return await collected()
    except Expired:
        return await collected()
