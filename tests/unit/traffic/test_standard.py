"""What is built for a split, and when an object already is_applied it."""

from __future__ import annotations

from typing import Any

import pytest

from serin.api.policy.exposure import Exposure
from serin.api.policy.preview_header import Header
from serin.api.predictor.naming import service_name
from serin.api.revision import Replicas, Source, hash_of
from serin.rollout.decision import RoutePlan
from serin.traffic.gateway.http_route import http_route, is_applied
from serin.traffic.gateway.route_view import route_view
from serin.traffic.kserve.predictor import scaling_patch, storage_uri
from serin.traffic.owner import Owner
from serin.traffic.standard.service import service_of, services_of
from serin.traffic.standard.workload import has_same_content, inference_service
from tests.world import ref, spec

OWNER = Owner("fraud", "prod", "uid-1")
MODEL = {"version": "2", "uri": "s3://models/2"}


def predictor(**model: Any) -> dict[str, Any]:
    return {"model": {"modelFormat": {"name": "sklearn"}, **model}, "minReplicas": 2}


def built(given: dict[str, Any], **model: Any) -> dict[str, Any]:
    body = inference_service(OWNER, ref("2"), Source({**MODEL, **model}, given))
    return dict(body["spec"]["predictor"])


@pytest.mark.parametrize(
    ("given", "model", "section"),
    [
        pytest.param(predictor(), {}, {"args": ["--model_name=fraud"]}, id="KServe's servers are told the name"),
        pytest.param(
            predictor(args=["--workers=2"]), {}, {"args": ["--workers=2", "--model_name=fraud"]}, id="after users' args"
        ),
        pytest.param(
            predictor(runtime="kserve-mlserver"),
            {},
            {"env": [{"name": "MLSERVER_MODEL_NAME", "value": "fraud"}]},
            id="MLServer by environment",
        ),
        pytest.param(
            predictor(protocolVersion="v2"),
            {},
            {"env": [{"name": "MLSERVER_MODEL_NAME", "value": "fraud"}]},
            id="MLServer where KServe chooses it",
        ),
        pytest.param(
            predictor(), {"servedName": "x"}, {"args": ["--model_name=x"]}, id="a name of the user's own, if it is told"
        ),
        pytest.param(
            predictor(runtime="our-server"), {"servedName": "x"}, {}, id="a runtime of the user's own that has its name"
        ),
    ],
)
def test_every_revision_answers_to_the_same_name(
    given: dict[str, Any], model: dict[str, Any], section: dict[str, Any]
) -> None:
    expected = {**given["model"], "storageUri": "s3://models/2", **section}
    assert built(given, **model)["model"] == expected


def test_what_the_user_wrote_is_not_changed() -> None:
    given = predictor(args=["a"])
    built(given)
    assert given == predictor(args=["a"])


