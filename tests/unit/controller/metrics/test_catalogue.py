"""The catalogue is complete: what is exposed is declared there, and every name keeps the conventions."""

from __future__ import annotations

import re

import pytest
from prometheus_client.metrics_core import Metric as Family

from serin.controller.metrics import process
from serin.controller.metrics.catalogue import METRICS
from serin.controller.metrics.metric import REGISTRY, Kind, Metric

FREE = {"message", "url", "uid", "pod", "user", "reason_text"}
"""Labels that would have a value for each request, object or person."""


def exposed() -> dict[str, Family]:
    process.declare_process()
    return {family.name: family for family in REGISTRY.collect() if family.name.startswith("serin_")}


def test_every_metric_of_the_process_is_declared_with_its_help() -> None:
    declared = {metric.name.removesuffix("_total"): metric for metric in METRICS}
    for name, family in exposed().items():
        assert name in declared, f"{name} stands in no catalogue"
        assert (family.type, family.documentation) == (declared[name].kind.value, declared[name].help)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_names_and_labels_keep_the_conventions(metric: Metric) -> None:
    assert re.fullmatch(r"serin_[a-z0-9_]+", metric.name)
    assert metric.name.endswith("_total") is (metric.kind is Kind.COUNTER)
    assert metric.help.endswith(".")
    assert not set(metric.labels) & FREE
    assert len(set(metric.labels)) == len(metric.labels)


def test_no_name_is_there_twice() -> None:
    names = [metric.name for metric in METRICS]
    assert len(names) == len(set(names))
