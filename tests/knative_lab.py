"""A ModelDeployment of mode Knative on fakes of KServe and Knative Serving, for stories of whole passes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.fake_knative import FakeKnative
from tests.lab import POLICY, Lab


class KnativeLab(Lab):
    """KServe takes a step before each pass; ``shares`` has what each version got, from the beginning on."""

    def __init__(self, policy: dict[str, Any] = POLICY) -> None:
        self.shares: list[dict[str, int]] = []
        super().__init__(policy)

    def new_cluster(self) -> FakeKnative:
        return FakeKnative(clock=lambda: self.now)

    @property
    def knative(self) -> FakeKnative:
        assert isinstance(self.cluster, FakeKnative)
        return self.cluster

    def want(self, version: str, **changes: Any) -> None:
        super().want(version, **{"mode": "Knative", **changes})

    async def tick(self) -> datetime | None:
        self.knative.step()
        self.shares.append(self.knative.shares())
        return await super().tick()

    async def settle(self, ticks: int = 12) -> None:
        for _ in range(ticks):
            await self.tick()

    def share(self, version: str) -> int:
        """Percent that a version has now."""
        return self.knative.shares().get(version, 0)

    @property
    def percent(self) -> int | None:
        value: int | None = self.knative.isvc["spec"]["predictor"].get("canaryTrafficPercent")
        return value

    def most(self, version: str, since: int = 0) -> int:
        """The most that a version had."""
        return max((shares.get(version, 0) for shares in self.shares[since:]), default=0)

    def was_told(self, words: str) -> bool:
        """Whether an Event has these words."""
        return any(words in obj["message"] for key, obj in self.cluster.objects.items() if key[0] == "events")


async def knative_serving(policy: dict[str, Any] = POLICY) -> KnativeLab:
    """A lab in which version 1 is stable."""
    lab = KnativeLab(policy)
    await lab.until(lab.stable("1"))
    await lab.settle(3)
    return lab
