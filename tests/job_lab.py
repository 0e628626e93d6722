"""A ModelDeployment whose policy has a gate ``job``, on a fake API server whose Job controller is as the test says."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.lab import POLICY, Lab

TEMPLATE = {
    "metadata": {"annotations": {"sidecar.istio.io/inject": "false"}},
    "spec": {
        "containers": [
            {"name": "trial", "image": "registry.example.com/trial:1", "env": [{"name": "DATA", "value": "/data"}]}
        ]
    },
}
Outcome = Callable[[dict[str, Any]], Any]


def good(job: dict[str, Any], value: float = 0.95) -> str:
    return json.dumps(
        {
            "revision": told(job)["SERIN_REVISION"],
            "data": "sha256:ab",
            "metrics": [{"name": "auc", "value": value, "n": 5000, "standardError": 0.003}],
        }
    )


def bad(job: dict[str, Any]) -> str:
    return good(job, 0.5)


def crash(_: dict[str, Any]) -> int:
    return 1


def silent(_: dict[str, Any]) -> str:
    return ""


def never(_: dict[str, Any]) -> None:
    return None


def told(job: dict[str, Any]) -> dict[str, str]:
    environment = job["spec"]["template"]["spec"]["containers"][0]["env"]
    return {variable["name"]: variable["value"] for variable in environment}


class JobLab(Lab):
    """A cluster whose Job controller ends a Job in the second after it was made."""

    def __init__(self, before: str = "Start", outcome: Outcome = good, **job: Any) -> None:
        self.outcome = outcome
        fields = {"template": TEMPLATE, "metrics": [{"name": "auc", "min": "0.93"}], "timeout": "60s"} | job
        super().__init__(POLICY | {"gates": [{"name": "offline", "before": before, "job": fields}]})

    def jobs(self) -> list[dict[str, Any]]:
        return [obj for (plural, *_), obj in self.cluster.objects.items() if plural == "jobs"]

    def work(self) -> None:
        for job in self.jobs():
            job["metadata"].setdefault("uid", f"uid-{job['metadata']['name']}")
            job["metadata"].setdefault("creationTimestamp", self.now.isoformat())
            result = self.outcome(job)
            if result is None or job.get("status"):
                continue
            code, message = (result, "") if isinstance(result, int) else (0, result)
            kind = "Failed" if code else "Complete"
            at = self.now.isoformat()
            job["status"] = {"conditions": [{"type": kind, "status": "True", "lastTransitionTime": at}]}
            state = {"exitCode": code, "reason": "Error" if code else "Completed", "message": message}
            owner = {"kind": "Job", "uid": job["metadata"]["uid"], "controller": True}
            self.cluster.pods.append(
                {
                    "metadata": {
                        "name": job["metadata"]["name"],
                        "ownerReferences": [owner],
                        "labels": {"serving.kserve.io/inferenceservice": "of-nobody"},
                    },
                    "status": {"containerStatuses": [{"name": "trial", "state": {"terminated": state}}]},
                }
            )

    async def tick(self) -> Any:
        due = await super().tick()
        self.work()
        return due

    async def asked(self) -> JobLab:
        await self.until(self.stable("1"))
        self.want("2")
        await self.until(lambda: bool(self.jobs()))
        return self

    @property
    def gate(self) -> dict[str, Any]:
        return next(g for g in self.status["rollout"]["gates"] if g["name"] == "offline")
