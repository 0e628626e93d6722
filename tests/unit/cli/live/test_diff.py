"""``serin diff`` says before an apply what it will do: a rollout, scaling, or nothing; and who has to approve."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from serin.cli.live.diffs.differing import change_of
from serin.cli.main import app
from serin.errors import Refused
from tests.fake_api import Desk, desk_of
from tests.lab import POLICY, Lab, spec

POLICY_FILE = {
    "apiVersion": "serin.dev/v1alpha1",
    "kind": "PromotionPolicy",
    "metadata": {"name": "careful", "namespace": "prod"},
    "spec": POLICY
    | {
        "bake": {"for": "1h"},
        "gates": [{"name": "cab", "before": "Promote", "approval": {"count": 2, "groups": ["risk"]}}],
        "windows": {"deny": [{"cron": "0 18 * * FRI", "for": "62h"}]},
    },
}


def model(version: str, **changes: Any) -> dict[str, Any]:
    return {
        "apiVersion": "serin.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "fraud", "namespace": "prod"},
        "spec": spec(version, **changes),
    }


def scaled(version: str, replicas: int) -> dict[str, Any]:
    return model(version, predictor={**spec(version)["predictor"], "minReplicas": replicas})


TRANSFORMER = {"containers": [{"name": "kserve-container", "image": "example.com/transformer:1"}]}


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = desk_of(Lab(), monkeypatch)
    made.go_live()
    return made


def ran(tmp_path: Path, *objects: dict[str, Any], options: tuple[str, ...] = ()) -> Result:
    path = tmp_path / "new.yaml"
    path.write_text(yaml.safe_dump_all(objects))
    result = CliRunner().invoke(app, ["diff", "-f", str(path), *options])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def effect(tmp_path: Path, *objects: dict[str, Any]) -> dict[str, Any]:
    [found] = json.loads(ran(tmp_path, *objects, options=("-o", "json")).stdout)["items"]
    return dict(found)


@pytest.mark.parametrize(
    ("new", "word", "code", "fields"),
    [
        (model("1"), "Nothing", 0, []),
        (scaled("1", 3), "Scaling", 0, ["spec.predictor.minReplicas"]),
        (model("1", paused=True), "Settings", 0, ["spec.paused"]),
        (model("1", mode="Knative"), "Unusable", 0, ["spec.mode"]),
        (model("2"), "Revision", 1, ["spec.model.uri", "spec.model.version"]),
        (model("1", transformer=TRANSFORMER), "Revision", 1, ["spec.transformer.containers"]),
        ({**model("1"), "metadata": {"name": "other", "namespace": "prod"}}, "New", 1, []),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_an_apply_would_do(  # noqa: PLR0917 - the columns of the table
    desk: Desk, tmp_path: Path, new: dict[str, Any], word: str, code: int, fields: list[str]
) -> None:
    assert desk.lab.status
    assert ran(tmp_path, new).exit_code == code
    found = effect(tmp_path, new)
    assert (found["effect"], found["fields"]) == (word, fields)


def test_a_rollout_is_told_step_by_step_with_who_approves(desk: Desk, tmp_path: Path) -> None:
    assert desk.lab.status
    found = effect(tmp_path, model("2"), POLICY_FILE)
    assert found["steps"] == [
        "40 % for at least 3s",
        "50 % for at least 3s",
        "bake: 95 % for at least 1h",
        "all traffic",
    ]
    assert found["atLeast"] == "1h"
    assert found["approvals"] == [
        "gate cab, before Promote: 2 approvals of members of risk; not who asked for the revision",
        "windows of the policy: it moves forward only while they allow it",
    ]
    assert effect(tmp_path, model("2"))["steps"][-1] == "all traffic", "the policy is read from the cluster"


@pytest.mark.parametrize(
    ("approval", "told"),
    [
        ({}, "1 approval of people who may create promotionactions/approve; not who asked for the revision"),
        ({"notBy": "Nobody"}, "1 approval of people who may create promotionactions/approve"),
        (
            {"groups": ["risk", "ops"], "ticketPattern": "^CHG[0-9]{7}$", "notBy": "Nobody"},
            "1 approval of members of risk or ops with a ticket that matches ^CHG[0-9]{7}$",
        ),
    ],
)
@pytest.mark.usefixtures("desk")
def test_an_approval_is_told_with_what_it_asks_for(tmp_path: Path, approval: dict[str, Any], told: str) -> None:
    policy = POLICY_FILE | {"spec": POLICY | {"gates": [{"name": "cab", "before": "Promote", "approval": approval}]}}
    assert effect(tmp_path, model("2"), policy)["approvals"] == [f"gate cab, before Promote: {told}"]


def test_what_was_taken_back_stays_refused_when_it_is_applied_again(desk: Desk, tmp_path: Path) -> None:
    desk.take_back()
    found = effect(tmp_path, model("2"))
    assert found["effect"] == "Nothing"
    assert "Version 2 was taken back at" in found["sentences"][1]
    assert found["sentences"][1].endswith("it is refused until a Retry.")


def test_during_a_rollout_and_after_a_rollback(desk: Desk, tmp_path: Path) -> None:
    desk.lab.prometheus.candidate_bad = 40
    desk.lab.want("2")
    desk.judged()
    assert effect(tmp_path, model("2"))["effect"] == "Nothing"
    assert "the rollout of version 2 ends" in effect(tmp_path, model("1"))["sentences"][0]
    assert "It ends the rollout of version 2" in effect(tmp_path, model("3"))["sentences"][1]
    assert "It waits until" in effect(tmp_path, model("3", onNewRevision="Queue"))["sentences"][1]
    desk.until("RolledBack")
    desk.lab.want("3")
    found = effect(tmp_path, model("2"))
    assert (found["effect"], "is refused until a Retry" in found["sentences"][0]) == ("Refused", True)


def test_a_transformer_that_goes_is_another_revision_and_its_size_is_none() -> None:
    old, smaller = model("1", transformer={**TRANSFORMER, "minReplicas": 2}), model("1", transformer=TRANSFORMER)
    gone = change_of(model("1"), old, None, "prod")
    assert (gone.effect, gone.fields) == ("Revision", ["spec.transformer"])
    scaled = change_of(smaller, old, None, "prod")
    assert (scaled.effect, scaled.fields) == ("Scaling", ["spec.transformer.minReplicas"])


@pytest.mark.usefixtures("desk")
def test_a_service_that_is_adopted_is_told_as_that(tmp_path: Path) -> None:
    new = model("1", adopt={"inferenceService": "old"}) | {"metadata": {"name": "other", "namespace": "prod"}}
    found = effect(tmp_path, new)
    assert found["effect"] == "New"
    assert found["sentences"][0].startswith("It is new: the running InferenceService old is adopted as version 1.")


def test_files_are_compared_with_files_without_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    old = tmp_path / "old"
    old.mkdir()
    (old / "all.yaml").write_text(yaml.safe_dump_all([model("1"), POLICY_FILE]))
    result = ran(tmp_path, model("2"), options=("--against", str(old)))
    assert result.exit_code == 1, result.output
    assert "prod/fraud: Revision" in result.stdout or "prod/fraud" in result.stdout


def policy(**changes: Any) -> dict[str, Any]:
    return {**POLICY_FILE, "spec": POLICY | changes}


STRICTER = [{"name": "availability", "objective": "99.9", "indicator": {"availability": {}}}]


@pytest.mark.parametrize(
    ("new", "word", "fields"),
    [
        (policy(), "Nothing", []),
        (policy(slos=[{**STRICTER[0], "objective": "99", "severity": "Critical"}]), "Nothing", []),
        (policy(slos=STRICTER), "Changed", ["spec.slos[availability].objective: 99.0 → 99.9"]),
        (policy(bake={"for": "1h"}), "Changed", [
            "spec.bake.for: not set → 1h", "spec.bake.holdback: not set → 5", "spec.bake.timeout: not set → 1h",
        ]),
        (policy(steps=[{"weight": 30, "for": "3s"}, *POLICY["steps"][1:]]), "Changed", [
            "spec.steps[0].weight: 40 → 30"
        ]),
        (policy(slos=[{**STRICTER[0], "name": "up"}]), "Changed", [
            "spec.slos[availability].indicator.availability: set → not set",
            "spec.slos[availability].name: availability → not set",
            "spec.slos[availability].objective: 99.0 → not set",
            "spec.slos[availability].severity: Critical → not set",
            "spec.slos[up].indicator.availability: not set → set",
            "spec.slos[up].name: not set → up",
            "spec.slos[up].objective: not set → 99.9",
            "spec.slos[up].severity: not set → Critical",
        ]),
        ({**policy(), "metadata": {"name": "other", "namespace": "prod"}}, "New", []),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("desk")
def test_a_policy_is_compared_field_by_field(tmp_path: Path, new: dict[str, Any], word: str, fields: list[str]) -> None:
    result = ran(tmp_path, new, options=("-o", "json"))
    [found] = json.loads(result.stdout)["policies"]
    assert (result.exit_code, found["effect"], found["fields"]) == (0, word, fields)
    assert ("No ModelDeployment of its namespace names it." in found["sentences"]) == (word == "New")


def test_a_policy_that_changes_says_for_whom_and_that_a_rollout_goes_on_with_its_own(
    desk: Desk, tmp_path: Path
) -> None:
    assert ran(tmp_path, model("1"), policy(slos=STRICTER)).stdout.splitlines() == [
        "prod/fraud: Nothing",
        "Nothing changes in it, but its policy careful changes, see below.",
        "",
        "PromotionPolicy prod/careful: Changed",
        "Whatever is tried next under this policy is judged by what it says then.",
        "It is the policy of fraud; no rollout starts because of it.",
        "changed     spec.slos[availability].objective: 99.0 → 99.9",
    ]
    desk.lab.want("2")
    desk.judged()
    told = ran(tmp_path, policy(slos=STRICTER)).stdout
    assert "The rollout of fraud goes on with the policy that it began with." in told
    told = ran(tmp_path, policy(notifications=[{"receiver": "team", "about": []}])).stdout
    assert "began with; only notifications count at once." in told


def test_who_may_not_list_is_told_what_changes_all_the_same(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise Refused("cannot list modeldeployments")

    monkeypatch.setattr(desk.api, "list", refused)
    told = ran(tmp_path, policy(slos=STRICTER)).stdout
    assert "Which ModelDeployments of the cluster name it is not known: cannot list modeldeployments." in told
    assert "objective: 99.0 → 99.9" in told


def test_a_policy_in_files_is_compared_with_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    old = tmp_path / "old.yaml"
    old.write_text(yaml.safe_dump_all([model("1"), policy()]))
    told = ran(tmp_path, policy(slos=STRICTER), options=("--against", str(old))).stdout
    assert "It is the policy of fraud; no rollout starts because of it." in told


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [", "not YAML"),
        ("kind: Secret\n", "no ModelDeployment and no PromotionPolicy in it"),
        ("kind: PromotionPolicy\nmetadata: {name: x}\nspec: {slos: []}\n", "PromotionPolicy x: spec.slos: List should"),
        ("kind: ModelDeployment\nmetadata: {name: x}\nspec: {}\n", "serin lint says more"),
    ],
)
def test_files_that_cannot_be_compared(desk: Desk, tmp_path: Path, text: str, problem: str) -> None:
    assert desk.lab.status
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    result = CliRunner().invoke(app, ["diff", "-f", str(path)])
    assert result.exit_code == 2
    assert problem in result.stderr
