"""The command line reads kubeconfigs as kubectl does, without the client library where it needs no plugin."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from serin.cluster import kubeconfig
from serin.cluster.kubeconfig import access, contexts
from serin.errors import Refused

PEM = base64.b64encode(b"made-up pem").decode()


def config(cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "current-context": "one",
        "clusters": [{"name": "c", "cluster": {"server": "https://api:6443", **(cluster or {})}}],
        "contexts": [
            {"name": "one", "context": {"cluster": "c", "user": "u", "namespace": "prod"}},
            {"name": "two", "context": {"cluster": "c", "user": "u"}},
        ],
        "users": [{"name": "u", "user": user or {}}],
        **more,
    }


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def write(*documents: Any) -> Path:
        paths = []
        for number, document in enumerate(documents):
            path = tmp_path / f"config{number}"
            path.write_text(document if isinstance(document, str) else json.dumps(document))
            paths.append(str(path))
        monkeypatch.setenv("KUBECONFIG", ":".join(paths))
        return tmp_path

    return write


def test_certificates_and_tokens_are_read_here(written: Any) -> None:
    home = written(
        config(
            {"certificate-authority-data": PEM, "tls-server-name": "kubernetes"},
            {"client-certificate-data": PEM, "client-key": "key.pem", "tokenFile": "token"},
        )
    )
    (home / "key.pem").write_text("key")
    (home / "token").write_text("abc\n")
    found = access()
    assert (found.server, found.namespace, found.authority) == ("https://api:6443", "prod", b"made-up pem")
    assert (found.certificate, found.authorization) == (b"made-up pem\nkey", "Bearer abc")
    assert (found.tls_name, found.verify) == ("kubernetes", True)
    assert access("two").namespace == "default"
    assert contexts() == ["one", "two"]


def test_of_several_files_the_first_that_names_a_thing_counts(written: Any) -> None:
    second = config({"server": "https://other"}, {"token": "second"})
    second["contexts"].append({"name": "three", "context": {"cluster": "c", "user": "v"}})
    second["users"].append({"name": "v", "user": {"token": "v"}})
    written(config(user={"token": "first"}), second)
    assert access().authorization == "Bearer first"
    three = access("three")
    assert (three.server, three.authorization) == ("https://api:6443", "Bearer v")


def test_impersonation_and_proxies_are_kept(written: Any) -> None:
    written(config({"proxy-url": "http://proxy:3128"}, {"token": "t", "as": "ana", "as-groups": ["risk"]}))
    found = access()
    assert (found.proxy, found.impersonated, found.impersonated_groups) == ("http://proxy:3128", "ana", ("risk",))


def test_a_plugin_is_run_by_the_client_library(written: Any) -> None:
    answer = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "from-plugin"},
    }
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "interactiveMode": "Never",
        "command": sys.executable,
        "args": ["-c", f"print({json.dumps(json.dumps(answer))})"],
    }
    written(config(user={"exec": plugin}))
    found = access()
    assert (found.authorization, found.namespace) == ("Bearer from-plugin", "prod")


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ("{", "cannot be used"),
        ("[]", "no current context"),
        (config(clusters=[]), "has no cluster 'c'"),
        (config(users=[]), "has no user 'u'"),
        ({**config(), "current-context": "nix"}, "has no context 'nix'"),
        (config({"certificate-authority": "missing.pem"}), "cannot be used"),
        (config(clusters=[{"name": "c", "cluster": 7}]), "cannot be used"),
    ],
)
def test_what_cannot_be_used_is_told(written: Any, document: Any, problem: str) -> None:
    written(document)
    with pytest.raises(Refused, match=problem):
        access()


def test_a_context_that_is_not_there(written: Any) -> None:
    written(config())
    with pytest.raises(Refused, match="has no context 'nix': see kubectl config get-contexts"):
        access("nix")


def test_no_kubeconfig_and_no_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    with pytest.raises(Refused, match="there is no kubeconfig /nowhere"):
        access()
    assert contexts() == []


def test_in_a_pod_its_account_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in (("token", "t\n"), ("ca.crt", "ca"), ("namespace", "jobs")):
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(kubeconfig, "IN_POD", tmp_path)
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    found = access()
    assert (found.server, found.namespace, found.authorization) == ("https://[fd00::1]:443", "jobs", "Bearer t")
