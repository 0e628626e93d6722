"""Which Prometheus server a policy is judged by: only one of the operator's allow-list, and of its namespace."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit

from serin.api.promotion_policy import PromotionPolicySpec
from serin.errors import QueryRejected
from serin.prometheus.metrics import Metrics
from serin.prometheus.series import Series
from serin.prometheus.series_request import SeriesRequest
from serin.prometheus.server.address import same_place
from serin.schema.choices import Arms


class MetricsServer(Protocol):
    """One server of the allow-list."""

    def serves(self, namespace: str) -> bool:
        """Whether the namespace's policies may use it."""
        ...

    def of(self, namespace: str) -> Metrics:
        """The server as the ModelDeployments of a namespace see it."""
        ...


class AllowList:
    """The servers by address, normalised. A namespace's default is the first one that it may use."""

    def __init__(self, servers: Mapping[str, MetricsServer]) -> None:
        self._servers = servers

    def refusal(self, policy: PromotionPolicySpec, namespace: str) -> str:
        """Why a policy of the namespace has no server, and what to do; empty if it has one.

        Says nothing of the other namespaces: that they are there is all that can be learnt.
        """
        address = _address(policy)
        if self._server(address, namespace) is not None:
            return ""
        if address is None:
            return f"the operator's allow-list has no server for namespace {namespace}: have the namespace added to one"
        if same_place(address) not in self._servers:
            return f"address {address} is not on the operator's allow-list"
        return (
            f"address {address} is not for namespace {namespace} on the operator's allow-list: name another server, or "
            "have the namespace added to this one"
        )

    def metrics(self, policy: PromotionPolicySpec, namespace: str) -> Metrics:
        """What a policy of the namespace is judged by; it refuses all requests if there is no server for it."""
        server = self._server(_address(policy), namespace)
        return server.of(namespace) if server is not None else NotAllowed(self.refusal(policy, namespace))

    def place(self, policy: PromotionPolicySpec, namespace: str) -> str:
        """Host and port of the server that a policy of the namespace is judged by; empty if it has none."""
        server = self._server(_address(policy), namespace)
        address = next((address for address, known in self._servers.items() if known is server), "")
        return urlsplit(address).netloc.rpartition("@")[2]

    def _server(self, address: str | None, namespace: str) -> MetricsServer | None:
        if address is None:
            return next((server for server in self._servers.values() if server.serves(namespace)), None)
        server = self._servers.get(same_place(address))
        return server if server is not None and server.serves(namespace) else None


def _address(policy: PromotionPolicySpec) -> str | None:
    return policy.prometheus.address if policy.prometheus else None


class NotAllowed:
    """Refuses all requests: in place of a Prometheus that a namespace may not use, or no longer."""

    def __init__(self, why: str) -> None:
        self._error = QueryRejected(why)

    def required_matchers(self, arms: Arms) -> Mapping[str, str]:
        """None: nothing is asked."""
        del arms
        return {}

    async def series(self, request: SeriesRequest) -> list[Series]:
        """Always refused."""
        del request
        raise self._error

    async def samples(self, query: str, at: datetime) -> list[Series]:
        """Always refused."""
        del query, at
        raise self._error

    async def counted(self, query: str, at: datetime, *, own: bool = False) -> list[Series]:
        """Always refused."""
        del query, at, own
        raise self._error

    async def values(self, query: str, at: datetime) -> list[float]:
        """Always refused."""
        del query, at
        raise self._error
