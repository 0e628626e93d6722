"""Who scales the Deployment of a predictor in mode Standard, and by which queries."""

from __future__ import annotations

from collections.abc import Mapping
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
    auto = scaling.get("autoScaling")
    if not isinstance(auto, Mapping) or not isinstance(auto.get("metrics"), list):
        return dict(scaling)
    metrics = [_own(metric, namespace, inference_service) for metric in auto["metrics"]]
    return {**scaling, "autoScaling": {**auto, "metrics": metrics}}


def _own(metric: object, namespace: str, inference_service: str) -> object:
    if not isinstance(metric, Mapping):
        return metric
    return {
        key: _filled(source, namespace, inference_service) if isinstance(source, Mapping) else source
        for key, source in metric.items()
    }


def _filled(source: Mapping[str, Any], namespace: str, inference_service: str) -> dict[str, Any]:
    """The source of a metric, with the variables in its query filled in."""
    metric = source.get("metric")
    if not isinstance(metric, Mapping) or not isinstance(metric.get("query"), str):
        return dict(source)
    query = metric["query"].replace(INFERENCE_SERVICE, inference_service).replace(NAMESPACE, namespace)
    return {**source, "metric": {**metric, "query": query}}
