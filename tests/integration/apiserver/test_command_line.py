"""The command line against a real API server: its credentials, its reviews, its dry runs and its admission policies."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from e2e.deploy import ClusterApi
from e2e.sandbox.sandbox import Sandbox
from serin.api import API_VERSION, names
from serin.cli.main import app
from tests.integration.apiserver import objects

pytestmark = pytest.mark.apiserver


@pytest.fixture(autouse=True)
def administrator(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command uses this cluster."""
    monkeypatch.setenv("KUBECONFIG", str(sandbox.kubeconfig))


def ran(namespace: str, *arguments: str) -> Result:
    result = CliRunner().invoke(app, [*arguments, "-n", namespace])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def told(namespace: str, *arguments: str) -> Any:
    result = ran(namespace, *arguments, "-o", "json")
    assert result.stdout, result.stderr
    return json.loads(result.stdout)


def rollout(api: ClusterApi, namespace: str) -> None:
    """A ModelDeployment in mid-rollout, and its record."""
    api.apply(objects.policy(namespace))
    api.apply(objects.model_deployment(namespace))
    record = objects.record(namespace)
    record["metadata"]["labels"] = {names.MODEL_DEPLOYMENT: "fraud", names.MANAGED_BY: names.MANAGER}
    api.apply(record)
    status = {
        "phase": "Progressing",
        "reason": "CollectingEvidence",
        "since": objects.AT,
        "message": "step 1 of 2 at 25 %",
        "stable": objects.REVISION,
        "candidate": {**objects.REVISION, "revision": "7c9f2a1b", "version": "2"},
        "weights": {"desired": 25, "applied": 25},
        "rollout": {
            "record": record["metadata"]["name"],
            "step": 1,
            "steps": 2,
            "startedAt": objects.AT,
            "reason": "CollectingEvidence",
            "message": "step 1 of 2 at 25 %",
            "since": objects.AT,
        },
    }
    api.merge(API_VERSION, "ModelDeployment/status", "fraud", namespace=namespace, patch={"status": status})


def test_what_is_read(api: ClusterApi, namespace: str) -> None:
    rollout(api, namespace)
    assert [row["name"] for row in told(namespace, "list")["items"]] == ["fraud"]
    assert told(namespace, "get", "fraud")["candidate"]["weight"] == 25
    [attempt] = told(namespace, "history", "fraud")["items"]
    assert (attempt["attempt"], attempt["version"]) == (1, "1")
    assert told(namespace, "explain", "fraud")["record"] == attempt["name"]
    assert "fraud" in ran(namespace, "list", "-A").stdout
    watched = ran(namespace, "watch", "fraud", "--timeout", "2s")
    assert (watched.exit_code, "weight=25%" in watched.stdout) == (0, True)
    assert ran(namespace, "wait", "fraud", "--timeout", "2s").exit_code == 3
    assert ran(namespace, "get", "nix").exit_code == 2


def test_an_action_is_created_in_ones_own_name(api: ClusterApi, namespace: str) -> None:
    rollout(api, namespace)
    checked = told(namespace, "abort", "fraud", "--reason", "x", "--dry-run")
    assert (checked["outcome"], checked["by"]) == ("Checked", api.user())
    assert api.list(API_VERSION, "PromotionAction", namespace) == []
    result = ran(namespace, "abort", "fraud", "--reason", "chargebacks rise", "--yes", "--answer-within", "1")
    assert result.exit_code == 3, "nobody answers: no operator runs here"
    [action] = api.list(API_VERSION, "PromotionAction", namespace)
    assert (action["spec"]["requestedBy"], action["spec"]["reason"]) == (api.user(), "chargebacks rise")
    assert action["spec"]["rollout"] == told(namespace, "get", "fraud")["record"]


def test_a_freeze_is_made_and_lifted(api: ClusterApi, namespace: str) -> None:
    made = told(namespace, "freeze", "--reason", "night", "--until", "8h", "--yes")
    [freeze] = api.list(API_VERSION, "PromotionFreeze", namespace)
    assert freeze["metadata"]["name"] == made["object"]
    assert ran(namespace, "freeze", "--end", made["object"], "--yes").exit_code == 0
    assert api.list(API_VERSION, "PromotionFreeze", namespace) == []


def test_who_may_not_is_told_before_anything_happens(
    api: ClusterApi, namespace: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout(api, namespace)
    api.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "guest", "namespace": namespace}})
    monkeypatch.setenv("KUBECONFIG", str(sandbox.kubeconfig_for(namespace, "guest")))
    result = ran(namespace, "list")
    assert result.exit_code == 2
    assert "modeldeployments.serin.dev is forbidden" in result.stderr
    assert ran(namespace, "freeze", "--reason", "x", "--yes").stderr.startswith(
        f"serin: you may not create promotionfreezes in namespace {namespace}"
    )
    assert api.list(API_VERSION, "PromotionFreeze", namespace) == []


def test_the_next_apply_is_told_and_does_what_was_told(api: ClusterApi, namespace: str, tmp_path: Any) -> None:
    rollout(api, namespace)
    item = objects.model_deployment(namespace)
    path = tmp_path / "next.yaml"
    path.write_text(yaml.safe_dump(item))
    assert [each["effect"] for each in told(namespace, "diff", "-f", str(path))["items"]] == ["Nothing"]
    item["spec"]["model"]["version"] = "3"
    path.write_text(yaml.safe_dump(item))
    [change] = told(namespace, "diff", "-f", str(path))["items"]
    assert change["effect"] == "Revision"
    assert change["steps"][-1] == "all traffic"
