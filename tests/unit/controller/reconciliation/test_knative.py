"""Mode Knative: whole stories through the reconciler, on a fake of KServe and Knative Serving."""

from __future__ import annotations

from typing import Any

import pytest

from serin.cluster import resources
from serin.errors import Refused
from tests.fakes import Killed
from tests.knative_lab import KnativeLab, knative_serving
from tests.lab import POLICY
from tests.slices import of_part, parts

SLOW = POLICY | {"steps": [{"weight": 40, "for": "60s"}]}


async def test_a_version_is_promoted_and_the_percent_is_removed_at_the_end() -> None:
    lab = await knative_serving()
    lab.want("2")
    await lab.until(lab.stable("2"))
    await lab.settle()
    assert lab.knative.shares() == {"2": 100}
    assert lab.percent is None
    seen = [shares.get("2", 0) for shares in lab.shares]
    assert [w for i, w in enumerate(seen) if i == 0 or seen[i - 1] != w] == [0, 40, 50, 100]
    assert all(sum(shares.values()) == 100 for shares in lab.shares[4:])


async def test_a_stable_version_causes_no_write() -> None:
    lab = await knative_serving()
    written = len(lab.cluster.writes)
    await lab.settle()
    assert lab.cluster.writes[written:] == []


async def test_a_breach_ends_at_0_with_the_old_template_and_the_next_version_never_wakes_the_bad_one() -> None:
    lab = await knative_serving()
    lab.want("2")
    lab.prometheus.candidate_bad = 30
    await lab.until(lab.rolled_back)
    begun = len(lab.shares)
    assert lab.record(2)["status"]["outcome"] == "RolledBack"
    lab.prometheus.candidate_bad = 0
    await lab.settle()
    assert lab.percent is None
    assert lab.knative.isvc["spec"]["predictor"]["labels"]["serin.dev/version"] == "1"
    lab.want("3")
    await lab.until(lab.stable("3"))
    await lab.settle()
    assert lab.most("2", begun) == 0
    assert lab.knative.shares() == {"3": 100}


async def test_the_next_version_may_begin_before_the_old_template_is_back() -> None:
    lab = await knative_serving()
    lab.want("2")
    lab.prometheus.candidate_bad = 30
    await lab.until(lab.rolled_back)
    begun = len(lab.shares)
    lab.prometheus.candidate_bad = 0
    lab.knative.comes_up = lambda version: version != "1"  # stable's new pods do not come up; its old ones serve
    lab.want("3")
    await lab.until(lab.stable("3"))
    assert lab.most("2", begun) == 0


async def test_a_version_that_never_becomes_ready_gets_nothing() -> None:
    lab = await knative_serving(POLICY | {"prepareTimeout": "10s"})
    lab.knative.comes_up = lambda version: version != "2"
    lab.want("2")
    await lab.until(lab.rolled_back)
    await lab.settle()
    assert lab.record(2)["status"]["reason"] == "PrepareTimeout"
    assert lab.most("2") == 0
    assert (lab.knative.shares(), lab.percent) == ({"1": 100}, None)


async def test_a_third_version_supersedes_the_second_without_its_percent() -> None:
    lab = await knative_serving(SLOW)
    lab.want("2")
    await lab.until(lambda: lab.share("2") == 40)
    lab.want("3")
    await lab.until(lambda: lab.share("2") == 0)
    begun = len(lab.shares)
    await lab.until(lambda: lab.share("3") == 40)
    assert lab.most("2", begun) == 0


async def test_a_slow_kserve_is_waited_for() -> None:
    lab = await knative_serving()
    lab.knative.lag = 4
    lab.want("2")
    await lab.until(lab.stable("2"), 300)
    await lab.settle(20)
    assert (lab.knative.shares(), lab.percent) == ({"2": 100}, None)


