"""Reads objects from files that people write: one YAML document, and one line that says what is wrong with it.

The files may be somebody else's: what they are read into is bounded, and so is every message.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from serin.api import API_VERSION
from serin.api.files.form import form_problem, path_of
from serin.api.promotion_policy import PromotionPolicySpec
from serin.errors import InvalidInput
from serin.indicators.lines import quoted
from serin.schema.printable import printable

Model = TypeVar("Model", bound=BaseModel)
LARGEST_DOCUMENT = 4 * 1024 * 1024
"""Characters of a document; an object in a cluster has 1.5 MiB at most."""
LARGEST_UNFOLDED = 2 * LARGEST_DOCUMENT
"""Characters of a document in which each alias is replaced by what it stands for."""
LONGEST_NUMBER = 400
LONGEST_MESSAGE, LONGEST_FIELD = 300, 200
TOP_LEVEL = frozenset({"apiVersion", "kind", "metadata"})
"""What every object has, and no kind's model."""
BROKEN = (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What PyYAML raises: besides its own errors those of Python, for tags such as ``!!int x``."""


class Loader(yaml.SafeLoader):
    """Reads times as texts: so does every tool that turns YAML into JSON for the API server."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag != "tag:yaml.org,2002:timestamp"]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def yaml_document(text: str, source: str) -> object:
    """Returns the one document in ``text``; ``InvalidInput`` names ``source`` and the line."""
    if len(text) > LARGEST_DOCUMENT:
        raise InvalidInput(f"{source}: more than {LARGEST_DOCUMENT} characters; give one object a file")
    try:
        loader = Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _check_size(node, {}, source)
        return loader.construct_document(node)
    except InvalidInput:
        raise
    except BROKEN as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        raise InvalidInput(f"{source}{line}: not YAML: {_why(error)}") from None


def validated(
    model: type[Model], document: object, source: str, *where: str, context: Mapping[str, object] | None = None
) -> Model:
    """Returns ``document`` as a ``model``; ``InvalidInput`` names the first field that is wrong, below ``where``."""
    problem = form_problem(model, document, path_of(*where))
    if problem is not None:
        raise InvalidInput(f"{source}: {problem}")
    try:
        return model.model_validate(document, by_alias=True, by_name=False, context=context)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = path_of(*where, *first["loc"])[:LONGEST_FIELD]
        message = first["msg"].removeprefix("Value error, ")[:LONGEST_MESSAGE]
        raise InvalidInput(f"{source}: {field}: {message}") from None


def policy_from_yaml(text: str, source: str) -> tuple[PromotionPolicySpec, list[str]]:
    """Returns the spec of the PromotionPolicy in ``text`` and the names of its unknown fields; ``InvalidInput``."""
    document = yaml_document(text, source)
    if not isinstance(document, Mapping):
        raise InvalidInput(f"{source}: expected a PromotionPolicy, found {type(document).__name__}")
    if document.get("kind") != "PromotionPolicy":
        raise InvalidInput(f"{source}: kind: expected PromotionPolicy, found {quoted(document.get('kind'))}")
    if document.get("apiVersion", API_VERSION) != API_VERSION:
        raise InvalidInput(f"{source}: apiVersion: expected {API_VERSION}, found {quoted(document.get('apiVersion'))}")
    spec = document.get("spec")
    policy = validated(PromotionPolicySpec, spec, source, "spec")
    names = [slo.name for slo in policy.slos]
    if len(set(names)) != len(names):
        raise InvalidInput(f"{source}: spec.slos: names must differ, found {', '.join(names)}")
    gates = [gate.name for gate in policy.gates]
    if len(set(gates)) != len(gates):
        raise InvalidInput(f"{source}: spec.gates: names must differ, found {', '.join(gates)}")
    problem = policy.start_problem
    if problem is not None:
        raise InvalidInput(f"{source}: spec.{problem}")
    unknown = [str(key) for key in document if key not in {*TOP_LEVEL, "spec"}]
    return policy, [*unknown, *unknown_fields(spec, policy, "spec")]


def _check_size(node: yaml.Node, sizes: dict[int, int], source: str) -> int:
    """The characters of a node with all that its aliases stand for; ``InvalidInput`` if they are too many."""
    known = sizes.get(id(node))
    if known is not None:
        if not known:
            raise InvalidInput(f"{source}:{node.start_mark.line + 1}: what stands here contains itself")
        return known
    sizes[id(node)] = 0  # until it is known: whoever meets it before is inside it
    size = 1
    if isinstance(node, yaml.MappingNode):
        _check_keys(node, source)
    if isinstance(node, yaml.ScalarNode):
        size += len(node.value)
        if size > LONGEST_NUMBER and node.tag in {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}:
            raise InvalidInput(
                f"{source}:{node.start_mark.line + 1}: a number of more than {LONGEST_NUMBER} characters"
            )
    else:
        for part in node.value:
            size += sum(_check_size(item, sizes, source) for item in (part if isinstance(part, tuple) else (part,)))
    if size > LARGEST_UNFOLDED:
        raise InvalidInput(f"{source}: more than {LARGEST_UNFOLDED} characters once its aliases are unfolded")
    sizes[id(node)] = size
    return size


def _check_keys(node: yaml.MappingNode, source: str) -> None:
    """``InvalidInput`` for a key that stands twice in one object: kubectl refuses it, and PyYAML takes the last one."""
    first: dict[tuple[str, str], int] = {}
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            own, line = (key.tag, key.value), key.start_mark.line + 1
            if own in first:
                raise InvalidInput(f"{source}:{line}: {quoted(key.value)} is there twice, first in line {first[own]}")
            first[own] = line


def _why(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return printable(str(getattr(error, "problem", None) or error)[:200])


def unknown_fields(given: object, model: object, where: str) -> Iterator[str]:
    """Yields the fields that the model does not have: usually misspelled ones."""
    if isinstance(model, BaseModel) and isinstance(given, Mapping):
        fields = {(info.alias or name): name for name, info in type(model).model_fields.items()}
        for key, value in given.items():
            path = f"{where}.{key}" if where else str(key)
            if key in fields:
                yield from unknown_fields(value, getattr(model, fields[key]), path)
            else:
                yield path
    elif isinstance(model, list) and isinstance(given, list):
        for index, (item, part) in enumerate(zip(given, model, strict=False)):
            yield from unknown_fields(item, part, f"{where}[{index}]")
