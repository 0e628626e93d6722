"""The types of API fields: how a value is written in YAML, and what it is in Python.

Decimals and durations are strings in the API (a CRD cannot carry floats safely); here they become ``Decimal``
and ``timedelta``. Every string is bounded, because CEL rules over unbounded ones are refused by the API server.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

DURATION_PATTERN = r"^([0-9]{1,5}h)?([0-9]{1,6}m)?([0-9]{1,7}s)?([0-9]{1,6}ms)?$"
FINE_DURATION_PATTERN = r"^([0-9]{1,5}h)?([0-9]{1,6}m)?([0-9]{1,7}s)?([0-9]{1,6}ms)?([0-9]{1,6}us)?$"
DECIMAL_PATTERN = r"^[0-9]{1,9}(\.[0-9]{1,9})?$"
SIGNED_DECIMAL_PATTERN = r"^-?[0-9]{1,9}(\.[0-9]{1,9})?$"
_DURATION_PART = re.compile(r"([0-9]+)(h|ms|us|m|s)")
_UNIT = {
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
    "us": timedelta(microseconds=1),
}


def parse_duration(text: object) -> timedelta:
    """``1h30m``, ``15s``, ``500ms`` as a ``timedelta``; ``ValueError`` names what is wrong."""
    return _duration(text, DURATION_PATTERN, "15s, 5m, 1h30m or 500ms")


def parse_fine_duration(text: object) -> timedelta:
    """As ``parse_duration``, and microseconds: ``250us``."""
    return _duration(text, FINE_DURATION_PATTERN, "2s, 500ms or 250us")


def _duration(text: object, pattern: str, examples: str) -> timedelta:
    if isinstance(text, timedelta):
        return text
    if not isinstance(text, str) or not text or not re.fullmatch(pattern, text):
        message = f"{repr(text)[:60]} is not a duration such as {examples}"
        raise ValueError(message)
    return sum((int(n) * _UNIT[unit] for n, unit in _DURATION_PART.findall(text)), timedelta())


def parse_decimal(value: object) -> object:
    """Only what the CRD's pattern allows: no exponents, no infinities; ``ValueError``."""
    if isinstance(value, Decimal):
        return value
    text = str(value)
    if isinstance(value, bool) or not re.fullmatch(SIGNED_DECIMAL_PATTERN, text):
        message = f"{text[:40]!r} is not a decimal number such as 0.01 or 99.5"
        raise ValueError(message)
    return text


def format_duration(value: timedelta) -> str:
    """The shortest spelling that ``parse_duration`` reads back, e.g. ``1h30m``; ``0s`` for nothing."""
    return format_fine_duration(timedelta(milliseconds=round(value / timedelta(milliseconds=1))))


def format_fine_duration(value: timedelta) -> str:
    """As ``format_duration``, to the microsecond; ``parse_fine_duration`` reads it back."""
    rest, parts = value, []
    for unit, size in _UNIT.items():
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def format_time(value: datetime) -> str:
    """RFC 3339 in UTC; whole seconds stay whole, anything finer keeps microseconds."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "minLength": 2, "maxLength": 32}),
]
FineDuration = Annotated[
    timedelta,
    BeforeValidator(parse_fine_duration),
    PlainSerializer(format_fine_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": FINE_DURATION_PATTERN, "minLength": 2, "maxLength": 40}),
]
"""What may be shorter than a millisecond: the boundaries of histograms."""
DecimalString = Annotated[
    Decimal,
    BeforeValidator(parse_decimal),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": DECIMAL_PATTERN, "maxLength": 20}),
]
SignedDecimalString = Annotated[
    Decimal,
    BeforeValidator(parse_decimal),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": SIGNED_DECIMAL_PATTERN, "maxLength": 21}),
]
LONGEST_QUERY = 1024
Query = Annotated[str, Field(min_length=1, max_length=LONGEST_QUERY)]
"""PromQL."""
Time = Annotated[
    datetime,
    PlainSerializer(format_time, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
OBJECT_NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
"""A name of a Kubernetes object (RFC 1123)."""
DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f]*$"
"""No control character: what is written to a terminal or a log moves no cursor and starts no line."""
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def declared(pattern: str) -> Any:  # noqa: ANN401 - pydantic's FieldInfo
    """A pattern that the API server checks, and that is not checked again when an object is read.

    An object that was stored before the pattern was there must still be read: it is answered in words, and hides
    nothing else. The API server keeps such a field as long as nobody changes it (ratcheting, Kubernetes 1.30).
    """
    return Field(json_schema_extra={"pattern": pattern})


def without_control_characters(text: str) -> str:
    """``text`` with a blank in place of each control character."""
    return _CONTROL_CHARACTERS.sub(" ", text)


Name = Annotated[str, Field(max_length=63, min_length=1)]
Word = Annotated[str, Field(max_length=128)]
Text = Annotated[str, Field(max_length=4096)]
Sha256 = Annotated[str, Field(max_length=64, pattern=r"^[0-9a-f]{64}$")]
"""A whole SHA-256 as hex."""
AnyName = Annotated[str, Field(max_length=253)]
"""The name of any object, however long Kubernetes lets it be."""
LONGEST_USER = 512
User = Annotated[str, Field(max_length=LONGEST_USER)]
"""A user as the API server knows them; a service account's name holds its namespace's, too."""
Uri = Annotated[str, Field(max_length=2048, min_length=1), declared(ONE_LINE)]
Line = Annotated[str, AfterValidator(without_control_characters), declared(ONE_LINE)]
"""Words of a user, on one line. An object that was stored before this rule is read without its control characters."""
FreeForm = Annotated[
    dict[str, Any],
    WithJsonSchema({"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
]
"""An object that Serin passes through; its schema belongs to somebody else."""


class ApiModel(BaseModel):
    """Base of all API types: camelCase outside, frozen, and tolerant of fields that a newer Serin wrote."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )

    def to_api(self) -> dict[str, Any]:
        """The object as the API server stores it: camelCase, absent instead of null."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def validations(*rules: tuple[str, str]) -> dict[str, Any]:
    """CEL rules as ``(rule, message)`` pairs, for ``json_schema_extra``."""
    return {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in rules]}
