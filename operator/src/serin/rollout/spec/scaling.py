"""Scaling that KServe would not do as it is written: it makes an autoscaler on CPU of most of it, and says nothing.

Both arms of a rollout have autoscalers of their own. What an autoscaler counts must therefore be of its own arm: by a
count of all requests each arm would be scaled for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from serin.api.predictor.keys import AUTOSCALER_CLASS
from serin.api.predictor.scaling import AUTOSCALER_CLASSES, INFERENCE_SERVICE, autoscaler_class

FIELD = "autoScaling.metrics"
KEDA = f"set the annotation {AUTOSCALER_CLASS}: keda in spec.predictor.annotations"


def scaling_violations(predictor: Mapping[str, Any], transformer: Mapping[str, Any]) -> Iterator[str]:
    """What of the scaling fields would not do what it says in mode Standard; both without nulls."""
    kind = autoscaler_class(predictor)
    if kind not in AUTOSCALER_CLASSES:
        yield (
            f"spec.predictor.annotations: {AUTOSCALER_CLASS}: {kind} is unknown to KServe; it knows "
            f"{', '.join(AUTOSCALER_CLASSES)}"
        )
    components = {"predictor": predictor} | ({"transformer": transformer} if transformer else {})
    for name, component in components.items():
        metrics = list((component.get("autoScaling") or {}).get("metrics") or [])
        if kind == "keda":
            yield from _of_keda(f"spec.{name}", component, metrics)
        elif kind == "hpa":
            yield from _of_hpa(f"spec.{name}", component, metrics)


def _of_hpa(where: str, component: Mapping[str, Any], metrics: list[Mapping[str, Any]]) -> Iterator[str]:
    for number, metric in enumerate(metrics):
        if metric.get("type") in {"External", "PodMetric"}:
            yield f"{where}.{FIELD}[{number}]: KServe scales by metrics of type {metric['type']} with KEDA only; {KEDA}"
    wanted, target = component.get("scaleMetric"), component.get("scaleTarget")
    if wanted in {"concurrency", "rps"} and not metrics:
        yield (
            f"{where}.scaleMetric: {wanted} is counted by Knative only, and KServe would scale by CPU; use "
            f"mode Knative, cpu or memory, or KEDA ({KEDA}) with autoScaling.metrics"
        )
    if wanted == "memory" and target is None and not metrics:
        yield f"{where}.scaleMetric: memory needs scaleTarget (percent); without it KServe would scale by CPU"


def _of_keda(where: str, component: Mapping[str, Any], metrics: list[Mapping[str, Any]]) -> Iterator[str]:
    if not metrics:
        yield f"{where}.autoScaling: {AUTOSCALER_CLASS}: keda needs at least one entry in metrics"
    if component.get("scaleMetric") is not None:
        yield f"{where}.scaleMetric: KServe does not take it with KEDA; write it in {where}.{FIELD}"
    if component.get("minReplicas") == 0:
        yield (
            f"{where}.minReplicas: with 0 KEDA stops the last replica, and in mode Standard nothing keeps a request "
            f"until one has started; set at least 1, or use mode Knative"
        )
    for number, metric in enumerate(metrics):
        query = str(((metric.get("external") or {}).get("metric") or {}).get("query") or "")
        if metric.get("type") == "External" and query and INFERENCE_SERVICE not in query:
            yield (
                f"{where}.{FIELD}[{number}].external.metric.query counts for all revisions alike, so stable "
                f"and candidate would each be scaled for all requests; restrict it to one by {INFERENCE_SERVICE}, for "
                f'example {{pod=~"{INFERENCE_SERVICE}-predictor-.*"}}'
            )
