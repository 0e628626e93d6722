"""Whatever a predictor looks like, a pass over it ends with a revision or with one sentence, and tells no secret."""

from __future__ import annotations

import asyncio
import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serin.api.model_deployment import ModelDeployment
from serin.api.revision import Replicas, Source, replica_bounds
from serin.api.status import RevisionRef
from serin.controller.snapshot.wanted import wanted_revision
from serin.rollout.observation import Problem
from serin.schema.reasons import Reason
from serin.traffic.owner import owner_of
from serin.traffic.registry import backend_of
from tests.fakes import FakeCluster
from tests.fuzz import TREES, changed, fuzzed
from tests.lab import spec

SECRET = "hunter2"
LONGEST = 700
_ENV: list[dict[str, Any]] = [
    {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hf", "key": "token"}}},
    {"name": "OMP_NUM_THREADS", "value": "1"},
]
PREDICTORS: list[dict[str, Any]] = [
    {
        "model": {
            "modelFormat": {"name": "sklearn", "version": "1"},
            "runtime": "kserve-sklearnserver",
            "protocolVersion": "v2",
            "env": _ENV,
            "args": ["--workers=2"],
            "resources": {"limits": {"cpu": "1"}},
        },
        "minReplicas": 2,
        "maxReplicas": 4,
        "labels": {"team": "fraud"},
        "annotations": {"a": "b"},
        "serviceAccountName": "models",
    },
    {"model": {"modelFormat": {"name": "vLLM"}, "args": [], "env": _ENV}, "autoScaling": {"metrics": []}},
    {
        "containers": [{"name": "kserve-container", "image": "x@sha256:1", "env": _ENV, "command": ["serve"]}],
        "initContainers": [{"name": "first", "args": ["--wait"]}],
        "volumes": [{"name": "v", "emptyDir": {}}],
    },
    {"model": {"modelFormat": {"name": "triton"}}, "storageUris": [{"uri": "s3://m", "mountPath": "/m"}]},
]
SECRETS = [
    {"name": "API_KEY", "value": SECRET},
    [{"name": "PASSWORD", "value": SECRET}],
    f"https://ana:{SECRET}@models.example.com/m",
    f"--token={SECRET}",
    ["--api-key", SECRET],
    SECRET,
    {SECRET: None},
    [[SECRET]],
]
parts = TREES | st.sampled_from(SECRETS)


@st.composite
def predictors(draw: st.DrawFn) -> dict[str, Any]:
    """One that KServe knows, with some of it replaced; now and then nothing of it is left."""
    found: Any = copy.deepcopy(draw(st.sampled_from(PREDICTORS)))
    for _ in range(draw(st.integers(0, 4))):
        found = changed(found, draw, parts)
    return found if isinstance(found, dict) else {"model": found}


def model_deployment(predictor: dict[str, Any], uri: str = "s3://models/fraud/1") -> dict[str, Any]:
    wanted = spec("1") | {"predictor": predictor, "model": {"version": "1", "uri": uri}}
    return {"metadata": {"namespace": "prod", "name": "fraud", "uid": "u", "generation": 1}, "spec": wanted}


def asked(
    obj: dict[str, Any], *, refuses_literal_secrets: bool = True, said: str = ""
) -> tuple[RevisionRef | None, Problem | None]:
    cluster = FakeCluster(refuse=said)
    parsed = ModelDeployment.model_validate(obj)
    return asyncio.run(
        wanted_revision(cluster, obj, parsed, {}, arms_known=True, refuses_literal_secrets=refuses_literal_secrets)
    )


def check_told(problem: Problem) -> None:
    assert SECRET not in problem.message
    assert problem.message.isprintable()
    assert len(problem.message) < LONGEST


@fuzzed()
@given(predictors(), st.booleans())
def test_any_predictor_is_a_revision_or_one_sentence(predictor: dict[str, Any], allowed: bool) -> None:  # noqa: FBT001
    obj = model_deployment(predictor)
    before = copy.deepcopy(obj)
    ref, problem = asked(obj, refuses_literal_secrets=not allowed)
    assert obj == before, "spec is the user's"
    assert (ref is None) != (problem is None)
    if problem is not None:
        check_told(problem)
        return
    assert ref is not None
    backend = backend_of(ModelDeployment.model_validate(obj).spec)
    source = Source(obj["spec"]["model"], predictor)
    body = backend.render(owner_of(obj), ref, source)
    assert body == backend.render(owner_of(obj), ref, source), "the same each time"
    assert backend.has_same_content(body, json.loads(json.dumps(body)))
    fewest, most = replica_bounds(predictor)
    assert 1 <= fewest <= most
    for at_least in (0, 3):
        patch = backend.scaling_patch(body, source, Replicas(at_least))
        assert patch is None or set(patch) == {"spec"}


@fuzzed()
@given(predictors(), st.randoms(use_true_random=False))
def test_the_revision_depends_on_the_content_alone(predictor: dict[str, Any], random: Any) -> None:
    model = {"version": "1", "uri": "s3://models/fraud/1"}
    keys = list(predictor)
    random.shuffle(keys)
    found = Source(model, predictor).revision
    assert Source(model, {key: predictor[key] for key in keys}).revision == found
    assert Source(model, json.loads(json.dumps(predictor))).revision == found
    assert (
        Source(model, {**predictor, "minReplicas": 7, "autoScaling": {"x": 1}, "nothing-at-all": None}).revision
        == found
    )


@fuzzed()
@given(predictors(), st.integers(0, 5))
def test_a_secret_in_plain_text_is_found_whatever_stands_beside_it(predictor: dict[str, Any], place: int) -> None:
    variable, uri = {"name": "DB_PASSWORD", "value": SECRET}, f"https://ana:{SECRET}@h/x"
    container = {
        0: {"env": [variable]},
        1: {"args": ["serve", f"--token={SECRET}"]},
        2: {"command": ["serve", "--api-key", SECRET]},
        3: {"env": [{"name": "MODEL_SOURCE", "value": uri}]},
    }.get(place, {})
    with_secret = {**predictor, "containers": [container, {"name": "x"}]} if place < 4 else predictor
    if place == 4:
        with_secret = {**predictor, "storageUris": [{"uri": uri}]}
    ref, problem = asked(model_deployment(with_secret, uri if place == 5 else "s3://m"))
    assert ref is None
    assert problem is not None
    check_told(problem)


@fuzzed()
@given(TREES | st.sampled_from(SECRETS), st.sampled_from(["quota: exceeded", "Invalid value: ", "denied the request"]))
def test_what_the_server_refuses_is_no_revision_whatever_it_says(said: Any, how: str) -> None:
    """The client masks what a server quotes (``schema/masking.py``); the rest is told as it is."""
    ref, problem = asked(model_deployment(PREDICTORS[0]), said=f"{how} {said}")
    assert ref is None
    assert problem is not None


DEEP: list[Any] = [{"a": 1}]
for _ in range(400):
    DEEP = [DEEP]


@pytest.mark.parametrize("nested", [DEEP, {"model": {"args": DEEP}}, {"model": {}, "affinity": DEEP}])
def test_a_predictor_that_is_nested_too_deeply_is_refused_in_words(nested: Any) -> None:
    predictor = nested if isinstance(nested, dict) else {"model": {"x": nested}}
    ref, problem = asked(model_deployment(predictor))
    assert ref is None
    assert problem is not None
    assert problem.reason is Reason.SPEC_INVALID
    assert "nested" in problem.message
