"""A real API server keeps what is to be told, and the next process tells it once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.deploy import ClusterApi, OperatorProcess, OperatorSettings, install
from e2e.deploy.cluster import wait_until
from e2e.sandbox.sandbox import Sandbox
from e2e.scenarios.told import HttpReceiver
from serin.api import API_VERSION
from tests.integration.apiserver.objects import model_deployment

pytestmark = pytest.mark.apiserver


def test_what_the_receiver_missed_when_the_leader_was_killed_is_told_once(
    sandbox: Sandbox, api: ClusterApi, namespace: str, tmp_path: Path
) -> None:
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
            api.apply(model_deployment(namespace))
            wait_until(lambda: receiver.refused > 0, what="it was tried", seconds=60)
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
