"""Who scales the Deployment of a predictor in mode Standard, and by which queries."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from serin.api.predictor.keys import AUTOSCALER_CLASS

AUTOSCALER_CLASSES = ("hpa", "keda", "external", "none")
"""hpa: KServe's HorizontalPodAutoscaler. keda: KServe's ScaledObject. none: ``minReplicas`` is the size. external:
KServe makes one replica and leaves the size to somebody else."""
INFERENCE_SERVICE = "$(inferenceService)"
NAMESPACE = "$(namespace)"
OF_CLASS = ("scaleTarget", "scaleMetric", "scaleMetricType", "autoScaling")
"""Scaling fields that mean something to the autoscaler of one class only."""


def autoscaler_class(predictor: Mapping[str, Any]) -> str:
    """The class by the predictor's annotations."""
    annotations = predictor.get("annotations")
    given = annotations.get(AUTOSCALER_CLASS) if isinstance(annotations, Mapping) else None
    return str(given or AUTOSCALER_CLASSES[0])


def with_own_queries(scaling: Mapping[str, Any], namespace: str, inference_service: str) -> dict[str, Any]:
    """The scaling fields with queries that count for one InferenceService only."""

    def filled(query: str) -> str:
        return query.replace(INFERENCE_SERVICE, inference_service).replace(NAMESPACE, namespace)

    return with_queries(scaling, filled)


def with_queries(scaling: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    """The scaling fields with other queries."""
    auto = scaling.get("autoScaling")
    if not isinstance(auto, Mapping) or not isinstance(auto.get("metrics"), list):
        return dict(scaling)
    metrics = [_changed(metric, change) for metric in auto["metrics"]]
    return {**scaling, "autoScaling": {**auto, "metrics": metrics}}


def renamed(query: str, name: str, other: str) -> str:
    """The query of one InferenceService as that of another.

    A short name may be part of anything; so it counts as a label value (or its start, before ``.*``) and in KServe's
    own names.
    """
    word = re.escape(name)
    found = rf"(?<![A-Za-z0-9.-]){word}(?=-(?:predictor|transformer))|(?<=[\"']){word}(?=[\"']|-?\.\*)"
    return re.sub(found, lambda _: other, query)


def _changed(metric: object, change: Callable[[str], str]) -> object:
    if not isinstance(metric, Mapping):
        return metric
    return {
        key: _with_query(source, change) if isinstance(source, Mapping) else source for key, source in metric.items()
    }


def _with_query(source: Mapping[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    """The source of a metric with another query, if it has one."""
    metric = source.get("metric")
    if not isinstance(metric, Mapping) or not isinstance(metric.get("query"), str):
        return dict(source)
    return {**source, "metric": {**metric, "query": change(metric["query"])}}
