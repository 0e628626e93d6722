"""An InferenceService in Knative mode as the rollout's route, and its arms."""

from __future__ import annotations

from typing import Any

import pytest

from serin.api.status import ModelDeploymentStatus, RevisionRef
from serin.rollout.transition import with_fields
from serin.schema.phase import Phase
from serin.traffic.knative import Knative
from serin.traffic.knative.arms import chosen, is_asleep, is_elastic, revision_failure, workload_of
from serin.traffic.knative.limits import unsuitable, unsupported
from serin.traffic.knative.split import read_split
from serin.traffic.reader import Reader
from tests.fakes import FakeCluster
from tests.world import policy, ref, spec

OLD, NEW = ref("1"), ref("2")


def revision(name: str, of: RevisionRef, mark: str) -> dict[str, Any]:
    labels = {"serin.dev/revision": of.revision, "serin.dev/version": of.version}
    annotations = {"serin.dev/template": mark, "serin.dev/content-hash": of.hash}
    return {"metadata": {"name": name, "labels": labels, "annotations": annotations}}


REVISIONS = [revision("k1", OLD, "a"), revision("k2", NEW, "b"), revision("k3", OLD, "c")]
SERVING = with_fields(ModelDeploymentStatus(), phase=Phase.STABLE, stable=OLD)
ROLLING = with_fields(SERVING, phase=Phase.PROGRESSING, candidate=NEW)


def isvc(
    of: RevisionRef,
    percent: int | None,
    traffic: list[tuple[str, int, bool]],
    component: str,
    *,
    mark: str = "b",
    routed: str = "True",
    **annotations: str,
) -> dict[str, Any]:
    """``component`` is created, ready, held and held before, with blanks between them."""
    predictor: dict[str, Any] = {
        "labels": {"serin.dev/revision": of.revision},
        "annotations": {"serin.dev/template": mark},
    }
    if percent is not None:
        predictor["canaryTrafficPercent"] = percent
    keys = ("latestCreatedRevision", "latestReadyRevision", "latestRolledoutRevision", "previousRolledoutRevision")
    told: dict[str, Any] = dict(zip(keys, component.split(), strict=False))
    told["traffic"] = [{"revisionName": n, "percent": p, "latestRevision": latest} for n, p, latest in traffic]
    condition = {"type": "PredictorRouteReady", "status": routed, "message": "Waiting for load balancer"}
    return {
        "metadata": {"name": "fraud", "annotations": {key.replace("__", "/"): v for key, v in annotations.items()}},
        "spec": {"predictor": predictor},
        "status": {"conditions": [condition], "components": {"predictor": told}},
    }


