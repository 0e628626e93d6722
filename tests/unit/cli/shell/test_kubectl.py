"""``kubectl serin``, and what a shell offers after Tab."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from serin.cli.shell import kubectl
from serin.cli.shell.completion import names_of_contexts
from serin.cluster import direct
from serin.cluster.resources import Resource


def completed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    monkeypatch.setattr(sys, "argv", ["kubectl_complete-serin", *words])
    for name in (kubectl.COMPLETE, "COMP_WORDS", "COMP_CWORD"):
        monkeypatch.setenv(name, "")  # put back after the test
    kubectl.complete()
    return capsys.readouterr().out.splitlines()


def test_kubectl_is_told_commands_options_and_objects(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "config"
    entry = {"cluster": {"server": "http://127.0.0.1:1"}, "context": {"cluster": "c"}}
    path.write_text(
        json.dumps(
            {
                "current-context": "c",
                "clusters": [{"name": "c", "cluster": entry["cluster"]}],
                "contexts": [{"name": "c", "context": entry["context"]}],
            }
        )
    )
    monkeypatch.setenv("KUBECONFIG", str(path))
    assert completed(monkeypatch, capsys, "ho") == ["hold", ":4"]
    assert completed(monkeypatch, capsys, "get", "--nam") == ["--namespace", ":4"]
    assert completed(monkeypatch, capsys, "get", "") == [":4"], "no server, no words, no error"
    assert completed(monkeypatch, capsys, "get", "--context", "") == ["c", ":4"]
    assert names_of_contexts("x") == []

    def rows(_: object, resource: Resource, namespace: str, selector: str = "") -> list[dict[str, object]]:
        assert (resource.kind, namespace, selector) == ("ModelDeployment", "default", "")
        return [{"metadata": {"name": name}} for name in ("fraud", "churn")]

    monkeypatch.setattr(direct.DirectApi, "rows", rows)
    assert completed(monkeypatch, capsys, "get", "") == ["churn", "fraud", ":4"]
    assert completed(monkeypatch, capsys, "get", "fr") == ["fraud", ":4"]


POLICY: dict[str, object] = {"spec": {"gates": [{"name": "cab", "approval": {}}, {"name": "budget", "metric": {}}]}}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("preflight ", ["fraud"]),
        ("preflight mdep/", ["mdep/fraud"]),
        ("export f", ["fraud"]),
        ("verify ", ["mdep/fraud"]),
        ("attest ", ["fraud-1", "fraud-2"]),
        ("attest prec/", ["prec/fraud-1", "prec/fraud-2"]),
        ("bundle ", ["mdep/fraud", "prec/"]),
        ("report prec/", ["prec/fraud-1", "prec/fraud-2"]),
        ("explain fraud --record ", ["fraud-1", "fraud-2"]),
        ("approve fraud --gate ", ["cab"]),
        ("reject mdep/fraud --gate c", ["cab"]),
        ("approve nix --gate ", []),
        ("list -n ", ["prod", "risk"]),
        ("get -n p", ["prod"]),
    ],
)
def test_every_name_of_an_object_is_offered(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, line: str, words: list[str]
) -> None:
    path = tmp_path / "config"
    cluster, context = (
        {"name": "c", "cluster": {"server": "http://127.0.0.1:1"}},
        {"name": "c", "context": {"cluster": "c"}},
    )
    path.write_text(json.dumps({"current-context": "c", "clusters": [cluster], "contexts": [context]}))
    monkeypatch.setenv("KUBECONFIG", str(path))
    known = {"ModelDeployment": ["fraud"], "PromotionRecord": ["fraud-2", "fraud-1"], "Namespace": ["risk", "prod"]}

    def rows(_: object, resource: Resource, namespace: str, selector: str = "") -> list[dict[str, object]]:
        own = "serin.dev/model-deployment=fraud,"
        first = "!serin.dev/continues" if resource.kind == "PromotionRecord" else ""
        assert selector == (f"{own}{first}" if "--record" in line else first)
        assert bool(namespace) is (resource.kind != "Namespace")
        return [{"metadata": {"name": name}} for name in known[resource.kind]]

    def get(_: object, resource: Resource, namespace: str, name: str) -> dict[str, object]:
        assert (namespace, name) in {("default", "fraud"), ("default", "careful")}
        return POLICY if resource.kind == "PromotionPolicy" else {"spec": {"policyRef": {"name": "careful"}}}

    monkeypatch.setattr(direct.DirectApi, "rows", rows)
    monkeypatch.setattr(direct.DirectApi, "get", get)
    assert completed(monkeypatch, capsys, *line.split(" ")) == [*words, ":4"]


def test_the_plugin_calls_itself_as_it_is_called(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["kubectl-serin", "get", "--help"])
    with pytest.raises(SystemExit):
        kubectl.run()
    assert "kubectl serin get" in capsys.readouterr().out
