"""The header by which testers reach a candidate in a preview, and which headers may not be one.

A header that a gateway, a proxy or a browser sets by itself is on every request: the candidate would answer all
clients, without a weight and without evidence. The CRD refuses it, and no rollout starts with it (``Header.problem``);
the model takes it, because the same model reads the snapshot of a rollout that an earlier Serin started.
"""

from __future__ import annotations

import re
from typing import Annotated, ClassVar

from pydantic import Field

from serin.schema.types import ApiModel, validations

SET_BY_OTHERS = (
    # Proxies tell who asked, from where, and in which way.
    *("forwarded", "forward", "original", "real", "client", "cluster", "remote", "host", "scheme", "proto", "proxy"),
    *("rewrite", "http", "ssl", "tls", "cdn", "edge", "country", "geo", "auth", "user", "consumer", "credential"),
    # Traces, and numbers of requests.
    *("request", "correlation", "trace", "tracing", "span", "b3", "ot", "datadog", "instana", "newrelic", "dynatrace"),
    # Gateways, meshes and clouds.
    *("envoy", "contour", "istio", "kong", "nginx", "traefik", "haproxy", "apigee", "fastly", "akamai", "varnish"),
    *("amz", "amzn", "aws", "cloud", "cloudfront", "goog", "google", "gfe", "appengine", "azure", "arr", "ms", "cf"),
    # Browsers and their libraries.
    *("requested", "csrf", "xsrf"),
)
"""First words after ``x-`` of headers that somebody else sets or reads."""
OTHERS_PATTERN = f"^x-({'|'.join(SET_BY_OTHERS)})(-.*)?$"
NAME_TAKEN = "a gateway, proxy or browser sets or reads headers of this name; use one of your own, such as x-preview"
VALUE_PATTERN = r"^[A-Za-z0-9._~-]{8,256}$"
VALUE_WEAK = "the value has at least 8 characters of A-Z, a-z, 0-9 and . _ ~ -"


class Header(ApiModel):
    """A header of a request, compared exactly."""

    name: Annotated[str, Field(max_length=64, pattern=r"^[Xx]-[A-Za-z0-9][-A-Za-z0-9]*$")]
    """Name of the header, ``x-…``; only requests that are meant for the candidate may carry it. It is none that a
    gateway, a proxy or a browser sets or reads."""
    value: Annotated[str, Field(max_length=256, pattern=r"^[!-~]([ -~]*[!-~])?$")]
    """At least 8 characters: letters, digits, and ``. _ ~ -``."""

    model_config: ClassVar = {
        "json_schema_extra": validations(
            (f"!self.name.lowerAscii().matches('{OTHERS_PATTERN}')", NAME_TAKEN),
            (f"self.value.matches('{VALUE_PATTERN}')", VALUE_WEAK),
        )
    }

    @property
    def problem(self) -> str | None:
        """Why no rollout may start with it, with the field; None if one may. The CRD has the same rules."""
        if re.fullmatch(OTHERS_PATTERN, self.name.lower()):
            return f"name: {self.name}: {NAME_TAKEN}"
        return None if re.fullmatch(VALUE_PATTERN, self.value) else f"value: {VALUE_WEAK}"
