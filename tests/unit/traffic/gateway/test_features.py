"""What a gateway does not have, and that nobody who cannot be asked changes a route."""

from __future__ import annotations

from typing import Any

import pytest

from serin.cluster import resources
from serin.traffic.gateway.features import KEPT, RETRY, Correction, GatewayFeatures, lacking
from serin.traffic.gateway.http_route import REQUEST_TIMEOUT
from tests.clock import START
from tests.fakes import FakeCluster
from tests.lab import Lab

GATEWAY = ("prod", "models")
LACKING = frozenset({REQUEST_TIMEOUT})


@pytest.mark.parametrize(
    ("said", "corrections", "lacks"),
    [
        (None, (), frozenset()),
        ([], (), frozenset()),
        ([{"name": "HTTPRoute"}], (), LACKING),
        ([{"name": "HTTPRoute"}, {"name": REQUEST_TIMEOUT}], (), frozenset()),
        (["HTTPRoute", REQUEST_TIMEOUT], (), frozenset()),  # names, as in earlier releases
        (None, ("old:-" + REQUEST_TIMEOUT,), LACKING),
        (None, ("*:-" + REQUEST_TIMEOUT,), LACKING),
        (None, ("other:-" + REQUEST_TIMEOUT,), frozenset()),
        ([{"name": "HTTPRoute"}], ("old:+" + REQUEST_TIMEOUT,), frozenset()),
    ],
)
def test_what_a_class_lacks(said: Any, corrections: tuple[str, ...], lacks: frozenset[str]) -> None:
    found = {"status": {"supportedFeatures": said}} if said is not None else {}
    assert lacking(found, "old", tuple(map(Correction.parse, corrections))) == lacks


@pytest.mark.parametrize("text", ["", "old", "old:HTTPRouteRequestTimeout", ":-HTTPRouteRequestTimeout", "old:-Magic"])
def test_a_correction_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not CLASS:-FEATURE"):
        Correction.parse(text)


def installed(cluster: FakeCluster, *features: str) -> None:
    cluster.put(
        resources.GATEWAYS, {"metadata": {"namespace": "prod", "name": "models"}, "spec": {"gatewayClassName": "old"}}
    )
    said = [{"name": feature} for feature in features]
    cluster.put(
        resources.GATEWAY_CLASSES, {"metadata": {"name": "old", "namespace": ""}, "status": {"supportedFeatures": said}}
    )


async def test_an_answer_is_kept_and_in_a_rollout_nobody_is_asked_again() -> None:
    cluster, features = FakeCluster(), GatewayFeatures()
    assert await features.lacks(cluster, GATEWAY, START, in_rollout=False) is None, "nobody could be asked"
    installed(cluster, "HTTPRoute", REQUEST_TIMEOUT)
    assert await features.lacks(cluster, GATEWAY, START + RETRY / 2, in_rollout=False) is None
    at = START + RETRY
    assert await features.lacks(cluster, GATEWAY, at, in_rollout=False) == frozenset()
    installed(cluster, "HTTPRoute")
    assert await features.lacks(cluster, GATEWAY, at + KEPT / 2, in_rollout=False) == frozenset()
    assert await features.lacks(cluster, GATEWAY, at + KEPT, in_rollout=True) == frozenset()
    assert await features.lacks(cluster, GATEWAY, at + KEPT, in_rollout=False) == LACKING
    cluster.objects.clear()
    assert await features.lacks(cluster, GATEWAY, at + 3 * KEPT, in_rollout=False) == LACKING, "as it was known"


async def test_a_route_to_a_gateway_without_timeouts_has_none() -> None:
    lab = Lab()
    installed(lab.cluster, "HTTPRoute")
    await lab.until(lab.stable("1"))
    assert "timeouts" not in lab.obj(resources.HTTP_ROUTES)["spec"]["rules"][0]
    del lab.cluster.objects["gateways", "prod", "models"]
    lab.restart()
    lab.want("2")
    await lab.until(lab.stable("2"))
    assert "timeouts" not in lab.obj(resources.HTTP_ROUTES)["spec"]["rules"][0], "what cannot be read changes nothing"
