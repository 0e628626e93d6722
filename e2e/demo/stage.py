"""What has to stand before the story begins, and how is all of it removed afterwards, whatever happened?"""

from __future__ import annotations

import fcntl
import os
import signal
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from e2e.demo.errors import StoryError
from e2e.deploy import ClusterApi, KeptOperator, OperatorProcess, OperatorSettings, install
from e2e.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SANDBOX = "demo"


@dataclass(frozen=True, slots=True)
class Stage:
    """A sandbox with Serin on it."""

    sandbox: Sandbox
    api: ClusterApi
    operator: OperatorProcess
    folder: Path
    """Where the demo's logs lie."""


@contextmanager
def stage(say: Callable[[str], None], *, keep: bool) -> Iterator[Stage]:
    """A fresh sandbox with a ready operator; both end with the block unless ``keep``.

    StoryError if another demo runs; DeployError or SandboxError if something does not come up.
    """
    folder, sandbox = _folder(), Sandbox(SANDBOX)
    with _only_one(folder), ExitStack() as cleanup:
        if KeptOperator(folder).end():
            say("The operator of an earlier demo still ran; it was ended first.")
        if sandbox.down():
            say("The sandbox of an earlier demo was ended first.")
        cleanup.callback(signal.signal, signal.SIGINT, signal.getsignal(signal.SIGINT))
        cleanup.callback(sandbox.down)
        say("The sandbox starts: a Kubernetes API, KServe, a gateway with Envoy, Prometheus.")
        start = time.monotonic()
        sandbox.up()
        say(f"The sandbox is ready ({time.monotonic() - start:.1f} s).")
        with ClusterApi(sandbox.kubeconfig) as api:
            operator = _operator(api, sandbox, folder / "operator.log")
            cleanup.callback(operator.stop)
            operator.start()
            say("The operator is ready: its own process, its own service account.")
            there = Stage(sandbox, api, operator, folder)
            if keep:
                cleanup.pop_all()
                KeptOperator(folder).remember(operator)
                cleanup.callback(lambda: say(hints(there)))
            else:
                # A second Ctrl-C must not cut the cleaning up short.
                cleanup.callback(signal.signal, signal.SIGINT, signal.SIG_IGN)
            yield there


def _operator(api: ClusterApi, sandbox: Sandbox, log: Path) -> OperatorProcess:
    """The operator, installed but not started; its log begins anew."""
    namespace, account = install(api)
    log.unlink(missing_ok=True)
    kubeconfig = sandbox.kubeconfig_for(namespace, account)
    return OperatorProcess(OperatorSettings(kubeconfig, sandbox.prometheus_url, log))


def hints(there: Stage) -> str:
    """How to look at what ``KEEP=1`` left, and how to end it."""
    return (
        f"Kept: the sandbox {SANDBOX!r} and the operator (process {there.operator.pid}).\n"
        f'  look:   eval "$(.venv/bin/serin-sandbox env --name {SANDBOX})"; kubectl get mdep,prec -A\n'
        f"  log:    {there.operator.settings.log}\n"
        f"  end:    kill {there.operator.pid}; .venv/bin/serin-sandbox down --name {SANDBOX}\n"
        "  (the next `make demo` ends both by itself)"
    )


def _folder() -> Path:
    base = os.environ.get("XDG_STATE_HOME")
    folder = (Path(base) if base else Path.home() / ".local" / "state") / "serin" / "demo"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise StoryError("Another demo of this user is running; wait until it has ended.") from error
    finally:
        os.close(handle)
