"""How is a sandbox's first process started and ended, seen from the host?"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e2e.sandbox import build, control, namespace
from e2e.sandbox import state as states
from e2e.sandbox.cache import default_root
from e2e.sandbox.envoygateway.services import PARTS as ENVOY_GATEWAY_PARTS
from e2e.sandbox.errors import NamespaceError, NotRunningError, PartError
from e2e.sandbox.knative.services import PARTS as KNATIVE_PARTS
from e2e.sandbox.kourier.workloads import PARTS as KOURIER_PARTS
from e2e.sandbox.layout import RELAYED, Layout
from e2e.sandbox.plan import Plan, Profile
from e2e.sandbox.service import tail
from e2e.sandbox.state import Identity, State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Listener = Callable[[dict[str, Any]], None]

EXTRAS = {
    Profile.KNATIVE: (KNATIVE_PARTS,),
    Profile.KOURIER: (KNATIVE_PARTS, KOURIER_PARTS),
    Profile.ENVOY_GATEWAY: (ENVOY_GATEWAY_PARTS,),
}
"""Where the parts are declared that a profile has besides; the manifests are the first one's."""
REPOSITORY = Path(__file__).resolve().parents[2]
UP_SECONDS = 300.0
DOWN_SECONDS = 5.0
POLL_SECONDS = 0.05


def launch(name: str, layout: Layout, profile: Profile, on_change: Listener) -> None:
    """Start a sandbox in a state folder that no living one uses, and wait until it is ready.

    BuildError, NamespaceError or PartError; then nothing is left running. The logs stay.
    """
    namespace.check_tools()
    parts = build.build()
    binaries, extra = {**parts.binaries, "envoy": build.find_envoy()}, ""
    if profile in EXTRAS:
        more = build.build_all(EXTRAS[profile])
        binaries, extra = {**binaries, **more.binaries}, str(more.manifests)
    started = time.monotonic()
    _clear(layout)
    lifeline, ours = os.pipe()
    process: subprocess.Popen[bytes] | None = None
    try:
        process, ports = _start(layout, binaries, (str(parts.manifests), extra), profile, lifeline)
        init = _wait_for_init(process, layout)
        status = _wait_until_ready(process, layout, on_change)
        state = State(
            name=name,
            profile=profile.value,
            init=init,
            launcher=_identity(process),
            ports=ports,
            started=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - started, 1),
            parts=[part["name"] for part in status["parts"]],
        )
        states.save(state, layout.state)
        os.write(ours, b"1")  # from here on it lives by itself
        process.returncode = 0  # and is not waited for: without this Python warns that it still runs
    except BaseException:
        if process is not None:
            _kill(process)
        _discard(layout)
        raise
    finally:
        os.close(ours)


def end(layout: Layout) -> bool:
    """End what the state folder names, softly, then by force; whether there was something.

    Ending the first process inside ends all others: the kernel sees to it.
    """
    state = states.load(layout.state)
    found = state is not None and (state.init.is_alive() or state.launcher.is_alive())
    if state is not None and found:
        _signal(state.init, signal.SIGTERM)
        if not _gone(state, DOWN_SECONDS):
            _signal(state.init, signal.SIGKILL)
            _signal(state.launcher, signal.SIGKILL)
            if not _gone(state, DOWN_SECONDS):
                raise PartError(f"The sandbox's first process ({state.init.pid}) cannot be ended.")
    _discard(layout)
    return found


def _discard(layout: Layout) -> None:
    """Remove what is worthless without its processes; the logs stay."""
    for path in (layout.state, layout.control, layout.plan, layout.kubeconfig, layout.root / "envoy-admin.sock"):
        path.unlink(missing_ok=True)
    for folder in (layout.data, layout.pki, layout.config, layout.kubeconfigs):
        shutil.rmtree(folder, ignore_errors=True)


