from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from e2e.kind import engine, tools
from e2e.kind.engine import WITHOUT_SYS_RESOURCE, Engine
from e2e.kind.errors import ToolsError
from e2e.kind.layout import Layout

if TYPE_CHECKING:
    from pathlib import Path

USERS = "unix:///var/run/docker.sock"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "state", tmp_path / "cache")


def private(layout: Layout) -> str:
    return f"unix://{layout.docker / 'docker.sock'}"


def answering(monkeypatch: pytest.MonkeyPatch, *hosts: str, address: str = USERS) -> None:
    monkeypatch.setattr(Engine, "answers", lambda self: self.host in hosts)
    monkeypatch.setattr(engine, "_address", lambda: address)


def test_the_users_engine_is_used_if_it_answers(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, USERS)
    assert Engine.chosen(layout) == Engine(USERS, None)


def test_otherwise_a_private_one(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch)
    assert Engine.chosen(layout) == Engine(private(layout), layout.docker)


def test_one_of_ours_that_runs_stays_ours(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, USERS, private(layout))
    assert Engine.chosen(layout).private == layout.docker


def test_our_own_address_in_the_environment_is_not_the_users(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, address=private(layout))
    assert Engine.chosen(layout).private == layout.docker


def test_a_process_that_took_over_the_number_is_left_alone(layout: Layout) -> None:
    layout.docker.mkdir(parents=True)
    with subprocess.Popen(["sleep", "60"]) as stranger:
        (layout.docker / "docker.pid").write_text(str(stranger.pid))
        Engine(private(layout), layout.docker).stop()
        assert stranger.poll() is None
        stranger.kill()


def test_the_wrapper_takes_one_capability_out_and_goes_on(tmp_path: Path) -> None:
    runc = tmp_path / "runc"
    runc.write_text('#!/bin/sh\necho "$@"\n')
    wrapper = tmp_path / "wrapper"
    wrapper.write_text(WITHOUT_SYS_RESOURCE % runc)
    for script in (runc, wrapper):
        script.chmod(0o755)
    (tmp_path / "config.json").write_text('["CAP_KILL","CAP_SYS_RESOURCE","CAP_CHOWN"]')
    (tmp_path / "process.json").write_text('["CAP_KILL","CAP_SYS_RESOURCE"]')
    for arguments in (["create", "--bundle", str(tmp_path), "x"], ["exec", "-p", str(tmp_path / "process.json"), "x"]):
        answer = subprocess.run([str(wrapper), *arguments], capture_output=True, text=True, check=True)
        assert answer.stdout.split() == arguments
    assert (tmp_path / "config.json").read_text() == '["CAP_KILL","CAP_CHOWN"]'
    assert (tmp_path / "process.json").read_text() == '["CAP_KILL"]'


def test_missing_commands_are_told_as_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name, path=None: None)  # noqa: ARG005
    assert tools.missing(["dockerd", "docker", "gcc"]) == ["docker.io", "gcc", "libc6-dev"]
    with pytest.raises(ToolsError, match=r"apt-get install .* docker\.io"):
        tools.install(["docker.io"])
