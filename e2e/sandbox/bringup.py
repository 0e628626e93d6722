"""In which order do parts start?  Each as soon as what it needs is ready, all that can at the same time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from e2e.sandbox.errors import PartError
from e2e.sandbox.service import Part, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


async def bring_up(items: Sequence[Part | Step], *, on_ready: Callable[[str], None]) -> None:
    """Start all parts and run all steps. The first PartError ends the others' waiting and is raised."""
    done = {_name(item): asyncio.Event() for item in items}
    check_order({_name(item): _needs(item) for item in items})

    async def run(item: Part | Step) -> None:
        for need in _needs(item):
            await done[need].wait()
        if isinstance(item, Part):
            await item.start()
        else:
            await item.run()
        done[_name(item)].set()
        on_ready(_name(item))

    failures: list[BaseException] = []
    try:
        async with asyncio.TaskGroup() as group:
            for item in items:
                group.create_task(run(item))
    except* PartError as failed:
        failures += failed.exceptions
    if failures:  # raised out here: Python 3.11.2 wraps what is raised above into one more group
        raise failures[0]


def check_order(needs: Mapping[str, Sequence[str]]) -> None:
    """ValueError if somebody needs what does not exist, or if needs go round in a circle."""
    settled: set[str] = set()
    while len(settled) < len(needs):
        ready = {name for name, wanted in needs.items() if name not in settled and settled.issuperset(wanted)}
        if not ready:
            stuck = sorted(set(needs) - settled)
            raise ValueError(f"these wait for each other or for something unknown: {', '.join(stuck)}")
        settled |= ready


def _name(item: Part | Step) -> str:
    return item.service.name if isinstance(item, Part) else item.name


def _needs(item: Part | Step) -> tuple[str, ...]:
    return item.service.needs if isinstance(item, Part) else item.needs