@pytest.mark.parametrize("bad", [0, 30])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("part", parts())
async def test_a_death_at_any_write_loses_and_doubles_nothing(part: int, when: str, bad: int) -> None:
    for number in of_part(part):
        lab = await knative_serving()
        lab.want("2")
        lab.prometheus.candidate_bad = bad
        lab.cluster.die_at = (len(lab.cluster.writes) + number, when)
        ended = lab.rolled_back if bad else lab.stable("2")
        try:
            await lab.until(ended)
            await lab.settle()
        except Killed:
            lab.cluster.die_at = None
            lab.restart()
            await lab.until(ended)
            await lab.settle()
        else:
            assert number > 8, "the story has more writes"
            return
        where = f"{when} write {number}: {lab.cluster.writes[-6:]}"
        assert lab.knative.shares() == {"1" if bad else "2": 100}, where
        assert lab.percent is None, where
        assert lab.record(2)["status"]["outcome"] == ("RolledBack" if bad else "Promoted"), where
        assert lab.status["stable"]["version"] == ("1" if bad else "2"), where
        if bad:
            assert lab.most("2") <= 40, where


async def test_kserve_takes_another_revision_for_stable_and_that_is_healed_and_told() -> None:
    lab = await knative_serving()
    lab.want("2")
    await lab.until(lab.stable("2"))
    await lab.settle()
    lab.knative.race = True
    lab.want("3")
    await lab.until(lambda: lab.share("1") == 100)  # KServe went back by one
    await lab.until(lambda: lab.share("2") == 100)
    assert lab.was_told("KServe held revision")
    await lab.until(lab.stable("3"))
    await lab.settle()
    assert (lab.knative.shares(), lab.percent) == ({"3": 100}, None)


async def test_a_lost_status_is_rebuilt_from_kserve_and_the_records() -> None:
    lab = await knative_serving(SLOW)
    lab.want("2")
    await lab.until(lambda: lab.share("2") == 40)
    obj = {key: value for key, value in lab.obj().items() if key != "status"}
    lab.cluster.put(resources.MODEL_DEPLOYMENTS, obj)
    lab.restart()
    await lab.settle(3)
    assert (lab.status["phase"], lab.status["stable"]["version"]) == ("Progressing", "1")
    assert lab.status["candidate"]["version"] == "2"
    await lab.until(lab.stable("2"))


async def test_somebody_who_lowers_the_percent_aborts() -> None:
    lab = await knative_serving(SLOW)
    lab.want("2")
    await lab.until(lambda: lab.share("2") == 40)
    await lab.settle(3)
    lab.knative.edit(lambda obj: obj["spec"]["predictor"].update(canaryTrafficPercent=0))
    await lab.until(lab.rolled_back)
    assert lab.record(2)["status"]["reason"] == "AbortedByHand"
    assert "kubectl-edit" in lab.record(2)["status"]["message"]


async def test_somebody_who_lowers_the_percent_just_after_a_step_aborts_too() -> None:
    """KServe has not told yet that it has the step: found on the sandbox, where Serin raised it again."""
    lab = await knative_serving(SLOW)
    lab.want("2")
    await lab.until(lambda: lab.percent == 40)
    lab.knative.edit(lambda obj: obj["spec"]["predictor"].update(canaryTrafficPercent=0))
    begun = len(lab.shares)
    await lab.until(lab.rolled_back)
    assert lab.record(2)["status"]["reason"] == "AbortedByHand"
    assert lab.most("2", begun) == 0


@pytest.mark.parametrize("percent", [80, None])
async def test_somebody_who_raises_the_percent_is_put_right_and_told(percent: int | None) -> None:
    lab = await knative_serving(SLOW)
    lab.want("2")
    await lab.until(lambda: lab.share("2") == 40)
    await lab.settle(3)

    def raised(obj: dict[str, Any]) -> None:
        obj["spec"]["predictor"].pop("canaryTrafficPercent")
        if percent is not None:
            obj["spec"]["predictor"]["canaryTrafficPercent"] = percent

    lab.knative.edit(raised)
    await lab.tick()
    assert lab.percent == 40
    await lab.settle(3)
    assert lab.knative.shares() == {"1": 60, "2": 40}
    assert lab.was_told("had raised the percent")