@pytest.mark.parametrize(
    ("route", "status", "stable", "candidate", "weight", "why"),
    [
        pytest.param(isvc(OLD, None, [("k1", 100, True)], "k1 k1 k1"), SERVING, OLD, None, 0, "", id="stable"),
        pytest.param(
            isvc(OLD, None, [("k1", 100, True)], "k1 k1 k1", routed="Unknown"), SERVING, OLD, None, 0,
            "route is not ready: Waiting for load balancer", id="the gateway has it not yet",
        ),
        pytest.param(
            isvc(OLD, None, [("k2", 100, True)], "k2 k2 k2"), SERVING, NEW, None, 0, "has 0 % of the requests",
            id="drift",
        ),
        pytest.param(
            isvc(NEW, 0, [("k1", 0, True), ("k1", 100, False)], "k1 k1 k1"), ROLLING, OLD, NEW, 0, "", id="started"
        ),
        pytest.param(
            isvc(NEW, 10, [("k1", 10, True), ("k1", 90, False)], "k2 k1 k1"), ROLLING, OLD, NEW, 10,
            "10 % on k1 for the template, latest created k2", id="10 % of the old one",
        ),
        pytest.param(
            isvc(NEW, 10, [("k2", 10, True), ("k1", 90, False)], "k2 k2 k1"), ROLLING, OLD, NEW, 10, "", id="a step"
        ),
        pytest.param(
            isvc(NEW, 25, [("k2", 10, True), ("k1", 90, False)], "k2 k2 k1"), ROLLING, OLD, NEW, 25, "10 % on k2",
            id="the next step is not taken yet",
        ),
        pytest.param(
            isvc(NEW, 10, [("k2", 10, True), ("k1", 90, False)], "k2 k2 k1", mark="new"), ROLLING, OLD, NEW, 10,
            "10 % on k2", id="Ready of before the template changed",
        ),
        pytest.param(
            isvc(NEW, 0, [("k2", 25, True), ("k1", 75, False)], "k2 k2 k1"), ROLLING, OLD, NEW, 0,
            "has 75 % of the requests", id="a rollback that is not taken yet",
        ),
        pytest.param(
            isvc(NEW, 0, [("k2", 0, True), ("k1", 100, False)], "k2 k2 k1"), ROLLING, OLD, NEW, 0, "", id="rolled back"
        ),
        pytest.param(isvc(NEW, 100, [("k2", 100, True)], "k2 k2 k2 k1"), ROLLING, OLD, NEW, 100, "", id="everything"),
        pytest.param(isvc(NEW, None, [("k2", 100, True)], "k2 k2 k2 k1"), ROLLING, OLD, NEW, 100, "", id="no field"),
        pytest.param(
            isvc(OLD, 0, [("k3", 0, True), ("k1", 100, False)], "k3 k3 k1", mark="c"), SERVING, OLD, None, 0, "",
            id="stable's template is coming back",
        ),
        pytest.param(
            isvc(NEW, 10, [("k2", 10, True), ("k1", 90, False)], "k2 k2 k1"), ModelDeploymentStatus(), OLD, NEW, 10, "",
            id="the status is lost",
        ),
        pytest.param(
            isvc(NEW, 100, [("k2", 100, True)], "k2 k2 k2 k1"), ModelDeploymentStatus(), OLD, NEW, 100, "",
            id="the status is lost at 100 %",
        ),
    ],
)  # fmt: skip
def test_the_route_of_an_inference_service(
    route: dict[str, Any],
    status: ModelDeploymentStatus,
    stable: RevisionRef,
    candidate: RevisionRef | None,
    *,
    weight: int,
    why: str,
) -> None:
    view = Knative().route_view(route, REVISIONS, status)
    assert (view.stable, view.candidate) == (stable.revision, candidate and candidate.revision)
    assert (view.weight, view.accepted) == (weight, not why)
    assert why in view.message


STEP = ([("k2", 10, True), ("k1", 90, False)], "k2 k2 k1")


@pytest.mark.parametrize(
    "annotation",
    [
        "serving.kserve.io/disable-auto-update",
        "serving.kserve.io/enable-tag-routing",
        "serving.knative.dev/rollout-duration",
    ],
)
def test_an_annotation_that_makes_steps_untrue_is_told_and_ends_no_rollback(annotation: str) -> None:
    carried = {annotation: "60s" if "duration" in annotation else "true"}
    forward = isvc(NEW, 10, *STEP)
    forward["metadata"]["annotations"] = carried
    view = Knative().route_view(forward, REVISIONS, ROLLING)
    assert (view.accepted, annotation in view.message) == (False, True)
    back = isvc(NEW, 0, [("k2", 0, True), ("k1", 100, False)], "k2 k2 k1")
    back["metadata"]["annotations"] = carried
    assert Knative().route_view(back, REVISIONS, ROLLING).accepted


def test_without_the_list_of_knative_revisions_the_names_in_the_status_count() -> None:
    stable, candidate = (
        of.model_copy(update={"workload": workload_of(name)}) for of, name in ((OLD, "k1"), (NEW, "k2"))
    )
    status = with_fields(ROLLING, stable=stable, candidate=candidate)
    lowered = isvc(NEW, 0, [("k2", 0, True), ("k1", 100, False)], "k2 k2 k1")
    view = Knative().route_view(lowered, None, status)
    assert (view.candidate, view.accepted) == (NEW.revision, True)
    assert not Knative().route_view(isvc(NEW, 10, *STEP), None, status).accepted, "no step on it"


def test_the_knative_revision_with_the_most_traffic_serves_a_revision() -> None:
    restoring = isvc(OLD, 0, [("k3", 0, True), ("k1", 100, False)], "k3 k3 k1", mark="c")
    assert chosen(read_split(restoring, REVISIONS, SERVING), SERVING) == {OLD.revision: "k1"}
    settled = isvc(OLD, None, [("k3", 100, True)], "k3 k3 k3 k1", mark="c")
    assert chosen(read_split(settled, REVISIONS, SERVING), SERVING) == {OLD.revision: "k3"}
    rolling = isvc(NEW, 10, *STEP)
    assert chosen(read_split(rolling, REVISIONS, ROLLING), ROLLING) == {OLD.revision: "k1", NEW.revision: "k2"}


