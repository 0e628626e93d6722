"""What people and Jobs can get wrong about gates: each is said in a condition, and nothing moves.

An upstream that points at itself or in a circle is in ``test_upstream``.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from serin.cluster import resources
from tests.job_lab import JobLab, good, never, told
from tests.lab import POLICY, Lab

TWICE = {"deny": [{"cron": "0 0 * * SUN", "for": "144h"}, {"cron": "0 0 * * SAT", "for": "24h"}]}
WINDOWS: dict[str, tuple[dict[str, Any], str]] = {
    "never fires": ({"allow": [{"cron": "* * */20 * 1L", "for": "1h"}]}, "allow[0].cron: '* * */20 * 1L' never fires"),
    "no day of the year": ({"allow": [{"cron": "0 0 31 6 *", "for": "1h"}]}, "allow[0].cron: '0 0 31 6 *'"),
    "overlaps itself": ({"deny": [{"cron": "0 * * * *", "for": "2h"}]}, "deny[0].for: 2h is longer than the 1h"),
    "leave no moment": (TWICE, "deny: with these windows nothing could move forward for more than a year"),
    "no zone": ({"deny": [{"cron": "0 0 * * *", "for": "1h", "timezone": "Mars/Base"}]}, "Mars/Base is no zone"),
}


@pytest.mark.parametrize(("windows", "words"), WINDOWS.values(), ids=list(WINDOWS))
async def test_windows_that_cannot_be_meant_start_nothing(windows: dict[str, Any], words: str) -> None:
    lab = Lab(POLICY | {"windows": windows})
    await lab.until(lab.stable("1"))
    lab.want("2")
    for _ in range(5):
        await lab.tick()
    assert (lab.status["phase"], lab.status["reason"]) == ("Waiting", "PolicyInvalid")
    assert words in lab.condition("PolicyAccepted")["message"]
    assert words in lab.status["message"]
    assert [key[0] for key in lab.cluster.objects].count("inferenceservices") == 1, "no pod of the candidate"


async def test_windows_that_overlap_each_other_are_both_in_force() -> None:
    both = {"deny": [{"cron": "0 0 * * *", "for": "12h"}, {"cron": "0 9 * * *", "for": "3h"}]}
    lab = Lab(POLICY | {"windows": both})
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lambda: lab.status["reason"] == "OutsideWindow")
    assert "it opens at 2026-11-18T12:00:00Z" in lab.status["message"]


def of_nobody(job: dict[str, Any]) -> str:
    return json.dumps(json.loads(good(job)) | {"revision": "00000000"})


def not_a_number(job: dict[str, Any]) -> str:
    return good(job).replace("0.95", "NaN")


def endless(job: dict[str, Any]) -> str:
    return good(job)[:-1] + " " * 2**20


def somebody_elses(_: dict[str, Any]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "Secret", "data": {"auc": "MC45NQ=="}})


RESULTS: dict[str, tuple[Any, str]] = {
    "nothing": (lambda _: "", "its container wrote no result"),
    "one MiB": (endless, "is cut, as it is longer than 4 KiB"),
    "NaN": (not_a_number, "its result has NaN, which is no number"),
    "somebody else's JSON": (somebody_elses, "is no result: revision: Field required"),
    "another revision's result": (of_nobody, "its result is of revision 00000000, not of the candidate's"),
}


@pytest.mark.parametrize(("outcome", "words"), RESULTS.values(), ids=list(RESULTS))
async def test_a_job_that_says_nothing_of_use_holds_and_rejects_nothing(outcome: Any, words: str) -> None:
    lab = await JobLab(outcome=outcome, retries=1, onFail="Reject").asked()
    await lab.until(lambda: words in lab.gate["message"], 20)
    assert (lab.status["phase"], lab.status["reason"]) == ("Waiting", "GateClosed")
    assert words in lab.condition("Ready")["message"]
    await lab.until(lambda: lab.condition("Stalled")["status"] == "True", 120)
    assert "delete the Jobs of this gate to have it tried again" in lab.condition("Stalled")["message"]
    assert (lab.status["phase"], lab.status["rejected"], len(lab.jobs())) == ("Waiting", [], 2)
    assert "1048576" not in json.dumps(lab.status), "what it wrote is not kept"
    assert told(lab.jobs()[0])["SERIN_VERSION"] == "2"


SAID: list[tuple[str, dict[str, str], str]] = [
    ("Approve", {"gate": "later"}, "gate later is not asked now: it is asked before the move Promote"),
    ("Reject", {"gate": "later"}, "gate later is not asked now"),
    ("Approve", {"gate": "nobody"}, "the rollout's policy has no gate nobody; gates that people answer: later"),
    ("Approve", {"gate": "offline"}, "gate offline is of the kind job: nobody's word opens it"),
]


@pytest.mark.parametrize(("action", "fields", "words"), SAID)
async def test_an_answer_to_a_gate_that_is_not_asked_is_refused(
    action: str, fields: dict[str, str], words: str
) -> None:
    lab = JobLab(outcome=never)
    lab.policy = lab.policy | {"gates": [*lab.policy["gates"], {"name": "later", "before": "Promote", "approval": {}}]}
    meta = {"namespace": "prod", "name": "careful"}
    lab.cluster.put(resources.PROMOTION_POLICIES, {"metadata": meta, "spec": lab.policy})
    await lab.asked()
    spec = {"modelDeployment": "fraud", "action": action, "rollout": lab.status["rollout"]["record"], **fields}
    body = {"kind": "PromotionAction", "metadata": {"namespace": "prod", "name": "said"}}
    lab.cluster.put(resources.PROMOTION_ACTIONS, body | {"spec": spec | {"requestedBy": "ana"}})
    await lab.until(lambda: "status" in lab.obj(resources.PROMOTION_ACTIONS, "said"), 40)
    answer = lab.obj(resources.PROMOTION_ACTIONS, "said")["status"]
    assert answer["outcome"] == "Refused"
    assert words in answer["message"]
    assert (lab.status["phase"], lab.status["reason"]) == ("Waiting", "GateClosed")
