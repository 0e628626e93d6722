"""Who asked is known only of actions that were created since the admission policy was proven to be in force."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from serin.api.promotion_action import PromotionActionSpec
from serin.cluster import resources
from serin.controller.snapshot.actions.requesters import ASKED_AGAIN, Requesters, prove
from serin.errors import NotFound, Refused, Unavailable
from serin.rollout.views import ActionView
from tests.clock import START
from tests.fakes import FakeCluster
from tests.lab import Lab, isvc

SECOND = timedelta(seconds=1)


@dataclass
class Leader:
    """A leader, an API server whose policy comes and goes, and the clock of both."""

    now: datetime = START
    cluster: FakeCluster = field(default_factory=FakeCluster)

    def __post_init__(self) -> None:
        self.cluster.clock = lambda: self.now
        self.elected()

    def elected(self) -> None:
        self.requesters = Requesters(lambda: self.now)

    async def at(self, seconds: float, *, in_force: bool | None = True) -> bool | None:
        """The leader asks at that time; with None nobody answers."""
        self.now = START + seconds * SECOND
        self.cluster.vouching, self.cluster.down = bool(in_force), in_force is None
        return (await self.requesters.in_force(self.cluster, "prod")).requester

    def vouched(self, created: float | None, namespace: str = "prod") -> bool:
        at = None if created is None else START + created * SECOND
        spec = {"modelDeployment": "fraud", "action": "Release", "rollout": "r", "requestedBy": "ana"}
        action = ActionView("please", "uid", PromotionActionSpec.model_validate(spec), at)
        return self.requesters.vouched(namespace, [action])[0].vouched


@pytest.mark.parametrize(
    ("created", "vouched"),
    [(-3600, False), (9, False), (10, False), (11, True), (12, True), (None, False)],
    ids=["long before", "before", "in the second of the proof", "equal", "after", "no creation time"],
)
async def test_an_action_counts_from_the_proof_on(created: float | None, vouched: bool) -> None:  # noqa: FBT001 - a column
    """Times are whole seconds: what was created in the second of the proof may have been there before it."""
    leader = Leader()
    assert await leader.at(10.4) is True
    assert leader.vouched(created) is vouched
    assert await leader.at(100) is True
    assert leader.vouched(created) is vouched, "a later proof takes nothing back"
    assert not leader.vouched(created, "other"), "a binding may leave namespaces out"


async def test_a_new_leader_proves_it_again() -> None:
    leader = Leader()
    await leader.at(10)
    leader.elected()
    assert not leader.vouched(20)
    await leader.at(30)
    assert (leader.vouched(20), leader.vouched(31)) == (False, True)


@pytest.mark.parametrize("created", [20, 30, 39])
async def test_nothing_of_a_time_without_the_policy_counts_when_it_is_back(created: float) -> None:
    leader = Leader()
    await leader.at(10)
    assert await leader.at(20, in_force=False) is False
    assert not leader.vouched(created)
    assert await leader.at(40) is True
    assert (leader.vouched(15), leader.vouched(created), leader.vouched(41)) == (False, False, True)


async def test_no_answer_changes_nothing() -> None:
    leader = Leader()
    assert await leader.at(5, in_force=None) is None
    assert not leader.vouched(6)
    await leader.at(10)
    assert await leader.at(20, in_force=None) is None
    assert leader.vouched(15)


async def test_the_time_of_the_proof_is_the_servers() -> None:
    """A clock of the operator that is slow would vouch for what was there before."""
    leader = Leader()
    leader.cluster.clock = lambda: START + 60 * SECOND
    await leader.at(10)
    assert (leader.vouched(30), leader.vouched(61)) == (False, True)


async def test_it_is_proven_before_there_is_an_action_and_asked_once() -> None:
    """Otherwise the first action that each leader sees would be older than the proof."""
    leader, asked = Leader(), []
    real = leader.cluster.create

    async def create(*args: Any, **options: Any) -> Any:
        asked.append(leader.now - START)
        return await real(*args, **options)

    leader.cluster.create = create  # type: ignore[method-assign]
    leader.cluster.vouching = False
    for _ in range(40):
        leader.now += SECOND
        leader.cluster.vouching = leader.now > START + 20 * SECOND
        await leader.requesters.prove_early(leader.cluster, "prod")
    assert asked == [SECOND, SECOND + ASKED_AGAIN, SECOND + 2 * ASKED_AGAIN], "until it is proven"
    assert (leader.vouched(31), leader.vouched(32)) == (False, True)
    assert leader.cluster.writes == []


PROOFS = [
    pytest.param(None, False, id="taken in nobody's name"),
    pytest.param(Refused("'x' denied request: serin.dev/actions: spec.requestedBy must be y"), True, id="our policy"),
    pytest.param(
        Refused("'x' denied request: no to 'serin.dev/actions: spec.requestedBy must be '"),
        None,
        id="quoted by another",
    ),
    pytest.param(Refused("serin.dev/actions: spec.requestedBy must be y"), None, id="a webhook with our words"),
    pytest.param(Refused("spec.requestedBy must be an e-mail address"), None, id="somebody else's webhook"),
    pytest.param(Refused("promotionactions is forbidden: cannot create"), None, id="a right is missing"),
    pytest.param(Unavailable("429"), None, id="not now"),
    pytest.param(NotFound("no such kind"), None, id="no such kind"),
]


@pytest.mark.parametrize(("answer", "in_force"), PROOFS)
async def test_what_proves_it(answer: Exception | None, in_force: bool | None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001 - a column
    leader = Leader()

    async def create(*_: object, **__: object) -> dict[str, Any]:
        if answer is not None:
            raise answer
        return {}

    monkeypatch.setattr(leader.cluster, "create", create)
    assert (await prove(leader.cluster, "prod", lambda: START)).now.requester is in_force


async def test_the_dry_run_repeats_nothing_of_what_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """L1: a third party's policy that quotes the field would say our words, and anybody could vouch for anybody."""
    leader, asked = Leader(), list[dict[str, Any]]()

    async def create(_: object, __: str, body: dict[str, Any], **___: object) -> dict[str, Any]:
        asked.append(body)
        return body

    monkeypatch.setattr(leader.cluster, "create", create)
    await prove(leader.cluster, "prod", lambda: START)
    assert asked[0]["spec"] == {
        "modelDeployment": "serin-asks",
        "action": "Hold",
        "rollout": "none",
        "requestedBy": "serin:nobody",
    }


