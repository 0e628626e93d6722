"""What every rule is told of arms, records and time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from serin.api.promotion_policy import PromotionPolicySpec
from serin.rollout.observation import Arm, Observation, Part, Problem, Unreadable
from serin.rollout.transition import MOST_DRAINING, with_draining
from serin.rollout.views import RecordView
from serin.schema.phase import Phase
from serin.schema.reasons import Outcome, Reason
from tests.clock import START
from tests.scene import NEXT_WINDOW, SOON, scene
from tests.world import SECOND, policy, ref

NO_ANSWER = Unreadable("no answer")


@pytest.mark.parametrize(
    ("arm", "unknown", "dead"),
    [
        (Arm(ref("1"), 0), None, True),
        (Arm(ref("1"), 1), None, False),
        (Arm(ref("1"), 1, deleting=True), None, True),
        (None, None, True),
        (None, Part.INFERENCE_SERVICES, False),
        (Arm(ref("1"), 0), Part.INFERENCE_SERVICES, True),
        (Arm(ref("1"), 0), Part.ENDPOINTS, False),
        (None, Part.ENDPOINTS, False),
        (Arm(ref("1"), 0), Part.PODS, True),
    ],
)
def test_only_what_is_known_to_have_no_endpoint_is_dead(arm: Arm | None, unknown: Part | None, *, dead: bool) -> None:
    here = scene(Phase.STABLE)
    arms = {ref("1").revision: arm} if arm else {}
    here.observed = replace(here.observed, arms=arms, unknown={unknown: NO_ANSWER} if unknown else {})
    assert here.context.is_down(ref("1")) is dead
    assert here.context.is_down(None) is False


@pytest.mark.parametrize(("due", "look"), [(SECOND, NEXT_WINDOW), (timedelta(), SOON), (-SECOND, SOON), (None, SOON)])
def test_the_next_evaluation_at_is_at_the_next_evidence_that_is_still_to_come(
    due: timedelta | None, look: timedelta
) -> None:
    here = scene(Phase.STABLE)
    here.observed = replace(here.observed, next_evidence_at=None if due is None else START + due)
    assert here.context.next_evaluation_at() == START + look


@pytest.mark.parametrize(
    ("outcome", "there", "blind", "is_open"),
    [
        (None, True, False, True),
        (Outcome.PROMOTED, True, False, False),
        (Outcome.PROMOTED, True, True, False),
        (None, False, False, False),
        (None, False, True, True),
    ],
)
def test_a_record_that_may_still_want_its_outcome(
    outcome: Outcome | None, *, there: bool, blind: bool, is_open: bool
) -> None:
    here = scene(Phase.PROGRESSING)
    records = tuple(replace(r, outcome=outcome) for r in here.observed.records) if there else ()
    here.observed = replace(here.observed, records=records, unknown={Part.RECORDS: NO_ANSWER} if blind else {})
    assert here.context.record_open(here.status) is is_open


FROM_RECORD, REMEMBERED, LIVE = (policy(prepareTimeout=f"{n}m") for n in (2, 3, 4))


@pytest.mark.parametrize(
    ("record", "memory", "live", "found"),
    [
        (FROM_RECORD, REMEMBERED, LIVE, FROM_RECORD),
        (None, REMEMBERED, LIVE, REMEMBERED),
        (None, None, LIVE, LIVE),
        (None, None, Problem(Reason.POLICY_MISSING, "gone"), None),
    ],
)
def test_a_rollout_is_judged_by_the_policy_that_it_began_with(
    record: PromotionPolicySpec | None,
    memory: PromotionPolicySpec | None,
    live: PromotionPolicySpec | Problem,
    found: PromotionPolicySpec | None,
) -> None:
    here = scene(Phase.PROGRESSING)
    here.policy(record)
    here.observed = replace(here.observed, snapshot=memory, policy=live)
    assert here.context.policy(here.status) is found


def test_the_newest_arms_that_drain_are_listed_once() -> None:
    here = scene(Phase.STABLE)
    listed = [ref(str(n)) for n in range(10, 10 + MOST_DRAINING)]
    here.status = here.status.model_copy(update={"draining": listed})
    again = ref("12").model_copy(update={"until": START})
    assert with_draining(here.status, None, again) == [*listed[:2], *listed[3:], again]
    assert with_draining(here.status, ref("99")) == [*listed[1:], ref("99")]


def test_only_the_revisions_own_ends_delay_its_next_try() -> None:
    def end(number: int, version: str, outcome: Outcome | None) -> RecordView:
        return RecordView(
            f"r-{number}", number, ref(version), ref("1"), None, START, "", outcome, Reason.QUOTA_EXCEEDED, START
        )

    records = (end(2, "2", Outcome.ABORTED), end(3, "3", Outcome.ABORTED), end(4, "2", None))
    seen = Observation(1, ref("2"), records=records)
    assert seen.retry_at(ref("2").revision) == (records[0], START + timedelta(minutes=1))
    assert seen.retry_at(ref("4").revision) is None
    assert seen.retry_at(ref("1").revision) is None
