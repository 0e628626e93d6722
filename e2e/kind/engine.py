"""Which Docker engine runs the node? A private one, with its own socket and data, or the user's."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from e2e.kind.errors import KindError, ToolsError

if TYPE_CHECKING:
    from typing import IO

    from e2e.kind.layout import Layout

UP_WITHIN_SECONDS = 30.0
DOWN_WITHIN_SECONDS = 20.0
SYS_RESOURCE = 24  # include/uapi/linux/capability.h
# A privileged container asks for every capability; on a machine whose bounding set lacks one, runc refuses.
WITHOUT_SYS_RESOURCE = """\
#!/bin/sh
# runc for a machine that has no CAP_SYS_RESOURCE to give: takes it out of the bundle's config, then goes on.
file= wanted=
for argument in "$@"; do
  case "$wanted" in bundle) file=$argument/config.json ;; process) file=$argument ;; esac
  wanted=
  case "$argument" in
    --bundle | -b) wanted=bundle ;;
    --process | -p) wanted=process ;;
    --bundle=*) file=${argument#*=}/config.json ;;
    --process=*) file=${argument#*=} ;;
  esac
done
[ -n "$file" ] && [ -f "$file" ] && sed -i 's/"CAP_SYS_RESOURCE",//g; s/,"CAP_SYS_RESOURCE"//g' "$file"
exec %s "$@"
"""


@dataclass(frozen=True, slots=True)
class Engine:
    """A Docker engine by its address; the user's own if ``private`` is None."""

    host: str
    private: Path | None = None

    @classmethod
    def chosen(cls, layout: Layout) -> Self:
        """The private one if it runs, else the user's if it answers, else a private one that is not started yet."""
        private = cls(f"unix://{layout.docker / 'docker.sock'}", layout.docker)
        if private.answers():
            return private
        users = cls(_address())
        # After eval "$(serin-kind env)" the user's address is our own engine's.
        return users if users.host not in {"", private.host} and users.answers() else private

    def answers(self) -> bool:
        """Whether it does."""
        return (
            shutil.which("docker") is not None
            and self._run("version", "--format", "{{.Server.Version}}").returncode == 0
        )

    def docker(self, *arguments: str, source: IO[bytes] | None = None) -> str:
        """Run one docker command; what it printed. KindError with its words."""
        answer = self._run(*arguments, source=source)
        if answer.returncode != 0:
            raise KindError(
                f"docker {' '.join(arguments[:4])}: {answer.stderr.decode(errors='replace').strip()[-800:]}"
            )
        return answer.stdout.decode(errors="replace")

    def start(self) -> bool:
        """Start the private engine unless it runs; whether it was started. KindError with its last lines."""
        if self.private is None or self.answers():
            return False
        if os.geteuid() != 0:
            raise KindError("No Docker engine answers, and starting a private one needs root.")
        if shutil.which("dockerd") is None:
            raise ToolsError("dockerd is missing: apt-get install -y --no-install-recommends docker.io iptables")
        self.private.mkdir(mode=0o700, parents=True, exist_ok=True)
        log = self.private / "dockerd.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                ["dockerd", *_flags(self.private, self.host)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + UP_WITHIN_SECONDS
        while not self.answers():
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                lines = log.read_text("utf-8", errors="replace").splitlines()[-8:]
                raise KindError("The private Docker engine did not start:\n" + "\n".join(lines))
            time.sleep(0.1)
        return True

    def stop(self) -> None:
        """End the private engine; nothing happens to the user's."""
        pid = self._pid()
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + DOWN_WITHIN_SECONDS
        while Path(f"/proc/{pid}").exists():
            with contextlib.suppress(ChildProcessError):  # started by this very process: somebody has to wait for it
                os.waitpid(pid, os.WNOHANG)
            if time.monotonic() > deadline:
                raise KindError(f"The private Docker engine (process {pid}) does not end.")
            time.sleep(0.1)

    def _pid(self) -> int | None:
        """Of the private engine, if it runs: the file may be older than the machine's start."""
        if self.private is None:
            return None
        try:
            pid = int((self.private / "docker.pid").read_text("utf-8"))
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return pid if str(self.private).encode() in command else None

    def _run(self, *arguments: str, source: IO[bytes] | None = None) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["docker", *arguments],
            env={**os.environ, "DOCKER_HOST": self.host},
            stdin=source or subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )


def _address() -> str:
    """The user's engine: DOCKER_HOST, or what the chosen context of the docker command says; empty if unknown."""
    if shutil.which("docker") is None:
        return ""
    answer = subprocess.run(
        ["docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"],
        capture_output=True,
        text=True,
        check=False,
    )
    return os.environ.get("DOCKER_HOST") or answer.stdout.strip()


def _flags(folder: Path, host: str) -> list[str]:
    flags = [
        *("--data-root", str(folder / "data"), "--exec-root", str(folder / "run")),
        *("--pidfile", str(folder / "docker.pid"), "-H", host, "--storage-driver", "overlay2"),
    ]
    if not _may_give(SYS_RESOURCE):
        runc = shutil.which("runc")
        if runc is None:
            raise ToolsError("runc is missing: apt-get install -y --no-install-recommends runc")
        wrapper = folder / "runc-without-sys-resource"
        wrapper.write_text(WITHOUT_SYS_RESOURCE % runc, "utf-8")
        wrapper.chmod(0o755)
        flags += ["--add-runtime", f"here={wrapper}", "--default-runtime", "here"]
    return flags


def _may_give(capability: int) -> bool:
    """Whether the bounding set of this process has the capability."""
    status = Path("/proc/self/status").read_text("utf-8")
    bounding = next(line.split()[1] for line in status.splitlines() if line.startswith("CapBnd"))
    return bool(int(bounding, 16) >> capability & 1)
