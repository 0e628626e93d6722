"""Every folder of examples/ on a real API server, with the chart's admission policies in force, strict about fields."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.deploy import ClusterApi, rights
from e2e.deploy.cluster import Json, Person
from e2e.sandbox.build import build, find_optional
from e2e.sandbox.sandbox import Sandbox
from serin.api import API_VERSION
from serin.api.revision import Source
from tests.examples import EXAMPLES, FOLDERS, documents, named
from tests.integration.apiserver import objects
from tests.integration.apiserver.conftest import new_namespace, serve_inference_services
from tests.integration.apiserver.tenants import define, refusal, settled
from tests.integration.apiserver.test_chart import rendered as chart
from tools.kserve_manifests.collect import KSERVE_API
from tools.kserve_manifests.examine import refusal_of, rendered

pytestmark = pytest.mark.apiserver
OURS = ("ModelDeployment", "PromotionPolicy", "PromotionAction", "PromotionFreeze")
OTHERS = (
    ("source.toolkit.fluxcd.io", "v1", "GitRepository", "gitrepositories"),
    ("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", "kustomizations"),
    ("argoproj.io", "v1alpha1", "Application", "applications"),
    ("tekton.dev", "v1", "Task", "tasks"),
    ("tekton.dev", "v1", "Pipeline", "pipelines"),
    ("tekton.dev", "v1", "PipelineRun", "pipelineruns"),
)
"""Kinds of others, here without their fields: what the examples have was compared with the projects' own definitions
when it was written."""
GATEWAYS = "gateways"
"""Where the examples have their Gateway."""


@pytest.fixture(scope="module")
def cluster(api: ClusterApi) -> ClusterApi:
    """With the kinds of KServe, Flux, Argo CD and Tekton, and the namespace of the Gateway."""
    serve_inference_services(api)
    for role in (item for item in chart() if item["kind"] == "ClusterRole"):
        if role["metadata"]["name"] != rights.NAME:
            api.apply(role)
    for group, version, kind, plural in OTHERS:
        define(api, group, version, kind, plural)
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": GATEWAYS}})
    return api


def kustomized(folder: Path) -> list[Json]:
    """The objects of a kustomization, as kubectl renders them."""
    kubectl = find_optional("kubectl") or build(optional=["kubectl"]).binaries["kubectl"]
    answer = subprocess.run([kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=True, timeout=60)
    return [item for item in yaml.load_all(answer.stdout, Loader=yaml.CSafeLoader) if item]


def objects_of(folder: Path) -> Iterator[Json]:
    """What whoever follows the README applies: kustomizations as they are rendered, all other files as they are."""
    rendered_folders = {path.parent for path in folder.rglob("kustomization.yaml")}
    # A base is what others build on; it is part of theirs.
    for path in sorted(rendered_folders):
        if path.name != "base":
            yield from kustomized(path)
    for path, item in documents(folder):
        if path.parent not in rendered_folders:
            yield item


class Namespaces:
    """A new namespace for each that an example names: other tests share the API server. The Gateway's stays."""

    def __init__(self, api: ClusterApi) -> None:
        self._api = api
        self._known: dict[str, str] = {GATEWAYS: GATEWAYS}

    def new(self, name: str) -> str:
        if name not in self._known:
            self._known[name] = new_namespace(self._api)
        return self._known[name]

    def moved(self, item: Json) -> Json:
        """The object in the new namespace, and its subjects with it."""
        item = copy.deepcopy(item)
        if "namespace" in item["metadata"]:
            item["metadata"]["namespace"] = self.new(item["metadata"]["namespace"])
        for subject in item.get("subjects") or ():
            if "namespace" in subject:
                subject["namespace"] = self.new(subject["namespace"])
        return item


def stored(api: ClusterApi, sandbox: Sandbox, item: Json) -> None:
    """Applies it, if the server knows every field; a word of a person is created by that person."""
    if "generateName" not in item["metadata"]:
        api.apply(item, strict=True)
        return
    spec = item["spec"]
    person = Person(spec["requestedBy"], tuple(spec.get("groups") or ())) if "requestedBy" in spec else None
    with ClusterApi(sandbox.kubeconfig, person=person) as caller:
        caller.create(item)


@pytest.mark.parametrize("folder", FOLDERS, ids=named)
def test_an_example_is_taken_as_it_is(cluster: ClusterApi, sandbox: Sandbox, folder: Path) -> None:
    namespaces, kinds = Namespaces(cluster), set()
    for item in sorted(objects_of(folder), key=lambda item: "generateName" in item["metadata"]):
        kinds.add(item["kind"])
        moved = namespaces.moved(item)
        # The person of an example gets the rights of the folder a moment after they are written.
        settled(lambda moved=moved: refusal(lambda: stored(cluster, sandbox, moved)), "")  # type: ignore[misc]
        if item["kind"] == "ModelDeployment":
            kept = cluster.get(
                item["apiVersion"], item["kind"], item["metadata"]["name"], moved["metadata"]["namespace"]
            )
            assert kept is not None
            assert Source.of(kept["spec"]).hash == Source.of(item["spec"]).hash, "the server changes no revision"
    assert kinds & set(OURS), "an example without an object of Serin's"


