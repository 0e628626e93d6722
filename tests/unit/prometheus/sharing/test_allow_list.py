"""Which server a namespace's policy is judged by, as it is told to whoever has to wake its people."""

from __future__ import annotations

import pytest

from serin.api.promotion_policy import Prometheus, PromotionPolicySpec
from serin.prometheus.metrics import Metrics
from serin.prometheus.sharing.allow_list import AllowList
from tests.world import policy


class Of:
    def __init__(self, *namespaces: str) -> None:
        self.namespaces = namespaces

    def serves(self, namespace: str) -> bool:
        return not self.namespaces or namespace in self.namespaces

    def of(self, namespace: str) -> Metrics:
        raise NotImplementedError(namespace)


def wanted(address: str | None) -> PromotionPolicySpec:
    return policy().model_copy(update={"prometheus": Prometheus(address=address) if address else None})


@pytest.mark.parametrize(
    ("address", "namespace", "place"),
    [
        (None, "ml", "own.ml:9090"),
        (None, "prod", "prometheus.monitoring"),
        ("https://prometheus.monitoring/tenant", "ml", "prometheus.monitoring"),
        ("http://own.ml:9090", "prod", ""),
        ("http://nowhere", "ml", ""),
    ],
)
def test_the_place_is_host_and_port_and_nothing_more(address: str | None, namespace: str, place: str) -> None:
    servers = AllowList({"http://own.ml:9090": Of("ml"), "https://prometheus.monitoring/tenant": Of()})
    assert servers.place(wanted(address), namespace) == place
