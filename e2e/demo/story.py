"""In which order do things happen, and what must be true before the next one does?

Versions are applied as a user would apply them; the story then only watches. It never touches a weight.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from e2e.demo import objects
from e2e.demo.errors import StoryError
from e2e.demo.snapshot import Record, Snapshot
from e2e.deploy.cluster import wait_until
from e2e.load.background import BackgroundLoad
from e2e.load.client import infer_body
from e2e.load.generator import LoadPlan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from e2e.demo.screen import Screen
    from e2e.deploy.cluster import ClusterApi
    from e2e.deploy.process import OperatorProcess

LOOK_EVERY_SECONDS = 0.25
FIRST_WITHIN_SECONDS = 120.0
PROMOTED_WITHIN_SECONDS = 300.0
TAKEN_BACK_WITHIN_SECONDS = 180.0
RECORD_WITHIN_SECONDS = 30.0
BETWEEN_SECONDS = 5.0
"""Load before, between and after the two rollouts: shows that nothing else happens by itself."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything the story plays on."""

    api: ClusterApi
    operator: OperatorProcess
    gateway_url: str
    log: Path
    rate: float
    errors: float = 0.0
    """Share of requests that every version answers with an error, 0…1."""

    def apply(self, version: objects.Version) -> None:
        """Ask for ``version``, as a user would."""
        self.api.apply(objects.model_deployment(version, str(self.errors)))


def play(scene: Scene, screen: Screen) -> BackgroundLoad:
    """Version 1 goes live, version 2 is promoted, version 3 taken back; the load that saw it. StoryError."""
    for item in (objects.namespace(), objects.policy()):
        scene.api.apply(item)
    body = infer_body(objects.FEATURES)
    _go_live(scene, screen, body)
    plan = LoadPlan(scene.gateway_url, objects.HOSTNAME, objects.MODEL, body, rate=scene.rate)
    with BackgroundLoad(plan, scene.log) as load:
        screen.say(f"{scene.rate:.0f} requests per second go through the gateway from now on.")
        watch = _Watch(scene, screen, load)
        watch.for_seconds(BETWEEN_SECONDS)
        _promote(watch)
        watch.for_seconds(BETWEEN_SECONDS)
        _take_back(watch)
        watch.for_seconds(BETWEEN_SECONDS)
    return load


def records(api: ClusterApi) -> list[Record]:
    """The PromotionRecords of the demo's model."""
    items = api.list(objects.API_VERSION, "PromotionRecord", objects.NAMESPACE)
    return [Record.of(item) for item in items if item["spec"]["modelDeployment"] == objects.MODEL]


@dataclass(frozen=True, slots=True)
class _Watch:
    """Looks at the ModelDeployment until something is true, and shows what it sees."""

    scene: Scene
    screen: Screen
    load: BackgroundLoad | None = None

    def look(self) -> Snapshot:
        """One look, shown."""
        item = self.scene.api.get(objects.API_VERSION, "ModelDeployment", objects.MODEL, objects.NAMESPACE)
        snapshot = Snapshot.of(item)
        self.screen.show(snapshot, self.load.live if self.load else None)
        if self.load is not None:
            self.load.check()
        if self.scene.operator.pid is None:
            raise StoryError(f"The operator's process ended:\n{self.scene.operator.last_words()}")
        return snapshot

    def until(self, done: Callable[[Snapshot], bool], *, what: str, seconds: float) -> None:
        """Look until ``done``; StoryError after ``seconds`` with the last thing seen."""
        deadline = time.monotonic() + seconds
        while not done(snapshot := self.look()):
            if time.monotonic() > deadline:
                raise StoryError(f"Expected within {seconds:.0f} s: {what}. Seen: {_words(snapshot)}")
            time.sleep(LOOK_EVERY_SECONDS)

    def for_seconds(self, seconds: float) -> None:
        """Keep looking for a while."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.look()
            time.sleep(LOOK_EVERY_SECONDS)


def _go_live(scene: Scene, screen: Screen, body: bytes) -> None:
    screen.say(f"Version {objects.FIRST.name} is applied: the first revision goes live as soon as it answers.")
    scene.apply(objects.FIRST)
    _Watch(scene, screen).until(
        lambda seen: seen.phase == "Stable" and seen.stable == objects.FIRST.name,
        what=f"version {objects.FIRST.name} is stable",
        seconds=FIRST_WITHIN_SECONDS,
    )
    wait_until(
        lambda: _answers(scene.gateway_url, body),
        what=f"The gateway answers for {objects.HOSTNAME}",
        seconds=RECORD_WITHIN_SECONDS,
    )


def _promote(watch: _Watch) -> None:
    good = objects.GOOD.name
    watch.screen.say(f"Version {good} is applied: a good one.")
    watch.scene.apply(objects.GOOD)

    def promoted(seen: Snapshot) -> bool:
        if seen.phase in {"RollingBack", "RolledBack"}:
            raise StoryError(f"Version {good} is good and was taken back all the same: {seen.message}")
        return seen.phase == "Stable" and seen.stable == good

    watch.until(promoted, what=f"version {good} is promoted", seconds=PROMOTED_WITHIN_SECONDS)
    _finished(watch, good)
    watch.screen.say(f"Version {good} is stable now.")


def _take_back(watch: _Watch) -> None:
    bad, good = objects.BAD, objects.GOOD.name
    share = float(bad.error_rate) * 100
    watch.screen.say(f"Version {bad.name} is applied: it answers {share:.0f} % of its requests with an error.")
    watch.scene.apply(bad)

    def taken_back(seen: Snapshot) -> bool:
        if seen.stable == bad.name:
            raise StoryError(f"Version {bad.name} is bad and was promoted all the same.")
        return seen.phase == "RolledBack" and not seen.candidate and seen.stable == good

    watch.until(taken_back, what=f"version {bad.name} is taken back", seconds=TAKEN_BACK_WITHIN_SECONDS)
    record = _finished(watch, bad.name)
    watch.screen.say(f"Version {bad.name} was taken back: {record.message}")


def _finished(watch: _Watch, version: str) -> Record:
    """The finished record of ``version``: it is written after the traffic was moved."""
    deadline = time.monotonic() + RECORD_WITHIN_SECONDS
    while True:
        done = [r for r in records(watch.scene.api) if r.version == version and r.finished]
        if done:
            return max(done, key=lambda record: record.attempt)
        if time.monotonic() > deadline:
            raise StoryError(f"The PromotionRecord of version {version} is not finished.")
        watch.look()
        time.sleep(LOOK_EVERY_SECONDS)


def _answers(gateway_url: str, body: bytes) -> bool:
    try:
        response = httpx.post(
            f"{gateway_url}/v2/models/{objects.MODEL}/infer",
            content=body,
            headers={"Host": objects.HOSTNAME, "Content-Type": "application/json"},
            timeout=10,
            trust_env=False,
        )
    except httpx.HTTPError:
        return False
    return response.is_success


def _words(seen: Snapshot) -> str:
    split = ", ".join(f"version {version} {weight} %" for version, weight in seen.split.items())
    return f"phase {seen.phase or '(none)'}, {split or 'no traffic'}, {seen.reason} {seen.message}"
