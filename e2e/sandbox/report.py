"""How is a sandbox shown to people and programs: while it starts, where it is reached, what its parts use?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from rich.live import Live
from rich.table import Table

from e2e.sandbox.errors import NotRunningError
from e2e.sandbox.usage import usage_by_pid

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console

    from e2e.sandbox.sandbox import Sandbox

COLOURS = {"ready": "green", "failed": "red", "stopped": "yellow", "starting": "cyan", "waiting": "dim"}


class Starting:
    """Shows parts becoming ready: a live table on a terminal, a line for each otherwise."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._seen: set[str] = set()
        self._live: Live | None = None

    def __enter__(self) -> Self:
        """Nothing is shown before there is something to show: a build may come first."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the last picture on the screen."""
        if self._live is not None:
            self._live.stop()

    def show(self, status: dict[str, Any]) -> None:
        """Show a status of the supervisor."""
        if self._console.is_terminal:
            if self._live is None:
                self._live = Live(console=self._console, auto_refresh=False)
                self._live.start()
            self._live.update(_starting_table(status), refresh=True)
            return
        for name, seconds in status["seconds"].items():
            if name not in self._seen:
                self._seen.add(name)
                self._console.print(f"{seconds:6.1f} s  {name}")


def addresses(sandbox: Sandbox) -> dict[str, str]:
    """The environment variables that clients on the host need. NotRunningError."""
    return {
        "KUBECONFIG": str(sandbox.kubeconfig),
        "GATEWAY_URL": sandbox.gateway_url,
        "PROMETHEUS_URL": sandbox.prometheus_url,
    }


def headline(sandbox: Sandbox, *, started: bool) -> str:
    """One sentence for the end of ``up``."""
    if not started:
        return f"The sandbox {sandbox.name!r} runs already (since {sandbox.state.started})."
    return f"The sandbox {sandbox.name!r} is up after {sandbox.state.seconds:.1f} s."


def status(sandbox: Sandbox) -> dict[str, Any]:
    """All that is known, for people and programs; ``phase`` is ``down`` if it does not run."""
    try:
        state = sandbox.state
        found = sandbox.status()
    except NotRunningError as error:
        return {"name": sandbox.name, "phase": "down", "message": str(error), "parts": []}
    usage = usage_by_pid(state.init.pid)
    own = {part["pid"] for part in found["parts"]} | {1}
    for part in found["parts"]:
        part["memory_mib"] = usage[part["pid"]].memory_mib if part["pid"] in usage else None
    failed = [part["name"] for part in found["parts"] if part["state"] == "failed"]
    return {
        "name": sandbox.name,
        "phase": "degraded" if failed and found["phase"] == "ready" else found["phase"],
        "message": found["message"] or (f"Failed: {', '.join(failed)}." if failed else ""),
        "started": state.started,
        "state": str(sandbox.layout.root),
        "addresses": addresses(sandbox),
        "parts": found["parts"],
        "memory_mib": sum(item.memory_mib for item in usage.values()),
        "processes": len(usage),
        "pods_memory_mib": sum(item.memory_mib for pid, item in usage.items() if pid not in own),
    }


def is_well(found: dict[str, Any]) -> bool:
    """Whether the sandbox runs and no part has failed; a part stopped by hand is well."""
    return bool(found["phase"] == "ready")


def print_status(console: Console, found: dict[str, Any]) -> None:
    """A status as a table and sentences."""
    if found["phase"] == "down":
        console.print(found["message"], markup=False)
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("part", "state", "ready after", "memory"):
        table.add_column(heading, justify="left" if heading in {"part", "state"} else "right")
    for part in found["parts"]:
        colour = COLOURS.get(part["state"], "white")
        seconds = "" if part["seconds"] is None else f"{part['seconds']:.1f} s"
        memory = "" if part["memory_mib"] is None else f"{part['memory_mib']} MiB"
        table.add_row(part["name"], f"[{colour}]{part['state']}[/{colour}]", seconds, memory)
    table.add_row("pods", "", "", f"{found['pods_memory_mib']} MiB")
    console.print(table)
    console.print(
        f"{found['name']}: {found['phase']}, since {found['started']}, {found['processes']} processes, "
        f"{found['memory_mib']} MiB; files in {Path(found['state'])}",
        soft_wrap=True,
        markup=False,
    )
    for part in found["parts"]:
        if part["detail"]:
            console.print(part["detail"], style="red", markup=False, soft_wrap=True)


def _starting_table(status: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for part in status["parts"]:
        colour = COLOURS.get(part["state"], "white")
        at = status["seconds"].get(part["name"])
        table.add_row(part["name"], f"[{colour}]{part['state']}[/{colour}]", "" if at is None else f"{at:.1f} s")
    return table
