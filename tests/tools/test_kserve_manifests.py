"""InferenceServices are found in files of any kind, wrapped without being mended, and compared field by field."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.kserve_manifests.advice import followed
from tools.kserve_manifests.collect import Manifest, collect
from tools.kserve_manifests.compare import missing
from tools.kserve_manifests.examine import Result, examined, report
from tools.kserve_manifests.wrap import wrapped

ROOT = Path(__file__).parents[2]
API = "serving.kserve.io/v1beta1"


def service(name: str = "fraud", *, annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name} | ({"annotations": annotations} if annotations else {})
    return {"apiVersion": API, "kind": "InferenceService", "metadata": metadata, "spec": spec}


def sklearn(**fields: Any) -> dict[str, Any]:
    return {"model": {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://m/1", **fields}}


DOCUMENT = """
Some words.

1. First

   ```bash
   cat <<EOF | kubectl apply -f -
   {one}
   EOF
   ```

```yaml
{two}
---
kind: Namespace
```

```yaml
kind: InferenceService
metadata: [
```
"""


def test_they_are_found_in_yaml_and_in_the_blocks_of_markdown(tmp_path: Path) -> None:
    one, two, three = (service(name, predictor=sklearn()) for name in ("one", "two", "three"))
    older = {**service("old"), "apiVersion": "serving.kubeflow.org/v1alpha2"}
    shell = yaml.safe_dump(one, default_flow_style=False).strip().replace("\n", "\n   ")
    (tmp_path / "page.mdx").write_text(DOCUMENT.replace("{one}", shell).replace("{two}", yaml.safe_dump(two)))
    (tmp_path / "three.yaml").write_text(yaml.safe_dump_all([three, older, {"kind": "Secret"}]))
    (tmp_path / "again.yml").write_text(yaml.safe_dump({"kind": "List", "items": [three]}))
    (tmp_path / "to-fill-in.yaml").write_text(yaml.safe_dump(service("four", predictor={})).replace("{}", "{{user}}"))
    found = collect(tmp_path)
    assert [manifest.body["metadata"]["name"] for manifest in found.manifests] == ["three", "one", "two"]
    assert found.older == ["three.yaml#0"]
    assert found.unreadable == ["page.mdx#2", "to-fill-in.yaml#0"]


def test_a_place_to_fill_in_is_read_as_a_word(tmp_path: Path) -> None:
    text = yaml.safe_dump(service(predictor={"containers": [{"image": "IMAGE"}]})).replace("IMAGE", "{user}/server:1")
    (tmp_path / "a.yaml").write_text(text)
    found = collect(tmp_path)
    assert found.manifests[0].body["spec"]["predictor"]["containers"] == [{"image": "user/server:1"}]


def test_parts_move_and_nothing_is_mended() -> None:
    given = service(
        annotations={"serving.kserve.io/deploymentMode": "RawDeployment", "team": "risk"},
        predictor=sklearn() | {"annotations": {"team": "fraud"}, "canaryTrafficPercent": 10},
        transformer={"containers": [{"image": "t:1"}]},
    )
    spec = wrapped(given, "prod")["spec"]
    assert spec["model"] == {"version": "v1", "uri": "s3://m/1"}
    assert spec["predictor"]["annotations"] == {"team": "fraud"}, "the component's own counts"
    assert spec["predictor"]["canaryTrafficPercent"] == 10
    assert (spec["mode"], spec["transformer"]) == ("Standard", {"containers": [{"image": "t:1"}]})


@pytest.mark.parametrize(
    ("asked", "given", "lost"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({"a": {"b": 1}}, {"a": {}}, ["spec.a.b"]),
        ({"args": ["x", "y"]}, {"args": ["x", "y", "--model_name=fraud"]}, []),
        ({"args": ["x", "y"]}, {"args": ["y", "x"]}, ["spec.args[1]"]),
        ({"env": [{"name": "A", "value": "1"}]}, {"env": [{"name": "B"}, {"name": "A", "value": "1"}]}, []),
        ({"env": [{"name": "A", "value": "1"}]}, {"env": [{"name": "A", "value": "2"}]}, ["spec.env[A].value"]),
        ({"a": None}, {}, []),
    ],
)
def test_what_is_asked_for_and_not_there(asked: dict[str, Any], given: dict[str, Any], lost: list[str]) -> None:
    assert missing({"metadata": {}, "spec": asked}, {"metadata": {}, "spec": given}) == lost


def of(manifest: dict[str, Any]) -> tuple[Result, str]:
    found = examined(Manifest("here", manifest), "prod", serin=lambda _: None, kserve=lambda _: None)
    return found.result, found.words


def test_what_becomes_of_a_manifest() -> None:
    assert of(service(predictor=sklearn())) == (Result.WHOLE, "")
    result, words = of(service(predictor={"sklearn": {"storageUri": "s3://m/1", "name": "x"}}))
    assert result is Result.MENDED
    assert words.startswith("spec.predictor.sklearn is KServe's older spelling")
    assert of(service(predictor=sklearn(storageUri=None)))[0] is Result.REFUSED
    stopped = {"serving.kserve.io/stop": "true"}
    assert of(service(annotations=stopped, predictor=sklearn()))[0] is Result.REFUSED


def test_a_refusal_of_either_server_is_told_apart() -> None:
    manifest = Manifest("here", service(predictor=sklearn()))
    broken = examined(manifest, "prod", serin=lambda _: None, kserve=lambda _: "no such field")
    refused = examined(manifest, "prod", serin=lambda _: "no", kserve=lambda _: None)
    assert [(one.result, one.words) for one in (broken, refused)] == [
        (Result.BROKEN, "no such field"),
        (Result.REFUSED, "no"),
    ]
    assert "\n1 refused by KServe's own schema" in report([broken, refused])
    assert "here fraud: no" in report([refused], places=True)


def test_what_the_sentence_says_is_done() -> None:
    obj = wrapped(service(predictor=sklearn() | {"canaryTrafficPercent": 10}), "prod")
    refusal = "spec.predictor: Invalid value: canaryTrafficPercent is Serin's to decide; leave it out"
    assert "canaryTrafficPercent" not in (followed(obj, refusal) or obj)["spec"]["predictor"]
    assert followed(obj, "workerSpec (multi-node) is not supported") is None


BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_examples_of_the_page_are_accepted_and_rendered() -> None:
    page = (ROOT / "docs" / "concepts" / "inferenceservice.md").read_text("utf-8")
    examples = [yaml.safe_load(block) for block in BLOCK.findall(page)]
    assert len(examples) == 4
    for example in examples:
        model, predictor = example["spec"]["model"], example["spec"]["predictor"]
        if "uri" in model and "model" in predictor:
            predictor = predictor | {"model": {**predictor["model"], "storageUri": model["uri"]}}
        result, words = of(service(predictor=predictor))
        changed = "spec.predictor.autoScaling.metrics[0]"
        assert result is Result.WHOLE or words == changed, f"{example['metadata']['name']}: {words}"
