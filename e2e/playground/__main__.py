"""``python -m e2e.playground up | env | down``: a sandbox of one's own with Serin on it, until one has had enough.

``up`` starts what does not run, and changes nothing of what does. Exit code 1 with one sentence if it cannot be.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from e2e.deploy import ClusterApi, DeployError, KeptOperator, OperatorProcess, OperatorSettings, install
from e2e.sandbox import build, report
from e2e.sandbox.errors import SandboxError
from e2e.sandbox.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NAME = "playground"
FAILED, USAGE = 1, 2
told = Console(stderr=True, highlight=False, soft_wrap=True)


def main(arguments: list[str]) -> int:
    """The exit code."""
    command = COMMANDS.get(arguments[0] if len(arguments) == 1 else "")
    if command is None:
        told.print(f"python -m e2e.playground {' | '.join(COMMANDS)}", markup=False)
        return USAGE
    try:
        command(Sandbox(NAME, start="make playground"), folder(os.environ))
    except (SandboxError, DeployError) as error:
        told.print(str(error), style="red", markup=False)
        return FAILED
    except KeyboardInterrupt:
        told.print("Interrupted.")
        return 130
    return 0


def up(sandbox: Sandbox, own: Path) -> None:
    """A sandbox, Serin's kinds, rights and admission policies, and the operator as a process of this machine."""
    own.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = KeptOperator(own)
    with report.Starting(told) as starting:
        started = sandbox.up(starting.show)
    if started:
        kept.end()
    told.print(report.headline(sandbox, started=started))
    if kept.pid is None:
        with ClusterApi(sandbox.kubeconfig) as api:
            namespace, account = install(api)
        kubeconfig = sandbox.kubeconfig_for(namespace, account)
        operator = OperatorProcess(OperatorSettings(kubeconfig, sandbox.prometheus_url, own / "operator.log"))
        operator.start()
        kept.remember(operator)
    told.print(f"Serin runs (process {kept.pid}); its log: {own / 'operator.log'}")
    told.print('For your shell: [bold]eval "$(.venv/bin/python -m e2e.playground env)"[/bold]')
    told.print("To end it:      [bold]make playground-down[/bold]")


def env(sandbox: Sandbox, own: Path) -> None:
    """What a shell needs, ready for eval: addresses, and a PATH with serin and kubectl."""
    del own
    for variable, value in variables(report.addresses(sandbox), os.environ, build.find_optional("kubectl")).items():
        print(f"export {variable}={shlex.quote(value)}")


def down(sandbox: Sandbox, own: Path) -> None:
    """End the operator, then the sandbox and everything in it."""
    ran = KeptOperator(own).end()
    told.print("The playground has ended." if sandbox.down() or ran else "There was no playground.")


def variables(addresses: Mapping[str, str], environ: Mapping[str, str], kubectl: Path | None) -> dict[str, str]:
    """The addresses, and a PATH in which this Python's commands and kubectl are found first, each once."""
    own = [str(Path(sys.executable).parent), *([str(kubectl.parent)] if kubectl is not None else [])]
    rest = [entry for entry in environ.get("PATH", os.defpath).split(os.pathsep) if entry not in own]
    return {**addresses, "PATH": os.pathsep.join([*own, *rest])}


def folder(environ: Mapping[str, str]) -> Path:
    """Where the operator's log and identity lie."""
    base = environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "serin" / NAME


COMMANDS: dict[str, Callable[[Sandbox, Path], None]] = {"up": up, "env": env, "down": down}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
