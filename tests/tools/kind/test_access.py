from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from e2e.kind import access
from e2e.kind.cluster import Kind
from e2e.kind.engine import Engine
from e2e.kind.errors import ForeignClusterError
from e2e.kind.layout import Layout
from e2e.sandbox.errors import NotRunningError

if TYPE_CHECKING:
    from pathlib import Path

AUTHORITY = base64.b64encode(b"authority").decode()


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "state", tmp_path / "cache")


def as_kind_writes(layout: Layout, *, name: str = "kind-serin-e2e", server: str = "https://127.0.0.1:6443") -> Path:
    content: dict[str, Any] = {
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority-data": AUTHORITY}}],
    }
    layout.root.mkdir(parents=True, exist_ok=True)
    layout.kind_kubeconfig.write_text(json.dumps(content))
    return layout.kind_kubeconfig


def test_our_own_cluster_is_accepted(layout: Layout) -> None:
    assert access.server_of(as_kind_writes(layout)) == ("https://127.0.0.1:6443", b"authority")


@pytest.mark.parametrize(
    ("name", "server"),
    [
        ("production", "https://127.0.0.1:6443"),
        ("kind-kind", "https://127.0.0.1:6443"),
        ("kind-serin-e2e", "https://10.1.2.3:6443"),
        ("kind-serin-e2e", "https://api.example.com"),
    ],
)
def test_another_cluster_is_refused_and_nothing_written(layout: Layout, name: str, server: str) -> None:
    as_kind_writes(layout, name=name, server=server)
    with pytest.raises(ForeignClusterError, match="left alone"):
        access.write(layout, layout.kubeconfig, user="admin", token="secret")
    assert not layout.kubeconfig.exists()


def test_what_is_no_kubeconfig_is_refused(layout: Layout) -> None:
    layout.root.mkdir(parents=True)
    layout.kind_kubeconfig.write_text("nonsense")
    with pytest.raises(ForeignClusterError):
        access.server_of(layout.kind_kubeconfig)


def test_a_kubeconfig_is_private_and_names_our_cluster(layout: Layout) -> None:
    as_kind_writes(layout)
    access.write(layout, layout.kubeconfig, user="admin", token="secret", namespace="n")
    assert layout.kubeconfig.stat().st_mode & 0o777 == 0o600
    content = json.loads(layout.kubeconfig.read_text())
    assert content["current-context"] == content["clusters"][0]["name"] == "serin-e2e"
    assert content["contexts"][0]["context"]["namespace"] == "n"


def test_a_cluster_that_does_not_run_says_how_to_start_it(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "answers", lambda _: False)
    kind = Kind(layout)
    for ask in (lambda: kind.gateway_url, lambda: kind.prometheus_url, kind.status, kind.environment):
        with pytest.raises(NotRunningError, match="serin-kind up"):
            ask()
    assert kind.down() == []


def test_the_users_own_kubeconfig_is_not_given_to_kind(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/home/somebody/.kube/config")
    monkeypatch.setattr(Engine, "answers", lambda _: False)
    layout.root.mkdir(parents=True)
    script = layout.root / "kind"
    script.write_text(f'#!/bin/sh\necho "$KUBECONFIG" > {layout.root}/seen\n')
    script.chmod(0o755)
    Kind(layout)._kind(script, "delete", "cluster")
    assert (layout.root / "seen").read_text().strip() == str(layout.kind_kubeconfig)
