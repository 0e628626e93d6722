"""What is read on an InferenceService stays when its ModelDeployment leaves, and queries count for what stays."""

from __future__ import annotations

from typing import Any

import pytest

from serin.cli.leaving.left import changed_to, differs, service_left

KEDA = {"serving.kserve.io/autoscalerClass": "keda"}
SECRET = {"serving.kserve.io/storageSecretName": "minio"}
QUEUE = {"kueue.x-k8s.io/queue-name": "models"}
SERINS = {"app.kubernetes.io/managed-by": "serin", "serin.dev/model-deployment": "fraud"}
NAME = "fraud-5c0d9e1a"


def scaled(query: str) -> dict[str, Any]:
    metric = {"type": "External", "external": {"metric": {"backend": "prometheus", "query": query}}}
    return {"autoScaling": {"metrics": [metric]}}


def query_of(service: dict[str, Any]) -> str:
    [metric] = service["spec"]["predictor"]["autoScaling"]["metrics"]
    return str(metric["external"]["metric"]["query"])


def stable(name: str = NAME, *, labels: Any = None, annotations: Any = None, **predictor: Any) -> dict[str, Any]:
    """An InferenceService of Serin's."""
    mode = {"serving.kserve.io/deploymentMode": "Standard", "serin.dev/content-hash": "a" * 64}
    return {
        "metadata": {
            "name": name,
            "namespace": "prod",
            "labels": SERINS | {"networking.kserve.io/visibility": "cluster-local"} if labels is None else labels,
            "annotations": mode | (annotations or {}),
        },
        "spec": {
            "predictor": {"model": {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://models/1"}} | predictor
        },
    }


def test_the_orders_to_kserve_and_others_stay_and_serins_go() -> None:
    made = service_left(stable(labels=SERINS | QUEUE, annotations=KEDA | SECRET), "fraud", 1)
    assert made["metadata"]["labels"] == QUEUE
    assert made["metadata"]["annotations"] == KEDA | SECRET | {"serving.kserve.io/deploymentMode": "Standard"}


@pytest.mark.parametrize(
    ("service", "query", "wanted"),
    [
        pytest.param(
            stable(), f'sum(x{{pod=~"{NAME}-predictor-.*"}})', 'sum(x{pod=~"fraud-predictor-.*"})', id="Serin's"
        ),
        pytest.param(
            stable(), f'y{{c="prod_{NAME}_80"}}', 'y{c="prod_fraud_80"}', id="wherever Serin has put its name"
        ),
        pytest.param(
            stable("old", labels={}),
            'old_queue{a="old",pod=~"old-predictor-.*",c="prod_old-predictor_80",d="old-2",e=~"old-.*",f="very-old"}',
            'old_queue{a="fraud",pod=~"fraud-predictor-.*",c="prod_fraud-predictor_80",d="old-2",e=~"fraud-.*",'
            'f="very-old"}',
            id="a short name, where it is the service's",
        ),
    ],
)
def test_a_query_counts_for_the_service_that_stays(service: dict[str, Any], query: str, wanted: str) -> None:
    service["spec"]["predictor"] |= scaled(query)
    assert query_of(service_left(service, "fraud", 1)) == wanted
    assert query_of(service) == query


def test_an_adopted_service_gets_what_is_read_on_it_and_keeps_what_is_its_owners() -> None:
    wanted = service_left(stable(labels=SERINS | QUEUE, annotations=KEDA), "old", 1)
    existing = stable("old", labels={"team": "risk"}, annotations=SECRET | {"note": "x"})
    assert differs(existing, wanted)
    changed = changed_to(existing, wanted)
    assert changed["metadata"]["labels"] == {"team": "risk"} | QUEUE
    assert KEDA.items() <= changed["metadata"]["annotations"].items()
    assert "note" in changed["metadata"]["annotations"]
    assert not SECRET.items() & changed["metadata"]["annotations"].items(), "what is stable needs none"
    assert not differs(changed, wanted)


@pytest.mark.parametrize(
    ("existing", "other"),
    [
        pytest.param(stable("old", labels={"team": "risk"}), False, id="the same"),
        pytest.param(stable("old", annotations=SECRET), True, id="other credentials"),
        pytest.param(stable("old", annotations={"serving.kserve.io/autoscalerClass": "hpa"}), False, id="the default"),
        pytest.param(stable("old", labels=QUEUE), False, id="a queue of its owner's"),
        pytest.param(stable("old", serviceAccountName="robot"), True, id="another predictor"),
    ],
)
def test_a_service_that_is_as_it_should_be_is_not_written_to(existing: dict[str, Any], other: bool) -> None:  # noqa: FBT001
    assert differs(existing, service_left(stable(), "old", 1)) == other
