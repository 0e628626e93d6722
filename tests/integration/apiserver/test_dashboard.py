"""The page on a real API server, with the rights that the chart gives it and no others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from typer.testing import CliRunner

from e2e.deploy import ClusterApi
from e2e.sandbox.sandbox import Sandbox
from serin.api import API_VERSION
from serin.cli.main import app
from serin.cli.page.serving import Wish, served
from serin.cluster.direct import DirectApi
from serin.cluster.kubeconfig import access
from tests.integration.apiserver import objects
from tests.integration.apiserver.test_chart import only, rendered
from tests.integration.apiserver.test_command_line import rollout

pytestmark = pytest.mark.apiserver
SWITCHED_ON = ("--set", "dashboard.enabled=true")
Json = dict[str, Any]


def of_dashboard(*more: str, values: str = "default") -> list[Json]:
    """The chart's objects for the page."""
    items = rendered(values, *SWITCHED_ON, *more)
    labels = [(item, item["metadata"].get("labels") or {}) for item in items]
    return [item for item, found in labels if found.get("app.kubernetes.io/name") == "serin-dashboard"]


def connected(
    sandbox: Sandbox, namespace: str, account: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], DirectApi]:
    """A connection with the rights of a service account."""
    monkeypatch.setenv("KUBECONFIG", str(sandbox.kubeconfig_for(namespace, account)))
    return lambda: DirectApi(access())


async def shown(http: aiohttp.ClientSession, url: str, words: str) -> str:
    """The page as soon as it has these words."""
    text = ""
    for _ in range(300):
        async with http.get(url) as answer:
            if words in (text := await answer.text()):
                return text
        await asyncio.sleep(0.1)  # the page's server reads the cluster by itself
    raise AssertionError(f"{words!r} is not in {text[:4000]}")


def wish(*namespaces: str) -> Wish:
    return Wish(list(namespaces), None, "127.0.0.1", 0, [])


def bound(api: ClusterApi, namespace: str, *, everywhere: bool) -> str:
    """An account with the rights of the chart's role, in a namespace or everywhere."""
    role = only(of_dashboard(), "ClusterRole")
    role["metadata"] = {"name": f"{namespace}-dashboard"}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "page", "namespace": namespace}}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding" if everywhere else "RoleBinding",
        "metadata": {"name": f"{namespace}-dashboard", **({} if everywhere else {"namespace": namespace})},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": f"{namespace}-dashboard"},
        "subjects": [{"kind": "ServiceAccount", "name": "page", "namespace": namespace}],
    }
    for item in (role, account, binding):
        api.apply(item)
    return "page"


@pytest.mark.parametrize("everywhere", [True, False], ids=["everywhere", "one namespace"])
async def test_the_charts_rights_are_enough(
    api: ClusterApi,
    namespace: str,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    everywhere: bool,  # noqa: FBT001 - a column of the table
) -> None:
    rollout(api, namespace)
    account = bound(api, namespace, everywhere=everywhere)
    connect = connected(sandbox, namespace, account, monkeypatch)
    path = f"mdep/{namespace}/fraud"
    async with served(wish("" if everywhere else namespace), connect) as url, aiohttp.ClientSession() as http:
        text = await shown(http, f"{url}{path}", "step 1 of 2 at 25 %")
        assert "is not known" not in text
        record = objects.record(namespace)["metadata"]["name"]
        assert f"/{path}/records/{record}" in text
        assert "attempt 1" in await shown(http, f"{url}{path}/records/{record}", "In sentences")
        async with http.get(f"{url}{path}/events") as stream:
            await stream.content.readuntil(b"\n\n")
            patch = {"status": {"message": "step 2 of 2 at 50 %", "weights": {"desired": 50, "applied": 50}}}
            api.merge(API_VERSION, "ModelDeployment/status", "fraud", namespace=namespace, patch=patch)
            assert b"changed" in await asyncio.wait_for(stream.content.readuntil(b"\n\n"), 10)
        await shown(http, f"{url}{path}", "50 %")
        api.delete(API_VERSION, "ModelDeployment", "fraud", namespace)
        await shown(http, f"{url}{path}", "There is no ModelDeployment fraud")


