"""Reasons have a sentence each; some ends are held against a revision, others are tried again."""

from __future__ import annotations

import pytest

from serin.schema.reasons import Outcome, Reason

OWN = {
    Reason.SLO_BREACHED,
    Reason.ALL_REQUESTS_BAD,
    Reason.CANDIDATE_NOT_READY,
    Reason.CANDIDATE_CRASHED,
    Reason.MODEL_LOAD_FAILED,
    Reason.PREPARE_TIMEOUT,
    Reason.ABORTED_BY_HAND,
    Reason.ABORTED_BY_ACTION,
    Reason.NO_DATA_TOO_LONG,
    Reason.INCONCLUSIVE,
}
OUTSIDE = {
    Reason.QUOTA_EXCEEDED,
    Reason.UNSCHEDULABLE,
    Reason.EVICTED,
    Reason.WEBHOOK_REFUSED,
    Reason.WRITE_REFUSED,
    Reason.WRITE_UNAVAILABLE,
    Reason.PERMISSION_MISSING,
    Reason.OBSERVATION_INCOMPLETE,
    Reason.WAITING_FOR_CAPACITY,
    Reason.WAITING_FOR_ROUTE,
}


@pytest.mark.parametrize("cause", sorted(OWN))
def test_its_own_doing_and_somebodys_word_reject(cause: Reason) -> None:
    assert cause.effect.rejects
    assert cause.effect.outcome in {Outcome.ROLLED_BACK, Outcome.ABORTED}


@pytest.mark.parametrize("cause", sorted(OUTSIDE))
def test_what_is_outside_rejects_nothing(cause: Reason) -> None:
    assert not cause.effect.rejects
    assert cause.effect.outcome is Outcome.ABORTED


def test_superseding_decides_nothing() -> None:
    assert not Reason.SUPERSEDED.effect.rejects
    assert Reason.SUPERSEDED.effect.outcome is Outcome.SUPERSEDED


def test_every_reason_has_a_sentence() -> None:
    assert all(reason.sentence.endswith(".") for reason in Reason)
