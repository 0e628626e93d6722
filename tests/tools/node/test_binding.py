from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from e2e.sandbox.node.api import ApiError
from e2e.sandbox.node.binding import Binder, waits_for_node
from e2e.sandbox.node.events import EventRecorder

if TYPE_CHECKING:
    from tests.tools.node.conftest import FakeApi


def pod(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p", "namespace": "n", "uid": "u"}, "spec": {"containers": [{"name": "c"}], **spec}}


@pytest.mark.parametrize(
    ("spec", "waits"),
    [
        ({}, True),
        ({"schedulerName": "default-scheduler"}, True),
        ({"nodeName": "node-1"}, False),
        ({"schedulerName": "another"}, False),
        ({"schedulingGates": [{"name": "x"}]}, False),
    ],
)
def test_only_what_a_default_scheduler_would_place(spec: dict[str, Any], waits: bool) -> None:  # noqa: FBT001
    assert waits_for_node(pod(**spec)) is waits


async def test_a_pod_is_bound(api: FakeApi) -> None:
    await Binder(api, EventRecorder(api, "node-1"), "node-1").bind(pod())
    ((method, path, body),) = api.calls
    assert (method, path) == ("POST", "/api/v1/namespaces/n/pods/p/binding")
    assert body["target"]["name"] == "node-1"


async def test_what_fits_nowhere_is_told_once(api: FakeApi) -> None:
    binder = Binder(api, EventRecorder(api, "node-1"), "node-1")
    asks = pod(containers=[{"name": "c", "resources": {"limits": {"nvidia.com/gpu": "1"}}}])
    for _ in range(2):
        await binder.bind(asks)
    ((method, _, body),) = api.calls
    assert method == "PATCH"
    assert body["status"]["conditions"][0]["reason"] == "Unschedulable"


@pytest.mark.parametrize("code", [404, 409])
async def test_gone_or_bound_already_is_no_error(api: FakeApi, code: int) -> None:
    api.refusals = [ApiError(code, "late")]
    await Binder(api, EventRecorder(api, "node-1"), "node-1").bind(pod())


async def test_other_errors_are_the_callers(api: FakeApi) -> None:
    api.refusals = [ApiError(500, "down")]
    with pytest.raises(ApiError):
        await Binder(api, EventRecorder(api, "node-1"), "node-1").bind(pod())
