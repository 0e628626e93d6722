"""Decodes JSON from the API server, however deeply it is nested.

The API server takes 10,000 levels in a field that is free, and Python's decoder ends after about 1,000: one object of
one namespace would end every list that it is in, and every watch. What lies deeper than anything means is left out.
"""

from __future__ import annotations

import json
import re
from typing import Any

DEEPEST = 200
"""Levels of a document. A PodSpec has about 15."""
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)


def decoded(text: str | bytes) -> Any:  # noqa: ANN401 - any JSON value
    """The document; ``ValueError`` if it is not JSON. Null stands for what is nested too deeply to be decoded."""
    try:
        return json.loads(text)
    except RecursionError:
        return json.loads(flattened(text if isinstance(text, str) else text.decode()))


def flattened(text: str) -> str:
    """The document with null for each list and object that is deeper than ``DEEPEST`` levels."""
    out, depth, position = list[str](), 0, 0
    for token in _TOKEN.finditer(text):
        if token[0] in {"[", "{"}:
            depth += 1
            if depth == DEEPEST + 1:
                out += [text[position : token.start()], "null"]
        elif token[0] in {"]", "}"}:
            if depth == DEEPEST + 1:
                position = token.end()
            depth -= 1
    return "".join([*out, text[position:]])
