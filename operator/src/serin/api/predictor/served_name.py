"""The arguments by which a model server is told the name that clients ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

MODEL_NAME_FLAG = "--model_name"
SERVED_NAME_FLAG = "--served-model-name"


def served_name(model: Mapping[str, Any], predictor: Mapping[str, Any], name: str) -> str:
    """The name that clients ask for: that among the predictor's arguments, or spec.model.servedName, or ``name``."""
    arguments = [str(argument) for argument in (predictor.get("model") or {}).get("args") or []]
    return str(named_by(arguments, MODEL_NAME_FLAG) or model.get("servedName") or name)


def named_alike(arguments: Sequence[str], argument: str, name: str) -> bool:
    """Whether ``argument`` is there, with ``name`` each time: servers take the first one or the last."""
    found = [named_by(arguments[number:], argument) for number in range(len(arguments))]
    return {value for value in found if value is not None} == {name}


def named_by(arguments: Sequence[str], argument: str) -> str | None:
    """The value of ``argument``, given in one word or in two; None if it is not there."""
    for word, following in pairwise([*arguments, ""]):
        name, is_pair, value = word.partition("=")
        if name == argument:
            return value if is_pair else following
    return None
