"""``serin wait`` tells a pipeline by its exit code how a rollout ended; ``watch`` tells a person each change."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from serin.cli.live.waiting import length_of
from serin.cli.main import app
from serin.cluster import resources
from serin.errors import InvalidInput
from tests.adopting_lab import Adopting, old
from tests.fake_api import Desk, desk_of
from tests.lab import Lab


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = desk_of(Lab(), monkeypatch)
    made.go_live()
    return made


def ran(*arguments: str) -> Result:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.mark.parametrize(
    ("bad", "goal", "code", "how"),
    [
        (0, "promoted", 0, "Promoted"),
        (0, "settled", 0, "Promoted"),
        (0, "rolledback", 1, "Promoted"),
        (40, "promoted", 1, "RolledBack"),
        (40, "settled", 1, "RolledBack"),
        (40, "rolledback", 0, "RolledBack"),
    ],
)
def test_the_exit_code_says_how_it_ended(desk: Desk, bad: int, goal: str, code: int, how: str) -> None:
    desk.lab.prometheus.candidate_bad = bad
    desk.lab.want("2")
    result = ran("wait", "fraud", "--for", goal, "--timeout", "5m", "-o", "json")
    assert (result.exit_code, json.loads(result.stdout)["result"]) == (code, how)


def test_what_is_told_meanwhile_names_its_state_once(desk: Desk) -> None:
    desk.lab.want("2")
    told = [line.removeprefix("serin: note: ") for line in ran("wait", "fraud", "--timeout", "5m").stderr.splitlines()]
    assert any(line.startswith("PREPARING version 2") for line in told), told
    assert not [line for line in told if re.match(r"[A-Z][a-z]+: [A-Z]{4,}", line)]


def test_a_service_that_is_adopted_is_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    desk_of(Adopting(service=old()), monkeypatch)
    result = ran("wait", "fraud", "--for", "promoted", "--timeout", "5m")
    assert result.exit_code == 0
    assert ": Adopted, the running InferenceService goes on serving: version 1 serves all traffic" in result.stdout
    assert "version 1 is what InferenceService old serves: it is adopted as it is, without steps" in result.stderr
    assert json.loads(ran("wait", "fraud", "-o", "json").stdout)["adopted"] is True


def noted(result: Result) -> list[str]:
    return [line.removeprefix("serin: note: ") for line in result.stderr.splitlines()]


def test_the_end_of_a_long_message_is_told_too(desk: Desk) -> None:
    desk.api.works = False
    end = "version 2 answered 92 of 92 requests with a 4xx"
    desk.lab.obj()["status"]["message"] = f"PROGRESSING version 2, {'so it is, ' * 60}{end}"
    desk.lab.obj()["metadata"]["generation"] = 9
    [told, *_] = noted(ran("wait", "fraud", "--timeout", "5s"))
    assert told.endswith(end)


@pytest.mark.parametrize(
    ("changes", "second"),
    [
        ({"message": "12 of 40"}, "Stable: 29 of 40"),
        ({"message": "12 of 40", "reason": "Held"}, "Stable: 12 of 40"),
        ({"conditions": [{"type": "ClientErrors", "status": "False", "reason": "Differ"}]}, "Stable: 10 of 40"),
        ({"rollout": {"held": {"by": "ana"}}}, "Stable: 10 of 40"),
    ],
)
def test_a_log_gets_a_line_for_news_and_one_each_half_minute(desk: Desk, changes: dict[str, Any], second: str) -> None:
    desk.lab.obj()["metadata"]["generation"] = 9
    desk.api.works, work, passes = False, desk.api.work, iter(range(1000))

    def worked(_: float = 0) -> None:
        work()
        status = desk.lab.obj()["status"]
        number = next(passes)
        status["message"] = f"{number} of 40"
        if number == 10:
            status |= changes

    desk.api.work = worked  # type: ignore[method-assign]
    told = noted(ran("wait", "fraud", "--timeout", "100s"))
    assert (told[1], len(told)) == (second, 4), told


def test_a_revision_with_a_transformer_is_waited_for_under_its_own_name(desk: Desk) -> None:
    transformer = {"containers": [{"name": "kserve-container", "image": "example.com/transformer:1"}], "minReplicas": 1}
    desk.lab.want("2", transformer=transformer)
    result = ran("wait", "fraud", "--for", "promoted", "--timeout", "5m", "-o", "json")
    assert (result.exit_code, json.loads(result.stdout)["result"]) == (0, "Promoted")


def test_the_time_is_over(desk: Desk) -> None:
    desk.lab.prometheus.away = True
    desk.lab.want("2")
    result = ran("wait", "fraud", "--timeout", "20s")
    assert result.exit_code == 3
    assert "Timeout: not decided within the time" in result.stdout


def test_somebody_asks_for_another_revision_meanwhile(desk: Desk) -> None:
    desk.lab.want("2")
    desk.judged()
    candidate = desk.lab.status["candidate"]["revision"]
    desk.lab.want("3")
    assert ran("wait", "fraud", "--revision", candidate, "--timeout", "5m").exit_code == 4


def test_a_revision_that_was_promoted_before_the_next_one_came_is_promoted(desk: Desk) -> None:
    stable = desk.lab.status["stable"]["revision"]
    desk.lab.want("2")
    desk.judged()
    assert ran("wait", "fraud", "--revision", stable, "--timeout", "5m").exit_code == 0


def test_it_is_deleted_meanwhile(desk: Desk) -> None:
    desk.lab.want("2")
    desk.api.works = False
    work = desk.api.work

    def deleted(_: float = 0) -> None:
        desk.lab.cluster.objects.pop((resources.MODEL_DEPLOYMENTS.plural, "prod", "fraud"), None)
        work()

    desk.api.work = deleted  # type: ignore[method-assign]
    assert ran("wait", "fraud", "--timeout", "1m").exit_code == 4


def test_a_status_of_the_spec_before_is_not_taken_for_an_answer(desk: Desk) -> None:
    desk.lab.obj()["metadata"]["generation"] = 2
    desk.api.works = False
    assert ran("wait", "fraud", "--timeout", "5s").exit_code == 3


def test_a_server_that_goes_away_is_waited_for(desk: Desk) -> None:
    desk.api.away = 3
    desk.lab.want("2")
    assert ran("wait", "fraud", "--for", "promoted", "--timeout", "5m").exit_code == 0


def test_who_may_read_and_not_watch_waits_too(desk: Desk) -> None:
    desk.api.may_watch = False
    desk.lab.want("2")
    assert ran("wait", "fraud", "--for", "promoted", "--timeout", "5m").exit_code == 0


def test_what_cannot_be_waited_for(desk: Desk) -> None:
    assert desk.lab.status
    for arguments in (["--for", "done"], ["--timeout", "soon"], ["--timeout", ""]):
        assert ran("wait", "fraud", *arguments).exit_code == 2
    assert ran("wait", "nix").exit_code == 2


def test_lengths_of_time() -> None:
    assert [length_of(text).total_seconds() for text in ("90s", "10m", "1h30m")] == [90, 600, 5400]
    for text in ("", "5", "1d", "m5", "-5m"):
        with pytest.raises(InvalidInput):
            length_of(text)


def test_a_watch_without_a_terminal_writes_a_line_for_each_change(desk: Desk) -> None:
    desk.lab.want("2")
    lines = ran("watch", "fraud", "--timeout", "30s").stdout.splitlines()
    assert "Stable" in lines[0]
    assert "weight=40%" in "\n".join(lines)
    assert "Stable stable=2" in lines[-1]
    assert len(lines) == len({line.split(" ", 1)[1] for line in lines}), "nothing is told twice"


def test_a_watch_for_programs_writes_a_document_for_each_change(desk: Desk) -> None:
    desk.lab.want("2")
    lines = ran("watch", "fraud", "--timeout", "30s", "-o", "json").stdout.splitlines()
    assert json.loads(lines[-1])["row"]["stable"] == "2"
