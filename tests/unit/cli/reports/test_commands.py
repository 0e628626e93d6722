"""``serin bundle`` and ``serin report``: from a cluster and from files, and what they say to wrong input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner, Result

from serin.cli.evidence.export import line_of
from serin.cli.main import app
from serin.cluster import resources
from serin.errors import Refused
from serin.report.facts.bundle import Bundle
from tests.chain import chain
from tests.fake_api import Desk, FakeApi, desk_of
from tests.incidents import Objects, incident
from tests.lab import Lab
from tools.cliref import report_schema

PERIOD = ("--since", "7d", "--until", "2026-11-22")


def ran(*arguments: str) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def export(folder: Path, objects: Objects) -> str:
    path = folder / "chain.jsonl"
    path.write_text("".join(f"{line_of(obj)}\n" for obj in objects))
    return str(path)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = desk_of(Lab(), monkeypatch)
    made.go_live()
    made.take_back()
    return made


def record(desk: Desk, attempt: int = 2) -> str:
    return str(desk.lab.record(attempt)["metadata"]["name"])


def test_a_rollback_in_the_cluster(desk: Desk) -> None:
    result = ran("bundle", f"prec/{record(desk)}")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    jsonschema.validate(found, report_schema(Bundle))
    assert found["course"]["state"] == "RolledBack"
    assert found["impact"]["excessBad"] > 80, "those after the decision as well"
    assert found["changes"]["stableKnown"] is True, "the first record has what stable serves"
    assert found["replay"]["answer"] == "Agree"
    assert ran("bundle", "mdep/fraud").stdout == ran("bundle", record(desk)).stdout == result.stdout


@pytest.mark.parametrize("command", ["report", "bundle"])
def test_the_name_of_a_model_deployment_is_told_apart_from_a_record(
    desk: Desk, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hint = "(did you mean mdep/fraud, the newest rollout of that ModelDeployment?)"
    result = ran(command, "fraud")
    assert (result.exit_code, result.stderr.strip().endswith(hint)) == (2, True), result.stderr
    assert ran(command, "nix").stderr.strip().endswith("(or is it another namespace?)")
    get = FakeApi.get

    def refused(self: FakeApi, resource: resources.Resource, namespace: str, name: str) -> Any:
        if resource is resources.MODEL_DEPLOYMENTS:
            raise Refused("cannot get modeldeployments")
        return get(self, resource, namespace, name)

    monkeypatch.setattr(FakeApi, "get", refused)
    assert desk.lab.status
    assert ran(command, "fraud").stderr.strip().endswith("(mdep/NAME is the newest rollout of a ModelDeployment)")


@pytest.mark.parametrize("form", ["markdown", "html", "json"])
def test_a_report_is_the_same_each_time(desk: Desk, form: str) -> None:
    result = ran("report", f"prec/{record(desk)}", "--format", form)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == ran("report", f"prec/{record(desk)}", "--format", form).stdout
    assert "80" in result.stdout
    assert "that was hidden" not in result.stdout, "nothing was"


def test_cluster_and_export_give_the_same_report(desk: Desk, tmp_path: Path) -> None:
    path = export(tmp_path, [desk.lab.record(1), desk.lab.record(2)])
    for options in ((), ("--format", "html"), ("--anonymous",)):
        assert (
            ran("report", f"prec/{record(desk)}", "-f", path, *options).stdout
            == ran("report", f"prec/{record(desk)}", *options).stdout
        )


@pytest.mark.usefixtures("desk")
def test_the_week_of_a_namespace() -> None:
    result = ran("report", "--since", "1h", "--format", "json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["namespace"], found["ended"]["promoted"], found["ended"]["rolledBack"]) == ("prod", 1, 1)
    assert len(json.loads(ran("report", "--since", "1h", "-A", "--format", "json").stdout)["rollouts"]) == 2
    assert json.loads(ran("report", "--since", "1h", "-n", "nix", "--format", "json").stdout)["rollouts"] == []


def test_whoever_may_read_one_record_only_gets_its_report(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def rows(*_: Any) -> Any:
        raise Refused("cannot list promotionrecords")

    monkeypatch.setattr(FakeApi, "rows", rows)
    result = ran("report", f"prec/{record(desk)}")
    assert result.exit_code == 0
    assert "the earlier records cannot be read: cannot list promotionrecords" in result.stderr
    assert "What stable serves" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("report",), "which rollout? Give prec/NAME"),
        (("bundle",), "which rollout? Give prec/NAME"),
        (("report", "prec/nix"), "PromotionRecord nix does not exist in namespace prod"),
        (("report", "mdep/nix"), "ModelDeployment nix has no PromotionRecord in namespace prod"),
        (("report", "isvc/fraud"), "isvc/fraud: expected prec/NAME"),
        (("report", "prec/"), "prec/: expected prec/NAME"),
        (("report", "prec/x", "--since", "7d"), "--since is about all rollouts of a namespace"),
        (("report", "prec/x", "--until", "2026-11-22"), "--until and --all-namespaces belong to --since"),
        (("report", "--since", "soon"), "--since soon: expected a length such as 7d"),
        (("report", "--since", "0d"), "--since 0d: expected more than nothing"),
        (("report", "--since", "9999d"), "expected more than nothing, and at most ten years"),
        (("report", "--since", "7d", "--until", "x"), "--until x: expected a length"),
        (("report", "--since", "2026-12-01", "--until", "2026-11-01"), "it is not before the end of the period"),
        (("report", "--since", "7d", "--until", "0001-01-02"), "nothing is so long ago"),
        (("report", "-f", "/nowhere/x.jsonl"), "/nowhere/x.jsonl: No such file or directory"),
    ],
)
def test_wrong_input_is_one_line(monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str) -> None:
    desk_of(Lab(), monkeypatch)
    result = ran(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


# --- files ------------------------------------------------------------------------------------------------------------


def test_the_newest_record_of_an_export_is_meant_unless_one_is_named(tmp_path: Path) -> None:
    objects = incident()
    path = export(tmp_path, objects)
    names = [obj["metadata"]["name"] for obj in objects]
    assert json.loads(ran("bundle", "-f", path).stdout)["record"]["name"] == names[2]
    assert json.loads(ran("bundle", "-f", path, f"prec/{names[1]}").stdout)["record"]["name"] == names[1]
    assert json.loads(ran("bundle", "-f", path, "mdep/fraud").stdout)["record"]["name"] == names[2]
    assert "Rollouts of namespace prod, 2026-11-15 to 2026-11-22" in ran("report", "-f", path, *PERIOD).stdout


@pytest.mark.parametrize("form", ["json", "yaml", "list", "pretty"])
def test_what_kubectl_prints_is_read_too(tmp_path: Path, form: str) -> None:
    path, objects = tmp_path / "record", incident()
    whole = {"kind": "List", "items": objects}
    text = {
        "json": json.dumps(objects[2]),
        "pretty": json.dumps(objects[2], indent=2),
        "yaml": yaml.safe_dump(objects[2]),
        "list": json.dumps(whole, indent=2),
    }[form]
    path.write_text(text)
    assert json.loads(ran("bundle", "-f", str(path)).stdout)["course"]["state"] == "RolledBack"


def test_records_in_several_objects_and_in_several_files(tmp_path: Path) -> None:
    objects = chain()
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    one.write_text("".join(f"{line_of(obj)}\n" for obj in objects[:4]))
    two.write_text("".join(f"{line_of(obj)}\n" for obj in objects[3:]))
    name = objects[2]["metadata"]["name"]
    found = json.loads(ran("bundle", "-f", str(one), "-f", str(two), f"prec/{name}").stdout)
    assert (found["record"]["parts"], found["record"]["partsHere"]) == (3, 3)


def test_a_damaged_export_is_used_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "chain.jsonl"
    lines = [line_of(obj) for obj in incident()]
    path.write_text("\n".join([lines[0], "{broken", lines[2], lines[1][:200]]))
    result = ran("report", "-f", str(path))
    assert result.exit_code == 0
    assert "line 2 is no PromotionRecord as JSON" in result.stderr
    assert "its end was cut off" in result.stderr
    assert "Version 42" in result.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no PromotionRecord"),
        ("kind: ConfigMap\nmetadata: {name: x, namespace: y}\n", "no PromotionRecord"),
        ("{}\n{}\n", "no PromotionRecord"),
        ("[1, 2]", "no PromotionRecord"),
        ("a: [", "not YAML"),
    ],
)
def test_a_file_without_records(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "x"
    path.write_text(text)
    result = ran("report", "-f", str(path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_names_that_are_there_twice_need_a_namespace(tmp_path: Path) -> None:
    objects = incident()
    other = [json.loads(json.dumps(obj).replace('"namespace": "prod"', '"namespace": "staging"')) for obj in objects]
    path, name = export(tmp_path, [*objects, *other]), objects[2]["metadata"]["name"]
    for target in (f"prec/{name}", "mdep/fraud"):
        assert ran("report", "-f", path, target).exit_code == 2
        found = json.loads(ran("bundle", "-f", path, target, "-n", "staging").stdout)
        assert found["record"]["namespace"] == "staging"


def test_the_finished_one_of_two_copies_counts(tmp_path: Path) -> None:
    objects = incident()
    opened = {**objects[2], "status": {}}
    path = tmp_path / "x.jsonl"
    path.write_text("".join(f"{line_of(obj)}\n" for obj in [opened, *objects]))
    assert json.loads(ran("bundle", "-f", str(path)).stdout)["course"]["state"] == "RolledBack"


def test_a_record_that_is_deleted_meanwhile_is_left_out(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = FakeApi.rows

    def and_gone(self: FakeApi, *arguments: Any) -> Any:
        found = rows(self, *arguments)
        self.lab.cluster.objects.pop((resources.PROMOTION_RECORDS.plural, "prod", record(desk, 1)), None)
        return found

    monkeypatch.setattr(FakeApi, "rows", and_gone)
    result = ran("report", f"prec/{record(desk)}")
    assert result.exit_code == 0, result.output
