"""The trial of a rollout that is over: ended whatever ended the rollout, and whoever died in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from serin.cluster import resources
from serin.errors import Refused, Unavailable
from tests.fakes import Killed
from tests.job_lab import JobLab, crash, good, never
from tests.slices import pairs

Ending = Callable[["TrialLab"], None]


class TrialLab(JobLab):
    """Says PromotionActions, and may refuse or lose what is sent for Jobs."""

    error: Exception | None = None
    """What the API server answers to a deletion of a Job."""
    deletions = 0

    def new_cluster(self) -> Any:
        cluster = super().new_cluster()
        delete = cluster.delete

        async def deleted(resource: Any, namespace: str, name: str, *, uid: str = "") -> None:
            if resource is resources.JOBS:
                assert uid, "only the Job that was read"
                self.deletions += 1
                if self.error is not None:
                    raise self.error
            await delete(resource, namespace, name, uid=uid)

        cluster.delete = deleted  # type: ignore[method-assign]
        return cluster

    def say(self, action: str) -> None:
        asked = {"modelDeployment": "fraud", "action": action, "rollout": self.status["rollout"]["record"]}
        body = {"kind": "PromotionAction", "metadata": {"namespace": "prod", "name": action.lower()}}
        self.cluster.put(resources.PROMOTION_ACTIONS, body | {"spec": asked | {"requestedBy": "ana"}})

    def running(self) -> list[str]:
        return [job["metadata"]["labels"]["serin.dev/record"] for job in self.jobs() if not job.get("status")]

    def over(self, attempt: int = 2) -> bool:
        return "outcome" in (self.record(attempt).get("status") or {})


def breach(lab: TrialLab) -> None:
    lab.prometheus.candidate_bad = lab.prometheus.candidate_rate


ENDINGS: dict[str, tuple[str, Ending, str]] = {
    "abort while it waits": ("Start", lambda lab: lab.say("Abort"), "Aborted"),
    "abort before traffic": ("Traffic", lambda lab: lab.say("Abort"), "Aborted"),
    "breach": ("Step", breach, "RolledBack"),
    "another revision": ("Start", lambda lab: lab.want("3"), "Superseded"),
    "another revision in mid-way": ("Promote", lambda lab: lab.want("3"), "Superseded"),
    "stable is asked for again": ("Traffic", lambda lab: lab.want("1"), "Superseded"),
}


@pytest.mark.parametrize(("before", "end", "outcome"), ENDINGS.values(), ids=list(ENDINGS))
async def test_it_ends_with_its_rollout(before: str, end: Ending, outcome: str) -> None:
    lab = TrialLab(before, outcome=never)
    await lab.asked()
    [record] = lab.running()
    end(lab)
    await lab.until(lab.over)
    assert lab.record(2)["status"]["outcome"] == outcome
    assert record not in lab.running()
    for _ in range(5):
        await lab.tick()
    assert record not in lab.running()


async def test_one_that_has_ended_is_kept_to_be_looked_at() -> None:
    lab = TrialLab(outcome=crash)
    await lab.asked()
    lab.say("Abort")
    await lab.until(lab.over)
    assert (len(lab.jobs()), lab.deletions) == (1, 0)


async def test_a_promotion_keeps_the_trial_that_let_it_through() -> None:
    lab = TrialLab(outcome=good)
    await lab.asked()
    await lab.until(lab.stable("2"))
    assert (len(lab.jobs()), lab.deletions) == (1, 0)


async def test_that_of_the_next_rollout_goes_on() -> None:
    lab = TrialLab(outcome=never)
    await lab.asked()
    lab.want("3")
    await lab.until(lambda: [record.rsplit("-", 1)[1] for record in lab.running()] == ["3"])
    for _ in range(5):
        await lab.tick()
    assert lab.running() == [lab.record(3)["metadata"]["name"]]


@pytest.mark.parametrize(
    ("how", "write", "when"),
    pairs(["abort before traffic", "breach", "another revision"], range(7), ["before", "after"]),
)
async def test_it_ends_whoever_dies_at_whatever_write(how: str, write: int, when: str) -> None:
    before, end, outcome = ENDINGS[how]
    lab = TrialLab(before, outcome=never)
    await lab.asked()
    [record] = lab.running()
    end(lab)
    lab.cluster.die_at = (len(lab.cluster.writes) + write, when)
    for _ in range(60):
        try:
            await lab.tick()
        except Killed:
            lab.cluster.die_at = None
            lab.restart()
    assert lab.record(2)["status"]["outcome"] == outcome
    assert record not in lab.running()


async def test_while_it_cannot_be_ended_the_outcome_waits_and_the_weight_does_not() -> None:
    lab = TrialLab("Step", outcome=never)
    await lab.asked()
    lab.error = Unavailable("delete jobs: no answer")
    breach(lab)
    await lab.until(lambda: "candidate" in lab.status and lab.status["weights"]["desired"] == 0)
    for _ in range(10):
        await lab.tick()
    assert not lab.over()
    assert lab.deletions > 1
    lab.error = None
    await lab.until(lab.over, 20)
    assert lab.running() == []


async def test_what_is_lost_for_long_ends_by_its_own_timeout() -> None:
    lab = TrialLab("Start", outcome=never)
    await lab.asked()
    lab.error = Unavailable("delete jobs: no answer")
    lab.say("Abort")
    await lab.until(lab.over, 200)
    assert lab.jobs()[0]["spec"]["activeDeadlineSeconds"] == 60


async def test_a_refusal_is_told_and_the_rollout_ends_all_the_same() -> None:
    lab = TrialLab("Start", outcome=never)
    await lab.asked()
    lab.error = Refused('jobs.batch "x" is forbidden: User "serin" cannot delete resource "jobs"')
    lab.say("Abort")
    await lab.until(lambda: bool(lab.status["writeFailures"]), 5)
    [failure] = lab.status["writeFailures"]
    assert (failure["act"], failure["reason"]) == ("Job", "PermissionMissing")
    assert "cannot delete" in failure["message"]
    await lab.until(lab.over, 20)


async def test_jobs_of_others_are_left_alone() -> None:
    lab = TrialLab(outcome=never)
    await lab.asked()
    [job] = lab.jobs()
    job["metadata"]["ownerReferences"][0]["uid"] = "another"
    lab.say("Abort")
    await lab.until(lab.over)
    assert lab.deletions == 0


async def test_a_policy_without_such_a_gate_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = TrialLab()
    lab.policy = {key: value for key, value in lab.policy.items() if key != "gates"}
    lab.cluster.put(
        resources.PROMOTION_POLICIES, {"metadata": {"namespace": "prod", "name": "careful"}, "spec": lab.policy}
    )
    listed, original = [], lab.cluster.list

    async def counted(resource: Any, *rest: Any) -> list[Any]:
        listed.append(resource.plural)
        return await original(resource, *rest)

    monkeypatch.setattr(lab.cluster, "list", counted)
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lab.stable("2"))
    assert "jobs" not in listed
