"""Three environments of one cluster, as the one sees them who commits and watches."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from e2e.demo.errors import StoryError
from e2e.demo.objects import API_VERSION, FEATURES
from e2e.environments import files
from e2e.environments.files import ENVIRONMENTS
from e2e.load.answer import read_log
from e2e.load.background import BackgroundLoad
from e2e.load.client import infer_body
from e2e.load.generator import LoadPlan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from e2e.deploy.cluster import ClusterApi, Json
    from e2e.environments.files import Commit
    from e2e.load.answer import Answer

MODEL = "fraud"
KSERVE_API = "serving.kserve.io/v1beta1"
LOOK_EVERY_SECONDS = 0.5
WITHIN_SECONDS = 240.0
RATES = {"dev": 20.0, "staging": 60.0, "production": 80.0}
"""Requests per second: in dev those of a pipeline."""


@dataclass
class Pipeline:
    """The environments, and what was seen of them."""

    api: ClusterApi
    gateway_url: str
    folder: Path
    say: Callable[[str], None]
    last_words: Callable[[], str] = lambda: ""
    _shown: dict[str, tuple[str, str, str]] = field(default_factory=dict)

    def set_up(self) -> None:
        """Namespaces, policies and rights; no calendar yet, and no model."""
        role = files.approver_role()
        if self.api.get(role["apiVersion"], role["kind"], role["metadata"]["name"]) is None:
            self.api.apply(role)
        for name in ENVIRONMENTS:
            self.api.apply(files.namespace(name))
            for item in files.rendered(name):
                if item["kind"] not in {"ModelDeployment", "PromotionFreeze"}:
                    self.api.apply(files.shortened(item))

    def commit(self, commit: Commit) -> None:
        """What happens after a push: every environment applies what stands in Git, all at the same time."""
        self.say(f"git commit: {commit.message}")
        for name in ENVIRONMENTS:
            for item in files.rendered(name):
                if item["kind"] == "ModelDeployment":
                    self.api.apply(files.committed(item, commit))

    def freeze(self) -> Json:
        """The first freeze of the calendar, in force from now on."""
        item = next(item for item in files.rendered("production") if item["kind"] == "PromotionFreeze")
        spec = {"reason": item["spec"]["reason"]}
        return self.api.apply(item | {"spec": spec})

    def thaw(self) -> None:
        """The end of that freeze."""
        for item in self.api.list(API_VERSION, "PromotionFreeze", "production"):
            self.api.delete(API_VERSION, "PromotionFreeze", item["metadata"]["name"], "production")

    def status(self, environment: str) -> Json:
        """The status of the model there."""
        item = self.api.get(API_VERSION, "ModelDeployment", MODEL, environment) or {}
        return dict(item.get("status") or {})

    def records(self, environment: str) -> list[Json]:
        """The PromotionRecords there, oldest first."""
        found = self.api.list(API_VERSION, "PromotionRecord", environment)
        return sorted(found, key=lambda record: int(record["spec"]["attempt"]))

    def versions_running(self, environment: str) -> set[str]:
        """The versions that have an InferenceService there."""
        services = self.api.list(KSERVE_API, "InferenceService", environment)
        return {str(service["metadata"]["labels"]["serin.dev/version"]) for service in services}

    def look(self) -> dict[str, Json]:
        """The statuses of all; what changed is told."""
        found = {name: self.status(name) for name in ENVIRONMENTS}
        for name, status in found.items():
            told = (
                status.get("phase", ""),
                status.get("reason", ""),
                str(status.get("weights", {}).get("applied", "")),
            )
            if told != self._shown.get(name) and told[0]:
                self._shown[name] = told
                weight = f" at {told[2]} %" if told[0] == "Progressing" else ""
                self.say(f"  {name:10} {told[0]}{weight}: {status.get('message', '')}")
        return found

    def until(self, done: Callable[[Mapping[str, Json]], bool], what: str, seconds: float = WITHIN_SECONDS) -> None:
        """Looks until ``done``; StoryError with what was seen last."""
        deadline = time.monotonic() + seconds
        while not done(seen := self.look()):
            if time.monotonic() > deadline:
                words = "; ".join(
                    f"{n}: {s.get('phase')} {s.get('reason')} {s.get('message')}" for n, s in seen.items()
                )
                raise StoryError(f"Expected within {seconds:.0f} s: {what}. Seen: {words}\n{self.last_words()}")
            time.sleep(LOOK_EVERY_SECONDS)

    def until_stable(self, version: str, *environments: str) -> None:
        """Until the version is stable there."""

        def stable(seen: Mapping[str, Json]) -> bool:
            return all(
                seen[name].get("phase") == "Stable" and seen[name].get("stable", {}).get("version") == version
                for name in environments
            )

        self.until(stable, f"version {version} is stable in {', '.join(environments)}")

    def until_reason(self, environment: str, reason: str) -> None:
        """Until the model there is where it is for this reason."""
        self.until(lambda seen: seen[environment].get("reason") == reason, f"{environment} says {reason}")

    def for_seconds(self, seconds: float) -> None:
        """Goes on looking."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.look()
            time.sleep(LOOK_EVERY_SECONDS)

    def approve(self, gate: str, ticket: str, person: ClusterApi) -> Json:
        """Somebody of the group risk approves what waits in production."""
        rollout = self.status("production")["rollout"]["record"]
        spec = {
            "modelDeployment": MODEL,
            "rollout": rollout,
            "action": "Approve",
            "gate": gate,
            "groups": ["risk"],
            "ticket": ticket,
            "requestedBy": person.user(),
        }
        metadata = {"name": f"approve-{ticket.lower()}", "namespace": "production"}
        return person.create({"apiVersion": API_VERSION, "kind": "PromotionAction", "metadata": metadata, "spec": spec})

    @contextmanager
    def load(self) -> Iterator[None]:
        """Requests to all environments as long as the block."""
        with ExitStack() as stack:
            for name in ENVIRONMENTS:
                host = self._host(name)
                plan = LoadPlan(self.gateway_url, host, MODEL, infer_body(FEATURES), rate=RATES[name])
                stack.enter_context(BackgroundLoad(plan, self.folder / f"{name}.csv"))
            yield

    def _host(self, environment: str) -> str:
        item = self.api.get(API_VERSION, "ModelDeployment", MODEL, environment) or {}
        return str(item["spec"]["route"]["hostnames"][0])

    def answers(self, environment: str) -> list[Answer]:
        """What clients got there, after the load has ended."""
        return list(read_log(self.folder / f"{environment}.csv"))

    def tear_down(self) -> None:
        """Removes what the story made."""
        for name in ENVIRONMENTS:
            self.api.delete(API_VERSION, "ModelDeployment", MODEL, name)
            for service in self.api.list(KSERVE_API, "InferenceService", name):
                self.api.delete(KSERVE_API, "InferenceService", service["metadata"]["name"], name)
            self.api.delete("v1", "Namespace", name)
