"""Mode Knative: somebody edits, replaces or orphans the InferenceService by hand, with or without Serin's marks."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest

from serin.cluster import resources
from serin.cluster.client import Object
from serin.cluster.paging import Page
from serin.errors import NotFound
from serin.rollout.phases.rollback import ROLLBACK_STALLED_AFTER
from serin.traffic.knative.pauses import CALM
from tests.knative_lab import KnativeLab, knative_serving
from tests.lab import POLICY

SLOW = POLICY | {"steps": [{"weight": 40, "for": "60s"}]}
EVIL = "s3://evil/model"


def other_model(obj: Object) -> None:
    obj["spec"]["predictor"]["model"]["storageUri"] = EVIL


def one_more_argument(obj: Object) -> None:
    obj["spec"]["predictor"]["model"]["args"] = [*obj["spec"]["predictor"]["model"].get("args", []), "--evil"]


def a_variable(obj: Object) -> None:
    obj["spec"]["predictor"]["model"]["env"] = [{"name": "A", "value": "b"}]


def no_model(obj: Object) -> None:
    del obj["spec"]["predictor"]["model"]["storageUri"]


def template(lab: KnativeLab) -> dict[str, Any]:
    """The template without what differs with each write of it."""
    predictor = copy.deepcopy(lab.knative.isvc["spec"]["predictor"])
    predictor["annotations"].pop("serin.dev/template")
    return {key: value for key, value in predictor.items() if key != "canaryTrafficPercent"}


@pytest.mark.parametrize("edit", [other_model, one_more_argument, a_variable, no_model])
async def test_an_edit_of_stables_template_is_told_and_put_back_behind_0_percent(edit: Any) -> None:
    lab = await knative_serving()
    meant = template(lab)
    lab.knative.edit(edit)
    await lab.tick()
    assert (lab.status["reason"], lab.condition("Ready")["status"]) == ("TemplateDrift", "False")
    assert "was edited by" in lab.status["message"]
    assert lab.was_told("of InferenceService fraud; version 1 is put back")
    await lab.settle()
    assert (template(lab), lab.percent, lab.knative.shares()) == (meant, None, {"1": 100})
    assert (lab.status["reason"], lab.condition("Ready")["status"]) == ("Serving", "True")
    created = lab.knative.number
    await lab.settle()
    assert lab.knative.number == created, "and nothing more is written"


async def test_stable_is_not_ready_as_long_as_an_edited_template_serves() -> None:
    lab = await knative_serving()
    lab.knative.edit(other_model)
    lab.knative.step()  # KServe was faster
    lab.knative.comes_up = lambda _: False
    await lab.settle(4)
    assert template(lab)["model"]["storageUri"] == "s3://models/1"
    assert (lab.status["reason"], lab.condition("Ready")["status"]) == ("TemplateDrift", "False")
    assert "fraud-predictor-00002, from before, serves" in lab.status["message"]
    lab.want("2")
    await lab.settle(6)
    assert lab.knative.isvc["spec"]["predictor"]["labels"]["serin.dev/version"] == "1", "no baseline to judge by"
    lab.knative.comes_up = lambda _: True
    await lab.until(lab.stable("2"))


@pytest.mark.parametrize("up", [True, False])
@pytest.mark.parametrize("edit", [other_model, a_variable])
async def test_a_candidate_that_is_edited_before_its_first_request_is_put_back_and_judged_as_spec_says(
    edit: Any, *, up: bool
) -> None:
    lab = await knative_serving(SLOW)
    lab.knative.comes_up = lambda version: up or version != "2"
    lab.want("2")
    await lab.until(lambda: lab.share("1") == 100 and lab.percent == 0)
    meant = template(lab)
    lab.knative.edit(edit)
    await lab.settle(2)
    assert template(lab) == meant
    assert lab.was_told("of InferenceService fraud; version 2 is put back")
    lab.knative.comes_up = lambda _: True
    await lab.until(lambda: lab.share("2") == 40)
    assert lab.status["reason"] != "TemplateDrift"
    newest = lab.cluster.objects["revisions", "prod", f"fraud-predictor-{lab.knative.number:05}"]
    assert newest["metadata"]["name"] == lab.status["candidate"]["workload"]["name"], "it is the one that is judged"
    await lab.until(lab.stable("2"))
    assert template(lab)["model"]["storageUri"] == "s3://models/2"


async def test_a_first_version_that_is_edited_before_it_serves_is_put_back() -> None:
    lab = KnativeLab()
    lab.knative.comes_up = lambda _: False
    await lab.settle(3)
    lab.knative.edit(other_model)
    lab.knative.comes_up = lambda _: True
    await lab.until(lab.stable("1"))
    assert template(lab)["model"]["storageUri"] == "s3://models/1"


async def test_a_candidate_that_is_edited_after_its_first_request_goes_no_further() -> None:
    lab = await knative_serving(SLOW)
    lab.want("2")
    await lab.until(lambda: lab.share("2") == 40)
    await lab.settle(3)
    lab.knative.edit(other_model)
    await lab.settle(4)
    assert lab.status["reason"] == "TemplateDrift"
    assert lab.most("2") == 40


async def test_what_kserve_fills_in_is_no_edit() -> None:
    lab = await knative_serving()

    def filled_in(obj: Object) -> None:
        obj["spec"]["predictor"]["model"] |= {"protocolVersion": "v1", "name": "", "resources": {}}

    lab.knative.edit(filled_in, manager="manager")  # KServe's process
    await lab.settle()
    assert (lab.status["reason"], lab.percent) == ("Serving", None)
    assert not lab.was_told("put back")


async def test_a_rollback_does_not_wait_for_the_question_who_edited_what() -> None:
    lab = await knative_serving(SLOW)
    lab.want("2")
    await lab.until(lambda: lab.share("2") == 40)
    lab.knative.edit(a_variable)
    lab.prometheus.candidate_bad = 30
    await lab.until(lab.rolled_back)
    await lab.settle()
    assert (lab.knative.shares(), lab.percent) == ({"1": 100}, None)
    assert not lab.was_told("version 2 is put back"), "nor is a candidate put right on its way out"


@pytest.mark.parametrize("rolls_out", [False, True])
async def test_a_foreign_inference_service_in_place_of_a_deleted_one_is_not_touched(*, rolls_out: bool) -> None:
    lab = await knative_serving(SLOW)
    if rolls_out:
        lab.want("2")
        await lab.until(lambda: lab.share("2") == 40)
    for key in [key for key in lab.cluster.objects if key[0] in {"inferenceservices", "revisions"}]:
        del lab.cluster.objects[key]
    metadata = {"name": "fraud", "namespace": "prod", "generation": 1, "labels": {"team": "other"}}
    body = {"metadata": metadata, "spec": {"predictor": {"model": {"storageUri": "s3://theirs"}}}}
    lab.cluster.put(resources.INFERENCE_SERVICES, body)
    lab.knative.rendered = ""
    await lab.settle(20)
    assert lab.knative.isvc["spec"] == body["spec"]
    assert lab.status["reason"] == ("NoReceiver" if rolls_out else "NameTaken")
    assert "InferenceService fraud exists and is not Serin's" in lab.status["message"]
    assert lab.condition("Ready")["status"] == "False"


async def test_a_rollout_is_taken_back_although_somebody_took_off_all_that_is_serins() -> None:
    lab = await knative_serving(SLOW)
    lab.want("2")
    await lab.until(lambda: lab.share("2") == 40)

    def bare(obj: Object) -> None:
        obj["metadata"] |= {"labels": {}, "ownerReferences": []}

    lab.knative.edit(bare)
    lab.prometheus.candidate_bad = 30
    await lab.until(lambda: lab.share("2") == 0)


def orphaned(lab: KnativeLab, uid: str) -> None:
    """``kubectl delete mdep --cascade=orphan``, and the same ModelDeployment again."""
    lab.knative.edit(lambda obj: obj["metadata"].pop("ownerReferences", None))
    obj = copy.deepcopy(lab.obj())
    obj["metadata"]["uid"] = uid
    obj.pop("status", None)
    lab.cluster.put(resources.MODEL_DEPLOYMENTS, obj)
    lab.restart()


@pytest.mark.parametrize("rolls_out", [False, True])
async def test_an_orphan_gets_its_owner_back_without_a_new_knative_revision(*, rolls_out: bool) -> None:
    lab = await knative_serving(SLOW)
    if rolls_out:
        lab.want("2")
        await lab.until(lambda: lab.share("2") == 40)
    created = lab.knative.number
    orphaned(lab, "another-uid")
    await lab.settle(6)
    owners = lab.knative.isvc["metadata"]["ownerReferences"]
    assert [(owner["uid"], owner["controller"]) for owner in owners] == [("another-uid", True)]
    assert lab.knative.number == created
    lab.want("2")
    await lab.until(lab.stable("2"))


async def test_an_orphan_of_another_model_is_not_taken() -> None:
    lab = await knative_serving()
    other = {"apiVersion": "serin.dev/v1alpha1", "kind": "ModelDeployment", "name": "other", "uid": "u"}
    orphaned(lab, "another-uid")
    lab.knative.edit(lambda obj: obj["metadata"].update(ownerReferences=[other]))
    await lab.settle(6)
    assert lab.knative.isvc["metadata"]["ownerReferences"] == [other]
    assert lab.status["reason"] == "NameTaken"


async def test_a_candidate_that_kserve_never_takes_is_tried_again_and_not_rejected() -> None:
    lab = await knative_serving(POLICY | {"prepareTimeout": "20s"})
    lab.knative.lag = 10**6
    lab.want("2")
    await lab.settle(8)
    assert (lab.status["reason"], "KServe" in lab.status["message"]) == ("PreparingCandidate", False)
    await lab.settle(6)
    assert lab.status["reason"] == "DependencyUnavailable"
    assert "KServe has not taken the template of version 2" in lab.status["message"]
    await lab.until(lambda: lab.status.get("candidate") is None)
    record = lab.record(2)["status"]
    assert (record["outcome"], record["reason"]) == ("Aborted", "DependencyUnavailable")
    assert (lab.status["phase"], lab.status.get("rejected", [])) == ("Waiting", [])
    lab.knative.lag = 0
    await lab.until(lab.stable("2"))


async def test_a_rollback_that_kserve_does_not_take_names_kserve() -> None:
    lab = await knative_serving(SLOW)
    lab.want("2")
    await lab.until(lambda: lab.share("2") == 40)
    lab.knative.lag = 10**6
    lab.prometheus.candidate_bad = 30
    await lab.until(lab.phase("RollingBack"))
    lab.now += ROLLBACK_STALLED_AFTER
    await lab.tick()
    assert (lab.percent, lab.share("2")) == (0, 40)
    assert "KServe's controller has not accepted 0 % for the candidate" in lab.status["message"]
    assert "look at KServe's controller" in lab.status["message"]
    assert lab.condition("Stalled")["status"] == "True"
    lab.knative.lag = 0
    await lab.until(lab.rolled_back)


@pytest.mark.parametrize("kind", [resources.INFERENCE_SERVICES, resources.KNATIVE_REVISIONS])
async def test_a_kind_that_is_not_installed_is_told(kind: resources.Resource) -> None:
    lab = KnativeLab()
    listing, page = lab.knative.list, lab.knative.list_page

    async def listed(resource: resources.Resource, namespace: str, selector: str) -> list[Object]:
        if resource is kind:
            raise NotFound("the server could not find the requested resource")
        return await listing(resource, namespace, selector)

    async def paged(resource: resources.Resource, *args: Any, **options: Any) -> Page:
        if resource is kind:
            raise NotFound("the server could not find the requested resource")
        return await page(resource, *args, **options)

    lab.knative.list, lab.knative.list_page = listed, paged  # type: ignore[method-assign]
    await lab.settle(3)
    assert (lab.status["reason"], lab.condition("Stalled")["status"]) == ("KServeMissing", "True")
    assert f"{kind.kind} ({kind.api_version})" in lab.status["message"]


@pytest.mark.parametrize("blocked", [True, False])
@pytest.mark.parametrize("percent", [5, 90])
async def test_a_percent_by_hand_gives_nothing_to_a_revision_that_was_taken_back(
    percent: int, *, blocked: bool
) -> None:
    """Stable's template is back, and not up: KServe gives the percent to the latest ready one, which is the bad one."""
    lab = await restoring(blocked=blocked)
    lab.knative.edit(lambda obj: obj["spec"]["predictor"].update(canaryTrafficPercent=percent))
    await lab.tick()
    begun = len(lab.shares)
    assert lab.percent == 0
    assert lab.was_told(f"field manager kubectl-edit had set the percent to {percent} of InferenceService fraud")
    await lab.settle(20)
    assert lab.most("2", begun + 1) == 0
    assert lab.knative.shares() == {"1": 100}


