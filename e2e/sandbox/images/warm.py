"""How does a Python container start without importing for seconds? By a fork of an interpreter that has done so.

The node starts this program with a socket: `python -m e2e.sandbox.images.warm FD`. It imports what the images need,
says so, and then forks for every order: the child becomes the container (session, network, mounts, environment,
output) and calls the image's entry function. This process waits for its children and tells how they ended.
When the socket closes, it ends all of them and itself.

Messages are JSON, one per packet. To here: {id, entry, argv, env, cwd, netns, script, output}. From here: {ready: 1},
then {id, pid} and {id, code} for each order; code is minus the signal, if one ended it.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

MAX_MESSAGE = 256 * 1024
_CLONE_NEWNS, _CLONE_NEWNET = 0x00020000, 0x40000000
_PRELOAD = (
    "e2e.sandbox.images.modelserver.__main__",
    "e2e.sandbox.images.modelserver.identity",
    "e2e.sandbox.images.modelserver.model",
    "e2e.sandbox.images.storage_initializer",
    "e2e.sandbox.images.transformer",
    "kserve.model_server",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.naive_bayes",
    "sklearn.pipeline",
    "sklearn.preprocessing",
)

Order: TypeAlias = dict[str, Any]


class ForkServer:
    """Takes orders from the socket until it closes."""

    def __init__(self, orders: socket.socket) -> None:
        self._orders = orders
        self._children: dict[int, int] = {}
        self._wakeup, self._waker = socket.socketpair()
        for end in (self._wakeup, self._waker):
            end.settimeout(0)

    def run(self) -> None:
        """Serve; what still runs at the end is killed."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        self._tell({"ready": 1})
        try:
            while True:
                ready, _, _ = select.select([self._orders, self._wakeup], [], [])
                if self._wakeup in ready:
                    self._wakeup.recv(4096)
                    self._reap()
                if self._orders in ready and not self._take():
                    return
        finally:
            for pid in self._children:
                os.killpg(pid, signal.SIGKILL)

    def _take(self) -> bool:
        message = self._orders.recv(MAX_MESSAGE)
        if not message:
            return False
        order: Order = json.loads(message)
        pid = self._fork(order)
        self._children[pid] = order["id"]
        self._tell({"id": order["id"], "pid": pid})
        return True

    def _fork(self, order: Order) -> int:
        led, leads = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.setsid()
            os.close(leads)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for end in (self._orders, self._wakeup, self._waker):
                end.close()
            become(order)
        os.close(leads)
        os.read(led, 1)  # the end of the pipe: it leads its session, so signals to its group reach it from now on
        os.close(led)
        return pid

    def _reap(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            self._tell({"id": self._children.pop(pid), "code": code})

    def _tell(self, message: Order) -> None:
        self._orders.send(json.dumps(message).encode())


def become(order: Order) -> NoReturn:
    """Turn this process into the container and never return."""
    code = 1
    try:
        nothing = os.open(os.devnull, os.O_RDONLY)
        output = os.open(order["output"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        for source, target in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr] # a text stream, as it always is
        enter(order)
        Path("/proc/self/comm").write_text(order["entry"].partition(":")[0].rpartition("images.")[2])  # for ps
        os.environ.clear()
        os.environ.update(order["env"])
        os.chdir(order["cwd"])
        sys.argv = [order["entry"], *order["argv"]]
        module, _, function = order["entry"].partition(":")
        code = getattr(importlib.import_module(module), function)()
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 1 if ending.code else 0
    except BaseException:  # noqa: BLE001 what an interpreter does with an exception that nobody caught
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def enter(order: Order) -> None:
    """Enter the pod's network and a mount namespace of the container's own, and build its view of the files."""
    libc = ctypes.CDLL(None, use_errno=True)
    network = os.open(order["netns"], os.O_RDONLY)
    if libc.setns(network, _CLONE_NEWNET) or libc.unshare(_CLONE_NEWNS):
        number = ctypes.get_errno()
        raise OSError(number, f"cannot enter {order['netns']}: {os.strerror(number)}")
    os.close(network)
    subprocess.run(["sh", "-c", f"mount --make-rslave /\n{order['script']}"], check=True)


def main() -> int:
    """Import, then serve the socket whose descriptor is the only argument; the exit status."""
    # All these libraries only compute in the children; a thread here would not survive a fork.
    for module in _PRELOAD:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    ForkServer(socket.socket(fileno=int(sys.argv[1]))).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
