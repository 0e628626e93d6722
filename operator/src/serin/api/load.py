"""How is an object read from a file a person wrote? One document of YAML, with one clear line when it is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import yaml
from pydantic import BaseModel, ValidationError

from serin.api import API_VERSION
from serin.api.promotion_policy import PromotionPolicySpec
from serin.errors import InvalidInput

NOT_JUDGING = frozenset({"gates", "windows", "notifications"})
"""Sections of a policy that say nothing about how counts are judged; a policy for them is read all the same."""


def yaml_document(text: str, source: str) -> object:
    """The one document in ``text``; ``InvalidInput`` names ``source`` and the line."""
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        raise InvalidInput(f"{source}{line}: not YAML: {_why(error)}") from None


def policy_from_yaml(text: str, source: str) -> tuple[PromotionPolicySpec, list[str]]:
    """The PromotionPolicy's spec in ``text`` and the fields in it that are not known; ``InvalidInput``."""
    document = yaml_document(text, source)
    if not isinstance(document, Mapping):
        raise InvalidInput(f"{source}: expected a PromotionPolicy, found {type(document).__name__}")
    if document.get("kind") != "PromotionPolicy":
        raise InvalidInput(f"{source}: kind: expected PromotionPolicy, found {document.get('kind')!r}")
    if document.get("apiVersion", API_VERSION) != API_VERSION:
        raise InvalidInput(f"{source}: apiVersion: expected {API_VERSION}, found {document.get('apiVersion')!r}")
    spec = document.get("spec")
    try:
        policy = PromotionPolicySpec.model_validate(spec)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(["spec", *map(str, first["loc"])])
        raise InvalidInput(f"{source}: {where}: {first['msg'].removeprefix('Value error, ')}") from None
    names = [slo.name for slo in policy.slos]
    if len(set(names)) != len(names):
        raise InvalidInput(f"{source}: spec.slos: names must differ, found {', '.join(names)}")
    return policy, [field for field in _unknown(spec, policy, "spec") if field.split(".")[1] not in NOT_JUDGING]


def _why(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(getattr(error, "problem", None) or error)[:200]


def _unknown(given: object, model: object, where: str) -> Iterator[str]:
    """Fields that nobody reads: usually a misspelling."""
    if isinstance(model, BaseModel) and isinstance(given, Mapping):
        fields = {(info.alias or name): name for name, info in type(model).model_fields.items()}
        for key, value in given.items():
            if key in fields:
                yield from _unknown(value, getattr(model, fields[key]), f"{where}.{key}")
            elif key not in fields.values():
                yield f"{where}.{key}"
    elif isinstance(model, list) and isinstance(given, list):
        for index, (item, part) in enumerate(zip(given, model, strict=False)):
            yield from _unknown(item, part, f"{where}[{index}]")