async def restoring(*, blocked: bool) -> KnativeLab:
    """After a rollback: stable's template is written again, and is not up (``blocked``), or not taken for a while."""
    lab = await knative_serving(SLOW)
    lab.want("2")
    await lab.until(lambda: lab.share("2") == 40)
    lab.prometheus.candidate_bad = 30
    if blocked:
        lab.knative.comes_up = lambda version: version != "1"
    else:
        lab.knative.lag = 3
    await lab.until(lambda: lab.knative.isvc["spec"]["predictor"]["labels"]["serin.dev/version"] == "1")
    return lab


async def test_a_percent_that_is_removed_before_stables_template_is_taken_is_0_again() -> None:
    lab = await restoring(blocked=False)
    lab.knative.edit(lambda obj: obj["spec"]["predictor"].pop("canaryTrafficPercent"))
    await lab.tick()
    assert lab.percent == 0
    assert lab.was_told("had removed the percent of InferenceService fraud")


async def test_what_kserve_has_taken_for_stable_is_told_as_long_as_it_serves() -> None:
    """KServe has forgotten what was stable, and no write gives it back: only stable's template, when it is up."""
    lab = await restoring(blocked=True)
    lab.knative.edit(lambda obj: obj["spec"]["predictor"].pop("canaryTrafficPercent"))
    await lab.settle(4)
    assert lab.knative.shares() == {"2": 100}
    assert "fraud-predictor-00002, of revision" in lab.status["message"]
    assert lab.condition("Ready")["status"] == "False"
    lab.want("1")
    await lab.settle(4)
    assert lab.condition("Ready")["status"] == "False"
    lab.knative.comes_up = lambda _: True
    await lab.settle(4)
    assert (lab.knative.shares(), lab.condition("Ready")["status"]) == ({"1": 100}, "True")


