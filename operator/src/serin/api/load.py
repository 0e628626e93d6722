"""Reads objects from files that people write: one YAML document, and one line that says what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from serin.api import API_VERSION
from serin.api.promotion_policy import PromotionPolicySpec
from serin.errors import InvalidInput

Model = TypeVar("Model", bound=BaseModel)


def yaml_document(text: str, source: str) -> object:
    """Returns the one document in ``text``; ``InvalidInput`` names ``source`` and the line."""
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        raise InvalidInput(f"{source}{line}: not YAML: {_why(error)}") from None


def validated(model: type[Model], document: object, source: str, *where: str) -> Model:
    """Returns ``document`` as a ``model``; ``InvalidInput`` names the first field that is wrong, below ``where``."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join([*where, *map(str, first["loc"])])
        raise InvalidInput(f"{source}: {field}: {first['msg'].removeprefix('Value error, ')}") from None


def policy_from_yaml(text: str, source: str) -> tuple[PromotionPolicySpec, list[str]]:
    """Returns the spec of the PromotionPolicy in ``text`` and the names of its unknown fields; ``InvalidInput``."""
    document = yaml_document(text, source)
    if not isinstance(document, Mapping):
        raise InvalidInput(f"{source}: expected a PromotionPolicy, found {type(document).__name__}")
    if document.get("kind") != "PromotionPolicy":
        raise InvalidInput(f"{source}: kind: expected PromotionPolicy, found {document.get('kind')!r}")
    if document.get("apiVersion", API_VERSION) != API_VERSION:
        raise InvalidInput(f"{source}: apiVersion: expected {API_VERSION}, found {document.get('apiVersion')!r}")
    spec = document.get("spec")
    policy = validated(PromotionPolicySpec, spec, source, "spec")
    names = [slo.name for slo in policy.slos]
    if len(set(names)) != len(names):
        raise InvalidInput(f"{source}: spec.slos: names must differ, found {', '.join(names)}")
    problem = policy.start_problem
    if problem is not None:
        raise InvalidInput(f"{source}: spec.{problem}")
    return policy, list(_unknown(spec, policy, "spec"))


def _why(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(getattr(error, "problem", None) or error)[:200]


def _unknown(given: object, model: object, where: str) -> Iterator[str]:
    """Yields the fields that the model does not have: usually misspelled ones."""
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
