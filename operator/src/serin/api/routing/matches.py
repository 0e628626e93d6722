"""Which requests of the hostnames go to the model."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from serin.schema.types import ApiModel, validations

HEADER_NAME = r"^[A-Za-z0-9!#$%&'*+.^_|~-]+$"
HEADER_VALUE = r"^[!-~]([ -~]*[!-~])?$"
PATH = r"^/([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2}|/)*$"
HeaderName = Annotated[str, Field(min_length=1, max_length=256, pattern=HEADER_NAME)]
HeaderText = Annotated[str, Field(max_length=1024, pattern=HEADER_VALUE)]
EVERY_PATH = "/"


class PathType(StrEnum):
    """How a path is compared. Regular expressions mean something else behind each gateway."""

    PREFIX = "PathPrefix"
    EXACT = "Exact"


class PathMatch(ApiModel):
    """The path of a request."""

    type: PathType = PathType.PREFIX
    value: Annotated[str, Field(max_length=1024, pattern=PATH)] = EVERY_PATH
    """The path, such as /v1/models; default: /, which as a prefix is every path."""

    # What the Gateway API refuses must be refused here: a route that cannot be written cannot be rolled back.
    model_config: ClassVar = {
        "json_schema_extra": validations(
            (
                (
                    "!has(self.value) || !(self.value.contains('//') || self.value.contains('/./') || "
                    "self.value.contains('/../') || self.value.contains('%2f') || self.value.contains('%2F') || "
                    "self.value.endsWith('/..') || self.value.endsWith('/.'))"
                ),
                "a path has no empty or dotted part, and no %2F",
            )
        )
    }


class HeaderMatch(ApiModel):
    """A header that a request must have, compared exactly."""

    name: HeaderName
    """Name of the header; upper and lower case are the same."""
    value: HeaderText
    """The whole value that the header must have."""


class RouteMatch(ApiModel):
    """A request matches if its path does and it has all the headers."""

    path: PathMatch | None = None
    """Default: every path."""
    headers: Annotated[
        list[HeaderMatch],
        Field(
            max_length=8, json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
        ),
    ] = []
    """Headers that the request must have, all of them; default: none."""

    @property
    def prefix(self) -> str:
        """What the paths that match begin with, without a slash at the end: empty for every path."""
        return (self.path.value if self.path is not None else EVERY_PATH).rstrip("/")


def overlap(one: str, other: str) -> bool:
    """Whether a path can lie under both prefixes."""
    return any(
        longer == shorter or longer.startswith(f"{shorter}/") for longer, shorter in ((one, other), (other, one))
    )
