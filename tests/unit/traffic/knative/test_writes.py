"""The next write to an InferenceService in Knative mode, for what is there and what is wanted."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from serin.rollout.decision import Decision, Plan, RoutePlan
from serin.traffic.knative.split import Share, Split
from serin.traffic.knative.writes import Move, Target, Write, next_write, target_of
from tests.world import ref, serving

OLD, NEW, BAD = ref("1"), ref("2"), ref("3")
A, B, C = OLD.revision, NEW.revision, BAD.revision
SERVED = {"k1": A, "k2": B, "k3": C, "k4": A}


def split(
    template: str, percent: int | None, held: str, *, created: str = "", up: bool = True, **changes: Any
) -> Split:
    """KServe holds the Knative revision ``held`` for stable; ``created`` is that of the template, up or not."""
    created = created or next(name for name, revision in SERVED.items() if revision == template)
    shares = [Share(created, 100 if percent is None else percent, latest=True)]
    if percent is not None and percent < 100:
        shares.append(Share(held, 100 - percent, latest=False))
    base = Split(
        revision=template,
        mark=f"{created}.mark",
        percent=percent,
        created=created,
        ready=created if up else held,
        rolled_out=held,
        previous="",
        shares=tuple(shares),
        served=SERVED,
        marks={name: f"{name}.mark" for name in SERVED},
        is_routed=True,
        refused=False,
        why="",
    )
    return replace(base, **changes)


@pytest.mark.parametrize(
    ("seen", "target", "write"),
    [
        # Nothing is there.
        pytest.param(None, Target(None, NEW, None), Write(Move.CREATE, NEW, None), id="first"),
        pytest.param(None, Target(OLD, NEW, 0), Write(Move.CREATE, OLD, None), id="it was deleted: stable first"),
        # The first deployment.
        pytest.param(split(A, None, "k1"), Target(None, OLD, None), None, id="first, there"),
        pytest.param(split(A, None, ""), Target(None, NEW, None), Write(Move.BEGIN, NEW, None), id="first, replaced"),
        # Start: template and 0 in one write.
        pytest.param(split(A, None, "k1"), Target(OLD, NEW, 0), Write(Move.BEGIN, NEW, 0), id="start"),
        pytest.param(
            split(A, 0, "k1", created="k4", up=False),
            Target(OLD, NEW, 0),
            Write(Move.BEGIN, NEW, 0),
            id="not yet restored",
        ),
        pytest.param(split(C, 0, "k1"), Target(OLD, NEW, 0), Write(Move.BEGIN, NEW, 0), id="start after a bad one"),
        pytest.param(split(C, 5, "k1"), Target(OLD, NEW, 0), Write(Move.LOWER, None, 0), id="the bad one to 0 first"),
        pytest.param(split(A, None, "k9"), Target(OLD, NEW, 0), None, id="nobody knows what KServe holds"),
        # Steps.
        pytest.param(split(B, 0, "k1"), Target(OLD, NEW, 5), Write(Move.RAISE, None, 5), id="step"),
        pytest.param(split(B, 5, "k1"), Target(OLD, NEW, 5), None, id="there"),
        pytest.param(split(B, 0, "k1", up=False), Target(OLD, NEW, 5), None, id="not ready"),
        pytest.param(split(B, 0, "k1", mark="new"), Target(OLD, NEW, 5), None, id="the template is not yet taken"),
        pytest.param(split(B, 5, "k9"), Target(OLD, NEW, 25), None, id="no step on what nobody knows"),
        pytest.param(split(B, 25, "k1"), Target(OLD, NEW, None), None, id="as it is"),
        pytest.param(
            split(B, 50, "k9"), Target(OLD, NEW, 100), Write(Move.RAISE, None, 100), id="all: no rest to lose"
        ),
        # Down, whatever else is.
        pytest.param(split(B, 25, "k1"), Target(OLD, NEW, 0), Write(Move.LOWER, None, 0), id="rollback"),
        pytest.param(split(B, 50, "k1", up=False), Target(OLD, NEW, 10), Write(Move.LOWER, None, 10), id="in part"),
        pytest.param(split(B, 25, "k9", served={}), Target(OLD, NEW, 0), Write(Move.LOWER, None, 0), id="blind"),
        pytest.param(
            split(B, None, "k1"), Target(OLD, NEW, 25), Write(Move.LOWER, None, 25), id="the field was removed"
        ),
        pytest.param(split(B, 100, "k2"), Target(OLD, NEW, 0), Write(Move.LOWER, None, 0), id="rollback from all"),
        # After a rollback.
        pytest.param(split(B, 5, "k1"), Target(OLD, None, 0), Write(Move.LOWER, None, 0), id="0 before the template"),
        pytest.param(split(B, 0, "k1"), Target(OLD, None, 0), Write(Move.RESTORE, OLD, 0), id="the template with 0"),
        pytest.param(
            split(A, 0, "k1", created="k4", up=False), Target(OLD, None, 0), None, id="not ready: the field stays"
        ),
        pytest.param(split(A, 0, "k1", mark="new"), Target(OLD, None, 0), None, id="not yet taken: the field stays"),
        pytest.param(
            split(A, 0, "k1", created="k4"), Target(OLD, None, 0), Write(Move.SETTLE, None, None), id="settled"
        ),
        # After a rollback, somebody gives the requests to what is the latest ready one: the bad one.
        *(
            pytest.param(
                split(A, percent, "k1", created="k4", ready="k2"), target, Write(Move.LOWER, None, 0),
                id=f"{percent} % by hand before stable's template is up, {target.candidate and 'and a start'}",
            )
            for percent in (5, 90, 100, None)
            for target in (Target(OLD, None, 0), Target(OLD, BAD, 0))
        ),
        pytest.param(
            split(A, None, "k1", created="k2", ready="k2", mark="new"), Target(OLD, None, 0),
            Write(Move.LOWER, None, 0), id="and before it is taken",
        ),
        pytest.param(
            split(A, 90, "k1", created="k4", ready="k9"), Target(OLD, None, 0), Write(Move.LOWER, None, 0),
            id="to one that nobody knows",
        ),
        pytest.param(
            split(A, 90, "k1", created="k4", ready="k1"), Target(OLD, None, 0), None, id="all of it is stable's"
        ),
        pytest.param(
            split(A, None, "k2", created="k4", ready="k2"), Target(OLD, None, 0), None,
            id="KServe has taken it for stable: 0 would lead there, too",
        ),
        # Promotion.
        pytest.param(split(B, 100, "k2"), Target(NEW, None, 0), Write(Move.SETTLE, None, None), id="promoted"),
        pytest.param(split(B, None, "k2"), Target(NEW, None, 0), None, id="nothing to do"),
        # Somebody else's template.
        pytest.param(split(C, None, "k1"), Target(OLD, None, 0), Write(Move.RESTORE, OLD, 0), id="put back"),
        # KServe's memory.
        pytest.param(split(B, 0, "k3"), Target(OLD, NEW, 0), Write(Move.HEAL, OLD, 0), id="it holds another"),
        pytest.param(split(B, 5, "k3"), Target(OLD, NEW, 5), Write(Move.LOWER, None, 0), id="another: to 0 first"),
        pytest.param(
            split(B, 0, "k3", shares=(Share("k2", 5, latest=True),)), Target(OLD, NEW, 0), None, id="not yet taken"
        ),
        pytest.param(split(A, 0, "k3", created="k4", up=False), Target(OLD, NEW, 0), None, id="healing"),
        pytest.param(
            split(A, 0, "k3", created="k4"), Target(OLD, NEW, 0), Write(Move.SETTLE, None, None), id="healed: all to it"
        ),
        pytest.param(
            split(A, None, "k4", created="k4"), Target(OLD, NEW, 0), Write(Move.BEGIN, NEW, 0), id="and again"
        ),
        pytest.param(split(B, 25, ""), Target(OLD, NEW, 25), Write(Move.HEAL, OLD, None), id="it has lost its memory"),
        pytest.param(split(A, None, ""), Target(OLD, NEW, 25), None, id="wait until it has one"),
    ],
)  # fmt: skip
def test_the_next_write(seen: Split | None, target: Target, write: Write | None) -> None:
    assert next_write(seen, target) == write


def test_scaling_fields_are_written_where_nothing_rolls_out() -> None:
    assert next_write(split(A, None, "k1"), Target(OLD, None, 0), resized=True) == Write(Move.RESIZE, None, None)
    assert next_write(split(B, 5, "k1"), Target(OLD, NEW, 5), resized=True) is None


@pytest.mark.parametrize(
    ("seen", "target", "write"),
    [
        pytest.param(split(A, None, "k1"), Target(OLD, None, 0), Write(Move.REPAIR, OLD, 0), id="stable"),
        pytest.param(split(A, 100, "k1"), Target(OLD, None, 0), Write(Move.LOWER, None, 0), id="just promoted"),
        pytest.param(split(A, None, "k1"), Target(OLD, NEW, 0), Write(Move.REPAIR, OLD, 0), id="before a start"),
        pytest.param(split(A, None, ""), Target(OLD, None, 0), Write(Move.REPAIR, OLD, None), id="without memory"),
        pytest.param(split(B, None, ""), Target(None, NEW, None), Write(Move.REPAIR, NEW, None), id="the first"),
        pytest.param(split(B, 0, "k1"), Target(OLD, NEW, 5), Write(Move.REPAIR, NEW, 0), id="the candidate"),
        pytest.param(split(B, 5, "k1"), Target(OLD, NEW, 5), None, id="the candidate has requests: told"),
        pytest.param(split(B, 5, "k1"), Target(OLD, NEW, 0), Write(Move.LOWER, None, 0), id="rollback first"),
        pytest.param(split(B, 0, "k1"), Target(OLD, None, 0), Write(Move.RESTORE, OLD, 0), id="after a rollback"),
        pytest.param(split(B, 0, "k1"), Target(OLD, NEW, 0, exposed=True), None, id="what is taken back stays"),
    ],
)
def test_a_template_that_was_edited_is_written_again(seen: Split, target: Target, write: Write | None) -> None:
    assert next_write(seen, target, edited=True) == write


def test_no_rollout_begins_on_what_somebody_made_of_stable() -> None:
    repaired = f"{A}.9.repaired"
    marks = {"k1": "k1.mark", "k4": repaired}
    waits = split(A, 0, "k1", created="k4", mark=repaired, marks=marks, up=False)
    assert next_write(waits, Target(OLD, NEW, 0)) is None
    up = replace(waits, ready="k4")
    assert next_write(up, Target(OLD, NEW, 0)) == Write(Move.SETTLE, None, None)
    whole = replace(up, percent=None, rolled_out="k4")
    assert next_write(whole, Target(OLD, NEW, 0)) == Write(Move.BEGIN, NEW, 0)


def test_the_target_of_a_decision() -> None:
    status = serving().status
    assert target_of(Decision(status, Plan())) is None, "nothing may be written while a status is frozen"
    starting = Plan(RoutePlan(OLD, None, 0), ensure=(OLD, NEW))
    assert target_of(Decision(status, starting)) == Target(status.stable, NEW, 0)
    kept = Plan(None, ensure=(OLD, NEW))
    assert target_of(Decision(status, kept)) == Target(status.stable, NEW, None)
    back = Plan(RoutePlan(OLD, None, 0), ensure=(OLD,))
    assert target_of(Decision(status, back)) == Target(status.stable, None, 0)


@pytest.mark.parametrize("held", ["k1", "k2", "k3", "k4", "k9", ""])
@pytest.mark.parametrize("percent", [None, 0, 5, 90, 100])
def test_stable_alone_never_orders_kserve_back_and_leaves_nothing_to_a_revision_that_was_taken_back(
    percent: int | None, held: str
) -> None:
    """KServe goes back by one revision where what it holds for stable is the latest created and ready one."""
    for created, ready, mark in product(("k1", "k2", "k4"), ("k1", "k2", "k3", "k4", "k9", ""), ("k4.mark", "new")):
        seen = split(A, percent, held, created=created, ready=ready, mark=mark)
        write = next_write(seen, Target(OLD, None, 0))
        if write is not None and write.move is Move.LOWER:
            assert seen.stable == A
            assert ready != held
        elif seen.stable == A and SERVED.get(ready) not in {A, None}:
            assert percent == 0, "KServe would give the percent to it"


@pytest.mark.parametrize("up", [True, False])
@pytest.mark.parametrize("held", ["k1", "k2", "k3", "k9", ""])
@pytest.mark.parametrize("percent", [None, 0, 5, 100])
@pytest.mark.parametrize("template", [A, B, C])
def test_no_state_lets_a_template_change_above_0_or_a_percent_rise_unseen(
    template: str, percent: int | None, held: str, *, up: bool
) -> None:
    """What no write may do, in any state: the candidate's template never gets more than was decided."""
    seen = split(template, percent, held, up=up)
    for weight in (0, 5, 25):
        write = next_write(seen, Target(OLD, NEW, weight))
        if write is None:
            continue
        if write.template is NEW:
            assert write.percent == 0
            assert held
        if write.template is None and template == B and write.percent is not None and write.percent > seen.on_template:
            assert up
            assert (write.percent, SERVED[held]) == (weight, A)
        if write.template is None and write.percent is None:
            assert template == A, "only stable's template gets everything"
