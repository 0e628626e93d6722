"""Which program does a container run: which command, in which environment, with which files?"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .environment import Source, container_environment, expand
from .process import PRIVATE_ROOTS, Mount, Program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e2e.sandbox.images.catalogue import Catalogue

    from .api import Json
    from .network import PodNetwork
    from .volumes import PodVolumes

HOSTS_FILE = "/etc/hosts"


class UnknownImageError(Exception):
    """The image is not in the catalogue: to a kubelet, a registry that does not have it."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Builds the programs of one pod's containers."""

    pod: Json
    fields: Mapping[str, str]
    source: Source
    catalogue: Catalogue
    network: PodNetwork
    volumes: PodVolumes
    names: Sequence[str] = ()
    """Further lines of /etc/hosts."""

    async def of(self, container: Json) -> Program:
        """Build one; UnknownImageError, MissingReferenceError or CreateError if it cannot be."""
        image = self.catalogue.find(container["image"])
        if image is None:
            known = ", ".join(self.catalogue.names)
            raise UnknownImageError(f"not in the sandbox's catalogue (which has {known})")
        own = await container_environment(container, self.pod, self.fields, self.source)
        scratch = self._scratch(container["name"])
        message = self._message(container)
        command = [expand(word, own) for word in container.get("command") or []]
        arguments = [expand(word, own) for word in container.get("args") or []]
        return Program(
            argv=(*(command or image.command), *arguments),
            env={**self._base(scratch), **image.env, **own},
            cwd=container.get("workingDir") or "/",
            mounts=(
                *self._hosts(),
                *self.volumes.mounts(container),
                *((Mount(message, container["terminationMessagePath"]),) if message else ()),
            ),
            network=self.network,
            entry="" if command else image.entry,
            arguments=tuple(arguments),
            message=message,
        )

    def _base(self, scratch: Path) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "HOME": str(scratch),
            "TMPDIR": str(scratch),
            "HOSTNAME": self.pod["metadata"]["name"],
        }

    def _message(self, container: Json) -> Path | None:
        """Make the file of its termination message, where a container can have one of its own.

        The default, /dev/termination-log, would have to be made in the machine's /dev.
        """
        if not str(container.get("terminationMessagePath", "")).startswith(tuple(f"{root}/" for root in PRIVATE_ROOTS)):
            return None
        file: Path = self.volumes.root / "messages" / str(container["name"])
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
        return file

    def _scratch(self, container: str) -> Path:
        # Stands for the container's own writable layer, which is new at each start.
        folder = self.volumes.root / "scratch" / container
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def _hosts(self) -> tuple[Mount, ...]:
        """Write the pod's /etc/hosts, the only names there are: the sandbox has no DNS. Each start knows new ones."""
        if not Path(HOSTS_FILE).exists():
            return ()  # there is nothing to mount it over, and it is not ours to make
        lines = ["127.0.0.1 localhost", f"{self.network.ip} {self.pod['metadata']['name']}"]
        lines += [f"{self.fields['status.hostIP']} {name}" for name in self.catalogue.host_names]
        for alias in self.pod["spec"].get("hostAliases") or []:
            names = alias.get("hostnames") or []
            # With the dot, too: Envoy's resolver looks an absolute name up here as it is written.
            lines.append(" ".join((alias["ip"], *names, *(f"{name}." for name in names))))
        lines += self.names
        file = self.volumes.root / "hosts"
        file.write_text("".join(f"{line}\n" for line in lines))
        return (Mount(file, HOSTS_FILE),)
