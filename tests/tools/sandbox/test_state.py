from __future__ import annotations

import dataclasses
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from e2e.sandbox import launcher, state
from e2e.sandbox.errors import NotRunningError, SandboxError
from e2e.sandbox.layout import Layout, state_folder
from e2e.sandbox.sandbox import Sandbox
from e2e.sandbox.state import Identity, State

if TYPE_CHECKING:
    from pathlib import Path


def me() -> Identity:
    identity = Identity.of(os.getpid())
    assert identity is not None
    return identity


def make(init: Identity) -> State:
    return State(
        name="x",
        profile="full",
        init=init,
        launcher=init,
        ports={"api": 1, "gateway": 2, "prometheus": 3},
        started="2026-01-01T00:00:00+00:00",
        seconds=9.5,
        parts=["etcd"],
    )


def test_a_state_is_read_as_it_was_written_and_only_its_owner_can(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    state.save(make(me()), path)
    assert state.load(path) == make(me())
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"name": "x"}', '{"init": 3, "launcher": 4}'])
def test_whatever_a_crash_left_is_no_state(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "state.json"
    if content is not None:
        path.write_text(content)
    assert state.load(path) is None


def test_a_process_number_that_was_used_again_is_another_process() -> None:
    assert me().is_alive()
    assert not dataclasses.replace(me(), start_ticks=me().start_ticks - 1).is_alive()
    assert not dataclasses.replace(me(), boot="another").is_alive()


def test_a_process_that_ended_is_not_alive_even_before_it_is_collected() -> None:
    process = subprocess.Popen(["sleep", "60"])
    identity = Identity.of(process.pid)
    assert identity is not None
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # ended, but a zombie
    assert not identity.is_alive()
    process.wait()
    assert Identity.of(process.pid) is None


def test_down_does_not_touch_a_stranger_with_the_same_number(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    with subprocess.Popen(["sleep", "60"]) as stranger:
        identity = Identity.of(stranger.pid)
        assert identity is not None
        old = dataclasses.replace(identity, start_ticks=1)
        state.save(make(old), layout.state)
        layout.kubeconfig.touch()
        assert launcher.end(layout) is False
        assert stranger.poll() is None
        assert not layout.state.exists()
        assert not layout.kubeconfig.exists()
        stranger.kill()


def test_down_ends_what_the_state_names_by_force_if_need_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "DOWN_SECONDS", 0.3)
    layout = Layout(tmp_path)
    command = ["sh", "-c", "trap '' TERM; echo ready; sleep 60 & wait; wait"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as stubborn:
        assert stubborn.stdout is not None
        assert stubborn.stdout.readline() == b"ready\n"
        identity = Identity.of(stubborn.pid)
        assert identity is not None
        state.save(make(identity), layout.state)
        assert launcher.end(layout) is True
        assert stubborn.wait(5) == -9


def test_a_sandbox_that_does_not_run_says_so(tmp_path: Path) -> None:
    sandbox = Sandbox("quiet", state=tmp_path / "s")
    for ask in (lambda: sandbox.gateway_url, lambda: sandbox.kubeconfig, sandbox.status, lambda: sandbox.stop("etcd")):
        with pytest.raises(NotRunningError, match="serin-sandbox up --name quiet"):
            ask()
    assert sandbox.down() is False


@pytest.mark.parametrize("name", ["", "Up", "a/b", "-a", "a-", "..", "a" * 41])
def test_a_name_that_could_be_a_path_is_refused(name: str) -> None:
    with pytest.raises(SandboxError, match="no name for a sandbox"):
        state_folder(name)


def test_state_folders_follow_the_environment_and_the_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_folder("a").root == tmp_path / "serin" / "sandbox" / "a"
    assert state_folder("a", tmp_path / "b").root == tmp_path / "b"
