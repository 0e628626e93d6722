"""The head of each ModelDeployment's chain of records as a metric, to be kept outside of the cluster.

Whoever can write into the cluster's store can write a whole chain anew; a head that was scraped before shows it.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from serin.controller.workqueue import Key
from serin.records.chain import head_of
from serin.rollout.views import RecordView

NAME = "serin_record_chain_head"
HELP = "The hash of the PromotionRecord that was finished last, by ModelDeployment; always 1."


class ChainHeads(Collector):
    """One series for each ModelDeployment that has a head; it goes with its ModelDeployment."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._heads: dict[Key, str] = {}
        if registry is not None:
            registry.register(self)

    def seen(self, key: Key, records: tuple[RecordView, ...]) -> None:
        """Takes the head of all records of a ModelDeployment, as they were read outside of a rollout."""
        head = head_of(records)
        if head is None or head.hash is None:
            self._heads.pop(key, None)
        else:
            self._heads[key] = head.hash

    def forget(self, key: Key) -> None:
        """The ModelDeployment is gone."""
        self._heads.pop(key, None)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The series, made anew each time: a hash that is no longer the head leaves none behind."""
        family = GaugeMetricFamily(f"{NAME}_info", HELP, labels=("namespace", "model_deployment", "hash"))
        for (namespace, name), value in sorted(self._heads.copy().items()):
            family.add_metric((namespace, name, value), 1.0)
        yield family