async def test_a_right_that_is_missing_is_named(
    api: ClusterApi, namespace: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout(api, namespace)
    account = bound(api, namespace, everywhere=False)
    connect = connected(sandbox, namespace, account, monkeypatch)
    async with served(wish(""), connect) as url, aiohttp.ClientSession() as http:
        text = await shown(
            http, url, "The right to list and watch modeldeployments.serin.dev is missing in all namespaces"
        )
        assert "cannot list resource" in text
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": f"{namespace}-dashboard"},
    }
    api.apply(role | {"rules": [{"apiGroups": ["serin.dev"], "resources": ["modeldeployments"], "verbs": ["list"]}]})
    async with served(wish(namespace), connect) as url, aiohttp.ClientSession() as http:
        text = await shown(http, f"{url}mdep/{namespace}/fraud", "step 1 of 2 at 25 %")
        assert f"the right to get promotionrecords.serin.dev in namespace {namespace} is missing" in text


def test_it_is_off_by_default_and_has_no_right_to_write() -> None:
    assert [i for i in rendered() if "dashboard" in i["metadata"]["name"] and "ConfigMap" not in i["kind"]] == []
    verbs = {verb for rule in only(of_dashboard(), "ClusterRole")["rules"] for verb in rule["verbs"]}
    assert verbs == {"get", "list", "watch"}
    resources = {name for rule in only(of_dashboard(), "ClusterRole")["rules"] for name in rule["resources"]}
    assert resources == {"modeldeployments", "promotionrecords"}


def test_listed_namespaces_get_bindings_of_their_own() -> None:
    items = of_dashboard("--set", "dashboard.enabled=true", values="namespaces")
    assert not [item for item in items if item["kind"] == "ClusterRoleBinding"]
    assert {i["metadata"]["namespace"] for i in items if i["kind"] == "RoleBinding"} == {"payments", "fraud"}
    [container] = only(items, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert {"--namespace=payments", "--namespace=fraud"} <= set(container["args"])


def test_nobody_reaches_it_until_the_values_say_who() -> None:
    assert only(of_dashboard("--set", "networkPolicy.enabled=true"), "NetworkPolicy")["spec"]["ingress"] == []
    peer = {"podSelector": {"matchLabels": {"app": "proxy"}}}
    opened = only(of_dashboard("--set-json", f"dashboard.from=[{json.dumps(peer)}]"), "NetworkPolicy")["spec"]
    assert opened["ingress"] == [{"ports": [{"port": "http", "protocol": "TCP"}], "from": [peer]}]
    operators = [item for item in rendered("default", *SWITCHED_ON) if item not in of_dashboard()]
    selected = only(operators, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"]
    labels = only(of_dashboard(), "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert not selected.items() <= labels.items(), "what opens the operator's port does not open this one"


def test_a_real_server_takes_it_in_a_restricted_namespace(api: ClusterApi, namespace: str) -> None:
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
    api.merge("v1", "Namespace", namespace, namespace=None, patch={"metadata": {"labels": labels}})
    items = of_dashboard("--namespace", namespace, "--set", "dashboard.hosts={serin.example.com}")
    template = only(items, "Deployment")["spec"]["template"]
    api.apply(only(items, "ServiceAccount"))
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "page", "namespace": namespace, **template["metadata"]},
    }
    for item in [*items, pod | {"spec": template["spec"]}]:
        api.apply(item, dry_run=True)


def test_the_command_takes_its_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    [container] = only(of_dashboard("--set", "namespaces={a,b}"), "Deployment")["spec"]["template"]["spec"][
        "containers"
    ]
    assert container["command"][1:] == ["-m", "serin.cli", "dashboard"]
    asked: list[Wish] = []

    async def serve(wanted: Wish) -> None:
        asked.append(wanted)

    monkeypatch.setattr("serin.cli.page.serving.serve", serve)
    result = CliRunner().invoke(app, ["dashboard", *container["args"]])
    assert result.exit_code == 0, result.output
    hosts = ["serin-dashboard", "serin-dashboard.serin-system", "serin-dashboard.serin-system.svc"]
    assert asked == [Wish(["a", "b"], None, "", 8088, hosts)]
