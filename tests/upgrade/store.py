"""What this version of Serin leaves in a cluster, in every phase: stored, so that later versions can be tried on it.

``python -m tests.upgrade.store FOLDER`` writes it: the kinds without their descriptions, and the objects of a
ModelDeployment in each phase as a whole operator on a fake API server left them. Run it before a release, into
``tests/upgrade/versions/NAME``. It also runs in an older checkout.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import yaml

from tests.lab import POLICY, Lab

ROOT = Path(__file__).resolve().parents[2]
SHADOW = {"shadow": {"for": "30s", "timeout": "10m"}, "shadowSafe": True}
BAKE = {"bake": {"for": "30s", "timeout": "10m"}}
GONE_WORDS = frozenset(("description",))


async def first(lab: Lab, phase: str) -> None:
    """The first revision, on its way."""
    lab.cluster.ready = lambda _: 0
    await lab.until(lab.phase(phase))


async def refused(lab: Lab, phase: str) -> None:
    """The first revision, which the API server does not take."""
    lab.cluster.refuse = "admission webhook says no"
    await lab.until(lab.phase(phase))


async def live(lab: Lab, _: str) -> None:
    """The first revision is stable."""
    await lab.until(lab.stable("1"))


async def second(lab: Lab, phase: str, **changes: Any) -> None:
    """A second revision in this phase."""
    await lab.until(lab.stable("1"))
    lab.want("2", **changes)
    await lab.until(lab.phase(phase))


async def waiting(lab: Lab, phase: str) -> None:
    """A second revision that is paused."""
    await second(lab, phase, paused=True)


async def bad(lab: Lab, phase: str) -> None:
    """A second revision that breaches."""
    await second(lab, "Progressing")
    lab.prometheus.candidate_bad = 30
    await lab.until(lab.phase(phase))


STORIES: dict[str, tuple[Callable[[Lab, str], Awaitable[None]], dict[str, Any]]] = {
    "Pending": (refused, {}),
    "Waiting": (waiting, {}),
    "Preparing": (first, {}),
    "Shadowing": (second, SHADOW),
    "Progressing": (second, {}),
    "Promoting": (second, {}),
    "Baking": (second, BAKE),
    "Stable": (live, {}),
    "RollingBack": (bad, {}),
    "RolledBack": (bad, {}),
}


async def _played(story: Awaitable[None]) -> None:
    await story


def left(phase: str) -> dict[str, Any]:
    """The time, and all objects, when a ModelDeployment is in this phase."""
    story, policy = STORIES[phase]
    lab = Lab(POLICY | policy)
    asyncio.run(_played(story(lab, phase)))
    assert lab.status["phase"] == phase, lab.status
    objects = [[*key, obj] for key, obj in sorted(lab.cluster.objects.items())]
    return {"at": lab.now.isoformat(), "objects": objects}


def bare(part: Any) -> Any:
    """Without descriptions: they refuse nothing."""
    if isinstance(part, dict):
        return {key: bare(value) for key, value in part.items() if key not in GONE_WORDS or not isinstance(value, str)}
    return [bare(value) for value in part] if isinstance(part, list) else part


def kinds(folder: Path) -> list[dict[str, Any]]:
    """The CustomResourceDefinitions in a folder."""
    return [bare(yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)) for path in sorted(folder.glob("*.yaml"))]


def write(path: Path, data: object) -> None:
    """JSON, packed; the same bytes for the same data."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


def main() -> int:
    """Writes both files."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "kinds.json.gz", kinds(ROOT / "crds"))
    write(folder / "objects.json.gz", {phase: left(phase) for phase in STORIES})
    return 0


if __name__ == "__main__":
    sys.exit(main())