async def test_a_template_of_somebody_else_is_put_back_and_told() -> None:
    lab = await knative_serving()
    lab.knative.edit(lambda obj: obj["spec"].update(predictor={"containers": [{"image": "evil"}]}))
    await lab.settle()
    assert (lab.knative.shares(), lab.percent) == ({"1": 100}, None)
    assert lab.was_told("had changed the template")


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        ("serving.kserve.io/disable-auto-update", "true"),
        ("serving.knative.dev/rollout-duration", "60s"),
        ("serving.kserve.io/enable-tag-routing", "true"),
    ],
)
async def test_an_annotation_that_makes_steps_untrue_holds_the_start(annotation: str, value: str) -> None:
    lab = await knative_serving()
    lab.knative.edit(lambda obj: obj["metadata"]["annotations"].update({annotation: value}))
    lab.want("2")
    await lab.settle(20)
    assert lab.most("2") == 0
    assert annotation in lab.status["message"]


async def test_a_stop_in_mid_rollout_is_nobodys_fault_and_leaves_stables_template() -> None:
    lab = await knative_serving(SLOW)
    lab.want("2")
    await lab.until(lambda: lab.share("2") == 40)
    stop = "serving.kserve.io/stop"
    lab.knative.edit(lambda obj: obj["metadata"]["annotations"].update({stop: "true"}))
    await lab.settle(20)
    assert lab.knative.isvc["spec"]["predictor"]["labels"]["serin.dev/version"] == "1"
    begun = len(lab.shares)
    lab.knative.edit(lambda obj: obj["metadata"]["annotations"].pop(stop))
    await lab.until(lambda: lab.share("1") == 100)
    assert lab.most("2", begun) == 0
    assert lab.status.get("rejected", []) == []


async def test_an_inference_service_of_somebody_else_is_not_touched() -> None:
    lab = KnativeLab()
    body = {"metadata": {"name": "fraud", "namespace": "prod", "generation": 1}, "spec": {"predictor": {"model": {}}}}
    lab.cluster.put(resources.INFERENCE_SERVICES, body)
    await lab.settle(5)
    assert lab.knative.isvc["spec"] == body["spec"]
    assert lab.status["reason"] == "NameTaken"


async def test_a_refused_write_is_told_and_goes_on_when_it_is_taken() -> None:
    lab = await knative_serving()
    merge = lab.knative.merge

    async def refused(*_: Any, **__: Any) -> Any:
        raise Refused('admission webhook "strict" denied the request: no')

    lab.knative.merge = refused  # type: ignore[method-assign]
    lab.want("2")
    await lab.settle(8)
    assert lab.status["reason"] == "WebhookRefused"
    assert "InferenceService fraud cannot be written" in lab.status["message"]
    lab.knative.merge = merge  # type: ignore[method-assign]
    await lab.until(lab.stable("2"))


async def test_a_rollback_needs_no_list_of_knative_revisions_and_no_record() -> None:
    lab = await knative_serving(SLOW)
    lab.want("2")
    await lab.until(lambda: lab.share("2") == 40)
    listing = lab.knative.list

    async def unreadable(resource: resources.Resource, namespace: str, selector: str) -> Any:
        if resource in {resources.KNATIVE_REVISIONS, resources.PROMOTION_RECORDS}:
            raise Refused("forbidden")
        return await listing(resource, namespace, selector)

    lab.knative.list = unreadable  # type: ignore[method-assign]
    lab.prometheus.candidate_bad = 30
    await lab.until(lambda: lab.share("2") == 0)
    lab.knative.list = listing  # type: ignore[method-assign]
    await lab.until(lab.rolled_back)
    await lab.settle()
    assert (lab.knative.shares(), lab.percent) == ({"1": 100}, None)


@pytest.mark.parametrize("bad", [0, 30])
async def test_writes_whose_answers_are_lost_are_not_done_twice(bad: int) -> None:
    lab = await knative_serving()
    lab.knative.lost_answers = True
    lab.prometheus.candidate_bad = bad
    lab.want("2")
    await lab.until(lab.rolled_back if bad else lab.stable("2"))
    await lab.settle()
    assert (lab.knative.shares(), lab.percent) == ({"1" if bad else "2": 100}, None)
    assert lab.cluster.writes.count("merge inferenceservices") == 5