@pytest.mark.parametrize("percent", [0, 50])
async def test_a_percent_beside_stable_is_removed_and_told(percent: int) -> None:
    """Beside 0, KServe goes back by one version."""
    lab = await knative_serving()
    lab.want("2")
    await lab.until(lab.stable("2"))
    await lab.settle()
    lab.knative.edit(lambda obj: obj["spec"]["predictor"].update(canaryTrafficPercent=percent))
    lab.knative.step()
    lab.knative.step()
    assert lab.share("1")
    await lab.tick()
    assert lab.condition("Ready")["status"] == "False"
    assert f"field manager kubectl-edit has set canaryTrafficPercent to {percent}" in lab.status["message"]
    assert lab.was_told(
        f"field manager kubectl-edit had set canaryTrafficPercent of InferenceService fraud to {percent}"
    )
    await lab.settle(4)
    assert (lab.knative.shares(), lab.percent, lab.condition("Ready")["status"]) == ({"2": 100}, None, "True")


async def test_a_percent_of_0_that_began_a_rollback_is_not_told_at_its_end() -> None:
    lab = await knative_serving(SLOW)
    lab.want("2")
    await lab.until(lambda: lab.share("2") == 40)
    await lab.settle(3)
    lab.knative.edit(lambda obj: obj["spec"]["predictor"].update(canaryTrafficPercent=0))
    await lab.until(lab.rolled_back)
    await lab.settle()
    assert lab.percent is None
    assert not lab.was_told("had set")