def test_nulls_are_not_rendered() -> None:
    given = {"model": {"modelFormat": {"name": "sklearn", "version": None}, "args": None, "runtime": None}}
    assert built({**given, "minReplicas": None, "nodeSelector": None}) == {
        "model": {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://models/2", "args": ["--model_name=fraud"]}
    }


@pytest.mark.parametrize("maximum", [None, 0, "many"])
def test_a_rollout_asks_no_size_of_an_arm_without_a_number(maximum: Any) -> None:
    wanted = {"minReplicas": None, "maxReplicas": maximum}
    patch = scaling_patch({"spec": {"predictor": {}}}, Source({}, wanted), Replicas(3))
    assert patch == ({"spec": {"predictor": {"maxReplicas": maximum}}} if maximum is not None else None)


def test_a_custom_container_gets_the_uri() -> None:
    given = {"containers": [{"name": "kserve-container", "image": "x"}]}
    assert built(given)["containers"][0]["env"] == [{"name": "STORAGE_URI", "value": "s3://models/2"}]


def test_an_inference_service_is_ours_private_and_collected_with_its_owner() -> None:
    metadata = inference_service(OWNER, ref("2"), Source(MODEL, predictor()))["metadata"]
    assert metadata["name"] == ref("2").workload.name
    assert metadata["labels"]["networking.kserve.io/visibility"] == "cluster-local"
    assert metadata["labels"]["serin.dev/version"] == "2"
    assert metadata["ownerReferences"][0]["uid"] == "uid-1"
    assert metadata["annotations"] == {
        "serving.kserve.io/deploymentMode": "Standard",
        "serin.dev/content-hash": hash_of(MODEL, predictor()),
    }


@pytest.mark.parametrize(
    ("actual", "wanted", "patch"),
    [
        ({"minReplicas": 2}, {"minReplicas": 2}, None),
        ({"minReplicas": 2}, {"minReplicas": 3}, {"minReplicas": 3}),
        ({"minReplicas": 2, "maxReplicas": 9}, {"minReplicas": 2}, {"maxReplicas": None}),
        ({"model": {"a": 1}}, {"model": {"a": 2}}, None),
        ({}, {"minReplicas": None, "maxReplicas": None}, None),
        ({"minReplicas": 2, "maxReplicas": 9}, {"minReplicas": None, "maxReplicas": 9}, {"minReplicas": None}),
        (
            {"deploymentStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}},
            {"deploymentStrategy": {"type": "Recreate"}},
            {"deploymentStrategy": {"type": "Recreate", "rollingUpdate": None}},
        ),
        ({"autoScaling": {"metrics": [1]}}, {"autoScaling": {"metrics": [1], "behavior": None}}, None),
    ],
)
def test_only_scaling_is_ever_patched(
    actual: dict[str, Any], wanted: dict[str, Any], patch: dict[str, Any] | None
) -> None:
    expected = {"spec": {"predictor": patch}} if patch else None
    assert scaling_patch({"spec": {"predictor": actual}}, Source({}, wanted)) == expected


@pytest.mark.parametrize(
    ("wanted", "at_least", "fewest"),
    [
        pytest.param({"minReplicas": 1, "maxReplicas": 4}, 3, 3, id="an autoscaler may choose from there on"),
        pytest.param({"maxReplicas": 4}, 3, 3, id="one replica unless spec says more"),
        pytest.param({"minReplicas": 1, "maxReplicas": 2}, 3, 2, id="never more than spec allows"),
        pytest.param({"minReplicas": 4, "maxReplicas": 5}, 3, 4, id="never fewer than spec asks for"),
        pytest.param({"minReplicas": 2}, 3, 2, id="a fixed size is the owner's"),
        pytest.param({"minReplicas": 0, "maxReplicas": 4}, 3, 3, id="none counts as one"),
    ],
)
def test_an_autoscaler_is_told_what_a_rollout_needs(wanted: dict[str, Any], at_least: int, fewest: int) -> None:
    patch = scaling_patch({"spec": {"predictor": {}}}, Source({}, wanted), Replicas(at_least))
    assert patch == {"spec": {"predictor": wanted | {"minReplicas": fewest}}}
    assert scaling_patch(patch, Source({}, wanted), Replicas(at_least)) is None


PLAN = RoutePlan(ref("1"), ref("2"), 25, idle=(ref("0"),))


def test_the_route_shows_the_split_and_says_what_it_means() -> None:
    body = http_route(OWNER, spec("2"), PLAN, service_of)
    rule = body["spec"]["rules"][0]
    assert {b["name"]: b["weight"] for b in rule["backendRefs"]} == {
        f"{ref('1').workload.name}-predictor": 75,
        f"{ref('2').workload.name}-predictor": 25,
        f"{ref('0').workload.name}-predictor": 0,
    }
    assert rule["timeouts"] == {"request": "5s"}
    assert body["metadata"]["annotations"] == {
        "serin.dev/stable-revision": ref("1").revision,
        "serin.dev/candidate-revision": ref("2").revision,
        "serin.dev/candidate-weight": "25",
    }


def accepted(body: dict[str, Any], generation: int = 3, observed: int = 3) -> dict[str, Any]:
    conditions = [{"type": t, "status": "True", "observedGeneration": observed} for t in ("Accepted", "ResolvedRefs")]
    body["metadata"]["generation"] = generation
    return {**body, "status": {"parents": [{"conditions": conditions}]}}


def test_what_is_built_is_read_back() -> None:
    view = route_view(accepted(http_route(OWNER, spec("2"), PLAN, service_of)), services_of, service_name)
    assert (view.stable, view.candidate) == (ref("1").revision, ref("2").revision)
    assert (view.intended, view.weight, view.accepted) == (25, 25, True)


def test_a_route_of_an_older_generation_is_not_yet_accepted() -> None:
    view = route_view(accepted(http_route(OWNER, spec("2"), PLAN, service_of), generation=4), services_of, service_name)
    assert not view.accepted
    assert "generation 4" in view.message


def test_a_route_that_no_gateway_took_is_not_accepted() -> None:
    assert not route_view(http_route(OWNER, spec("2"), PLAN, service_of), services_of, service_name).accepted


def test_an_edited_weight_and_its_editor_are_seen() -> None:
    body = accepted(http_route(OWNER, spec("2"), PLAN, service_of))
    body["spec"]["rules"][0]["backendRefs"][1]["weight"] = 0
    rules: dict[str, Any] = {"f:spec": {"f:rules": {}}}
    body["metadata"]["managedFields"] = [
        {"manager": "serin", "fieldsV1": {"f:spec": {"f:hostnames": {}}}},
        {"manager": "kubectl-patch", "time": "2026-11-22T03:00:00Z", "fieldsV1": rules},
        {"manager": "contour", "fieldsV1": {"f:status": {}}},
    ]
    view = route_view(body, services_of, service_name)
    assert (view.intended, view.weight, view.editor) == (25, 0, "kubectl-patch")


@pytest.mark.parametrize(
    ("actual", "wanted", "same"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": [{"x": 1, "y": 2}]}, {"a": [{"x": 1}]}, True),
        ({"a": [1, 2]}, {"a": [1]}, False),
        ({"a": {"b": None}}, {"a": {"b": 0}}, False),
        ({}, {"a": {"b": 1}}, False),
    ],
)
def test_shows(actual: dict[str, Any], wanted: dict[str, Any], *, same: bool) -> None:
    assert is_applied(actual, wanted) is same


HEADER = Header(name="x-preview", value="candidate")


def test_a_shadow_mirrors_everything_and_gives_the_candidate_nothing() -> None:
    built = http_route(OWNER, spec("1"), RoutePlan(ref("1"), ref("2"), 0, mirror=True, preview=HEADER), service_of)
    main, preview = built["spec"]["rules"]
    candidate = f"{ref('2').workload.name}-predictor"
    assert [b["weight"] for b in main["backendRefs"]] == [100, 0]
    assert main["filters"] == [
        {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": candidate, "port": 80}}}
    ]
    assert preview["matches"][0]["headers"] == [{"type": "Exact", "name": "x-preview", "value": "candidate"}]
    assert [b["name"] for b in preview["backendRefs"]] == [candidate]
    assert "filters" not in preview or preview["filters"] == []


@pytest.mark.parametrize(
    ("plan", "exposes"),
    [
        (RoutePlan(ref("1"), ref("2"), 0, mirror=True), {Exposure.MIRROR}),
        (RoutePlan(ref("1"), ref("2"), 0, preview=HEADER), {Exposure.PREVIEW}),
        (RoutePlan(ref("1"), ref("2"), 0, mirror=True, preview=HEADER), set(Exposure)),
        (RoutePlan(ref("1"), ref("2"), 10), set()),
        (RoutePlan(ref("1"), None, 0), set()),
    ],
)
def test_the_route_is_read_as_it_was_built(plan: RoutePlan, exposes: set[Exposure]) -> None:
    seen = route_view(http_route(OWNER, spec("1"), plan, service_of), services_of, service_name)
    assert (seen.weight, set(seen.exposes), set(seen.meant_to_expose)) == (plan.weight, exposes, exposes)


def test_a_mirror_that_somebody_took_away_or_added_is_seen() -> None:
    shadow = http_route(OWNER, spec("1"), RoutePlan(ref("1"), ref("2"), 0, mirror=True), service_of)
    plain = http_route(OWNER, spec("1"), RoutePlan(ref("1"), ref("2"), 0), service_of)
    assert not is_applied(plain, shadow)
    assert not is_applied(shadow, plain)
    del plain["spec"]["rules"][0]["filters"]
    assert is_applied(plain, http_route(OWNER, spec("1"), RoutePlan(ref("1"), ref("2"), 0), service_of)), (
        "no list is an empty one"
    )
    taken = {**shadow, "spec": plain["spec"]}
    seen = route_view(taken, services_of, service_name)
    assert (set(seen.exposes), set(seen.meant_to_expose)) == (set(), {Exposure.MIRROR})


@pytest.mark.parametrize("value", ["abc", "", -1, 1.5, True, [], {}, [1], {"a": None}])
@pytest.mark.parametrize("field", ["minReplicas", "maxReplicas", "scaleTarget", "autoScaling", "deploymentStrategy"])
def test_scaling_fields_of_any_shape_are_the_api_servers_to_refuse(field: str, value: Any) -> None:
    """L5: they are outside the revision, so no dry run sees them; an earlier CRD let them be stored."""
    patch = scaling_patch(
        {"spec": {"predictor": {"minReplicas": 1, "maxReplicas": 3}}},
        Source({}, {"maxReplicas": 3, field: value}),
        Replicas(2),
    )
    assert patch is None or set(patch["spec"]["predictor"]) <= {field, "minReplicas", "maxReplicas"}


def rendered(**changes: Any) -> dict[str, Any]:
    """An InferenceService; ``changes`` are of its predictor."""
    body = inference_service(OWNER, ref("2"), Source(MODEL, predictor()))
    return {**body, "spec": {"predictor": {**body["spec"]["predictor"], **changes}}}


def with_metadata(section: str, key: str) -> dict[str, Any]:
    body = rendered()
    return {**body, "metadata": {**body["metadata"], section: {**body["metadata"][section], key: "x"}}}


@pytest.mark.parametrize(
    ("actual", "same"),
    [
        pytest.param(rendered(), True, id="equal"),
        pytest.param(
            rendered(minReplicas=7, maxReplicas=9, deploymentStrategy={"type": "Recreate"}), True, id="scaled"
        ),
        pytest.param(rendered(serviceAccountName=None), True, id="null is absent"),
        pytest.param(rendered(serviceAccountName="admin"), False, id="another service account"),
        pytest.param(rendered(model={"storageUri": "s3://evil"}), False, id="another model"),
        pytest.param({**rendered(), "spec": {**rendered()["spec"], "transformer": {}}}, False, id="a transformer"),
        pytest.param({**rendered(), "spec": {}}, False, id="no predictor"),
        pytest.param(with_metadata("annotations", "serving.kserve.io/s3-endpoint"), False, id="an order to KServe"),
        pytest.param(with_metadata("annotations", "kubectl.kubernetes.io/last-applied"), True, id="another annotation"),
        pytest.param(with_metadata("labels", "velero.io/restore-name"), True, id="another label"),
    ],
)
def test_two_inference_services_are_compared_without_scaling(actual: dict[str, Any], *, same: bool) -> None:
    assert has_same_content(actual, rendered()) is same


@pytest.mark.parametrize(
    ("predictor", "uri"),
    [
        (rendered()["spec"]["predictor"], "s3://models/2"),
        ({"model": {}}, ""),
        ({"containers": [{"env": [{"name": "A"}, {"name": "STORAGE_URI", "value": "s3://a"}]}]}, "s3://a"),
        (
            {"containers": [{"env": [{"name": "STORAGE_URI", "value": "a"}, {"name": "STORAGE_URI", "value": "b"}]}]},
            "b",
        ),
        ({"containers": [{}]}, ""),
        ({}, ""),
    ],
)
def test_where_the_model_of_an_inference_service_comes_from(predictor: dict[str, Any], uri: str) -> None:
    assert storage_uri({"spec": {"predictor": predictor}}) == uri
