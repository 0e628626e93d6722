"""A cluster is lost, and its records come back from a backup by the commands of the page: whole, with their hashes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from e2e.deploy import ClusterApi
from e2e.deploy.cluster import Json, wait_until
from e2e.sandbox import build
from e2e.sandbox.sandbox import Sandbox
from serin.api import API_VERSION
from serin.records.chain import record_hash
from tests.chain import chain

pytestmark = pytest.mark.apiserver
PAGE = Path(__file__).parents[3] / "docs/operations/disaster-recovery.md"
NAMESPACE = "prod"


def said(beginning: str) -> str:
    """The one command of the page that begins so."""
    lines = [line.removeprefix("$ ") for line in PAGE.read_text("utf-8").splitlines()]
    (found,) = [line for line in lines if line.startswith(beginning)]
    return found


@pytest.fixture
def records(api: ClusterApi) -> Iterator[list[Json]]:
    """The finished records of a ModelDeployment; one of them has two further parts."""
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    made = chain()
    for item in made:
        stored = api.create({name: part for name, part in item.items() if name != "status"})
        path = api._path(API_VERSION, "PromotionRecord/status", NAMESPACE, item["metadata"]["name"])
        api._send("PUT", path, json={**stored, "status": item["status"]})
    yield made
    lose(api)


def lose(api: ClusterApi) -> None:
    """No record is there any more."""
    for item in api.list(API_VERSION, "PromotionRecord", NAMESPACE):
        api.delete(API_VERSION, "PromotionRecord", item["metadata"]["name"], NAMESPACE)
    wait_until(lambda: not api.list(API_VERSION, "PromotionRecord", NAMESPACE), what="No record is left", seconds=10)


def keep_only_ours(path: Path) -> None:
    """Of the namespaces of a backup: the others are other tests', some hundreds, which take minutes to apply."""
    backup = yaml.safe_load(path.read_text("utf-8"))
    backup["items"] = [item for item in backup["items"] if item["metadata"]["name"] == NAMESPACE]
    assert len(backup["items"]) == 1
    path.write_text(yaml.safe_dump(backup), "utf-8")


def test_the_commands_of_the_page_bring_every_record_back_with_its_hash(
    sandbox: Sandbox, api: ClusterApi, records: list[Json], tmp_path: Path
) -> None:
    kubectl = build.find_optional("kubectl")
    assert kubectl is not None, "python -m e2e.sandbox.build --kubectl"
    path = f"{kubectl.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(tmp_path), "KUBECONFIG": str(sandbox.kubeconfig)}

    def run(command: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    backup = said("kubectl get promotionrecords")
    assert " -A " in backup
    run(backup.replace(" -A ", f" -n {NAMESPACE} "))  # what other tests left is not this one's to lose
    lose(api)
    run(said("kubectl get namespaces"))
    keep_only_ours(tmp_path / "namespaces.yaml")
    run(said("kubectl apply -f namespaces.yaml"))
    run(said("kubectl create -f records.yaml"))
    run(said("kubectl replace --subresource=status -f records.yaml"))
    found = {item["metadata"]["name"]: item for item in api.list(API_VERSION, "PromotionRecord", NAMESPACE)}
    assert sorted(found) == sorted(item["metadata"]["name"] for item in records)
    for item in records:
        restored = found[item["metadata"]["name"]]
        assert record_hash(restored) == restored["status"]["hash"] == item["status"]["hash"]
    assert "whole" in run(said("serin verify mdep/fraud"))
