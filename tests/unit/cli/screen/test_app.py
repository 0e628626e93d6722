"""The full screen of ``serin watch``, by keys: the list, a rollout with its evidence, a hold and an abort."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

pytest.importorskip("textual", reason="textual is not installed: it is in the extra view")

from textual._context import visible_screen_stack
from textual.containers import Vertical
from textual.pilot import Pilot
from textual.widgets import OptionList
from textual.worker import WorkerCancelled

from serin.cli.live.session import Session
from serin.cli.screen.app import Watch
from serin.cli.screen.asking import Asking
from serin.cli.screen.fleet import Fleet
from serin.cli.screen.rollout import Rollout
from serin.cli.screen.sight import Sight
from serin.cluster import resources
from serin.errors import ClusterError, Refused, Unavailable
from tests.page_world import SLOW, World, other

SIZE = (110, 120)
"""Higher than a terminal, so that nothing has to be scrolled to."""
KEY = ("prod", "fraud")


@pytest.fixture
def world() -> World:
    """Version 2 is on trial at 40 %."""
    made = World(SLOW)
    made.phase("Stable")
    made.lab.want("2")
    made.weight(40)
    made.fleet(6)
    made.see()
    return made


def sight_of(made: World) -> Sight:
    @contextlib.contextmanager
    def opened(namespace: str) -> Iterator[Session]:
        yield Session(made.api, namespace, made.now, made.api.work)

    return Sight(made.board, made.records, made.now, opened)


def shown(pilot: Pilot[Any]) -> str:
    """The characters of the terminal; of a question only its box, not what is behind it."""
    screen = pilot.app.screen
    visible_screen_stack.set(pilot.app._background_screens)  # what a question is drawn over, as textual itself does it
    region = screen.query_one(Vertical).region if isinstance(screen, Asking) else screen.region
    strips = screen._compositor.render_strips()[region.y : region.bottom]
    return "\n".join(strip.crop(region.x, region.right).text for strip in strips)


def words(pilot: Pilot[Any]) -> str:
    return " ".join(shown(pilot).replace("│", " ").split())


async def settled(pilot: Pilot[Any]) -> str:
    """Waits until everything that was begun is done; what the screen says then."""
    await pilot.pause()
    while running := [worker for worker in pilot.app.workers if not worker.is_finished]:
        for worker in running:
            with contextlib.suppress(WorkerCancelled):
                await worker.wait()
    for screen in pilot.app.screen_stack:
        if isinstance(screen, Fleet | Rollout):
            screen.look()
    await pilot.pause()
    return words(pilot)


def at(pilot: Pilot[Any]) -> type[object]:
    """Which screen is shown."""
    return type(pilot.app.screen)


async def pressed(pilot: Pilot[Any], *keys: str) -> str:
    await pilot.press(*keys)
    return await settled(pilot)


def actions(made: World) -> list[dict[str, Any]]:
    plural = resources.PROMOTION_ACTIONS.plural
    return [obj for key, obj in made.lab.cluster.objects.items() if key[0] == plural]


async def test_the_list_leads_to_a_rollout_and_back(world: World) -> None:
    async with Watch(sight_of(world)).run_test(size=SIZE) as pilot:
        told = await settled(pilot)
        assert "7 models, 1 needs somebody (!), 3 on trial" in told
        assert "payments/search-reranker RolledBack" in told
        models = pilot.app.screen.query_one(OptionList)
        assert set(models._heights.values()) == {1}, "a model is one line"
        await pressed(pilot, "end", "up", "up", "up", "up", "up", "enter")
        assert at(pilot) is Rollout
        told = await pressed(pilot, "escape")
        assert "7 models" in told
        assert at(pilot) is Fleet
        assert "2 of 7 models, by fraud" in await pressed(pilot, "slash", *"fraud", "enter")
        await pressed(pilot, "home", "enter")
        assert at(pilot) is Rollout
        await pressed(pilot, "escape", "escape")
        assert "7 models, 1 needs" in words(pilot), "Esc ends the filter"


async def test_a_rollout_is_shown_with_its_evidence_and_what_happened(world: World) -> None:
    async with Watch(sight_of(world), KEY).run_test(size=SIZE) as pilot:
        told = await settled(pilot)
        for expected in (
            "prod/fraud Progressing, step 1 of 2 at 40 %",
            "evidence: availability",
            "● worse than stable none",
            "40 %: CollectingEvidence",
            "step 1 of 2 at 40 %: 40 % of the requests go to version 2",
            "a Abort",
        ):
            assert expected in told


async def test_it_follows_a_rollback_and_then_costs_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def counted(verb: str) -> Any:
        real = getattr(world.api, verb)

        def call(*given: Any) -> Any:
            asked.append(verb)
            return real(*given)

        return call

    for verb in ("get", "rows"):
        monkeypatch.setattr(world.api, verb, counted(verb))
    async with Watch(sight_of(world), KEY).run_test(size=SIZE) as pilot:
        await settled(pilot)
        world.lab.prometheus.candidate_bad = 12
        await asyncio.to_thread(world.phase, "RolledBack")
        rollout = pilot.app.screen
        assert isinstance(rollout, Rollout)
        told = ""
        for _ in range(3):
            world.lab.now += timedelta(seconds=5)
            rollout.read()
            told = await settled(pilot)
        assert "prod/fraud RolledBack" in told
        assert "the last rollout over time" in told
        assert "RolledBack: SLOBreached" in told
        before = len(asked)
        world.lab.now += timedelta(minutes=5)
        rollout.read()
        await settled(pilot)
        assert len(asked) == before, "nobody does anything, so nothing is read"
        told = await pressed(pilot, "h")
        assert at(pilot) is Rollout, "there is nothing to hold"
        await pilot.press("escape")
    assert pilot.app.return_code == 0


@pytest.mark.parametrize(
    ("key", "action", "effect"), [("h", "Hold", "stays at 40 %"), ("a", "Abort", "is taken back from 40 %")]
)
async def test_an_action_asks_for_its_reason_checks_and_is_confirmed(
    world: World, key: str, action: str, effect: str
) -> None:
    async with Watch(sight_of(world), KEY).run_test(size=SIZE, notifications=True) as pilot:
        await settled(pilot)
        assert effect in await pressed(pilot, key)
        assert "Say why: it stands in the record for good." in await pressed(pilot, "enter")
        told = await pressed(pilot, *"y chargebacks", "enter")
        assert "As ana@example.com: you may, and the API server would take it. y does it" in told
        assert actions(world) == [], "nothing is stored before it is confirmed, though the reason has a y"
        told = await pressed(pilot, "y")
        [said] = actions(world)
        assert (said["spec"]["action"], said["spec"]["reason"]) == (action, "y chargebacks")
        assert said["status"]["outcome"] == "Accepted"
        assert f"{action}: Accepted" in told
        assert at(pilot) is Rollout
        await pressed(pilot, "y")
        assert len(actions(world)) == 1


@pytest.mark.parametrize("keys", [("escape",), (*"no", "escape"), (*"no", "enter", "escape")])
async def test_what_is_left_writes_nothing(world: World, keys: tuple[str, ...]) -> None:
    async with Watch(sight_of(world), KEY).run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pressed(pilot, "a")
        for each in keys:
            await pressed(pilot, each)
        assert at(pilot) is Rollout
        await pressed(pilot, "y")
    assert actions(world) == []


def forbid(made: World) -> None:
    made.api.forbidden.add("promotionactions/abort")


def refuse(made: World) -> None:
    made.api.refusal = "the policy says no"


def take_away(made: World) -> None:
    def away(*_: object, **__: object) -> Any:
        raise Unavailable("GET /apis: no answer in time")

    made.api.get = away  # type: ignore[method-assign]


def answer_oddly(made: World) -> None:
    made.api.review = lambda *_: {"status": []}  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (forbid, "you may not create promotionactions/abort in namespace prod"),
        (refuse, "the API server would refuse it: the policy says no; nothing was changed. Enter asks again"),
        (take_away, "no answer in time. Enter asks again, Esc leaves it."),
        (answer_oddly, "Enter asks again"),
    ],
)
async def test_what_is_not_taken_is_told_and_writes_nothing(
    world: World, change: Callable[[World], None], told: str
) -> None:
    async with Watch(sight_of(world), KEY).run_test(size=SIZE) as pilot:
        await settled(pilot)
        change(world)
        assert told in await pressed(pilot, "a", *"no", "enter")
        assert at(pilot) is Asking
        await pressed(pilot, "escape", "y")
        assert at(pilot) is Rollout
    assert actions(world) == []


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Refused("the policy says no"), "the policy says no. Esc leaves it."),
        (Unavailable("no answer in time"), "whether it was stored is not known, `kubectl get pact -n prod` tells it."),
    ],
)
async def test_a_write_that_fails_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch, error: ClusterError, told: str
) -> None:
    def failing(*_: object, **__: object) -> Any:
        raise error

    async with Watch(sight_of(world), KEY).run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pressed(pilot, "a", *"no", "enter")
        monkeypatch.setattr(world.api, "create", failing)
        assert told in await pressed(pilot, "y")
        await pressed(pilot, "escape")
        assert at(pilot) is Rollout


async def test_what_was_deleted_is_told_and_what_comes_again_is_shown(world: World) -> None:
    async with Watch(sight_of(world), KEY).run_test(size=SIZE) as pilot:
        await settled(pilot)
        world.board.remove(world.lab.obj())
        told = await settled(pilot)
        assert "prod/fraud is not there: it was deleted, or there never was one." in told
        assert "evidence" not in told
        await pressed(pilot, "a")
        assert at(pilot) is Rollout
        world.see()
        assert "evidence: availability" in await settled(pilot)


async def test_a_cluster_that_is_away_leaves_what_was_seen(world: World) -> None:
    async with Watch(sight_of(world)).run_test(size=SIZE) as pilot:
        await settled(pilot)
        world.board.failed("", "GET /apis: no answer in time", "Is it the right cluster?", away=True)
        told = await settled(pilot)
        assert "What the cluster does is not known since 2026-11-18" in told
        assert "Is it the right cluster?" in told
        assert "7 models" in told


async def test_nothing_is_said_before_the_cluster_has_answered() -> None:
    made = World(SLOW)
    async with Watch(sight_of(made)).run_test(size=SIZE) as pilot:
        assert "asking the cluster …" in await settled(pilot)
    async with Watch(sight_of(made), KEY).run_test(size=SIZE) as pilot:
        told = await settled(pilot)
        assert "asking the cluster …" in told
        assert "is not there" not in told


async def test_an_object_of_another_version_is_told(world: World) -> None:
    odd = {**world.lab.obj(), "status": {"weights": {"applied": "many"}, "candidate": {"version": "2"}}}
    world.board.put(odd)
    async with Watch(sight_of(world), KEY).run_test(size=SIZE) as pilot:
        assert "this version of serin cannot show it" in await settled(pilot)
        await pressed(pilot, "h")
        assert at(pilot) is Rollout


async def test_two_hundred_models_and_the_cursor_stays_on_its_own(world: World) -> None:
    world.others.clear()
    world.fleet(206)
    world.see()
    async with Watch(sight_of(world)).run_test(size=(80, 24)) as pilot:
        assert "207 models" in await settled(pilot)
        await pressed(pilot, *["pagedown"] * 4)
        fleet = pilot.app.screen
        assert isinstance(fleet, Fleet)
        models = fleet.query_one(OptionList)
        assert models.highlighted is not None
        at = fleet._shown[models.highlighted][0]
        world.others = [obj for obj in world.others if obj["metadata"]["name"] != "churn"]
        world.others.append(other(206, world.lab.now))
        world.see()
        await settled(pilot)
        assert fleet._shown[models.highlighted][0] == at
        world.lab.now += timedelta(minutes=1)
        assert at[1] in await settled(pilot), "it is still in sight"


@pytest.mark.parametrize("size", [(60, 20), (30, 8)])
async def test_a_narrow_terminal_shows_the_same_parts(world: World, size: tuple[int, int]) -> None:
    async with Watch(sight_of(world)).run_test(size=size) as pilot:
        assert "7 models" in await settled(pilot)
        await pressed(pilot, "slash", *"fraud", "enter", "enter")
        assert "prod/fraud" in words(pilot)
        await pressed(pilot, "a", *"no", "enter", "escape", "escape")
        assert at(pilot) is Fleet


async def test_without_colour_there_is_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with Watch(sight_of(world), KEY).run_test(size=SIZE) as pilot:
        told = await settled(pilot)
        assert "● worse than stable" in told
        assert pilot.app.no_color
        picture = pilot.app.export_screenshot()
    grey = {value for value in _colours(picture) if len({value[1:3], value[3:5], value[5:7]}) == 1}
    of_the_frame = {"#ff5f57", "#febc2e", "#28c840", "#c5c8c6"}
    assert _colours(picture) - grey - of_the_frame == set()


def _colours(svg: str) -> set[str]:
    return {each.lower() for each in re.findall(r"fill[:=]\s*\"?(#[0-9a-fA-F]{6})", svg)}


async def test_words_of_others_are_no_markup_and_move_nothing(world: World) -> None:
    obj = world.lab.obj()
    message = "[red]no[/red] [@click=app.quit]here[/] \x1b[2J \u202e"
    world.board.put({**obj, "status": {**obj["status"], "message": message}})
    async with Watch(sight_of(world), KEY).run_test(size=SIZE) as pilot:
        told = await settled(pilot)
        assert "[red]no[/red] [@click=app.quit]here[/]" in told
        assert "\x1b" not in told
        assert "\u202e" not in told


async def test_the_time_ends_it(world: World) -> None:
    async with Watch(sight_of(world), seconds=0.01).run_test(size=SIZE) as pilot:
        await pilot._wait_for_screen()
        for _ in range(100):
            if not pilot.app.is_running:
                break
            await pilot.pause(0.02)
    assert pilot.app.return_code == 0


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_a_key_ends_it(world: World, key: str) -> None:
    async with Watch(sight_of(world)).run_test(size=SIZE) as pilot:
        await pilot.press(key)
    assert pilot.app.return_code == 0
