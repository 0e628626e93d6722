"""How clients reach the model."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from serin.api.routing.filters import RouteFilter
from serin.api.routing.matches import RouteMatch
from serin.schema.types import OBJECT_NAME, ApiModel, Duration, validations

HOSTNAME = r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=OBJECT_NAME)]
"""A name of a Kubernetes object (RFC 1123)."""


class Protocol(StrEnum):
    """What clients speak."""

    HTTP = "HTTP"
    GRPC = "GRPC"


class ParentRef(ApiModel):
    """The Gateway (and listener) that carries the route."""

    name: ObjectName
    """Name of the Gateway."""
    namespace: ObjectName | None = None
    """Namespace of the Gateway; default: that of the ModelDeployment."""
    section_name: ObjectName | None = None
    """The Gateway's listener that takes the requests; default: all of its listeners that fit."""


class Route(ApiModel):
    """How clients reach the model. In mode Knative the hostname is Knative's, and only the times are used."""

    hostnames: Annotated[
        list[Annotated[str, Field(max_length=253, pattern=HOSTNAME)]], Field(min_length=1, max_length=16)
    ]
    """Hosts that clients ask, without a scheme or a port, such as fraud.models.example.com; ``*.`` in front stands
    for any first part."""
    parent_ref: ParentRef
    protocol: Protocol = Protocol.HTTP
    """HTTP makes an HTTPRoute, GRPC a GRPCRoute. Immutable."""
    timeout: Duration | None = None
    """Longest time that a request may take; 0s: as long as it does. Default: that of ``predictor.timeout``, or of
    ``transformer.timeout``, of the revisions in the route; without one 60s. A GRPCRoute has none."""
    drain: Duration | None = None
    """How long a revision stays after its weight became 0. Default: ``timeout``, or 5m where that is 0s."""
    matches: Annotated[list[RouteMatch], Field(max_length=8)] = []
    """Which requests of the hostnames go to the model; default: all. ModelDeployments of one namespace may share a
    hostname if no path of theirs lies under another's."""
    filters: Annotated[
        list[RouteFilter],
        Field(
            max_length=8, json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
        ),
    ] = []
    """What the gateway changes of requests and answers; the filters of the Gateway API that lead nowhere else."""

    model_config: ClassVar = {
        "json_schema_extra": validations(
            (
                (
                    "!has(self.timeout) || duration(self.timeout) >= duration('1s') || "
                    "duration(self.timeout) == duration('0s')"
                ),
                "timeout is at least 1s, or 0s for none",
            ),
            ("self.protocol == oldSelf.protocol", "protocol is immutable: clients would lose the model meanwhile"),
            (
                "self.protocol != 'GRPC' || !has(self.matches) || self.matches.all(m, !has(m.path))",
                "with protocol GRPC matches have no path: the path of a call is its method",
            ),
            (
                "self.protocol != 'GRPC' || !has(self.filters) || self.filters.all(f, f.type != 'URLRewrite')",
                "with protocol GRPC there is no URLRewrite: the path of a call is its method",
            ),
            (
                (
                    "!has(self.filters) || !self.filters.exists(f, has(f.urlRewrite) && "
                    "f.urlRewrite.path.type == 'ReplacePrefixMatch') || !has(self.matches) || "
                    "(self.matches.size() == 1 && "
                    "(!has(self.matches[0].path) || self.matches[0].path.type == 'PathPrefix'))"
                ),
                "ReplacePrefixMatch needs one match with a path of type PathPrefix",
            ),
        )
    }

    @property
    def prefixes(self) -> frozenset[str]:
        """What the paths of its requests begin with; an empty one is every path."""
        return frozenset(match.prefix for match in self.matches) or frozenset({""})
