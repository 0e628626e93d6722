"""Mode Knative: each value of the scaling fields is written once, and what becomes of it is told."""

from __future__ import annotations

import copy
from typing import Any

from serin.cluster import resources
from serin.cluster.client import Object
from tests.knative_lab import KnativeLab, knative_serving
from tests.lab import POLICY

SLOW = POLICY | {"steps": [{"weight": 40, "for": "60s"}]}
MODEL: dict[str, Any] = {"model": {"modelFormat": {"name": "sklearn"}}}


def events(lab: KnativeLab, reason: str) -> list[str]:
    found = [obj for key, obj in lab.cluster.objects.items() if key[0] == "events"]
    return [obj["message"] for obj in found if obj["reason"] == reason]


def clamped(lab: KnativeLab, field: str, most: int | None) -> None:
    """From now on the API server has ``most`` in place of what is written into a field of the predictor."""
    merge, create = lab.knative.merge, lab.knative.create

    def changed(body: Object) -> Object:
        body = copy.deepcopy(body)
        predictor = (body.get("spec") or {}).get("predictor") or {}
        if predictor.get(field) is not None:
            if most is None:
                del predictor[field]
            else:
                predictor[field] = min(predictor[field], most)
        return body

    async def merged(resource: resources.Resource, namespace: str, name: str, patch: Object) -> Object:
        return await merge(resource, namespace, name, changed(patch))

    async def created(resource: resources.Resource, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
        return await create(resource, namespace, changed(body), dry_run=dry_run)

    lab.knative.merge, lab.knative.create = merged, created  # type: ignore[method-assign]


async def test_a_webhook_that_changes_a_scaling_field_gets_one_write_and_is_told() -> None:
    lab = await knative_serving()
    clamped(lab, "maxReplicas", 4)
    created = lab.knative.number
    lab.want("1", predictor={**MODEL, "minReplicas": 1, "maxReplicas": 8})
    await lab.settle(20)
    assert lab.knative.number == created + 1
    assert "maxReplicas is 4 in place of 8; a webhook or KServe's definition changes it" in lab.status["message"]
    assert (lab.status["reason"], lab.condition("Ready")["status"]) == ("WriteRefused", "False")
    lab.want("1", predictor={**MODEL, "minReplicas": 1, "maxReplicas": 3})
    await lab.settle(4)
    assert lab.knative.number == created + 2
    assert lab.condition("Ready")["status"] == "True"


async def test_a_scaling_field_that_the_definition_drops_gets_one_write_and_is_told() -> None:
    lab = await knative_serving()
    clamped(lab, "scaleMetricType", None)
    created = lab.knative.number
    lab.want("1", predictor={**MODEL, "minReplicas": 1, "scaleMetricType": "Utilization"})
    await lab.settle(20)
    assert lab.knative.number == created + 1
    assert "scaleMetricType is absent in place of" in lab.status["message"]
    assert (
        "KServe has no field spec.predictor.scaleMetricType: version 1 runs without" in events(lab, "FieldsDropped")[0]
    )


async def test_fields_that_the_definition_does_not_have_are_told_as_in_mode_standard() -> None:
    lab = await knative_serving()
    clamped(lab, "minReplica", None)
    lab.want("2", predictor={**MODEL, "minReplicas": 1, "minReplica": 3})
    await lab.until(lab.stable("2"))
    told = "KServe has no field spec.predictor.minReplica: version 2 runs without; mend spec"
    assert events(lab, "FieldsDropped") == [told]


async def test_a_template_of_an_earlier_serin_is_not_written_anew() -> None:
    lab = await knative_serving()
    assert "serin.dev/scaling" not in lab.knative.isvc["spec"]["predictor"]["annotations"]
    written = len(lab.cluster.writes)
    lab.restart()
    await lab.settle()
    assert lab.cluster.writes[written:] == []


async def test_scaling_by_somebody_else_is_put_back_with_pauses_that_grow_and_told() -> None:
    lab = await knative_serving()
    created = lab.knative.number
    for number in range(60):
        if number % 2 == 0:
            lab.knative.edit(lambda obj: obj["spec"]["predictor"].update(minReplicas=3), manager="scaler")
        await lab.tick()
    told = events(lab, "RouteRepaired")
    assert told[0].startswith("field manager scaler had changed minReplicas in InferenceService fraud; the scaling")
    assert 3 <= len(told) <= 7
    assert lab.knative.number - created <= 2 * 7
    assert "field manager scaler has changed it; it is put back" in lab.status["message"]
    await lab.settle(70)
    assert lab.knative.isvc["spec"]["predictor"]["minReplicas"] == 1
    assert lab.condition("Ready")["status"] == "True"


async def test_what_spec_asks_for_waits_for_no_pause() -> None:
    lab = await knative_serving()
    for fewest in (2, 3, 4, 5):
        lab.want("1", predictor={**MODEL, "minReplicas": fewest})
        await lab.tick()
        assert lab.knative.isvc["spec"]["predictor"]["minReplicas"] == fewest


async def test_a_change_of_the_scaling_in_mid_rollout_is_postponed_and_the_message_says_so_once() -> None:
    lab = await knative_serving(SLOW)
    lab.want("2")
    await lab.until(lambda: lab.share("2") == 40)
    assert "is written when this rollout is over" not in lab.status["message"]
    lab.want("2", predictor={**MODEL, "minReplicas": 3, "maxReplicas": 9})
    await lab.settle(3)
    told = "; the scaling in spec.predictor (maxReplicas, minReplicas) is written when this rollout is over"
    assert lab.status["message"].count(told) == 1, lab.status["message"]
    await lab.until(lab.stable("2"))
    await lab.settle(3)
    assert lab.knative.isvc["spec"]["predictor"]["minReplicas"] == 3
    assert "is written when" not in lab.status["message"]


async def test_the_replica_that_a_candidate_has_while_it_is_judged_is_not_told_as_postponed() -> None:
    lab = await knative_serving(SLOW)
    lab.want("2", predictor={**MODEL, "minReplicas": 0})
    await lab.until(lambda: lab.share("2") == 40)
    assert lab.knative.isvc["spec"]["predictor"]["minReplicas"] == 1
    assert "is written when this rollout is over" not in lab.status["message"]
