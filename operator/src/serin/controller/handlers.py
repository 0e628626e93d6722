"""Maps events to the ModelDeployments to reconcile. The only module that imports kopf.

All handlers are ``on.event``: with these kopf writes no annotation and no finalizer. An event only triggers a pass; the
pass reads everything from the API server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import Any

import kopf
from kopf._cogs.clients import api as kopf_api
from kopf._core.engines import peering as kopf_peering

from serin.api import API_VERSION, GROUP, VERSION, names
from serin.cluster import resources
from serin.cluster.connection import ClusterCredentials
from serin.cluster.decoding import decoded
from serin.controller.shutdown import install_signal_handlers, wait_for_event_sources
from serin.controller.snapshot.actions.action_list import UNANSWERED
from serin.controller.snapshot.actions.pending_actions import ORPHANS
from serin.controller.watchdog import Watchdog
from serin.controller.workqueue import Key
from serin.schema.phase import Phase
from serin.traffic.registry import watched

Wake = Callable[[Key], None]
CHUNK = 20
"""Objects of one page when a watch begins: an object may have 1.5 MB, and ten times as much when it is decoded."""
IDLE_SECONDS = 0.1
"""How long kopf waits for another event of an object before it lets go of the last one. By default that is 5 s, in
which the whole list has been read: all of its objects would be in memory at once."""
ERROR_BACKOFFS = (1, 1, 2, 3, 5, 8, 13, 21) + (30,) * 20
"""Seconds between retries; without an API server kopf gives up after about 11 minutes, and the process restarts."""


class _Json:
    """In place of the module ``json`` in kopf's client, which decodes the events of a watch by it."""

    loads = staticmethod(decoded)


async def _get(url: str, **options: Any) -> Any:  # noqa: ANN401 - any JSON value
    """In place of kopf's own ``get``, which reads lists."""
    async with await kopf_api.request(method="get", url=url, **options) as response:
        return decoded(await response.read())


# One object that is nested too deeply for Python's decoder would end the watch of its kind for everybody.
kopf_api.json = _Json  # type: ignore[assignment,attr-defined]
kopf_api.get = _get


def registry_for(
    wake: Wake, credentials: ClusterCredentials, watchdog: Watchdog, *, freezes_of_all: str | None = None
) -> kopf.OperatorRegistry:
    """A registry with all handlers; ``wake`` is called with each ModelDeployment to reconcile."""
    registry = kopf.OperatorRegistry()
    policies: dict[Key, str] = {}
    """The policy that each ModelDeployment refers to, for the events of policies."""
    waiting: set[Key] = set()
    """Those without a rollout under way that a PromotionFreeze may keep from one."""
    _start_and_login(registry, credentials)

    @kopf.on.event(GROUP, VERSION, resources.MODEL_DEPLOYMENTS.plural, registry=registry)
    async def model_deployment(event: Mapping[str, Any], body: Mapping[str, Any], **_: object) -> None:
        key = (body["metadata"]["namespace"], body["metadata"]["name"])
        if event["type"] == "DELETED":
            policies.pop(key, None)
            waiting.discard(key)
        else:
            (waiting.add if _waits(body) else waiting.discard)(key)
            policies[key] = body["spec"]["policyRef"]["name"]
            watchdog.event_seen(key, body["metadata"]["generation"])
        wake(key)

    @kopf.on.event(GROUP, VERSION, resources.PROMOTION_POLICIES.plural, registry=registry)
    async def promotion_policy(body: Mapping[str, Any], **_: object) -> None:
        metadata = body["metadata"]
        for key, policy in policies.items():
            if key[0] == metadata["namespace"] and policy == metadata["name"]:
                wake(key)

    @kopf.on.event(GROUP, VERSION, resources.PROMOTION_FREEZES.plural, registry=registry)
    async def promotion_freeze(body: Mapping[str, Any], **_: object) -> None:
        own = body["metadata"]["namespace"]
        for key in waiting:
            if own in {key[0], freezes_of_all}:
                wake(key)

    _watch_actions(registry, wake, policies)
    _watch_children(registry, wake)
    return registry


