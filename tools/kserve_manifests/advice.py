"""Does what the refusal of a ModelDeployment says to its author, as far as a program can."""

from __future__ import annotations

import copy
import re
from typing import Any

import yaml

from serin.api.model_deployment import OLDER_SPELLINGS

NEW_FORM = re.compile(
    r"under spec\.predictor write (?P<model>model: .*?)(?:, and under spec\.model write (?P<uri>uri: .*))?$"
)
OLDER = re.compile(r"spec\.predictor\.(\w+) is KServe's older spelling")
CANARY = "canaryTrafficPercent"
MODEL_NAME = "--model_name"


def followed(obj: dict[str, Any], refusal: str) -> dict[str, Any] | None:
    """The ModelDeployment as it is when its author has done what ``refusal`` says; None if that needs a person."""
    obj = copy.deepcopy(obj)
    spec, older = obj["spec"], OLDER.match(refusal)
    if older is not None:
        form = NEW_FORM.search(refusal)
        if form is None or "…" in form["model"]:
            return None
        del spec["predictor"][older[1]]
        spec["predictor"] |= yaml.safe_load(f"{{{form['model']}}}")
        spec["model"] |= yaml.safe_load(form["uri"]) if form["uri"] else {}
        return obj
    if f"{CANARY} is Serin's to decide; leave it out" in refusal:
        for component in ("predictor", "transformer"):
            (spec.get(component) or {}).pop(CANARY, None)
        return obj
    if refusal.startswith("spec.transformer.containers[0].args: --model_name"):
        container = spec["transformer"]["containers"][0]
        container["args"] = _without(container["args"], MODEL_NAME)
        return obj
    return None


def asked_for(manifest: dict[str, Any]) -> dict[str, Any]:
    """What of an InferenceService is to be there in the end: KServe's newer spelling of it, without what is Serin's."""
    manifest = copy.deepcopy(manifest)
    for component in ("predictor", "transformer"):
        (manifest["spec"].get(component) or {}).pop(CANARY, None)
    for container in ((manifest["spec"].get("transformer") or {}).get("containers") or [])[:1]:
        if "args" in container:
            container["args"] = _without(container["args"], MODEL_NAME)
    predictor = manifest["spec"]["predictor"]
    for field in OLDER_SPELLINGS:
        if field in predictor:
            section = {key: value for key, value in predictor.pop(field).items() if key != "name"}
            predictor["model"] = {"modelFormat": {"name": field}, **section}
    return manifest


def _without(arguments: list[Any], option: str) -> list[Any]:
    """The arguments without an option, given in one word or in two."""
    kept, skip = [], False
    for argument in arguments:
        name, is_pair, _ = str(argument).partition("=")
        if skip:
            skip = False
        elif name == option:
            skip = not is_pair
        else:
            kept.append(argument)
    return kept
