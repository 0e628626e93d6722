"""A real API server keeps what is to be told, and the next process tells it once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.deploy import ClusterApi, OperatorProcess, OperatorSettings, install
from e2e.deploy.cluster import wait_until
from e2e.sandbox import parts
from e2e.sandbox.build import resolve_manifests
from e2e.sandbox.cache import Cache, default_root
from e2e.sandbox.released import load
from e2e.sandbox.sandbox import Sandbox
from e2e.scenarios.site import KSERVE_API
from e2e.scenarios.told import HttpReceiver
from serin.api import API_VERSION
from tests.integration.apiserver.objects import model_deployment

pytestmark = pytest.mark.apiserver


def test_what_the_receiver_missed_when_the_leader_was_killed_is_told_once(
    sandbox: Sandbox, api: ClusterApi, namespace: str, tmp_path: Path
) -> None:
    manifests = resolve_manifests(parts.load(), Cache(default_root()))
    assert manifests is not None, "the sandbox's parts are not built"
    found = load(manifests)
    for crd in (*found.gateway_crds, *found.kserve_crds):
        if crd["spec"]["names"]["kind"] in {"HTTPRoute", "InferenceService"}:  # what a pass reads
            api.apply(crd)
    wait_until(lambda: api.serves("gateway.networking.k8s.io/v1", "HTTPRoute"), what="routes are served", seconds=60)
    wait_until(lambda: api.serves(KSERVE_API, "InferenceService"), what="KServe's kinds are served", seconds=60)

    def status() -> dict[str, Any]:
        found = api.get(API_VERSION, "ModelDeployment", "fraud", namespace) or {}
        return dict(found.get("status") or {})

    with HttpReceiver() as receiver:
        file = tmp_path / "notifications.yaml"
        file.write_text(yaml.safe_dump({"receivers": [{"name": "box", "cloudEvents": {"url": receiver.url}}]}))
        settings = OperatorSettings(
            kubeconfig=sandbox.kubeconfig_for(*install(api)),
            prometheus_url="http://127.0.0.1:9",
            log=tmp_path / "operator.log",
            extra=(("SERIN_NAMESPACES", namespace), ("SERIN_NOTIFICATIONS_CONFIG", str(file))),
        )
        receiver.down = True
        with OperatorProcess(settings) as operator:
            wrong = model_deployment(namespace)
            wrong["spec"]["predictor"] = {"sklearn": {}}  # the older spelling, which its owner has to change
            api.apply(wrong)
            wait_until(lambda: receiver.refused > 0, what="it was tried", seconds=90)
            [waiting] = status()["notifications"]
            assert (waiting["kind"], waiting["to"]) == ("NeedsPerson", ["box"])
            operator.kill()
            receiver.down = False
            operator.start()
            wait_until(lambda: bool(status()) and not status().get("notifications"), what="it is told", seconds=60)
        [event] = receiver.events
        assert event["id"] == waiting["id"]
        assert event["data"]["customData"]["answers"]["act"].startswith("Must I act? Yes, by day")
        api.delete(API_VERSION, "ModelDeployment", "fraud", namespace)