def _waits(body: Mapping[str, Any]) -> bool:
    """Whether a ModelDeployment waits; one under way looks at the freezes by itself."""
    return (body.get("status") or {}).get("phase") in {None, Phase.PENDING.value, Phase.WAITING.value}


def _watch_actions(registry: kopf.OperatorRegistry, wake: Wake, existing: Collection[Key]) -> None:
    """An action wakes the ModelDeployment that it names, if it exists; otherwise what refuses such actions.

    A name that somebody has invented is no key of its own: 100,000 of them would stand before those that exist.
    """

    @kopf.on.event(GROUP, VERSION, resources.PROMOTION_ACTIONS.plural, registry=registry)
    async def promotion_action(event: Mapping[str, Any], body: Mapping[str, Any], **_: object) -> None:
        if event["type"] != "DELETED" and not (body.get("status") or {}).get("outcome"):
            key = (body["metadata"]["namespace"], body["spec"]["modelDeployment"])
            wake(key if key in existing else (key[0], ORPHANS))


def _watch_children(registry: kopf.OperatorRegistry, wake: Wake) -> None:
    async def child(body: Mapping[str, Any], **_: object) -> None:
        for owner in body["metadata"].get("ownerReferences") or []:
            if owner["apiVersion"] == API_VERSION and owner["kind"] == resources.MODEL_DEPLOYMENTS.kind:
                wake((body["metadata"]["namespace"], owner["name"]))

    for resource in watched():
        kopf.on.event(resource.group, resource.version, resource.plural, registry=registry)(child)


def _start_and_login(registry: kopf.OperatorRegistry, credentials: ClusterCredentials) -> None:
    @kopf.on.startup(registry=registry, errors=kopf.ErrorsMode.PERMANENT)
    async def configure(settings: kopf.OperatorSettings, **_: object) -> None:
        settings.peering.standalone = True
        settings.posting.enabled = False
        settings.watching.reconnect_backoff = 1.0
        settings.watching.chunk_size = CHUNK
        settings.queueing.idle_timeout = IDLE_SECONDS
        settings.watching.connect_timeout = 10
        for resource in watched():
            settings.watching.label_selectors[resource.group, resource.plural] = names.OWNED_SELECTOR
        actions = resources.PROMOTION_ACTIONS
        settings.watching.label_selectors[actions.group, actions.plural] = UNANSWERED
        settings.networking.request_timeout = 30
        settings.networking.connect_timeout = 10
        settings.networking.enforce_retry_after = True
        settings.networking.error_backoffs = ERROR_BACKOFFS

    @kopf.on.login(registry=registry)
    async def login(**_: object) -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(
            server=credentials.server,
            ca_path=credentials.ca_path,
            scheme="Bearer",
            token=await credentials.token(),
        )


async def watch(
    registry: kopf.OperatorRegistry, *, namespaces: tuple[str, ...], ready: asyncio.Event, stop: asyncio.Event
) -> None:
    """Delivers events until ``stop`` is set, by a signal for example; sets ``ready`` when the watches have begun.

    Raises the error that ended a watch for good: the process has to be restarted.
    """
    settings = kopf.OperatorSettings()
    # Scanning for new kinds and namespaces needs cluster-wide permissions; without them kopf retries for 11 minutes.
    settings.scanning.disabled = bool(namespaces)
    roots = await kopf.spawn_tasks(
        settings=settings,
        registry=registry,
        clusterwide=not namespaces,
        namespaces=namespaces,
        standalone=True,
        # Only a name, as there are no peers. By default kopf takes the user's name, which a container may not have.
        identity=kopf_peering.Identity("serin"),
        ready_flag=ready,
        stop_flag=stop,
    )
    install_signal_handlers(stop)  # kopf has replaced them by its own, which fail on a second signal
    await wait_for_event_sources(roots)
