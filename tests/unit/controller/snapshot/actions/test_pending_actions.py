"""PromotionActions on an API server in memory: read, vouched for, carried out, answered, and kept in the record."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from serin.cluster import resources
from serin.cluster.paging import Page
from serin.controller.snapshot.actions.action_list import ActionList
from serin.controller.snapshot.actions.pending_actions import (
    ORPHANS,
    refuse_actions_on,
    waiting_of,
)
from serin.controller.snapshot.actions.requesters import Requesters, Verified
from serin.controller.workqueue import GONE
from serin.errors import Refused, Unavailable
from serin.prometheus.series import Series
from serin.prometheus.series_request import SeriesRequest
from serin.rollout.actions import ACTION_RETRY
from serin.rollout.views import ActionView
from tests.lab import KEY, POLICY, Lab, isvc


def action(lab: Lab, kind: str, name: str = "please", **fields: Any) -> None:
    """Somebody creates a PromotionAction."""
    body = {
        "apiVersion": "serin.dev/v1alpha1",
        "kind": "PromotionAction",
        "metadata": {"namespace": "prod", "name": name},
        "spec": {"modelDeployment": "fraud", "action": kind, "requestedBy": "ana", "ticket": "CHG1", **fields},
    }
    lab.cluster.put(resources.PROMOTION_ACTIONS, body)


async def unanswered(lab: Lab) -> list[tuple[dict[str, Any], ActionView]]:
    found = await ActionList().read(lab.cluster, KEY, lambda name: name == "fraud")
    return waiting_of(found.actions)


def told(lab: Lab, name: str = "please") -> dict[str, Any]:
    return dict(lab.obj(resources.PROMOTION_ACTIONS, name).get("status") or {})


async def progressing() -> Lab:
    lab = Lab()
    await lab.until(lab.stable("1"))
    lab.want("2")
    while lab.status.get("phase") != "Progressing":
        await lab.tick()
    return lab


async def test_an_abort_is_carried_out_answered_and_kept_in_the_record() -> None:
    lab = await progressing()
    record = lab.status["rollout"]["record"]
    action(lab, "Abort", rollout=record)
    await lab.tick()
    assert lab.backends()[isvc("2")] == 0
    assert told(lab)["outcome"] == "Accepted"
    while lab.status.get("phase") != "RolledBack":
        await lab.tick()
    [kept] = lab.obj(resources.PROMOTION_RECORDS, record)["status"]["actions"]
    assert (kept["action"], kept["by"], kept["ticket"]) == ("Abort", "ana", "CHG1")


async def test_an_answered_action_is_not_asked_about_again() -> None:
    lab = await progressing()
    action(lab, "Hold", rollout=lab.status["rollout"]["record"])
    await lab.tick()
    answered = told(lab)
    await lab.tick()
    assert told(lab) == answered
    assert len(lab.status["actions"]) == 1


async def test_nobody_vouches_where_the_server_takes_an_action_in_another_name() -> None:
    lab = await progressing()
    lab.cluster.vouching = False
    record = lab.status["rollout"]["record"]
    action(lab, "Hold", rollout=record)
    await lab.tick()
    assert told(lab)["outcome"] == "Accepted"
    assert lab.status["actions"][0]["by"] == "ana (not verified)"
    action(lab, "Release", "go", rollout=record)
    await lab.tick()
    assert told(lab, "go")["outcome"] == "Refused"
    assert "AdmissionPolicyMissing" in told(lab, "go")["message"]


async def test_the_record_of_a_retry_says_who_asked_for_it() -> None:
    lab = await progressing()
    action(lab, "Abort", rollout=lab.status["rollout"]["record"])
    while lab.status.get("phase") != "RolledBack" or lab.status.get("candidate"):
        await lab.tick()
    await lab.tick()
    action(lab, "Retry", "again", revision=isvc("2").removeprefix("fraud-"))
    await lab.tick()
    record = lab.status["rollout"]["record"]
    await lab.tick()
    await lab.tick()
    [kept] = lab.obj(resources.PROMOTION_RECORDS, record)["status"]["actions"]
    assert (kept["name"], kept["action"]) == ("again", "Retry")


async def test_an_action_on_nothing_is_told_so() -> None:
    lab = Lab()
    action(lab, "Abort", rollout="x-1")
    del lab.cluster.objects["modeldeployments", "prod", "fraud"]
    assert await lab.reconciler.reconcile(KEY) is GONE
    assert told(lab)["message"] == "there is no ModelDeployment fraud in namespace prod"


async def test_actions_that_cannot_be_read_stop_no_rollback(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = await progressing()
    lab.prometheus.candidate_bad = 30
    listed = lab.cluster.list

    async def without_actions(resource: resources.Resource, namespace: str, selector: str) -> list[dict[str, Any]]:
        if resource is resources.PROMOTION_ACTIONS:
            raise Refused("promotionactions is forbidden")
        return await listed(resource, namespace, selector)

    monkeypatch.setattr(lab.cluster, "list", without_actions)
    for _ in range(60):
        await lab.tick()
    assert lab.status["phase"] == "RolledBack"


async def test_what_needs_no_evidence_does_not_wait_for_prometheus(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = await progressing()
    asked = lab.prometheus.queries

    async def hangs(request: SeriesRequest) -> list[Series]:
        raise AssertionError(f"asked for {request} before the weight was down")

    monkeypatch.setattr(lab.prometheus, "series", hangs)
    action(lab, "Abort", rollout=lab.status["rollout"]["record"])
    await lab.tick()
    assert (lab.status["phase"], lab.backends()[isvc("2")]) == ("RollingBack", 0)
    assert lab.prometheus.queries == asked


@pytest.mark.parametrize("kind", ["promotionactions", "promotionrecords"])
async def test_an_abort_is_obeyed_whatever_cannot_be_written(kind: str) -> None:
    lab = await progressing()
    lab.want("2", paused=True)
    lab.cluster.refuse_status = {kind}
    record = lab.status["rollout"]["record"]
    for number in range(25):
        action(lab, "Release", f"before-{number}", rollout=record)
        await lab.tick()
    action(lab, "Abort", "stop", rollout=record)
    await lab.tick()
    assert (lab.status["phase"], lab.backends()[isvc("2")]) == ("RollingBack", 0)
    lab.cluster.refuse_status = set()
    await lab.until(lab.rolled_back)
    for _ in range(40):
        await lab.tick()
    assert told(lab, "stop")["outcome"] == "Accepted"


async def test_events_are_made_although_an_action_cannot_be_answered() -> None:
    lab = await progressing()
    action(lab, "Hold", rollout=lab.status["rollout"]["record"])
    lab.cluster.refuse_status = {"promotionactions"}
    lab.prometheus.candidate_bad = 30
    await lab.until(lab.rolled_back)
    reasons = {obj["reason"] for key, obj in lab.cluster.objects.items() if key[0] == "events"}
    assert {"RollingBack", "RolledBack"} <= reasons


async def test_what_is_answered_is_marked_and_not_read_again() -> None:
    lab = await progressing()
    action(lab, "Hold", rollout=lab.status["rollout"]["record"])
    await lab.tick()
    assert lab.obj(resources.PROMOTION_ACTIONS, "please")["metadata"]["labels"] == {"serin.dev/answered": "true"}
    assert await unanswered(lab) == []


async def test_actions_of_one_second_are_heard_in_the_order_in_which_they_came() -> None:
    lab = await progressing()
    record = lab.status["rollout"]["record"]
    action(lab, "Hold", "stop", rollout=record)
    action(lab, "Release", "go-on", rollout=record)
    assert [view.name for _, view in await unanswered(lab)] == ["stop", "go-on"]
    await lab.tick()
    await lab.tick()
    assert (told(lab, "stop")["outcome"], told(lab, "go-on")["outcome"]) == ("Accepted", "Accepted")


async def test_an_answer_whose_mark_was_refused_is_marked_later() -> None:
    """Bug 17: it was listed in every pass ever after."""
    lab = await progressing()
    action(lab, "Hold", rollout=lab.status["rollout"]["record"])
    real = lab.cluster.merge

    async def merge(resource: resources.Resource, namespace: str, name: str, patch: dict[str, Any]) -> dict[str, Any]:
        if resource is resources.PROMOTION_ACTIONS:
            raise Unavailable("503")
        return await real(resource, namespace, name, patch)

    lab.cluster.merge = merge  # type: ignore[method-assign]
    for _ in range(3):
        await lab.tick()
    [obj] = [o for k, o in lab.cluster.objects.items() if k[0] == "promotionactions"]
    assert obj["status"]["outcome"] == "Accepted"
    assert "serin.dev/answered" not in obj["metadata"].get("labels", {})
    lab.cluster.merge = real  # type: ignore[method-assign]
    lab.restart()
    await lab.tick()
    [obj] = [o for k, o in lab.cluster.objects.items() if k[0] == "promotionactions"]
    assert obj["metadata"]["labels"]["serin.dev/answered"] == "true"


async def test_a_hanging_api_holds_up_neither_question(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab()

    async def hang(*_: object, **__: object) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr("serin.controller.snapshot.actions.pending_actions.ACTIONS_TIMEOUT", 0.01)
    monkeypatch.setattr("serin.controller.snapshot.actions.requesters.TIMEOUT", 0.01)
    monkeypatch.setattr(lab.cluster, "create", hang)
    assert await Requesters(lambda: lab.now).in_force(lab.cluster, "prod") == Verified()
    monkeypatch.setattr(lab.cluster, "list", hang)
    assert await refuse_actions_on(lab.cluster, ActionList(), KEY, lab.now) == lab.now + ACTION_RETRY


async def test_testers_prove_nothing_for_the_steps() -> None:
    """Clean previews for half a minute, then almost no requests: the steps have to wait for evidence of their own."""
    lab = Lab()
    meta = {"namespace": "prod", "name": "careful"}
    preview = {"preview": {"header": {"name": "x-preview", "value": "candidate"}, "for": "15s"}}
    lab.cluster.put(resources.PROMOTION_POLICIES, {"metadata": meta, "spec": POLICY | preview})
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lambda: lab.status.get("phase") == "Progressing")
    lab.prometheus.candidate_rate = 1
    for _ in range(40):
        await lab.tick()
    assert (lab.status["phase"], lab.status["weights"]["desired"]) == ("Progressing", 40)
    record = lab.obj(resources.PROMOTION_RECORDS, lab.status["rollout"]["record"])
    begun = next(e["at"] for e in record["status"]["timeline"] if e["weight"])
    before = [b["counts"].split() for b in record["status"]["blocks"] if b["start"] < begun]
    assert all(window.startswith("-") for windows in before for window in windows), "stable's history, and no tester"


async def test_testers_may_condemn_a_candidate_and_the_record_shows_it() -> None:
    lab = Lab()
    meta = {"namespace": "prod", "name": "careful"}
    preview = {"preview": {"header": {"name": "x-preview", "value": "candidate"}, "for": "1m"}}
    lab.cluster.put(resources.PROMOTION_POLICIES, {"metadata": meta, "spec": POLICY | preview})
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lambda: lab.status.get("phase") == "Shadowing")
    lab.prometheus.candidate_bad = lab.prometheus.candidate_rate
    await lab.until(lab.rolled_back)
    record = lab.record(2)["status"]
    assert (record["reason"], max(e["weight"] for e in record["timeline"])) == ("AllRequestsBad", 0)
    assert record["badRequests"]["availability"] > 0
    assert record["blocks"]


@pytest.mark.parametrize("name", [".", "..", "a/b", "a\x1bb"])
async def test_an_action_on_a_name_that_no_object_has_is_refused_in_words(name: str) -> None:
    """M1: `.` made a pass a bug every 30 s for ever. An earlier CRD let it be stored."""
    lab = Lab()
    action(lab, "Abort", rollout="x-1", modelDeployment=name)
    assert await lab.reconciler.reconcile(("prod", ORPHANS)) is GONE
    assert told(lab)["outcome"] == "Refused"
    assert told(lab)["message"] == f"there is no ModelDeployment {name.replace(chr(27), ' ')} in namespace prod"


async def test_invented_names_are_answered_together_and_leave_others_alone() -> None:
    lab = await progressing()
    for number in range(100):
        action(lab, "Hold", f"ghost-{number}", rollout="x-1", modelDeployment=f"ghost-{number}")
    action(lab, "Hold", "real", rollout="x-1")
    passes = 0
    while await lab.reconciler.reconcile(("prod", ORPHANS)) is not GONE:
        passes += 1
    assert passes <= 2
    outcomes = {n: told(lab, n).get("outcome") for n in ("real", *(f"ghost-{i}" for i in range(100)))}
    assert outcomes.pop("real") is None
    assert set(outcomes.values()) == {"Refused"}


async def test_an_orphan_whose_answer_was_refused_is_answered_later() -> None:
    """A key that is gone is forgotten, but not before its actions have their answer."""
    lab = Lab()
    action(lab, "Abort", rollout="x-1")
    del lab.cluster.objects["modeldeployments", "prod", "fraud"]
    lab.cluster.refuse_status = {"promotionactions"}
    assert await lab.reconciler.reconcile(KEY) == lab.now + ACTION_RETRY
    lab.cluster.refuse_status = set()
    assert await lab.reconciler.reconcile(KEY) is GONE
    assert told(lab)["outcome"] == "Refused"


async def test_control_characters_of_a_stored_action_reach_no_status() -> None:
    lab = await progressing()
    action(
        lab, "Hold", rollout=lab.status["rollout"]["record"], requestedBy="ana\x1b[2J", reason="a\nb", ticket="\x9b1"
    )
    await lab.tick()
    answered = lab.status["actions"][0]
    assert (answered["by"], answered["reason"], answered["ticket"]) == ("ana [2J", "a b", " 1")


@pytest.mark.parametrize("kind", ["Hold", "Abort"])
async def test_a_flood_hides_neither_hold_nor_abort_and_is_told(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """M1: who may only Hold made 3,000 actions, and nobody's Abort in the namespace was heard."""
    lab = await progressing()
    record = lab.status["rollout"]["record"]
    begun, real = lab.now, lab.cluster.list_page
    clock = [0.0]

    async def list_page(resource: resources.Resource, *args: Any, token: str, **options: Any) -> Page:
        if resource is not resources.PROMOTION_ACTIONS:
            return await real(resource, *args, token=token, **options)
        clock[0] += 0.25
        return await real(resource, *args, token=token, **options)

    monkeypatch.setattr(lab.cluster, "list_page", list_page)
    monkeypatch.setattr(lab.reconciler._actions, "clock", lambda: clock[0])
    for number in range(3000):
        action(lab, "Hold", f"aaa-{number}", rollout="other-1", modelDeployment="other")
    action(lab, "Release", "go", rollout=record)
    action(lab, kind, "zzz", rollout=record)
    lab.prometheus.candidate_rate = 1  # nothing moves for the evidence
    await lab.tick()
    told_so = lab.condition("ActionsRead")
    assert (told_so["status"], told_so["reason"]) == ("False", "ObservationIncomplete")
    assert "ResourceQuota" in told_so["message"]
    while not told(lab, "zzz"):
        await lab.tick()
        assert (lab.now - begun).total_seconds() < 10
    assert told(lab, "zzz")["outcome"] == "Accepted"
    assert told(lab, "go") == {}, "a newer Hold may be among those that are not read"
    for key in [key for key in lab.cluster.objects if key[2].startswith("aaa-")]:
        del lab.cluster.objects[key]
    for _ in range(3):
        await lab.tick()
    assert told(lab, "go")["outcome"] in {"Accepted", "Refused"}
    assert "ActionsRead" not in {c["type"] for c in lab.status["conditions"]}
