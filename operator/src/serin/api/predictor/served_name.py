"""The arguments by which a model server is told the name that clients ask for."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

MODEL_NAME_FLAG = "--model_name"
SERVED_NAME_FLAG = "--served-model-name"


def named_by(arguments: Sequence[str], argument: str) -> str | None:
    """The value of ``argument``, given in one word or in two; None if it is not there."""
    for word, following in pairwise([*arguments, ""]):
        name, is_pair, value = word.partition("=")
        if name == argument:
            return value if is_pair else following
    return None