def asks(lab: Lab, kind: str, name: str, **fields: Any) -> None:
    spec = {"modelDeployment": "fraud", "action": kind, "requestedBy": "ana", **fields}
    body = {"metadata": {"namespace": "prod", "name": name}, "spec": spec}
    lab.cluster.put(resources.PROMOTION_ACTIONS, body)


def told(lab: Lab, name: str) -> dict[str, Any]:
    return dict(lab.obj(resources.PROMOTION_ACTIONS, name).get("status") or {})


async def held() -> tuple[Lab, str]:
    lab = Lab()
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lab.phase("Progressing"))
    record = str(lab.status["rollout"]["record"])
    asks(lab, "Hold", "hold", rollout=record)
    await lab.tick()
    return lab, record


async def test_what_was_planted_while_the_operator_and_the_policy_were_away_is_refused_in_words() -> None:
    """M8: ana's Release, by somebody else, while nobody checked who asks."""
    lab, record = await held()
    lab.cluster.vouching = False
    asks(lab, "Release", "planted", rollout=record)
    lab.now += timedelta(minutes=1)
    lab.cluster.vouching = True
    lab.restart()
    await lab.tick()
    assert told(lab, "planted")["outcome"] == "Refused"
    assert told(lab, "planted")["message"].startswith("NotVerified: ")
    assert lab.status["rollout"]["held"]
    asks(lab, "Release", "again", rollout=record)
    await lab.tick()
    assert (told(lab, "again")["outcome"], lab.status["actions"][0]["by"]) == ("Accepted", "ana")


@pytest.mark.parametrize("kind", ["Hold", "Abort"])
async def test_what_makes_things_safer_is_obeyed_all_the_same(kind: str) -> None:
    """DESIGN, rule 3: the way back asks for no proof."""
    lab, record = await held()
    asks(lab, kind, "planted", rollout=record)
    lab.now += timedelta(minutes=1)
    lab.restart()
    await lab.tick()
    assert told(lab, "planted")["outcome"] == "Accepted"
    assert lab.status["actions"][0]["by"] == "ana (not verified)"
    if kind == "Abort":
        assert lab.backends()[isvc("2")] == 0


async def test_the_first_release_that_a_leader_sees_is_vouched_for() -> None:
    lab, record = await held()
    lab.restart()
    await lab.tick()
    asks(lab, "Release", "go", rollout=record)
    await lab.tick()
    assert told(lab, "go")["outcome"] == "Accepted"


async def test_what_is_older_than_a_policy_that_checks_groups_counts_no_more() -> None:
    """The chart was upgraded: its policy checked who asked before, and not their groups."""
    leader = Leader()
    words = "denied request: serin.dev/actions: spec.requestedBy must be y"
    leader.cluster.refusal_of_actions = words
    await leader.at(10)
    assert leader.vouched(20)
    leader.cluster.refusal_of_actions = f"{words}, and spec.groups groups of theirs"
    assert await leader.at(30)
    assert (leader.vouched(20), leader.vouched(31)) == (False, True)
