"""How is the node agent started, and how does it end? `python -m e2e.sandbox.node --config FILE`."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
import ssl
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e2e.sandbox.images.catalogue import Catalogue
from e2e.sandbox.images.store import ModelStore

from .agent import Agent
from .api import Api
from .config import ConfigError, NodeConfig
from .events import EventRecorder
from .logs import LogServer
from .memory import MemoryWatch
from .network import Network
from .pod import NodeServices
from .probe import http_client
from .registration import Registration
from .services import ServiceProxy
from .starter import Starter

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping


async def serve(config: NodeConfig, images: Mapping[str, str]) -> None:
    """Run the node until SIGTERM or SIGINT, or until a part of it fails; its containers end with it."""
    config.logs_dir.mkdir(parents=True, exist_ok=True)
    config.volumes_dir.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        api = Api(config.api, config.token, config.ca)
        stack.push_async_callback(api.close)
        probes = await stack.enter_async_context(http_client())
        recorder, memory, starter = EventRecorder(api, config.node_name), MemoryWatch(), Starter()
        proxy = ServiceProxy(api)
        services = NodeServices(
            config=config,
            api=api,
            network=Network(config.host_ip),
            catalogue=Catalogue(config.cache_dir, images),
            recorder=recorder,
            probes=probes,
            memory=memory,
            starter=starter,
            proxy=proxy,
        )
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(config.tls_cert, config.tls_key)
        log_server = await LogServer(config.logs_dir).start(config.host_ip, tls)
        stack.push_async_callback(log_server.cleanup)
        store = await ModelStore(config.cache_dir).start(config.host_ip)
        stack.push_async_callback(store.cleanup)
        agent, registration = Agent(services), Registration(api, config)
        await agent.clean()
        async with asyncio.TaskGroup() as outlasting:
            # The warm interpreter takes its containers along, so it may only end after the agent has ended them.
            outlasting.create_task(starter.run())
            try:
                await registration.register()
                await _together(agent.run(), registration.run(), recorder.run(), memory.run(), proxy.run())
            finally:
                await agent.close()


async def _together(*parts: Coroutine[Any, Any, None]) -> None:
    async with asyncio.TaskGroup() as group:
        for part in parts:
            group.create_task(part)


async def _until_signal(config: NodeConfig, images: Mapping[str, str]) -> None:
    node = asyncio.create_task(serve(config, images))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, node.cancel)
    try:
        await node
    except asyncio.CancelledError:
        logging.getLogger("e2e.sandbox.node").info("the node ends as it was told")


def main() -> int:
    """Read the command line and run the node; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m e2e.sandbox.node", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="JSON file written by the sandbox")
    parser.add_argument("--images", type=Path, help="JSON file with the programs of further images, by their names")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it would tell of every probe
    try:
        images = json.loads(arguments.images.read_text("utf-8")) if arguments.images is not None else {}
        asyncio.run(_until_signal(NodeConfig.read(arguments.config), images))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
