"""``serin list``, ``get``, ``history`` and ``explain`` tell a rollout as it is, on 80 columns and as documents."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner, Result

from serin.cli.live.reading import details_of
from serin.cli.live.screens import screen
from serin.cli.main import app
from serin.cli.shell.layout import columns_of, within
from serin.cluster import resources
from tests.fake_api import Desk, desk_of
from tests.lab import Lab
from tools.cliref import schema

COMMANDS = (["list"], ["list", "-A"], ["get", "fraud"], ["history", "fraud"], ["explain", "fraud"])


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("COLUMNS", "80")
    made = desk_of(Lab(), monkeypatch)
    made.go_live()
    return made


def ran(*arguments: str) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def told(*arguments: str) -> Any:
    return json.loads(ran(*arguments, "-o", "json").stdout)


def on_trial(desk: Desk) -> None:
    desk.lab.want("2")
    desk.judged()


def waiting_for_a_person(desk: Desk) -> None:
    desk.lab.want("2", paused=True)
    desk.api.work()


STORIES = {"stable": lambda _: None, "on trial": on_trial, "taken back": Desk.take_back, "paused": waiting_for_a_person}


@pytest.mark.parametrize("story", STORIES)
def test_every_screen_fits_80_columns_and_every_document_its_schema(desk: Desk, story: str) -> None:
    STORIES[story](desk)
    for command in COMMANDS:
        result = ran(*command)
        assert result.exit_code == 0, result.output
        assert max(columns_of(line) for line in result.stdout.splitlines()) <= 80, result.stdout
        document = told(*command)
        jsonschema.validate(document, schema())
        assert yaml.load(ran(*command, "-o", "yaml").stdout, yaml.CSafeLoader) == document


def test_the_screen_of_a_rollout_has_both_arms_the_evidence_and_what_ends_the_wait(desk: Desk) -> None:
    on_trial(desk)
    text = " ".join(ran("get", "fraud").stdout.split())
    assert "prod/fraud Progressing, step 1 of 2 at 40 %" in text
    assert "serves version 1" in text
    assert "40 % of the traffic (newest window: 40.0 %)" in text
    assert "on trial version 2" in text
    assert "0 of 60 (0.00%) 0 of 90 (0.00%)" in text
    assert "EVIDENCE WORSE THAN STABLE BREAKS OBJECTIVE IS PROOF TO PASS" in text
    assert "availability none none 164 to 1" in text
    assert "until 2026-11-18 11:00:09Z (in 59min 58s): then a person is asked for" in text
    assert "ends by requests: with enough of them each SLO passes" in text
    found = told("get", "fraud")
    assert (found["stable"]["weight"], found["candidate"]["weight"]) == (60, 40)
    assert found["wait"]["needsAPerson"] is False


def test_a_rollback_is_explained_with_numbers_its_record_and_what_to_do(desk: Desk) -> None:
    desk.take_back()
    found = told("explain", "fraud")
    text = "\n".join(found["sentences"])
    assert (found["outcome"], found["reason"]) == ("RolledBack", "SLOBreached")
    assert found["record"].startswith("fraud-")
    assert "Version 2 was taken back (attempt 2" in text
    answered = re.search(r"the candidate answered (\d+) requests, (\d+) of them bad", text)
    assert answered is not None
    assert int(answered[1]) > 120, "those after the decision as well"
    assert int(answered[2]) == int(answered[1]) * 2 // 3
    assert "Requests are counted until 2026-" in text
    assert "Its weight went 0 % → 40 % → 0 %" in text
    assert found["measured"] == ["availability: availability, arms Contour, objective 99.0 %"]
    assert "serin retry fraud -n prod" in " ".join(found["whatToDo"])
    assert f"kubectl get prec {found['record']} -n prod -o json | serin replay -" in " ".join(found["whatToDo"])
    assert told("explain", "fraud", "--record", found["record"])["outcome"] == "RolledBack"
    assert ran("explain", "fraud", "--record", "nix").exit_code == 2


def test_a_wait_is_explained_without_its_state_twice(desk: Desk) -> None:
    on_trial(desk)
    found = told("explain", "fraud")
    [numbers] = [each for each in found["sentences"] if each.startswith("In numbers")]
    assert numbers.startswith("In numbers: step 1 of 2 at 40 %: availability: candidate 0 bad of 60")
    assert not [each for each in found["sentences"] if each.endswith(("..", "?."))]
    assert any(each.endswith("; nothing speaks against it so far.") for each in found["sentences"])


def test_a_candidate_that_never_had_traffic_is_explained_so(desk: Desk) -> None:
    desk.lab.want("2")
    desk.until("Preparing")
    desk.lab.want("1")
    desk.until("Stable")
    record = desk.lab.record(2)["metadata"]["name"]
    assert "It never had traffic." in told("explain", "fraud", "--record", record)["sentences"]


def test_the_history_has_the_newest_rollout_first(desk: Desk) -> None:
    desk.take_back()
    assert [(each["version"], each["outcome"]) for each in told("history", "fraud")["items"]] == [
        ("2", "RolledBack"),
        ("1", "Promoted"),
    ]


def test_a_rollback_says_that_the_revision_is_refused_and_how_to_go_on(desk: Desk) -> None:
    desk.take_back()
    found = told("get", "fraud")
    assert (found["wait"]["needsAPerson"], found["wait"]["urgency"]) == (False, "Owner")
    assert found["wait"]["ends"].startswith("nothing tonight; its owner chooses")
    assert "a person has to act" not in ran("get", "fraud").stdout
    assert found["wait"]["ends"].endswith("`serin retry fraud -n prod`")
    assert [each["version"] for each in found["rejected"]] == ["2"]


def test_a_change_that_serin_has_not_seen_is_told(desk: Desk) -> None:
    desk.lab.obj()["metadata"]["generation"] = 9
    assert "has not yet looked at the newest spec" in ran("get", "fraud").stdout
    assert told("get", "fraud")["observed"] is False


@pytest.mark.parametrize(
    "status",
    [
        {},
        {"phase": "Hovering", "reason": "NewWord", "message": 7},
        {"rollout": {"slos": [{"name": "x", "evidence": {"e1": "inf"}, "threshold": "much"}], "gates": [{}]}},
        {"conditions": [{"type": "New", "status": "False"}], "actions": [{}], "rejected": [{}], "stable": {}},
        {"stable": {"version": "1", "revision": "a", "inferenceService": "fraud-a"}, "weights": {"applied": 5}},
    ],
)
def test_a_status_of_another_version_is_shown_as_far_as_it_goes(desk: Desk, status: dict[str, Any]) -> None:
    desk.lab.obj()["status"] = status
    for command in COMMANDS:
        assert ran(*command).exit_code == 0
        jsonschema.validate(told(*command), schema())


def test_what_is_not_there_is_told_in_one_sentence_with_a_hint(desk: Desk) -> None:
    for command in ("get", "explain", "history", "watch"):
        result = ran(command, "nix", "-n", "prod")
        assert result.exit_code == 2
        there = "ModelDeployment nix does not exist in namespace prod: serin list -n prod shows what there is"
        assert result.stderr == f"serin: {there} (or is it another namespace?)\n"
    assert "expected mdep/NAME" in ran("get", "pod/fraud").stderr
    desk.lab.cluster.objects.pop((resources.MODEL_DEPLOYMENTS.plural, "prod", "fraud"))
    result = ran("list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "there is no ModelDeployment in namespace prod: -A looks into all" in result.stderr


def test_an_api_server_that_is_away_is_told_in_one_line(desk: Desk) -> None:
    desk.lab.cluster.down = True
    result = ran("list")
    hint = "(is it the right cluster? kubectl config current-context, or --context)"
    assert (result.exit_code, result.stderr) == (2, f"serin: the cluster: the API server is away {hint}\n")


def test_words_that_move_a_cursor_are_shown_as_blanks(desk: Desk, tmp_path: Path) -> None:
    desk.lab.obj()["status"] |= {"phase": "\x1b[2JStable", "message": "a\x1b]0;x\x07b", "reason": "\u202eX"}
    for command in COMMANDS:
        assert "\x1b" not in ran(*command).stdout
        assert "\u202e" not in ran(*command).stdout
    path = tmp_path / "x.yaml"
    path.write_text(json.dumps({**desk.lab.obj(), "metadata": {"name": "\x1b[2J", "namespace": "prod"}}))
    assert "\x1b" not in ran("diff", "-f", str(path)).stdout


def test_a_reason_that_asks_for_somebody_is_red_and_nothing_else_of_the_code_is_shown(desk: Desk) -> None:
    waiting_for_a_person(desk)
    with within(80):
        text = "\n".join(screen(details_of(desk.lab.obj()), desk.lab.now))
    assert "\x1b[31mPaused\x1b[0m: " in text
    assert "[31m" not in text.replace("\x1b[31m", "")
