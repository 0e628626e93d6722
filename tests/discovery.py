"""An API server that knows Serin's kinds, for what watches them; a test says what it answers to lists and watches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from serin.cluster import resources

KINDS = (
    resources.MODEL_DEPLOYMENTS,
    resources.PROMOTION_POLICIES,
    resources.PROMOTION_ACTIONS,
    resources.PROMOTION_FREEZES,
    resources.INFERENCE_SERVICES,
    resources.HTTP_ROUTES,
)


def api_server(listed: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.Application:
    """Discovery, and ``listed`` for each list and watch."""

    async def discovery(request: web.Request) -> web.Response:
        group = request.match_info.get("group", "")
        if not group:
            groups = {kind.group: kind.version for kind in KINDS}
            versions = {g: {"groupVersion": f"{g}/{v}", "version": v} for g, v in groups.items()}
            found = [{"name": g, "versions": [v], "preferredVersion": v} for g, v in versions.items()]
            return web.json_response({"groups": found})
        verbs = ["get", "list", "watch", "patch", "create"]
        kinds: list[dict[str, Any]] = [
            {
                "name": kind.plural,
                "singularName": kind.kind.lower(),
                "kind": kind.kind,
                "namespaced": True,
                "verbs": verbs,
            }
            for kind in KINDS
            if kind.group == group
        ]
        return web.json_response({"resources": kinds})

    async def core(_: web.Request) -> web.Response:
        # kopf begins when it has found the kind Namespace.
        namespaces = {"name": "namespaces", "singularName": "namespace", "kind": "Namespace", "namespaced": False}
        return web.json_response({"versions": ["v1"], "resources": [namespaces | {"verbs": ["list", "watch"]}]})

    app = web.Application()
    app.add_routes(
        [
            web.get("/api", core),
            web.get("/api/v1", core),
            web.get("/apis", discovery),
            web.get("/apis/{group}/{version}", discovery),
            web.get("/apis/{group}/{version}/{plural}", listed),
            web.get("/apis/{group}/{version}/namespaces/{namespace}/{plural}", listed),
        ]
    )
    return app