def _clear(layout: Layout) -> None:
    """An empty state folder with the folders that parts expect; the lock stays."""
    for path in layout.root.iterdir():
        if path == layout.lock:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    for folder in (layout.config, layout.data, layout.data / "home", layout.data / "volumes", layout.logs / "pods"):
        folder.mkdir(mode=0o700, parents=True)


def _start(
    layout: Layout, binaries: Mapping[str, Path], manifests: tuple[str, str], profile: Profile, lifeline: int
) -> tuple[subprocess.Popen[bytes], dict[str, int]]:
    """Start the launcher; it, and the ports that were opened for the sandbox. Takes the lifeline's reading end.

    ``manifests`` are the folders of the sandbox's and of what the profile has besides; the second is empty if nothing.
    """
    models = default_root() / "models"
    models.mkdir(parents=True, exist_ok=True)
    with ExitStack() as here:  # what is opened here is only for the process inside
        here.callback(os.close, lifeline)
        # Opened on free ports of the host's loopback, the sockets stay there for the process inside.
        listeners = {name: here.enter_context(socket.create_server(("127.0.0.1", 0))) for name in RELAYED}
        plan = Plan(
            binaries={part: str(path) for part, path in binaries.items()},
            manifests=manifests[0],
            extra=manifests[1],
            repository=str(REPOSITORY),
            models=str(models),
            ports={name: listener.getsockname()[1] for name, listener in listeners.items()},
            listeners={name: listener.fileno() for name, listener in listeners.items()},
            lifeline=lifeline,
            profile=profile.value,
        )
        states.write_private(layout.plan, json.dumps(asdict(plan), indent=2))
        with layout.log("supervisor").open("ab") as log:
            process = subprocess.Popen(
                [*namespace.UNSHARE, sys.executable, "-m", "e2e.sandbox.supervisor", str(layout.plan)],
                cwd=layout.root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[*plan.listeners.values(), lifeline],
                start_new_session=True,
                env=namespace.environment(PYTHONPATH=str(REPOSITORY), HOME=str(layout.data / "home")),
            )
    return process, plan.ports


def _identity(process: subprocess.Popen[bytes]) -> Identity:
    identity = Identity.of(process.pid)
    if identity is None:
        raise NotRunningError("The sandbox ended just after it was ready.")
    return identity


def _wait_for_init(process: subprocess.Popen[bytes], layout: Layout) -> Identity:
    """The first process inside. NamespaceError if the launcher was refused."""
    deadline = time.monotonic() + UP_SECONDS
    while time.monotonic() < deadline:
        pid = states.first_child(process.pid)
        identity = Identity.of(pid) if pid is not None else None
        if identity is not None:
            return identity
        if process.poll() is not None:
            raise NamespaceError(namespace.explain_refusal("\n".join(tail(layout.log("supervisor")))))
        time.sleep(POLL_SECONDS)
    raise NamespaceError("The namespaces were not made in time.")


def _wait_until_ready(process: subprocess.Popen[bytes], layout: Layout, on_change: Listener) -> dict[str, Any]:
    deadline = time.monotonic() + UP_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            log = "\n".join(tail(layout.log("supervisor")))
            if "unshare:" in log:
                raise NamespaceError(namespace.explain_refusal(log))
            raise PartError(f"The sandbox's supervisor ended. Its last log lines:\n{log}")
        with suppress(NotRunningError):  # it does not listen yet
            status = control.ask(layout.control, "status", seconds=UP_SECONDS)
            on_change(status)
            if status["phase"] == "ready":
                return status
            if status["phase"] == "failed":
                raise PartError(status["message"])
        time.sleep(POLL_SECONDS)
    raise PartError(f"The sandbox was not ready within {UP_SECONDS:.0f} s; see {layout.logs}.")


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()  # the kernel then ends the first process inside, and with it all others
    process.wait()


def _signal(identity: Identity, number: signal.Signals) -> None:
    if identity.is_alive():
        with suppress(ProcessLookupError):
            os.kill(identity.pid, number)


def _gone(state: State, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while state.init.is_alive() or state.launcher.is_alive():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
