"""What a gateway may change of a request or an answer on its way.

Only filters that keep the request on its way to its arm: no redirect, no mirror, no object of an extension. A changed
Host could lead some gateways elsewhere, so it stays.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from serin.api.routing.matches import PATH, HeaderName
from serin.schema.types import ApiModel, validations

WRITTEN_VALUE = r"^[!-$&-~]([ -$&-~]*[!-$&-~])?$"
"""Without a percent sign: Envoy takes ``%…%`` for an order (``%ENVIRONMENT(NAME)%`` tells its own environment), and for
one that it does not know it refuses all of its routes, also those of others."""
WrittenText = Annotated[str, Field(max_length=1024, pattern=WRITTEN_VALUE)]
BY_NAME = Field(
    max_length=16, json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
)


class FilterType(StrEnum):
    """The filters that a route may have."""

    REQUEST_HEADERS = "RequestHeaderModifier"
    RESPONSE_HEADERS = "ResponseHeaderModifier"
    URL_REWRITE = "URLRewrite"


class HeaderValue(ApiModel):
    """A header and its value."""

    name: HeaderName
    """Name of the header; upper and lower case are the same."""
    value: WrittenText
    """Value of the header, without a percent sign."""

    model_config: ClassVar = {
        "json_schema_extra": validations(
            ("self.name.lowerAscii() != 'host'", "Host stays as it is: it could lead the request elsewhere")
        )
    }


class HeaderModifier(ApiModel):
    """Headers that are set, added or removed."""

    set: Annotated[list[HeaderValue], BY_NAME] = []
    """Headers that replace those of the same name."""
    add: Annotated[list[HeaderValue], BY_NAME] = []
    """Headers that are added to those of the same name."""
    remove: Annotated[list[HeaderName], Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "set"})] = []
    """Names of the headers that are taken away."""

    # For one such route Envoy would refuse all, those of others too, and no weight would change any more.
    model_config: ClassVar = {
        "json_schema_extra": validations(
            ("!has(self.remove) || self.remove.all(name, name.lowerAscii() != 'host')", "Host stays: gateways need it")
        )
    }


class RewriteType(StrEnum):
    """How a path is rewritten."""

    FULL = "ReplaceFullPath"
    PREFIX = "ReplacePrefixMatch"


class PathRewrite(ApiModel):
    """The path that the model server gets."""

    type: RewriteType
    replace_full_path: Annotated[str, Field(max_length=1024, pattern=PATH)] | None = None
    """The path in place of the whole one; with type ReplaceFullPath."""
    replace_prefix_match: Annotated[str, Field(max_length=1024, pattern=PATH)] | None = None
    """The path in place of the part that matched; with type ReplacePrefixMatch."""

    model_config: ClassVar = {
        "json_schema_extra": validations(
            (
                (
                    "has(self.replaceFullPath) == (self.type == 'ReplaceFullPath') && "
                    "has(self.replacePrefixMatch) == (self.type == 'ReplacePrefixMatch')"
                ),
                "give the one path that the type names: replaceFullPath or replacePrefixMatch",
            )
        )
    }


class UrlRewrite(ApiModel):
    """Rewrites the path; the hostname stays."""

    path: PathRewrite


class RouteFilter(ApiModel):
    """One change of each request or answer. The fields are those of the Gateway API."""

    type: FilterType
    request_header_modifier: HeaderModifier | None = None
    response_header_modifier: HeaderModifier | None = None
    url_rewrite: UrlRewrite | None = None

    model_config: ClassVar = {
        "json_schema_extra": validations(
            (
                (
                    "has(self.requestHeaderModifier) == (self.type == 'RequestHeaderModifier') && "
                    "has(self.responseHeaderModifier) == (self.type == 'ResponseHeaderModifier') && "
                    "has(self.urlRewrite) == (self.type == 'URLRewrite')"
                ),
                "give the one field that the type names",
            )
        )
    }
