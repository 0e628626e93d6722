"""What of a spec is refused, and with which words: each row of the tables is a spec and what its author is told."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from serin.rollout.spec.rules import problem_of

SKLEARN = {"model": {"modelFormat": {"name": "sklearn"}}}
KEDA = {"serving.kserve.io/autoscalerClass": "keda"}
SERVER, OTHER = {"name": "kserve-container", "image": "a:1"}, {"name": "transformer-container", "image": "b:1"}


def external(query: str) -> dict[str, Any]:
    metric = {"backend": "prometheus", "serverAddress": "http://prometheus", "query": query}
    return {"metrics": [{"type": "External", "external": {"metric": metric, "target": {"type": "Value", "value": 9}}}]}


def told(model: dict[str, Any] | None = None, mode: str | None = None, **components: Any) -> str:
    """What the author is told; empty if nothing."""
    spec = {"model": {"version": "1", "uri": "s3://m/1"} | (model or {}), **components}
    problem = problem_of(spec | ({"mode": mode} if mode else {}), "fraud")
    return problem.message if problem is not None else ""


UNDER, AND = "under spec.predictor write", ", and under spec.model write uri:"
OLDER: tuple[tuple[str, dict[str, Any], str], ...] = (
    (
        "sklearn",
        {"storageUri": "gs://m/sk", "resources": {"requests": {"cpu": "100m"}}},
        f'{UNDER} model: {{modelFormat: {{name: sklearn}}, resources: {{requests: {{cpu: "100m"}}}}}}{AND} gs://m/sk',
    ),
    ("triton", {}, "under spec.predictor write model: {modelFormat: {name: triton}, protocolVersion: v2}"),
    (
        "onnx",
        {"protocolVersion": "v1"},
        "under spec.predictor write model: {modelFormat: {name: onnx}, protocolVersion: v1}",
    ),
    (
        "xgboost",
        {"name": "refused-by-kserve", "storageUri": "s3://u:secret@host/m"},
        "under spec.predictor write model: {modelFormat: {name: xgboost}}, and under spec.model write uri: s3://***@host/m",
    ),
)


@pytest.mark.parametrize(("field", "section", "form"), OLDER)
def test_the_older_spelling_is_refused_with_the_new_form(field: str, section: dict[str, Any], form: str) -> None:
    assert told(predictor={field: section}) == f"spec.predictor.{field} is KServe's older spelling; {form}"


def test_the_new_form_is_yaml_that_is_accepted() -> None:
    variables = [{"name": "A", "value": "x: {y"}, {"name": "B", "value": "no"}, {"name": "C", "value": "7"}]
    section = {"storageUri": "gs://m/1", "args": ["--workers", "2"], "env": variables, "ports": [{"containerPort": 80}]}
    message = told(predictor={"pytorch": section})
    written = message.split("under spec.predictor write ")[1].split(", and under spec.model write ")
    predictor, model = (yaml.safe_load(f"{{{part}}}") for part in written)
    assert model == {"uri": "gs://m/1"}
    kept = {key: value for key, value in section.items() if key != "storageUri"}
    assert predictor["model"] == {"modelFormat": {"name": "pytorch"}, **kept}
    assert told(model, predictor=predictor) == ""


def test_a_new_form_too_long_for_a_message_is_described() -> None:
    message = told(predictor={"sklearn": {"args": ["x" * 3000]}})
    assert "write model: {modelFormat: {name: sklearn}, …} with the other fields of sklearn as they are" in message


def test_a_new_form_repeats_no_secret() -> None:
    message = told(predictor={"sklearn": {"env": [{"name": "API_KEY", "value": "hunter2"}], "storageUri": "s3://m"}})
    assert "hunter2" not in message
    assert "with the other fields of sklearn as they are, and under spec.model write uri: s3://m" in message


SOURCES: tuple[tuple[dict[str, Any], dict[str, Any], str], ...] = (
    ({"uri": None}, SKLEARN, "nothing says where the model is; give its storage URI in spec.model.uri"),
    ({"uri": None}, {"model": {"modelFormat": {"name": "huggingface"}, "args": ["--model_id=org/m"]}}, ""),
    ({"uri": None}, {"model": {"modelFormat": {"name": "triton"}, "env": [{"name": "MODEL", "value": "m"}]}}, ""),
    ({"uri": None}, {"model": {"modelFormat": {"name": "sklearn"}, "storage": {"key": "minio", "path": "m/1"}}}, ""),
    ({"uri": None}, SKLEARN | {"storageUris": [{"uri": "hf://org/m"}]}, ""),
    ({"uri": None}, {"containers": [SERVER]}, ""),
    ({}, SKLEARN | {"storageUris": [{"uri": "hf://o/m"}]}, "predictor.storageUris is given, too"),
    ({}, {"model": {"storage": {"path": "m/1"}}}, "predictor.model.storage.path is given, too"),
    ({}, {"model": {"storage": {"key": "minio"}}}, ""),
    ({}, SKLEARN | {"containers": [OTHER]}, ""),
    ({}, SKLEARN | {"containers": [SERVER]}, "kserve-container is the container that predictor.model describes"),
    ({}, {"containers": [SERVER, OTHER]}, ""),
    ({}, {"containers": [OTHER, SERVER]}, "the first is the server and is named kserve-container"),
    ({}, {"containers": [{"image": "a:1"}]}, ""),
    (
        {"uri": None},
        {"containers": [SERVER | {"env": [{"name": "STORAGE_URI", "value": "s3://x"}]}]},
        "STORAGE_URI is set from spec.model.uri; write the URI there",
    ),
)


@pytest.mark.parametrize(("model", "predictor", "words"), SOURCES)
def test_where_the_model_comes_from(model: dict[str, Any], predictor: dict[str, Any], words: str) -> None:
    message = told(model, predictor=predictor)
    assert words in message if words else message == ""


def annotated(key: str, value: str = "x") -> dict[str, Any]:
    return SKLEARN | {"annotations": {f"serving.kserve.io/{key}": value}}


SCALING: tuple[tuple[dict[str, Any], str], ...] = (
    (annotated("autoscalerClass", "none"), ""),
    (annotated("autoscalerClass", "external"), ""),
    (annotated("autoscalerClass", "kpa"), "kpa is unknown to KServe; it knows hpa, keda, external, none"),
    (
        SKLEARN | {"autoScaling": external("sum(x)")},
        "with KEDA only; set the annotation serving.kserve.io/autoscalerClass",
    ),
    (
        SKLEARN | {"scaleMetric": "rps", "scaleTarget": 10},
        "rps is counted by Knative only, and KServe would scale by CPU",
    ),
    (SKLEARN | {"scaleMetric": "memory"}, "spec.predictor.scaleMetric: memory needs scaleTarget"),
    (SKLEARN | {"scaleMetric": "memory", "scaleTarget": 80}, ""),
    (SKLEARN | {"annotations": KEDA}, "keda needs at least one entry in metrics"),
    (SKLEARN | {"annotations": KEDA, "autoScaling": external("sum(x)")}, "restrict it to one by $(inferenceService)"),
    (SKLEARN | {"annotations": KEDA, "autoScaling": external('sum(x{pod=~"$(inferenceService)-.*"})')}, ""),
    (
        SKLEARN | {"annotations": KEDA, "minReplicas": 0, "autoScaling": external("x{a='$(inferenceService)'}")},
        "with 0 KEDA stops the last replica",
    ),
)


@pytest.mark.parametrize(("predictor", "words"), SCALING)
def test_scaling_that_kserve_would_not_do_as_written(predictor: dict[str, Any], words: str) -> None:
    message = told(predictor=predictor)
    assert words in message if words else message == ""
    if "Knative only" in words:
        assert told(predictor=predictor, mode="Knative") == ""


def test_a_transformer_is_scaled_by_the_same_autoscaler() -> None:
    predictor = SKLEARN | {"annotations": KEDA, "autoScaling": external("x{a='$(inferenceService)'}")}
    transformer = {"containers": [{"image": "t:1"}], "autoScaling": external("sum(x)")}
    assert "spec.transformer.autoScaling.metrics[0]" in told(predictor=predictor, transformer=transformer)


KEYS: tuple[tuple[dict[str, Any], str], ...] = (
    (annotated("enable-prometheus-scraping", "true"), ""),
    (annotated("nodegroup"), ""),
    (annotated("stop", "true"), "is reserved; remove it (of KServe's own keys autoscalerClass,"),
    (annotated("enable-tag-routing", "true"), "is reserved"),
    (SKLEARN | {"labels": {"serving.kserve.io/autoscalerClass": "none"}}, "is reserved; remove it"),
    (SKLEARN | {"labels": {"app": "x"}}, "key app is reserved; remove it"),
    (SKLEARN | {"labels": {"kueue.x-k8s.io/queue-name": "gpus"}}, ""),
)


@pytest.mark.parametrize(("predictor", "words"), KEYS)
def test_keys_of_labels_and_annotations(predictor: dict[str, Any], words: str) -> None:
    message = told(predictor=predictor)
    assert words in message if words else message == ""


def test_kserves_keys_stand_on_the_predictor() -> None:
    transformer = {"containers": [{"image": "t:1"}], "annotations": {"serving.kserve.io/autoscalerClass": "none"}}
    assert "set it in spec.predictor" in told(predictor=SKLEARN, transformer=transformer)


NAMES: tuple[tuple[list[str], str | None, str], ...] = (
    (["--model_name=llama3"], None, ""),
    (["--model_name", "llama3"], "llama3", ""),
    (["--model_name=llama3"], "other", "--model_name says llama3, and spec.model.servedName says other"),
    (["--model_name={{.Name}}"], None, "is not a name that is the same for every revision"),
    (["--model_name=$(NAME)"], None, "is not a name that is the same for every revision"),
    (["--model_name"], None, "is not a name that is the same for every revision"),
    (["--model_name_or_path=x"], "other", ""),
)


@pytest.mark.parametrize(("arguments", "served_name", "words"), NAMES)
def test_every_revision_answers_to_one_name(arguments: list[str], served_name: str | None, words: str) -> None:
    predictor = {"model": {"modelFormat": {"name": "huggingface"}, "args": arguments}}
    message = told({"servedName": served_name}, predictor=predictor)
    assert words in message if words else message == ""


TOLD: tuple[tuple[list[str], dict[str, Any], str], ...] = (
    (["--model_name=fraud"], {}, ""),
    (["--workers=2", "--model_name", "fraud"], {}, ""),
    (["--model_name=llama3"], {"served": "llama3"}, ""),
    (["--model_name=llama3"], {"args": ["--model_name=llama3"]}, ""),
    (["--model_name=fraud"], {"served": "llama3"}, "--model_name says fraud, and clients ask for llama3; remove it"),
    (["--model_name=x"], {}, "--model_name says x, and clients ask for fraud; remove it"),
    (["--model_name"], {}, "--model_name says nothing, and clients ask for fraud"),
    (["--model_name=fraud", "--model_name=x"], {}, "--model_name says fraud"),
    (["--model_name=$(NAME)"], {}, "--model_name says $(NAME)"),
    (["--predictor_host=x"], {}, "--predictor_host is KServe's to set"),
    (["--predictor_host", "x"], {}, "--predictor_host is KServe's to set"),
)


@pytest.mark.parametrize(("arguments", "names", "words"), TOLD)
def test_a_transformer_may_be_told_the_name_that_clients_ask_for(
    arguments: list[str], names: dict[str, Any], words: str
) -> None:
    predictor = {"model": {"modelFormat": {"name": "huggingface"}, "args": names.get("args")}}
    transformer = {"containers": [{"image": "t:1", "args": arguments}]}
    message = told({"servedName": names.get("served")}, predictor=predictor, transformer=transformer)
    assert words in message if words else message == ""
