"""The actions of the command line: what they will do is shown first, and whether one may; then Serin's answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from serin.cli.main import app
from serin.cluster import resources
from serin.errors import Unavailable
from tests.fake_api import Desk, desk_of
from tests.lab import POLICY, Lab

GATED = POLICY | {"gates": [{"name": "cab", "before": "Promote", "approval": {"groups": ["risk"]}}]}


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = desk_of(Lab(), monkeypatch)
    made.go_live()
    made.lab.want("2")
    made.judged()
    return made


def ran(*arguments: str, **more: Any) -> Result:
    result = CliRunner().invoke(app, list(arguments), **more)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def said(desk: Desk) -> list[dict[str, Any]]:
    return [obj["spec"] for key, obj in desk.lab.cluster.objects.items() if key[0] == "promotionactions"]


@pytest.mark.parametrize(
    ("command", "effect"),
    [
        ("hold", "version 2 stays at 40 %: nothing moves forward until Release"),
        ("advance", "step 1 of 2 waits for no more evidence and time"),
        ("promote", "version 2 gets all traffic (40 % now)"),
        ("abort", "version 2 is taken back from 40 % to 0 %, version 1 takes all traffic"),
    ],
)
def test_an_action_shows_what_it_does_and_tells_the_answer(desk: Desk, command: str, effect: str) -> None:
    record = desk.lab.status["rollout"]["record"]
    result = ran(command, "fraud", "--reason", "incident 7", "--ticket", "CHG7", "--yes")
    assert result.exit_code == 0, result.output
    assert effect in result.stdout
    assert result.stdout.splitlines()[-1].startswith("Accepted: ")
    assert said(desk) == [
        {
            "modelDeployment": "fraud",
            "action": command.capitalize(),
            "requestedBy": "ana@example.com",
            "rollout": record,
            "reason": "incident 7",
            "ticket": "CHG7",
        }
    ]


@pytest.mark.usefixtures("desk")
def test_a_hold_is_shown_and_released() -> None:
    assert ran("hold", "fraud", "-r", "incident 7", "-y").exit_code == 0
    shown = " ".join(ran("get", "fraud").stdout.split())
    assert "held by ana@example.com: incident 7: `serin release fraud -n prod`" in shown
    told = ran("explain", "fraud").stdout
    assert told.startswith("Held by ana@example.com: incident 7. Nothing moves forward until somebody releases it;")
    [first, *_] = [line for line in told.splitlines() if line.startswith("what to do")]
    assert first == "what to do  `serin release fraud -n prod`: it is held by ana@example.com: incident 7"
    assert ran("release", "fraud", "-r", "over", "-y").exit_code == 0
    assert "held by" not in ran("get", "fraud").stdout


def test_nothing_is_created_by_a_dry_run(desk: Desk) -> None:
    result = ran("abort", "fraud", "-r", "why", "--dry-run", "-o", "json")
    assert (result.exit_code, json.loads(result.stdout)["outcome"]) == (0, "Checked")
    assert said(desk) == []


@pytest.mark.parametrize("missing", ["promotionactions", "promotionactions/abort"])
def test_who_may_not_is_told_before_anything_is_created(desk: Desk, missing: str) -> None:
    desk.api.forbidden = {missing}
    result = ran("abort", "fraud", "-r", "why", "-y")
    assert result.exit_code == 2
    assert f"you may not create {missing} in namespace prod" in result.stderr
    assert said(desk) == []


def test_what_the_server_would_refuse_is_told_before_anybody_is_asked(desk: Desk) -> None:
    desk.api.refusal = "denied request: spec.groups: ana is no member of risk"
    result = ran("abort", "fraud", "-r", "why", "-y")
    assert result.exit_code == 2
    assert "the API server would refuse it: denied request" in result.stderr


def test_a_reason_is_asked_for(desk: Desk) -> None:
    result = ran("abort", "fraud", "-y")
    assert result.exit_code == 2
    assert "say why with --reason" in result.stderr
    assert said(desk) == []


def test_without_a_terminal_nobody_is_asked(desk: Desk) -> None:
    result = ran("abort", "fraud", "-r", "why", input="y\n")
    assert result.exit_code == 2
    assert "give --yes" in result.stderr
    assert said(desk) == []


def test_no_answer_in_time_is_told(desk: Desk) -> None:
    desk.api.works = False
    result = ran("hold", "fraud", "-r", "why", "-y", "--answer-within", "2")
    assert result.exit_code == 3
    assert "Unanswered: no answer in 2 s: is the operator running?" in result.stdout


def test_an_answer_that_cannot_be_read_leaves_no_doubt_that_the_action_is_stored(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = desk.api.get

    def get(resource: resources.Resource, namespace: str, name: str) -> Any:
        if resource is resources.PROMOTION_ACTIONS:
            raise Unavailable("GET /apis: no answer in time")
        return real(resource, namespace, name)

    monkeypatch.setattr(desk.api, "get", get)
    result = ran("hold", "fraud", "-r", "why", "-y")
    assert result.exit_code == 3
    assert "it is stored, its answer could not be read: GET /apis: no answer in time" in result.stdout
    assert len(said(desk)) == 1


def test_a_write_without_an_answer_says_how_to_find_out(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    real = desk.api.create

    def create(*args: Any, dry_run: bool = False) -> Any:
        if not dry_run:
            raise Unavailable("POST /apis: no answer in time")
        return real(*args, dry_run=True)

    monkeypatch.setattr(desk.api, "create", create)
    result = ran("hold", "fraud", "-r", "why", "-y")
    assert result.exit_code == 2
    assert "whether it was stored is not known, `kubectl get pact -n prod` tells it" in result.stderr


def test_a_refusal_ends_with_1(desk: Desk) -> None:
    desk.lab.cluster.vouching = False
    result = ran("promote", "fraud", "-r", "why", "-y")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1].startswith("Refused: ")


def test_there_is_nothing_to_hold_without_a_rollout(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = desk_of(Lab(), monkeypatch)
    desk.go_live()
    result = ran("hold", "fraud", "-r", "why", "-y")
    assert result.exit_code == 2
    assert "no rollout is under way (Stable), so there is nothing to hold" in result.stderr


def test_a_revision_that_was_taken_back_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = desk_of(Lab(), monkeypatch)
    desk.go_live()
    desk.take_back()
    refused = desk.lab.status["rejected"][0]["revision"]
    result = ran("retry", "fraud", "-r", "the cache was cold", "-y")
    assert result.exit_code == 0, result.output
    assert said(desk)[0]["revision"] == refused
    desk.until("Progressing")
    result = ran("retry", "fraud", "-r", "again", "-y")
    assert "a rollout of version 2 is under way" in result.stderr


def test_a_revision_that_serves_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = desk_of(Lab(), monkeypatch)
    desk.go_live()
    result = ran("retry", "fraud", "-r", "why", "-y")
    assert result.exit_code == 2
    assert "fraud: version 1 serves already, so there is nothing to try again" in result.stderr
    assert not said(desk), "no PromotionAction is left behind"


def test_a_retry_of_what_is_being_taken_back_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = desk_of(Lab(), monkeypatch)
    desk.go_live()
    desk.take_back(until="RollingBack")
    result = ran("retry", "fraud", "-r", "the cache was cold", "-y")
    assert "as a new rollout, when it has been taken back" in result.stdout


@pytest.mark.parametrize(("command", "word"), [("approve", "Approve"), ("reject", "Reject")])
def test_a_gate_that_waits_is_answered_by_its_name(monkeypatch: pytest.MonkeyPatch, command: str, word: str) -> None:
    desk = desk_of(Lab(GATED), monkeypatch)
    desk.go_live()
    desk.lab.want("2")
    result = ran(command, "fraud", "-r", "why", "-y")
    assert "0 gates wait for an approval" in result.stderr or result.exit_code == 2
    for _ in range(120):
        desk.api.work()
        if desk.lab.status["reason"] == "WaitingForApproval":
            break
    assert "WaitingForApproval" in ran("get", "fraud").stdout
    result = ran(command, "fraud", "-r", "CAB of Tuesday", "-y")
    assert (said(desk)[-1]["action"], said(desk)[-1]["gate"]) == (word, "cab"), result.output
    assert said(desk)[-1].get("groups") == (["risk"] if word == "Approve" else None), "it asks for a group of mine"
    assert ran(command, "fraud", "--gate", "nix", "-r", "why", "-y").exit_code == 2


def waiting_for(approval: dict[str, Any], monkeypatch: pytest.MonkeyPatch, requester: str | None = None) -> Desk:
    """A rollout that waits for this approval; ``requester`` asked for its revision."""
    desk = desk_of(Lab(POLICY | {"gates": [{"name": "cab", "before": "Start", "approval": approval}]}), monkeypatch)
    desk.go_live()
    if requester is not None:
        desk.lab.obj()["metadata"].setdefault("annotations", {})["serin.dev/requested-by"] = requester
    desk.lab.want("2")
    desk.until("Waiting")
    for _ in range(20):
        if desk.lab.status["reason"] == "WaitingForApproval":
            return desk
        desk.api.work()
    raise AssertionError(desk.lab.status)


TICKET = {"ticketPattern": "^CHG[0-9]{7}$"}


@pytest.mark.parametrize(
    ("approval", "requester", "given", "told"),
    [
        (TICKET, "bo@example.com", [], "spec.ticket is to match ^CHG[0-9]{7}$, and is missing"),
        (TICKET, "bo@example.com", ["--ticket", "CHG1"], "spec.ticket is to match ^CHG[0-9]{7}$, and is CHG1"),
        ({}, "ana@example.com", [], "ana@example.com asked for this revision, and may not approve it too"),
        ({"groups": ["board"]}, "bo@example.com", [], "only members of board count"),
    ],
)
def test_an_approval_that_would_not_count_is_not_given(
    approval: dict[str, Any], requester: str, given: list[str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = waiting_for(approval, monkeypatch, requester)
    for more in (["--dry-run"], []):
        result = ran("approve", "fraud", "-r", "why", "-y", *given, *more)
        assert result.exit_code == 2
        assert f"the approval would not count: {told}" in " ".join(result.stderr.split())
        assert "counts for this rollout" not in result.stdout
    assert said(desk) == []


@pytest.mark.parametrize(
    ("approval", "requester", "doubt"),
    [({}, None, True), ({}, "bo@example.com", False), ({"notBy": "Nobody"}, None, False)],
)
def test_an_approval_that_may_be_the_requesters_own_says_so(
    approval: dict[str, Any], requester: str | None, monkeypatch: pytest.MonkeyPatch, *, doubt: bool
) -> None:
    waiting_for(approval, monkeypatch, requester)
    for more, answer in ((["--dry-run"], "Checked: "), ([], "Accepted: the approval counts")):
        result = ran("approve", "fraud", "-r", "why", "-y", *more)
        assert result.exit_code == 0, result.output
        assert answer in result.stdout
        assert ("But who asked for this revision is not known" in result.stdout) is doubt
        assert (f"{answer}; who asked" in result.stdout) is (doubt and not more)


def test_a_freeze_names_what_it_holds_and_is_lifted(desk: Desk) -> None:
    result = ran("freeze", "--reason", "black friday", "--until", "8h", "-y")
    assert result.exit_code == 0, result.output
    assert "1 ModelDeployment, 1 of them under way (fraud at 40 %)" in result.stdout
    assert "from now on for 8h" in result.stdout
    [name] = [key[2] for key in desk.lab.cluster.objects if key[0] == resources.PROMOTION_FREEZES.plural]
    assert desk.lab.obj(resources.PROMOTION_FREEZES, name)["spec"]["until"].endswith("Z")
    assert ran("freeze", "--end", name, "-y").exit_code == 0
    assert not [key for key in desk.lab.cluster.objects if key[0] == resources.PROMOTION_FREEZES.plural]
    assert ran("freeze", "--end", "nix", "-y").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "say why with --reason"),
        (["-r", "x", "--until", "soon"], "--until soon: expected 8h or a time"),
        (["-r", "x", "--selector", "team"], "expected labels"),
    ],
)
def test_a_freeze_that_cannot_be_made(desk: Desk, arguments: list[str], problem: str) -> None:
    assert desk.lab.status
    result = ran("freeze", *arguments, "-y")
    assert result.exit_code == 2
    assert problem in result.stderr


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ("freeze -r x --until soon", "--until soon: expected 8h or a time"),
        ("freeze -r x --from soon", "--from soon: expected 8h or a time"),
        ("freeze", "say why with --reason"),
        ("hold fraud -r x --answer-within 0", "--answer-within 0: expected 1 to 600 seconds"),
        ("wait fraud --for good", "--for good: expected promoted, rolledback or settled"),
        ("wait fraud --timeout long", "long: expected a length of time"),
        ("watch fraud --timeout long", "long: expected a length of time"),
        ("watch fraud -A", "-A is for all ModelDeployments"),
    ],
)
def test_what_is_wrong_in_the_options_is_told_before_a_cluster_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: str, problem: str
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    result = ran(*arguments.split())
    assert (result.exit_code, problem in result.stderr) == (2, True), result.stderr


def test_who_may_not_freeze_is_told(desk: Desk) -> None:
    desk.api.forbidden = {"promotionfreezes"}
    assert "you may not create promotionfreezes" in ran("freeze", "-r", "x", "-y").stderr
