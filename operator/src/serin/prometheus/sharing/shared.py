"""One Prometheus for all rollouts, and what each namespace may see and take of it.

A rollout asks through the view of its namespace (``Shared.of``): the tenant, the label that expressions are limited to
and the namespace's turn among all others are the view's business, and nobody can leave them out.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol

from serin.prometheus.promql import restricted
from serin.prometheus.series import Series
from serin.prometheus.series_request import SeriesRequest
from serin.prometheus.server.credentials import Server
from serin.prometheus.server.limiter import SLOT_SECONDS, FairLimiter, Limiter
from serin.prometheus.server.question import Purpose
from serin.prometheus.sharing.joining import JoinedRequests
from serin.schema.choices import Arms

OWN_QUERIES = 2
"""Of policies' own expressions at a time, and as many of policies' own selectors: the counts of the presets always find
a free slot beside them."""
COUNT_QUERIES = 2
"""Of sums that the server makes, at a time: slow gauges do not hold them up."""


class QueryClient(Protocol):
    """Sends queries to one Prometheus."""

    async def matrix(
        self, query: str, at: datetime, *, namespace: str = "", purpose: Purpose = Purpose.COUNTS
    ) -> list[Series]:
        """Raw samples of a range selector at an explicit time; ``MetricsError``."""
        ...

    async def values(
        self, query: str, at: datetime, *, namespace: str = "", purpose: Purpose = Purpose.COUNTS
    ) -> list[float]:
        """The values of an expression at an instant; ``MetricsError``."""
        ...


class Shared:
    """One server of the allow-list; ``of`` a namespace it implements ``Metrics``."""

    def __init__(
        self,
        client: QueryClient,
        server: Server,
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        slot_seconds: float = SLOT_SECONDS,
    ) -> None:
        self.client, self._server = client, server
        self._pause, self._clock = pause, clock
        self.own, self.counts = FairLimiter(OWN_QUERIES, slot_seconds), Limiter(COUNT_QUERIES, slot_seconds)
        self._selected = FairLimiter(OWN_QUERIES, slot_seconds)
        self._joined: dict[str, JoinedRequests] = {}
        """By tenant: what two of them ask for is never one query."""
        self._joined_own: dict[str, JoinedRequests] = {}
        """By namespace, what policies' own selectors ask for: one that is too much is its namespace's trouble alone."""

    def serves(self, namespace: str) -> bool:
        """Whether the namespace's policies may use the server."""
        return self._server.serves(namespace)

    def of(self, namespace: str) -> NamespaceMetrics:
        """The server as the ModelDeployments of a namespace see it."""
        return NamespaceMetrics(self, namespace)

    def joined(self, namespace: str) -> JoinedRequests:
        """The requests that those of a namespace are joined with."""
        tenant = self._tenant(namespace)
        if tenant not in self._joined:
            matrix = partial(self.client.matrix, namespace=tenant, purpose=Purpose.COUNTS)
            self._joined[tenant] = JoinedRequests(matrix, self._pause, self._clock)
        return self._joined[tenant]

    def joined_own(self, namespace: str) -> JoinedRequests:
        """The requests by selectors of a namespace's own."""
        if namespace not in self._joined_own:
            matrix = partial(self.selected, namespace)
            self._joined_own[namespace] = JoinedRequests(matrix, self._pause, self._clock)
        return self._joined_own[namespace]

    async def selected(self, namespace: str, query: str, at: datetime) -> list[Series]:
        """Sends a query by a selector of the namespace's own, in its turn; ``MetricsError``."""
        async with self._selected.turn(namespace, query):
            return await self.client.matrix(query, at, namespace=namespace, purpose=Purpose.SELECTOR)

    def _tenant(self, namespace: str) -> str:
        return namespace if self._server.separates_tenants else ""

    def required_matchers(self, arms: Arms) -> Mapping[str, str]:
        """As the operator's settings say for this server."""
        return self._server.required_matchers.get(arms, {})

    def limited(self, expression: str, namespace: str) -> str:
        """A policy's own expression as it may be sent; ``QueryRejected``."""
        label = self._server.enforce_label
        return restricted(expression, label, namespace) if label else expression


@dataclass(frozen=True, slots=True)
class NamespaceMetrics:
    """Implements ``Metrics`` for one namespace."""

    shared: Shared
    namespace: str

    def required_matchers(self, arms: Arms) -> Mapping[str, str]:
        """As the operator's settings say for the server."""
        return self.shared.required_matchers(arms)

    async def series(self, request: SeriesRequest) -> list[Series]:
        """The requested series with the samples of the requested time; ``MetricsError``."""
        shared, own = self.shared, request.shape.own
        return await (shared.joined_own if own else shared.joined)(self.namespace).series(request)

    async def samples(self, query: str, at: datetime) -> list[Series]:
        """Raw samples of a policy's own selector: not joined."""
        text = self.shared.limited(query, self.namespace)
        async with self.shared.own.turn(self.namespace, query):
            return await self.shared.client.matrix(text, at, namespace=self.namespace, purpose=Purpose.EXPRESSION)

    async def values(self, query: str, at: datetime) -> list[float]:
        """The values of a policy's own expression: not joined."""
        text = self.shared.limited(query, self.namespace)
        async with self.shared.own.turn(self.namespace, query):
            return await self.shared.client.values(text, at, namespace=self.namespace, purpose=Purpose.EXPRESSION)

    async def counted(self, query: str, at: datetime, *, own: bool = False) -> list[Series]:
        """As ``samples``, for sums in place of too many raw samples: gauges take none of their slots."""
        if own:
            return await self.shared.selected(self.namespace, query, at)
        async with self.shared.counts.slot(query):
            return await self.shared.client.matrix(query, at, namespace=self.namespace, purpose=Purpose.COUNTS)
