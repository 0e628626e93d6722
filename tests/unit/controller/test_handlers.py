"""Which key an event wakes, and what kopf is told to watch and to keep."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import kopf
from aiohttp import web
from kubernetes.aio import client

from serin.cluster.connection import ClusterCredentials
from serin.controller.handlers import registry_for, watch
from serin.controller.watchdog import Watchdog
from serin.controller.workqueue import Key
from tests.discovery import api_server


class Events:
    """Events as kopf delivers them, and the keys that they wake."""

    def __init__(self) -> None:
        self.woken: list[Key] = []
        credentials = ClusterCredentials(client.Configuration())
        self.registry = registry_for(
            self.woken.append, credentials, Watchdog(lambda: 0.0), freezes_of_all="serin-system"
        )

    async def send(self, plural: str, body: dict[str, Any], kind: str | None = "ADDED") -> list[Key]:
        self.woken.clear()
        for handler in self.registry._watching.get_all_handlers():
            if handler.selector is not None and handler.selector.any_name == plural:
                deliver: Any = handler.fn
                await deliver(event={"type": kind}, body=body)
        return list(self.woken)

    async def settings(self) -> kopf.OperatorSettings:
        settings = kopf.OperatorSettings()
        for handler in self.registry._activities.get_all_handlers():
            if handler.id.endswith("configure"):
                start: Any = handler.fn
                await start(settings=settings)
        return settings


def model_deployment(name: str) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "prod", "name": name, "generation": 1},
        "spec": {"policyRef": {"name": "careful"}},
    }


def action(model: str, **status: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "prod", "name": "x"}, "spec": {"modelDeployment": model}, "status": status}


async def test_an_action_wakes_what_it_names_if_that_exists() -> None:
    """M1: 100,000 invented names were 100,000 keys, before those of models whose candidates burn."""
    events = Events()
    await events.send("modeldeployments", model_deployment("fraud"))
    assert await events.send("promotionactions", action("fraud")) == [("prod", "fraud")]
    woken = {key for number in range(1000) for key in await events.send("promotionactions", action(f"ghost-{number}"))}
    assert woken == {("prod", "")}
    assert await events.send("promotionactions", action(".")) == [("prod", "")]
    assert await events.send("promotionactions", action("fraud", outcome="Accepted")) == []
    await events.send("modeldeployments", model_deployment("fraud"), "DELETED")
    assert await events.send("promotionactions", action("fraud")) == [("prod", "")]


async def test_answered_actions_are_not_watched_and_no_list_is_kept() -> None:
    settings = await Events().settings()
    assert settings.watching.label_selectors["serin.dev", "promotionactions"] == "!serin.dev/answered"
    assert settings.watching.chunk_size == 20
    assert 0 < settings.queueing.idle_timeout <= 0.1, "with 0, kopf's workers would turn in circles"


async def test_a_freeze_wakes_what_waits_in_its_namespace_and_that_of_serin_everything() -> None:
    events = Events()
    for name, phase in {
        "new": None,
        "waits": "Waiting",
        "first": "Pending",
        "serves": "Stable",
        "on": "Progressing",
    }.items():
        body = model_deployment(name) | ({"status": {"phase": phase}} if phase else {})
        await events.send("modeldeployments", body)
    freeze = {"metadata": {"namespace": "prod", "name": "peak"}, "spec": {"reason": "peak"}}
    assert set(await events.send("promotionfreezes", freeze)) == {("prod", "new"), ("prod", "waits"), ("prod", "first")}
    for namespace, woken in {"other": 0, "serin-system": 3}.items():
        freeze["metadata"]["namespace"] = namespace
        assert len(await events.send("promotionfreezes", freeze, "DELETED")) == woken
    await events.send("modeldeployments", model_deployment("waits"), "DELETED")
    await events.send("modeldeployments", model_deployment("first") | {"status": {"phase": "Stable"}})
    assert await events.send("promotionfreezes", freeze) == [("prod", "new")]


NESTED = '{"a":' * 5000 + "1" + "}" * 5000


def stored(name: str, padding: str) -> str:
    return (
        f'{{"metadata": {{"namespace": "prod", "name": "{name}", "uid": "{name}", "generation": 1, '
        f'"resourceVersion": "1"}}, "spec": {{"policyRef": {{"name": "careful"}}, "predictor": {padding}}}}}'
    )


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[client.Configuration]:
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    settings = client.Configuration()
    settings.host = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield settings
    finally:
        await runner.cleanup()


async def test_an_object_that_is_nested_too_deeply_ends_no_list_and_no_watch() -> None:
    """Anybody who may write a ModelDeployment could have ended the watch, and so the process, for all namespaces."""
    listed = f'{{"metadata": {{}}, "items": [{stored("deep", NESTED)}, {stored("fraud", "{}")}]}}'
    events = f'{{"type": "ADDED", "object": {stored("deeper", NESTED)}}}\n'.encode()
    events += f'{{"type": "ADDED", "object": {stored("credit", "{}")}}}\n'.encode()

    async def handle(request: web.Request) -> web.StreamResponse:
        ours = request.match_info["plural"] == "modeldeployments"
        if "watch" not in request.query:
            text = listed if ours else '{"metadata": {}, "items": []}'
            return web.Response(text=text, content_type="application/json")
        response = web.StreamResponse()
        await response.prepare(request)
        if ours:
            await response.write(events)
        await over.wait()
        return response

    over = asyncio.Event()
    woken: list[Key] = []
    async with serving(api_server(handle)) as settings:
        registry = registry_for(woken.append, ClusterCredentials(settings), Watchdog(lambda: 0.0))
        stop = asyncio.Event()
        work = asyncio.create_task(watch(registry, namespaces=("prod",), ready=asyncio.Event(), stop=stop))
        try:
            async with asyncio.timeout(30):
                while len(set(woken)) < 4 and not work.done():  # noqa: ASYNC110 - until it is true
                    await asyncio.sleep(0.01)
        finally:
            stop.set()
            over.set()
            await asyncio.wait([work], timeout=10)
    assert {name for _, name in woken} == {"deep", "fraud", "deeper", "credit"}
