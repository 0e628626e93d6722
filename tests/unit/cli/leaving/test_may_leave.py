"""Which ModelDeployment can leave now, and what is said of any other."""

from __future__ import annotations

import re
from typing import Any

import pytest

from serin.api.model_deployment import ModelDeployment
from serin.cli.leaving.may_leave import target
from serin.errors import InvalidInput
from tests.lab import spec
from tests.world import ref

STABLE = {"phase": "Stable", "stable": ref("1").to_api()}
ON_ITS_WAY = STABLE | {"phase": "Progressing", "candidate": ref("2").to_api()}
KNATIVE = {"mode": "Knative"}
TRANSFORMER = {"transformer": {"containers": [{"image": "example.com/transformer:1"}]}}
GRPC = {"route": {**spec("1")["route"], "protocol": "GRPC"}}
ORPHANING = "kubectl delete mdep --cascade=orphan fraud -n prod"


def named(status: dict[str, Any], changes: dict[str, Any], percent: int | None = None) -> str:
    """What stays of ModelDeployment fraud."""
    obj = {
        "metadata": {"namespace": "prod", "name": "fraud"},
        "spec": spec("1", **changes),
        "status": status,
    }
    predictor = {} if percent is None else {"canaryTrafficPercent": percent}
    return target(obj, ModelDeployment.model_validate(obj), None, {"spec": {"predictor": predictor}})


def test_the_name_of_what_stays() -> None:
    assert named(STABLE, {}) == "fraud"
    assert named(STABLE, {"adopt": {"inferenceService": "old"}}) == "old"


@pytest.mark.parametrize(
    ("status", "changes", "percent", "words"),
    [
        pytest.param(ON_ITS_WAY, {}, None, "version 2 is being rolled out", id="in mid-rollout"),
        pytest.param(ON_ITS_WAY, KNATIVE, 40, "version 2 is being rolled out", id="in mid-rollout, Knative"),
        pytest.param(ON_ITS_WAY, TRANSFORMER, None, "version 2 is being rolled out", id="in mid-rollout, transformer"),
        pytest.param(ON_ITS_WAY, GRPC, None, "version 2 is being rolled out", id="in mid-rollout, gRPC"),
        pytest.param(STABLE, KNATIVE, 0, "has canaryTrafficPercent: 0 still", id="Knative, taken back a moment ago"),
        pytest.param(STABLE, KNATIVE, 100, "has canaryTrafficPercent: 100 still", id="Knative, promoted a moment ago"),
        pytest.param(STABLE, KNATIVE, None, f"`{ORPHANING}` leaves it, with all traffic", id="Knative"),
        pytest.param(
            STABLE, TRANSFORMER, None, f"`{ORPHANING}` leaves its InferenceService and route", id="transformer"
        ),
        pytest.param(STABLE, GRPC, None, f"`{ORPHANING}` leaves its InferenceService and route", id="gRPC"),
        pytest.param({}, {}, None, "no stable revision", id="nothing serves"),
    ],
)
def test_what_cannot_leave_is_told_why(
    status: dict[str, Any], changes: dict[str, Any], percent: int | None, words: str
) -> None:
    with pytest.raises(InvalidInput, match=re.escape(words)) as raised:
        named(status, changes, percent)
    assert ("--cascade=orphan" in str(raised.value)) == ("--cascade=orphan" in words), "it would keep the split"