def models_of(folder: Path) -> list[Json]:
    return [item for item in objects_of(folder) if item["kind"] == "ModelDeployment"]


@pytest.mark.parametrize("folder", FOLDERS, ids=named)
def test_kserve_takes_what_serin_makes_of_it(cluster: ClusterApi, namespace: str, folder: Path) -> None:
    """By KServe's own schema, and by those of Serin's rules that need the operator's code."""
    for item in models_of(folder):
        item["metadata"]["namespace"] = namespace
        assert refusal_of(item) is None
        made = rendered(item)
        made["metadata"].pop("ownerReferences", None)
        assert refusal(lambda made=made: cluster.apply(made, dry_run=True, strict=True)) == ""  # type: ignore[misc]


@pytest.mark.parametrize(
    ("folder", "account", "files"),
    [
        ("gitops", "deployer", "models"),
        ("pipelines", "release", "models"),
    ],
)
def test_the_account_of_an_example_may_release_and_may_not_promote(
    cluster: ClusterApi, sandbox: Sandbox, folder: str, account: str, files: str
) -> None:
    """With the rights of the folder and no others."""
    namespaces = Namespaces(cluster)
    for _, item in [pair for pair in documents(EXAMPLES / folder) if pair[0].name == "rights.yaml"]:
        cluster.apply(namespaces.moved(item))
    items = [namespaces.moved(item) for item in objects_of(EXAMPLES / folder / files)]
    [model] = [item for item in items if item["kind"] == "ModelDeployment"]
    [policy] = [item for item in items if item["kind"] == "PromotionPolicy"]
    if folder == "pipelines":  # whoever owns the policy writes it
        cluster.apply(policy)
    with ClusterApi(sandbox.kubeconfig_for(model["metadata"]["namespace"], account)) as limited:
        if folder == "gitops":
            settled(lambda: refusal(lambda: limited.apply(policy, strict=True)), "")
        settled(lambda: refusal(lambda: limited.apply(model, strict=True)), "")
        model["spec"]["model"]["version"] = "43"
        assert refusal(lambda: limited.apply(model, strict=True)) == ""
        model["spec"]["policyRef"]["name"] = "another"
        assert "use" in refusal(lambda: limited.apply(model, strict=True))
        action = {
            "apiVersion": API_VERSION,
            "kind": "PromotionAction",
            "metadata": {"name": "mine", "namespace": model["metadata"]["namespace"]},
            "spec": {"modelDeployment": "x", "action": "Promote", "rollout": "x-1", "requestedBy": limited.user()},
        }
        assert "forbidden" in refusal(lambda: limited.create(action))


def waited(sandbox: Sandbox, namespace: str, account: str, line: str) -> int:
    """The exit code of a pipeline's line, run by a shell with the account's kubeconfig."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    env = {"PATH": path, "KUBECONFIG": str(sandbox.kubeconfig_for(namespace, account)), "HOME": "/nowhere"}
    return subprocess.run(["bash", "-ec", line], env=env, capture_output=True, check=False, timeout=60).returncode


def test_the_pipelines_wait_ends_as_their_page_says(cluster: ClusterApi, sandbox: Sandbox) -> None:
    """The line of the workflow itself, against a model that is promoted, taken back, and on its way."""
    folder, namespaces = EXAMPLES / "pipelines", Namespaces(cluster)
    workflow = yaml.safe_load((folder / "github-actions" / "release.yaml").read_text("utf-8"))
    steps = {step.get("name"): step.get("run", "") for step in workflow["jobs"]["release"]["steps"]}
    for path, item in documents(folder):
        if path.name in {"rights.yaml", "model.yaml", "policy.yaml"}:
            cluster.apply(namespaces.moved(item))
    namespace = namespaces.new("retail")
    model = cluster.get(API_VERSION, "ModelDeployment", "demand", namespace)
    assert model is not None
    wait, why = (steps[name].replace("-n retail", f"-n {namespace}") for name in ("Wait", "Why"))

    def told(timeout: str, **status: Any) -> int:
        observed = {"observedGeneration": model["metadata"]["generation"], **status}
        cluster.merge(API_VERSION, "ModelDeployment/status", "demand", namespace=namespace, patch={"status": observed})
        return waited(sandbox, namespace, "release", wait.replace("--timeout 2h", f"--timeout {timeout}"))

    ref = reference(model)
    nothing: Json = {"stable": None, "candidate": None, "rejected": []}
    assert told("20s", **nothing | {"phase": "Stable", "stable": ref}) == 0
    rejection = {
        "revision": ref["revision"],
        "version": "8",
        "at": objects.AT,
        "reason": "SLOBreached",
        "record": "demand-1",
    }
    assert told("20s", **nothing | {"phase": "RolledBack", "rejected": [rejection]}) == 1
    assert waited(sandbox, namespace, "release", why) == 0
    assert told("2s", **nothing | {"phase": "Progressing", "candidate": ref}) == 3


def reference(model: Json) -> Json:
    """The revision that spec asks for, as a status has it."""
    source = Source.of(model["spec"])
    workload = {"apiVersion": KSERVE_API, "kind": "InferenceService", "name": f"demand-{source.revision}"}
    return {"revision": source.revision, "version": "8", "hash": source.hash, "workload": workload}