async def test_a_rollback_that_an_annotation_keeps_kserve_from_names_the_annotation_once() -> None:
    lab = await knative_serving(SLOW)
    lab.want("2")
    await lab.until(lambda: lab.share("2") == 40)
    annotation = "serving.kserve.io/disable-auto-update"
    lab.knative.edit(lambda obj: obj["metadata"]["annotations"].update({annotation: "true"}))
    lab.prometheus.candidate_bad = 30
    await lab.until(lab.phase("RollingBack"))
    lab.now += ROLLBACK_STALLED_AFTER
    await lab.tick()
    message = lab.status["message"]
    told = f"InferenceService fraud carries {annotation}: KServe ignores every change of it, also a rollback; remove"
    assert message.count(told) == message.count(annotation) == 1, message


async def test_a_candidate_that_was_put_back_while_serin_was_away_is_judged_by_its_own_knative_revision() -> None:
    lab = await knative_serving(SLOW)
    lab.want("2")
    await lab.until(lambda: lab.status["rollout"].get("routedAt") is not None)
    await lab.tick()
    lab.knative.edit(other_model)
    await lab.tick()
    lab.now += timedelta(seconds=10)
    for _ in range(3):
        lab.knative.step()
    lab.restart()
    await lab.until(lambda: lab.share("2") == 40)
    newest = f"fraud-predictor-{lab.knative.number:05}"
    assert lab.status["candidate"]["workload"]["name"] == newest, "the evidence is of what gets the requests"
    await lab.settle(5)
    assert lab.status["reason"] != "TemplateDrift"
    await lab.until(lab.stable("2"))


