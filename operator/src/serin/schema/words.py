"""Words of statuses and records that another version wrote: they are kept, compared and written back unchanged.

An older operator may run beside statuses and records of a newer one (an upgrade taken back, two replicas during a
rolling update). A phase or reason that it does not know must not keep it from watching traffic. What users write in
``spec`` stays strict: there the plain enum is the field's type.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, TypeVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError, ValidatorFunctionWrapHandler
from pydantic.functional_validators import WrapValidator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticOmit, core_schema

LONGEST_WORD = 128
LISTED = "This version writes:"
"""What precedes the words in a description; `tools/crdgen.py` writes each of them in a line of its own."""
UNKNOWN = "UNKNOWN"
"""The ``name`` of every member that stands for a word of another version."""
W = TypeVar("W", bound=StrEnum)


def is_known(word: StrEnum) -> bool:
    """Whether this version has a meaning for the word; False for one that another version stored."""
    return any(word is member for member in type(word))


def stored_word(kind: type[W], text: str) -> W:
    """The member of ``kind`` with this value, or one named UNKNOWN that carries it; ``ValueError`` if it is too long.

    Equal words are equal, hash alike and, as long as they are in use, are the same object: code compares with ``is``.
    """
    if len(text) > LONGEST_WORD:
        raise ValueError(f"a {kind.__name__} has at most {LONGEST_WORD} characters, found {len(text)}")
    member: W | None = _members(kind).get(text)
    return _unknown(kind, text) if member is None else member


@lru_cache
def _members(kind: type[StrEnum]) -> dict[str, Any]:
    return {member.value: member for member in kind}


@lru_cache(maxsize=1024)
def _unknown(kind: type[W], text: str) -> W:
    word = str.__new__(kind, text)
    word._name_, word._value_ = UNKNOWN, text
    return word


class _StoredWord:
    """Reads any short string as a word of the annotated enum, and tells the API server of no list of words."""

    def __get_pydantic_core_schema__(self, kind: type[StrEnum], handler: GetCoreSchemaHandler) -> CoreSchema:
        def read(value: object) -> object:
            return stored_word(kind, value) if isinstance(value, str) and not isinstance(value, kind) else value

        return core_schema.no_info_before_validator_function(read, handler(kind))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """A plain bounded string: a CRD with a list would refuse every status of an operator that is newer than it."""
        described: dict[str, Any] = handler.resolve_ref_schema(handler(schema))
        words = ", ".join([*described["enum"], "and no other word"])
        description = f"{described.get('description', '')} {LISTED} {words}.".strip()
        return {"type": "string", "maxLength": LONGEST_WORD, "description": description}


Stored = Annotated[W, _StoredWord()]
"""``Stored[Phase]``: a word in a status or a record, which another version may have written."""


def _or_omitted(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    try:
        return handler(value)
    except ValidationError:
        raise PydanticOmit from None


E = TypeVar("E")
OrOmitted = Annotated[E, WrapValidator(_or_omitted)]
"""``list[OrOmitted[Entry]]``: an entry that cannot be read is left out instead of making the whole list unreadable."""
