"""A rejected model under another name: what holds its first deployment, what is said, and what ends the hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from serin.api.people import AnsweredAction
from serin.api.promotion_action import ActionKind, ActionOutcome
from serin.api.status import Retry
from serin.rollout.observation import Observation, Part, Unreadable
from serin.rollout.phases.start.rejected_elsewhere import newest_rejection, rejected_elsewhere
from serin.rollout.views import RecordView, RejectionElsewhere
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason
from tests.clock import START
from tests.scene import SOON, Scene, answer, scene
from tests.world import SECOND, World, ref, spec

DIGEST = f"sha256:{'0123456789abcdef' * 4}"
HOUR = timedelta(hours=1)
OTHERS = RejectionElsewhere(
    "fraud-old",
    RecordView(
        "fraud-old-1-2", 2, ref("7"), ref("6"), None, START - 2 * HOUR,
        outcome=Outcome.ROLLED_BACK, reason=Reason.SLO_BREACHED, decided_at=START - HOUR + timedelta(milliseconds=7),
    ),
    DIGEST,
)  # fmt: skip
RETRY = Retry(
    revision=ref("2").revision,
    asked=AnsweredAction(
        name="again", uid="u", action=ActionKind.RETRY, by="ana", outcome=ActionOutcome.ACCEPTED, message="m", at=START
    ),
)


def record(outcome: Outcome | None, reason: Reason | None, hours: int, at: datetime | None = START) -> RecordView:
    decided = at + hours * HOUR if at is not None else None
    return RecordView(f"r-{hours}", 1, ref("7"), None, None, START, outcome=outcome, reason=reason, decided_at=decided)


BREACH = (Outcome.ROLLED_BACK, Reason.SLO_BREACHED)
GOOD = (Outcome.PROMOTED, Reason.SERVING)


@pytest.mark.parametrize(
    ("records", "found"),
    [
        pytest.param([], None, id="nobody knows the model"),
        pytest.param([("old", record(*BREACH, 1))], "r-1", id="taken back"),
        pytest.param([("old", record(Outcome.ABORTED, Reason.ABORTED_BY_ACTION, 1))], "r-1", id="somebody's Abort"),
        pytest.param([("old", record(Outcome.ABORTED, Reason.QUOTA_EXCEEDED, 1))], None, id="not its own doing"),
        pytest.param([("old", record(Outcome.SUPERSEDED, Reason.SUPERSEDED, 1))], None, id="superseded"),
        pytest.param([("old", record(None, None, 1))], None, id="under way"),
        pytest.param([("fraud", record(*BREACH, 1))], None, id="its own records have their own rule"),
        pytest.param([("old", record(*BREACH, 1)), ("old", record(*GOOD, 2))], None, id="promoted later there"),
        pytest.param([("old", record(*BREACH, 1)), ("eu", record(*GOOD, 2))], None, id="promoted later elsewhere"),
        pytest.param([("old", record(*BREACH, 1)), ("fraud", record(*GOOD, 2))], None, id="promoted later here"),
        pytest.param([("old", record(*BREACH, 2)), ("eu", record(*GOOD, 1))], "r-2", id="promoted before"),
        pytest.param([("old", record(*BREACH, 1)), ("eu", record(*GOOD, 1))], "r-1", id="promoted at the same time"),
        pytest.param(
            [("old", record(*BREACH, 1)), ("eu", record(*GOOD, 2)), ("us", record(*BREACH, 3))],
            "r-3",
            id="taken back again",
        ),
        pytest.param([("us", record(*BREACH, 3)), ("old", record(*BREACH, 1))], "r-3", id="the newest is told"),
        pytest.param([("old", record(*BREACH, 1, at=None))], "r-1", id="without a time of the decision"),
    ],
)
def test_whether_a_model_counts_as_rejected(records: list[tuple[str, RecordView]], found: str | None) -> None:
    rejection = newest_rejection("fraud", DIGEST, records)
    assert (rejection.record.name if rejection is not None else None) == found


def first() -> Scene:
    """Nothing is stable, and spec asks for version 2, whose model was taken back elsewhere."""
    here = scene(Phase.STABLE)
    here.status = here.status.model_copy(update={"stable": None, "phase": Phase.PENDING})
    here.observed = replace(here.observed, wanted=ref("2"), rejected_elsewhere=OTHERS)
    return here


def test_a_first_deployment_of_it_asks_for_a_person() -> None:
    transition = first().ask(rejected_elsewhere)
    assert transition is not None
    assert answer(transition) == (Reason.REJECTED_ELSEWHERE, True, 30 * SECOND)
    assert (transition.status.phase, transition.status.candidate) == (Phase.PENDING, None)
    assert transition.message == (
        "version 2 is model sha256:0123456789ab…, which ModelDeployment fraud-old took back at 2026-11-18T09:00:00Z "
        "(SLOBreached, see PromotionRecord fraud-old-1-2); as a first deployment it would serve all traffic without a "
        "step, so nothing is created; change spec.model to another model, or create a PromotionAction Retry for "
        f"revision {ref('2').revision}"
    )


@pytest.mark.parametrize(("seconds", "wake"), [(0, 30), (60, 60), (3600, 3600)])
def test_it_is_asked_for_ever_more_rarely(seconds: int, wake: int) -> None:
    here = first()
    since = START - seconds * SECOND
    here.status = here.status.model_copy(update={"reason": Reason.REJECTED_ELSEWHERE, "since": since})
    assert answer(here.ask(rejected_elsewhere))[2] == wake * SECOND


@pytest.mark.parametrize("refused", [True, False])
def test_records_that_cannot_be_read_hold_and_are_told(*, refused: bool) -> None:
    here = first()
    unknown = {Part.REJECTIONS: Unreadable("forbidden", refused=refused)}
    here.observed = replace(here.observed, rejected_elsewhere=None, unknown=unknown)
    transition = here.ask(rejected_elsewhere)
    assert answer(transition) == (Reason.OBSERVATION_INCOMPLETE, refused, SOON)
    assert transition is not None
    assert transition.message == (
        "PromotionRecords of other ModelDeployments cannot be read: forbidden; no rollout starts on what is unknown"
    )


@pytest.mark.parametrize("unreadable", [True, False])
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"stable": ref("1")}, id="a later rollout goes by its evidence"),
        pytest.param({"candidate": ref("2")}, id="it is under way, since before an upgrade or by a Retry"),
        pytest.param({"retry": RETRY}, id="somebody who may has said Retry"),
    ],
)
def test_it_holds_nothing_else(changes: dict[str, object], *, unreadable: bool) -> None:
    here = first()
    if unreadable:
        here.observed = replace(here.observed, rejected_elsewhere=None, unknown={Part.REJECTIONS: Unreadable("no")})
    here.status = here.status.model_copy(update=changes)
    assert here.ask(rejected_elsewhere) is None


class Renamed(World):
    """A new name; the model of version 2 was taken back under another one."""

    unreadable = False

    def observe(self) -> Observation:
        seen = super().observe()
        if self.status.stable is not None or self.spec.model.version != "2":
            return seen
        if self.unreadable:
            return replace(seen, unknown={**seen.unknown, Part.REJECTIONS: Unreadable("no answer")})
        return replace(seen, rejected_elsewhere=OTHERS)


@pytest.mark.parametrize("unreadable", [True, False])
def test_a_retry_lets_it_go(*, unreadable: bool) -> None:
    world = Renamed(spec("2"))
    world.unreadable = unreadable
    world.settle(3)
    assert (world.status.phase, world.arms, world.records, world.route) == (Phase.PENDING, {}, [], None)
    world.ask("Retry", revision=ref("2").revision)
    world.until(Phase.STABLE)
    assert [a.outcome for a in world.answers] == [ActionOutcome.ACCEPTED]
    assert world.status.stable is not None
    assert world.status.stable.is_same(ref("2"))


def test_a_retry_of_another_revision_does_not() -> None:
    world = Renamed(spec("2"))
    world.settle(3)
    world.ask("Retry", revision=ref("3").revision)
    world.settle(3)
    assert [a.outcome for a in world.answers] == [ActionOutcome.REFUSED]
    assert world.status.reason is Reason.REJECTED_ELSEWHERE


def test_a_harmless_revision_first_is_no_way_around() -> None:
    """The first candidate never comes up, and spec then asks for the rejected model: that is a first deployment."""
    world = Renamed(spec("1"))
    world.comes_up = False
    world.settle(3)
    world.want("2")
    world.comes_up = True
    world.settle(5)
    assert world.status.reason is Reason.REJECTED_ELSEWHERE
    assert ref("2").revision not in world.arms
    world.ask("Retry", revision=ref("2").revision)
    world.until(Phase.STABLE)
    assert world.status.stable is not None
    assert world.status.stable.version == "2"