async def test_a_tool_that_edits_again_after_each_repair_is_answered_with_pauses_that_grow_and_told() -> None:
    lab = await knative_serving()
    created = lab.knative.number
    for number in range(90):
        if number % 2 == 0:
            lab.knative.edit(one_argument, manager="kyverno")
        await lab.tick()
    repairs = sum("version 1 is put back" in o["message"] for k, o in lab.cluster.objects.items() if k[0] == "events")
    assert 3 <= repairs <= 7, "after 2, 4, 8, 16, 32 s"
    assert lab.knative.number - created <= 2 * 7
    assert "field manager kyverno" in lab.status["message"]
    assert "times in a row: stop what writes it" in lab.status["message"]
    assert lab.condition("Ready")["status"] == "False"
    lab.now += CALM
    await lab.settle(8)
    assert lab.condition("Ready")["status"] == "True", "it ends by itself when the tool stops"
    lab.now += CALM
    lab.knative.edit(one_argument)
    await lab.settle(6)
    assert lab.condition("Ready")["status"] == "True", "and the next edit is the first again"


async def test_a_pause_before_a_repair_wakes_serin_when_it_is_over() -> None:
    lab, due = await knative_serving(), None
    for _ in range(3):
        lab.knative.edit(one_argument)
        due = await lab.tick()
    assert due is not None
    assert timedelta(seconds=1) <= due - lab.now <= timedelta(seconds=8)