def conditions(**states: tuple[str, str]) -> dict[str, Any]:
    return {"status": {"conditions": [{"type": t, "status": s, "reason": r} for t, (s, r) in states.items()]}}


@pytest.mark.parametrize(
    ("workload", "asleep"),
    [
        (conditions(Ready=("True", ""), Active=("False", "NoTraffic")), True),
        (conditions(Ready=("False", "ExitCode3"), Active=("False", "NoTraffic")), False),
        (conditions(Ready=("True", ""), Active=("True", "")), False),
        (conditions(Ready=("True", ""), Active=("Unknown", "Queued")), False),
        ({}, False),
    ],
)
def test_what_knative_scaled_to_zero_for_want_of_requests_is_not_down(
    workload: dict[str, Any], *, asleep: bool
) -> None:
    assert is_asleep(workload) is asleep


@pytest.mark.parametrize(
    ("bounds", "elastic"),
    [
        ({}, True),
        ({"minReplicas": 2}, True),
        ({"minReplicas": 2, "maxReplicas": 2}, False),
        ({"minReplicas": 0, "maxReplicas": 1}, False),
        ({"minReplicas": 1, "maxReplicas": 4}, True),
    ],
)
def test_who_chooses_the_size(bounds: dict[str, int], *, elastic: bool) -> None:
    assert is_elastic({"spec": {"predictor": bounds}}) is elastic


def test_what_knative_says_of_a_revision_that_does_not_come_up() -> None:
    told = {"type": "Ready", "status": "False", "reason": "ContainerMissing", "message": "Unable to fetch image"}
    failure = revision_failure({"status": {"conditions": [told]}})
    assert failure is not None
    assert (failure.own, failure.message) == (True, "Knative says ContainerMissing: Unable to fetch image")
    quota = {**told, "message": "pods is forbidden: exceeded quota: small"}
    failure = revision_failure({"status": {"conditions": [quota]}})
    assert failure is not None
    assert not failure.own
    assert revision_failure({"status": {"conditions": [{**told, "status": "Unknown"}]}}) is None


async def test_stables_template_that_does_not_come_up_again_is_told() -> None:
    told = {"type": "Ready", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "no node"}
    failed = {**REVISIONS[2], "status": {"conditions": [told]}}
    restoring = isvc(OLD, 0, [("k1", 0, True), ("k1", 100, False)], "k3 k1 k1", mark="c")
    reader = Reader(("prod", "fraud"), 1.0)
    key = ("prod", "fraud")

    async def unknown(_: RevisionRef) -> None:
        return None

    for revisions, words in ((REVISIONS, None), ([*REVISIONS[:2], failed], "k1 serves; k3, of the same version")):
        arms = await Knative().arms(
            FakeCluster(), reader, key, SERVING, revisions, route=restoring, source_of=unknown, spec=spec("1")
        )
        doubt = arms[OLD.revision].doubt
        assert (doubt is not None and words is not None and words in doubt.message) or (doubt, words) == (None, None)


def test_what_the_mode_cannot_do() -> None:
    assert unsuitable(policy()) is None
    assert unsuitable(policy(bake={"for": "1m"})) is None
    assert "shadow" in str(unsuitable(policy(shadow={"for": "1m"}, shadowSafe=True)))
    assert "holdback" in str(unsuitable(policy(bake={"for": "1m", "holdback": 0})))
    assert unsupported(spec("1")) is None
    moved = {"model": {}, "annotations": {"serving.knative.dev/rollout-duration": "60s"}}
    assert "rollout-duration" in str(unsupported(spec("1", predictor=moved)))


def test_series_are_told_apart_by_the_names_of_knative_revisions() -> None:
    stable, candidate = (
        of.model_copy(update={"workload": workload_of(name)}) for of, name in ((OLD, "f-1"), (NEW, "f-2"))
    )
    identity = Knative().identity("prod", candidate, stable)
    assert (identity.service(identity.candidate), identity.service(identity.stable)) == ("f-2", "f-1")


def test_knative_quotes_logs_which_hold_what_nobody_may_read() -> None:
    said = "Container failed with: \x1b[31mcannot log in: password=hunter2"
    told = {"type": "Ready", "status": "False", "reason": "ExitCode1", "message": said}
    failure = revision_failure({"status": {"conditions": [told]}})
    assert failure is not None
    assert "hunter2" not in failure.message
    assert failure.message.isprintable()