async def test_a_rollback_that_no_status_can_hold_stays_a_rollback_after_a_restart() -> None:
    lab = await knative_serving(SLOW)
    lab.want("2")
    await lab.until(lambda: lab.share("2") == 40)
    await lab.settle(3)
    lab.cluster.refuse_status.add("modeldeployments")
    lab.prometheus.candidate_bad = 30
    await lab.until(lambda: lab.share("2") == 0)
    lab.restart()
    lab.prometheus.away = True  # nobody can see the breach again
    begun = len(lab.shares)
    await lab.settle(3)
    lab.cluster.refuse_status.clear()
    await lab.until(lab.rolled_back)
    assert lab.most("2", begun) == 0


async def test_whatever_is_ready_serves_while_stable_is_down() -> None:
    lab = await knative_serving()
    lab.knative.gone.add("1")
    lab.want("2")
    await lab.until(lab.stable("2"))
    await lab.settle()
    assert (lab.knative.shares(), lab.percent) == ({"2": 100}, None)


async def test_a_stable_that_sleeps_is_not_down_and_keeps_its_share() -> None:
    lab = await knative_serving()
    lab.knative.asleep.add("1")
    lab.want("2")
    await lab.until(lab.stable("2"))
    seen = [shares.get("2", 0) for shares in lab.shares]
    assert [w for i, w in enumerate(seen) if i == 0 or seen[i - 1] != w] == [0, 40, 50, 100]
    assert lab.record(2)["status"]["outcome"] == "Promoted"


async def test_an_inference_service_that_somebody_deletes_comes_back_as_stable() -> None:
    lab = await knative_serving(SLOW)
    lab.want("2")
    await lab.until(lambda: lab.share("2") == 40)
    for key in [key for key in lab.cluster.objects if key[0] in {"inferenceservices", "revisions"}]:
        del lab.cluster.objects[key]
    lab.knative.rendered = ""
    begun = len(lab.shares)
    await lab.until(lambda: lab.share("1") == 100)
    assert lab.most("2", begun) == 0


async def test_scaling_fields_apply_outside_of_rollouts_only() -> None:
    lab = await knative_serving(SLOW)
    lab.want("2")
    await lab.until(lambda: lab.share("2") == 40)
    predictor = {"model": {"modelFormat": {"name": "sklearn"}}, "minReplicas": 3}
    created = lab.knative.number
    lab.want("2", predictor=predictor)
    await lab.settle(5)
    assert lab.knative.number == created
    await lab.until(lab.stable("2"))
    await lab.settle()
    assert lab.knative.isvc["spec"]["predictor"]["minReplicas"] == 3
    assert (lab.knative.shares(), lab.percent) == ({"2": 100}, None)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shadow": {"for": "1m"}, "shadowSafe": True}, "shadow: in mode Knative"),
        ({"preview": {"for": "1m", "header": {"name": "x-p", "value": "y"}}}, "preview: in mode Knative"),
        ({"bake": {"for": "1m", "holdback": 0}}, "bake: in mode Knative"),
    ],
)
async def test_what_the_mode_cannot_do_is_refused_with_the_reason(change: dict[str, Any], words: str) -> None:
    lab = await knative_serving(POLICY | change)
    lab.want("2")
    await lab.settle(5)
    assert lab.status["reason"] == "PolicyInvalid"
    assert words in lab.status["message"]
    assert lab.most("2") == 0


async def test_a_candidate_has_a_replica_while_it_is_judged() -> None:
    lab = await knative_serving(SLOW)
    predictor = {"model": {"modelFormat": {"name": "sklearn"}}, "minReplicas": 0, "maxReplicas": 4}
    lab.want("2", predictor=predictor)
    await lab.until(lambda: lab.share("2") == 40)
    assert lab.knative.isvc["spec"]["predictor"]["minReplicas"] == 1
    await lab.until(lab.stable("2"))
    await lab.settle()
    assert lab.knative.isvc["spec"]["predictor"]["minReplicas"] == 0