def one_argument(obj: Object) -> None:
    obj["spec"]["predictor"]["model"]["args"] = ["--other"]


async def test_an_edited_candidate_that_is_edited_again_and_again_is_not_to_blame() -> None:
    lab = await knative_serving(SLOW | {"prepareTimeout": "20s"})
    lab.want("2")
    await lab.until(lambda: lab.percent == 0)
    while lab.status.get("candidate") is not None:
        lab.knative.edit(one_argument, manager="kyverno")
        await lab.tick()
    assert lab.record(2)["status"]["reason"] == "DependencyUnavailable"
    assert "kyverno has changed model.args" in lab.record(2)["status"]["message"]


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (
            lambda obj: obj["metadata"].update(labels={}),
            "label app.kubernetes.io/managed-by=serin, serin.dev/model-deployment=fraud is missing from its metadata",
        ),
        (
            lambda obj: obj["spec"]["predictor"].update(annotations={}),
            "annotation serin.dev/template is missing from its spec.predictor",
        ),
    ],
)
async def test_marks_that_somebody_took_off_in_mid_rollout_are_told_and_kserve_is_not_blamed(
    edit: Any, words: str
) -> None:
    lab = await knative_serving(SLOW)
    lab.want("2")
    await lab.until(lambda: lab.share("2") == 40)
    await lab.settle(3)
    lab.knative.edit(edit)
    await lab.settle(5)
    message = lab.status["message"]
    assert f"InferenceService fraud has not yet accepted 40 %: {words}, so Serin does not know fraud-" in message
    assert "an Abort, or another revision in spec" in message
    assert "KServe" not in message
    assert lab.condition("Ready")["status"] == "False"


async def test_labels_that_somebody_took_off_a_stable_service_are_told() -> None:
    lab = await knative_serving()
    lab.now += timedelta(minutes=5)
    lab.knative.edit(lambda obj: obj["metadata"].update(labels={}))
    await lab.settle(5)
    assert lab.status["reason"] == "WaitingForRoute"
    assert (
        "label app.kubernetes.io/managed-by=serin, serin.dev/model-deployment=fraud is missing" in lab.status["message"]
    )
    assert "the rollout" not in lab.status["message"]


@pytest.mark.parametrize(
    "edit",
    [
        lambda obj: obj["spec"]["predictor"].update(minReplicas=5),
        lambda obj: obj["metadata"]["labels"].update(team="x"),
        one_argument,
    ],
)
@pytest.mark.parametrize("ends", ["Promote", "revision"])
async def test_a_new_knative_revision_of_the_candidate_in_mid_rollout_says_what_ends_the_hold(
    edit: Any, ends: str
) -> None:
    lab = await knative_serving(SLOW)
    lab.want("2")
    await lab.until(lambda: lab.share("2") == 40)
    await lab.settle(3)
    lab.knative.edit(edit)
    await lab.settle(4)
    assert lab.status["reason"] == "TemplateDrift"
    message = lab.status["message"]
    assert "fraud-predictor-00003 serves the candidate now, and the evidence is of fraud-predictor-00002" in message
    assert "a PromotionAction Promote or Abort, or another revision in spec, ends it" in message
    assert "until it is put back" not in message
    if ends == "revision":
        lab.want("3")
        await lab.until(lab.stable("3"), 200)
        return
    say(lab, "Promote")
    await lab.until(lab.stable("2"), 200)


def say(lab: KnativeLab, action: str) -> None:
    spec = {
        "modelDeployment": "fraud",
        "rollout": lab.status["rollout"]["record"],
        "action": action,
        "requestedBy": "a",
    }
    metadata = {"namespace": "prod", "name": f"fraud-{action.lower()}", "creationTimestamp": "2026-11-22T09:00:00Z"}
    lab.cluster.put(resources.PROMOTION_ACTIONS, {"metadata": metadata, "spec": {**spec, "reason": "known"}})
