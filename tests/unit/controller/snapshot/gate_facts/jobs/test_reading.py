"""The Job of a gate in whole rollouts: made once, found again, tried again with a pause, and what it is told."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from serin.cluster import resources
from serin.errors import Refused
from tests.fakes import Killed
from tests.job_lab import JobLab, Outcome, bad, crash, good, never, silent, told
from tests.lab import KEY, isvc
from tests.slices import pairs


async def test_a_good_trial_opens_the_gate_and_stands_in_the_record() -> None:
    lab = await JobLab().asked()
    await lab.until(lab.stable("2"))
    [job] = lab.jobs()
    [result] = lab.record(2)["status"]["gates"]
    assert (result["name"], result["kind"], result["state"]) == ("offline", "job", "Open")
    kept = json.loads(result["result"])
    assert (kept["data"], kept["metrics"][0]["value"]) == ("sha256:ab", 0.95)
    assert job["metadata"]["ownerReferences"][0]["kind"] == "ModelDeployment"


async def test_what_the_job_is_and_what_it_is_told() -> None:
    lab = await JobLab(outcome=never).asked()
    [job] = lab.jobs()
    record = lab.status["rollout"]["record"]
    labels = job["metadata"]["labels"]
    assert labels == job["spec"]["template"]["metadata"]["labels"]
    assert labels == {
        "app.kubernetes.io/managed-by": "serin",
        "serin.dev/model-deployment": "fraud",
        "serin.dev/record": record,
        "serin.dev/gate": "offline",
        "serin.dev/step": "0",
        "serin.dev/attempt": "1",
    }
    spec = job["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"]) == (0, 60)
    assert spec["ttlSecondsAfterFinished"] == 7 * 24 * 3600
    pod = spec["template"]["spec"]
    assert (pod["restartPolicy"], pod["automountServiceAccountToken"]) == ("Never", False)
    assert "serviceAccountName" not in pod, "the namespace's own, not Serin's"
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert pod["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    variables = told(job)
    assert variables == {
        "SERIN_NAMESPACE": "prod",
        "SERIN_MODEL_DEPLOYMENT": "fraud",
        "SERIN_HOSTNAME": "fraud.example.com",
        "SERIN_REVISION": lab.status["candidate"]["revision"],
        "SERIN_VERSION": "2",
        "SERIN_MODEL_URI": "s3://models/2",
        "SERIN_MODEL_NAME": "fraud",
        "SERIN_STABLE_REVISION": lab.status["stable"]["revision"],
        "SERIN_STABLE_VERSION": "1",
        "SERIN_STABLE_MODEL_URI": "s3://models/1",
        "SERIN_STABLE_MODEL_NAME": "fraud",
        "SERIN_RESULT": "/dev/termination-log",
        "DATA": "/data",
    }
    assert [k[2] for k in lab.cluster.objects if k[0] == "inferenceservices"] == [isvc("1")], "no pod of the candidate"


async def test_before_traffic_the_candidate_is_up_and_has_none() -> None:
    lab = await JobLab("Traffic", outcome=never).asked()
    for _ in range(5):
        await lab.tick()
    assert (lab.status["phase"], lab.status["reason"]) == ("Preparing", "GateClosed")
    assert ": gate offline holds the first weight: Job " in lab.status["message"]
    assert lab.cluster.ready(isvc("2")) == 1
    assert lab.backends().get(isvc("2"), 0) == 0
    lab.outcome = good
    await lab.until(lab.stable("2"))
    assert len(lab.jobs()) == 1


async def test_each_further_weight_has_a_job_of_its_own() -> None:
    lab = await JobLab("Step").asked()
    await lab.until(lab.stable("2"))
    assert sorted(job["metadata"]["labels"]["serin.dev/step"] for job in lab.jobs()) == ["1", "2"]


@pytest.mark.parametrize("on_fail", ["Hold", "Reject"])
@pytest.mark.parametrize("before", ["Start", "Traffic", "Step", "Promote"])
async def test_a_measured_failure_does_what_the_gate_says(before: str, on_fail: str) -> None:
    lab = await JobLab(before, outcome=bad, onFail=on_fail).asked()
    if on_fail == "Reject":
        await lab.until(lab.rolled_back)
        for _ in range(3):
            await lab.tick()
        record = lab.record(2)["status"]
        assert (record["outcome"], record["reason"]) == ("RolledBack", "TrialFailed")
        assert json.loads(record["gates"][-1]["result"])["metrics"][0]["value"] == 0.5
        assert [r["reason"] for r in lab.status["rejected"]] == ["TrialFailed"]
        return
    await lab.until(lambda: "measured that auc is at most" in lab.gate["message"])
    for _ in range(30):
        await lab.tick()
    assert (lab.status["reason"], lab.condition("Stalled")["status"]) == ("GateClosed", "True")
    assert len(lab.jobs()) == 1


@pytest.mark.parametrize(("outcome", "words"), [(crash, "exit code 1"), (silent, "wrote no result")])
async def test_trouble_is_tried_again_with_a_pause_and_never_rejects(outcome: Outcome, words: str) -> None:
    lab = await JobLab(outcome=outcome, retries=2, onFail="Reject").asked()
    await lab.until(lambda: words in lab.gate["message"], 20)
    assert "it is tried again at" in lab.gate["message"]
    assert lab.gate["until"]
    made: list[Any] = []
    for _ in range(150):
        await lab.tick()
        if len(lab.jobs()) > len(made):
            made.append(lab.now)
    assert len(lab.jobs()) == 3
    assert made[2] - made[1] >= timedelta(seconds=60), "30 s, then 60 s"
    assert (lab.status["phase"], lab.status.get("rejected")) == ("Waiting", [])
    assert lab.condition("Stalled")["status"] == "True"
    assert "tried 3 times; delete the Jobs of this gate" in lab.gate["message"]
    lab.outcome = good
    lab.cluster.pods.clear()
    for job in lab.jobs():
        del lab.cluster.objects["jobs", "prod", job["metadata"]["name"]]
    await lab.until(lab.stable("2"))


async def test_after_trouble_a_good_trial_opens_it() -> None:
    lab = await JobLab(outcome=crash).asked()
    lab.outcome = good
    lab.jobs()[0].pop("status", None)
    await lab.until(lab.stable("2"))


async def test_a_job_that_is_refused_holds_with_the_servers_words() -> None:
    class Quota(JobLab):
        refused = True

        def new_cluster(self) -> Any:
            cluster = super().new_cluster()
            create = cluster.create

            async def limited(resource: Any, namespace: str, body: Any, *, dry_run: bool = False) -> Any:
                if resource is resources.JOBS and self.refused:
                    raise Refused("create jobs: 403 exceeded quota: jobs")
                return await create(resource, namespace, body, dry_run=dry_run)

            cluster.create = limited  # type: ignore[method-assign]
            return cluster

    lab = Quota()
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lambda: "exceeded quota" in (lab.status.get("message") or ""))
    assert lab.jobs() == []
    lab.refused = False
    await lab.until(lab.stable("2"))


async def test_one_that_is_not_serins_is_not_read() -> None:
    lab = await JobLab(outcome=never).asked()
    [job] = lab.jobs()
    job["metadata"]["ownerReferences"] = []
    lab.outcome = good
    for _ in range(15):
        await lab.tick()
    assert lab.status["phase"] == "Waiting"
    assert "exists, and is not as Serin made it" in lab.gate["message"]


@pytest.mark.parametrize(("before", "write", "when"), pairs(["Start"], range(1, 9), ["before", "after"]))
async def test_a_death_at_any_write_makes_no_second_job(before: str, write: int, when: str) -> None:
    lab = JobLab(before)
    await lab.until(lab.stable("1"))
    lab.want("2")
    lab.cluster.die_at = (len(lab.cluster.writes) + write, when)
    for _ in range(150):
        try:
            await lab.tick()
        except Killed:
            lab.cluster.die_at = None
            lab.restart()
        if lab.stable("2")():
            break
    assert lab.stable("2")()
    assert len([line for line in lab.cluster.writes if "jobs" in line]) <= 2
    assert len(lab.jobs()) == 1


async def test_a_breach_is_taken_back_while_a_trial_runs() -> None:
    lab = await JobLab("Step", outcome=never).asked()
    lab.prometheus.candidate_bad = lab.prometheus.candidate_rate
    await lab.until(lab.rolled_back)
    assert lab.record(2)["status"]["reason"] in {"SLOBreached", "AllRequestsBad"}


async def test_nothing_is_looked_at_when_nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = await JobLab().asked()
    await lab.until(lab.stable("2"))
    assert lab.reconciler._facts._known == {}
    listed = []

    async def counted(resource: Any, *_: Any) -> list[Any]:
        listed.append(resource.plural)
        return []

    monkeypatch.setattr(lab.cluster, "list", counted)
    await lab.reconciler.reconcile(KEY)
    assert "jobs" not in listed
