"""Pieces of an Envoy configuration that is written here and not by a control plane."""

from __future__ import annotations

from typing import Any

FILTERS = "type.googleapis.com/envoy.extensions.filters"


def address(ip: str, port: int) -> dict[str, Any]:
    """A socket's address."""
    return {"socket_address": {"address": ip, "port_value": port}}


def http_listener(name: str, port: int, routes: list[dict[str, Any]], **config: Any) -> dict[str, Any]:
    """A listener of a pod for HTTP, whatever the host; ``config`` is further fields of its route configuration."""
    router = {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{FILTERS}.http.router.v3.Router"}}
    hosts = [{"name": name, "domains": ["*"], "routes": routes}]
    manager = {
        "@type": f"{FILTERS}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "http_filters": [router],
        "route_config": {**config, "virtual_hosts": hosts},
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {"name": name, "address": address("0.0.0.0", port), "filter_chains": [{"filters": filters}]}  # noqa: S104
