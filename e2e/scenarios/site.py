"""What does a scenario play on? A namespace of its own, an operator that may be killed, and load that keeps a log."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self

from e2e.demo.objects import API_VERSION, FEATURES, STORE
from e2e.deploy.cluster import wait_until
from e2e.load.analysis import by_version, failures_except
from e2e.load.answer import read_log
from e2e.load.background import BackgroundLoad
from e2e.load.client import infer_body
from e2e.load.generator import LoadPlan
from e2e.scenarios.clients import Clients
from e2e.scenarios.failed import told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from e2e.deploy.cluster import ClusterApi, Json
    from e2e.load.answer import Answer
    from e2e.scenarios.history import History
    from e2e.scenarios.provider import Installation, Operator, Provider

MODEL = "fraud"
POLICY = "careful"
GATEWAY_API = "gateway.networking.k8s.io/v1"
KSERVE_API = "serving.kserve.io/v1beta1"
USUAL_SECONDS = 130.0


@dataclass
class Site:
    """One model in one namespace, as its owner and its operator see it."""

    provider: Provider
    api: ClusterApi
    operator: Operator
    namespace: str
    folder: Path
    history: History
    installation: Installation
    """What ``operator`` is in the beginning."""
    weights: list[int] = field(default_factory=list)
    """Weights on the candidate that were seen on the route, changes only."""
    clients: Clients = field(default_factory=Clients)
    """What the clients of all its loads got."""

    @classmethod
    def of(cls, site: Site) -> Self:
        """The same site, as one of this kind."""
        return cls(**{field.name: getattr(site, field.name) for field in fields(Site)})

    @property
    def host(self) -> str:
        """The name that clients use."""
        return f"{MODEL}.{self.namespace}.example.com"

    def policy(self, **changes: Any) -> None:
        """Applies the policy: one Critical SLO, windows of a second, short steps."""
        spec: Json = {
            "slos": [{"name": "availability", "objective": "99.0", "indicator": {"availability": {}}}],
            "analysis": {"window": "1s"},
            "arms": self.provider.arms,
            "steps": [{"weight": 25, "for": "4s"}, {"weight": 50, "for": "4s"}],
            "prepareTimeout": "120s",
        }
        self.api.apply(self.item("PromotionPolicy", POLICY, spec | changes))

    def want(self, version: str, *, environment: dict[str, str] | None = None, **changes: Any) -> None:
        """Asks for a version, as its owner would."""
        self.api.apply(self.model_deployment(version, environment=environment, **changes))

    def model_deployment(self, version: str, *, environment: dict[str, str] | None = None, **changes: Any) -> Json:
        """The ModelDeployment that asks for ``version``."""
        env = {"MODEL_VERSION": version, **(environment or {})}
        archive = version if version in {"1", "2", "3"} else "1"
        spec: Json = {
            "model": {
                "version": version,
                "uri": f"{STORE}/fraud/{archive}.tar.gz",
            },
            "predictor": {
                "model": {
                    "modelFormat": {"name": "sklearn"},
                    "runtime": "kserve-sklearnserver",
                    "env": [{"name": name, "value": value} for name, value in env.items()],
                },
                "minReplicas": 1,
            },
            "route": {
                "hostnames": [self.host],
                "parentRef": {"name": "models", "namespace": "gateways"},
                "timeout": "5s",
            },
            "policyRef": {"name": POLICY},
        }
        return self.item("ModelDeployment", MODEL, spec | changes)

    def item(self, kind: str, name: str, spec: Json) -> Json:
        """An object of ours in this namespace."""
        return {
            "apiVersion": API_VERSION,
            "kind": kind,
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": spec,
        }

    @property
    def obj(self) -> Json:
        """The ModelDeployment as it is; empty if there is none."""
        return self.api.get(API_VERSION, "ModelDeployment", MODEL, self.namespace) or {}

    @property
    def status(self) -> Json:
        """Its status."""
        return dict(self.obj.get("status") or {})

    @property
    def reason(self) -> str:
        """Why it is where it is."""
        return next((c["reason"] for c in self.status.get("conditions", []) if c["type"] == "Ready"), "")

    @property
    def route(self) -> Json:
        """Our HTTPRoute; empty if there is none."""
        return self.api.get(GATEWAY_API, "HTTPRoute", MODEL, self.namespace) or {}

    def weight(self) -> int:
        """What the route gives the candidate now."""
        route = self.route
        revision = route.get("metadata", {}).get("annotations", {}).get("serin.dev/candidate-revision")
        backends = route["spec"]["rules"][0]["backendRefs"] if route else []
        return next((b["weight"] for b in backends if revision and revision in b["name"]), 0)

    def stable_backend(self) -> str:
        """The Service that takes what the candidate does not."""
        backends = self.route["spec"]["rules"][0]["backendRefs"]
        return str(max(backends, key=lambda b: b["weight"])["name"])

    def records(self) -> list[Json]:
        """The PromotionRecords, oldest first."""
        return sorted(
            self.api.list(API_VERSION, "PromotionRecord", self.namespace), key=lambda r: int(r["spec"]["attempt"])
        )

    def outcomes(self) -> list[str]:
        """How the rollouts ended, oldest first; what is written last follows what is decided: the record the status."""

        def written() -> list[str]:
            return [str(record.get("status", {}).get("outcome") or "") for record in self.records()]

        wait_until(lambda: all(written()), what="every record has its outcome", seconds=10)
        return written()

    def say(self, action: str, name: str, **fields: str) -> None:
        """Creates a PromotionAction on the rollout under way (or with other ``fields``), in our own name."""
        if action != "Retry":
            fields = {"rollout": self.status.get("rollout", {}).get("record", ""), **fields}
        spec = {"modelDeployment": MODEL, "action": action, "requestedBy": self.api.user(), **fields}
        self.api.apply(self.item("PromotionAction", name, spec))

    def told(self, name: str) -> Json:
        """What came of that PromotionAction, as soon as it is answered."""

        def status() -> Json:
            found = self.api.get(API_VERSION, "PromotionAction", name, self.namespace) or {}
            return dict(found.get("status") or {})

        wait_until(lambda: bool(status().get("outcome")), what=f"the action {name} is answered", seconds=15)
        return status()

    def services(self) -> list[Json]:
        """The InferenceServices."""
        return self.api.list(KSERVE_API, "InferenceService", self.namespace)

    def min_replicas(self) -> list[int]:
        """What every InferenceService is asked to run at least."""
        return [service["spec"]["predictor"].get("minReplicas", 0) for service in self.services()]

    def ready_endpoints(self, version: str) -> int:
        """How many endpoints of ``version`` can answer."""
        own = {
            s["metadata"]["name"] for s in self.services() if s["metadata"]["labels"]["serin.dev/version"] == version
        }
        return sum(
            endpoint["conditions"]["ready"]
            for piece in self.api.list("discovery.k8s.io/v1", "EndpointSlice", self.namespace)
            if piece["metadata"]["labels"]["kubernetes.io/service-name"].removesuffix("-predictor") in own
            for endpoint in piece["endpoints"] or []
        )

    def look(self) -> Json:
        """Notes the weight on the route and gives the status."""
        weight = self.weight()
        if not self.weights or self.weights[-1] != weight:
            self.weights.append(weight)
        return self.status

    def until(self, done: Callable[[Json], bool], *, what: str, seconds: float = USUAL_SECONDS) -> None:
        """Looks until ``done``; fails with the last status."""
        seen: list[Json] = [{}]

        def look() -> bool:
            seen[0] = self.look()
            return done(seen[0])

        try:
            wait_until(look, what=what, seconds=seconds)
        except Exception as error:
            error.add_note(f"last seen: {seen[0].get('phase')} {self.reason}: {seen[0].get('message')}")
            error.add_note(self.operator.last_words())
            raise

    def until_stable(self, version: str, *, never_back: bool = True) -> None:
        """Until ``version`` is stable; fails at once if it is taken back."""

        def done(status: Json) -> bool:
            if never_back and status.get("phase") in {"RollingBack", "RolledBack"}:
                raise AssertionError(f"taken back: {status.get('message')}")
            return status.get("phase") == "Stable" and status["stable"]["version"] == version

        self.until(done, what=f"version {version} is stable")

    def until_taken_back(self, *, seconds: float = USUAL_SECONDS) -> Json:
        """Until the candidate is taken back and its record is finished; the record."""
        self.until(
            lambda s: s.get("phase") == "RolledBack" and not s.get("candidate"),
            what="the candidate is taken back",
            seconds=seconds,
        )
        return self.records()[-1]

    def until_outcome(self, outcome: str) -> Json:
        """Until the newest record has its outcome, which should be this one; the record."""
        assert self.outcomes()[-1] == outcome
        return self.records()[-1]

    def until_weight(self, weight: int) -> None:
        """Until the route gives the candidate ``weight`` percent."""
        self.until(lambda _: bool(self.weights) and self.weights[-1] == weight, what=f"{weight} % on the candidate")

    def restart_on_trial(self, weight: int) -> None:
        """The operator is killed and started again while the candidate has ``weight`` percent, as soon as it has."""
        if weight:
            self.until_weight(weight)
        else:
            self.until(lambda status: bool(status.get("candidate")), what="the rollout has begun")
        self.operator.kill()
        self.operator.start()

    def is_over(self, version: str, outcome: str) -> bool:
        """Whether the rollout of ``version`` has ended so: ``Promoted`` or ``RolledBack``."""
        status = self.status
        if outcome == "Promoted":
            return status.get("phase") == "Stable" and (status.get("stable") or {}).get("version") == version
        rejected = status.get("rejected") or [{}]
        return (
            status.get("phase") == "RolledBack"
            and not status.get("candidate")
            and rejected[0].get("version") == version
        )

    def go_live(self) -> None:
        """Version 1 serves."""
        self.policy()
        self.want("1")
        self.until_stable("1")

    def load(self, rate: float = 120) -> AbstractContextManager[BackgroundLoad]:
        """Requests while the block lasts, at no more than the rate that the provider carries."""
        return self.load_at(min(rate, self.provider.steady_rate))

    @contextmanager
    def load_at(self, rate: float) -> Iterator[BackgroundLoad]:
        """Requests at a steady rate to the model's own URL while the block lasts."""
        plan = LoadPlan(self.provider.gateway_url, self.host, MODEL, infer_body(FEATURES), rate=rate)
        try:
            with BackgroundLoad(plan, self.folder / "load.csv") as load:
                yield load
        finally:
            self.clients.add(self.answers())

    def answers(self) -> list[Answer]:
        """What clients got, after the load has ended."""
        return list(read_log(self.folder / "load.csv"))

    def nobody_else_failed(self, but: str = "") -> None:
        """No request failed but those that version ``but`` answered itself."""
        answers = self.answers()
        failed = [answer for answer in failures_except(answers, but) if not self.is_gateways_own(answer)]
        assert not failed, f"{len(failed)} of {len(answers)} failed, {told(self.api, self.namespace, failed)}"

    def is_gateways_own(self, answer: Answer) -> bool:
        """Whether the gateway failed a request by a fault of its own that is known: there is none in mode Standard."""
        del answer
        return False

    def requests_of(self, version: str) -> int:
        """How many requests ``version`` answered."""
        counts = by_version(self.answers()).get(version)
        return counts.total if counts else 0
