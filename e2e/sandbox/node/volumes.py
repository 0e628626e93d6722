"""Which folders stand behind a pod's volumes, and where does a container see them?"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .environment import MissingReferenceError, NamespaceSource, pod_field, selected_keys
from .process import PRIVATE_ROOTS, CreateError, Mount, wants_new_top

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .api import Api, Json

_REFRESH_SHARE = 0.8  # of a token's life, as a kubelet does
_DEFAULT_TOKEN_S = 3600


class VolumeError(Exception):
    """A volume cannot be set up: not supported by the sandbox, or what it refers to does not exist."""


@dataclass(frozen=True, slots=True)
class Token:
    """A service account's token in a volume: the file, and what to ask for when it grows old."""

    file: Path
    request: Json
    lifetime_s: int

    @property
    def refresh_after_s(self) -> float:
        """Seconds after which a new one is written."""
        return self.lifetime_s * _REFRESH_SHARE


@dataclass(slots=True)
class PodVolumes:
    """The volumes of one pod, under one folder that goes away with it."""

    api: Api
    pod: Json
    status: Mapping[str, str]
    root: Path
    tokens: list[Token] = field(default_factory=list)
    _paths: dict[str, Path] = field(default_factory=dict)

    async def prepare(self) -> None:
        """Set all volumes up; VolumeError or ApiError if one cannot be, and it may be called again."""
        self.tokens.clear()
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        for volume in self.pod["spec"].get("volumes") or []:
            try:
                self._paths[volume["name"]] = await self._prepare(volume)
            except MissingReferenceError as error:
                title = f'MountVolume.SetUp failed for volume "{volume["name"]}"'
                raise VolumeError(f"{title}: {error}") from error

    def mounts(self, container: Json) -> tuple[Mount, ...]:
        """Give a container's mounts; CreateError if the machine's own files would have to be touched."""
        found = []
        for entry in container.get("volumeMounts") or []:
            target = entry["mountPath"].rstrip("/") or "/"
            source = self._paths[entry["name"]]
            if sub := entry.get("subPath"):
                source = _inside(source, sub)
            check_target(target)
            found.append(Mount(source, target, read_only=bool(entry.get("readOnly"))))
        # The outer of two nested paths has to be mounted first.
        return tuple(sorted(found, key=lambda mount: mount.target.count("/")))

    async def refresh(self, token: Token) -> None:
        """Write a new token into the file of an ageing one."""
        _write(token.file, (await self._token(token.request)).encode(), 0o600)

    def remove(self) -> None:
        """Delete everything the pod kept in its volumes."""
        shutil.rmtree(self.root, ignore_errors=True)

    async def _prepare(self, volume: Json) -> Path:
        kinds = [key for key in volume if key != "name"]
        kind = kinds[0] if kinds else "emptyDir"
        if kind == "hostPath":
            return _host_path(volume["name"], volume[kind])
        folder = _made(self.root / "volumes" / volume["name"])
        if kind == "emptyDir":
            return folder
        sources = volume[kind].get("sources") or [] if kind == "projected" else [{kind: volume[kind]}]
        for source in sources:
            for origin, content in source.items():
                await self._fill(folder, volume["name"], origin, content)
        return folder

    async def _fill(self, folder: Path, name: str, kind: str, content: Json) -> None:
        if kind == "serviceAccountToken":
            await self._add_token(folder, content)
        elif kind == "downwardAPI":
            for item in content.get("items") or []:
                if "fieldRef" not in item:
                    raise MissingReferenceError("the sandbox's node does not know resourceFieldRef")
                text = pod_field(item["fieldRef"]["fieldPath"], self.pod, self.status)
                _write(_inside(folder, item["path"]), text.encode(), 0o644)
        elif kind in {"configMap", "secret"}:
            for path, data in (await self._entries(kind, content)).items():
                _write(_inside(folder, path), data, 0o600 if kind == "secret" else 0o644)
        else:
            raise VolumeError(f'volume "{name}": the sandbox\'s node does not support volumes of kind {kind}')

    async def _entries(self, kind: str, content: Json) -> dict[str, bytes]:
        name = content.get("name") or content.get("secretName", "")
        source = NamespaceSource(self.api, self.pod["metadata"]["namespace"])
        data = await source.data("secrets" if kind == "secret" else "configmaps", name)
        if data is None:
            if content.get("optional"):
                return {}
            raise MissingReferenceError(f'{kind.lower()} "{name}" not found')
        return selected_keys(data, content.get("items") or [])

    async def _add_token(self, folder: Path, content: Json) -> None:
        lifetime = int(content.get("expirationSeconds") or _DEFAULT_TOKEN_S)
        meta = self.pod["metadata"]
        bound = {"kind": "Pod", "apiVersion": "v1", "name": meta["name"], "uid": meta["uid"]}
        audiences = [content["audience"]] if content.get("audience") else []
        request = {"audiences": audiences, "expirationSeconds": lifetime, "boundObjectRef": bound}
        token = Token(_inside(folder, content["path"]), request, lifetime)
        await self.refresh(token)
        self.tokens.append(token)

    async def _token(self, request: Json) -> str:
        account = self.pod["spec"].get("serviceAccountName") or "default"
        namespace = self.pod["metadata"]["namespace"]
        answer = await self.api.post(
            f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token",
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": request},
        )
        return str(answer["status"]["token"])


def check_target(path: str) -> None:
    """Refuse a mount path that would have to be made on the machine's own file system (CreateError)."""
    real = str(Path(path).resolve())
    private = real.startswith(tuple(f"{root}/" for root in PRIVATE_ROOTS))
    if not (Path(real).exists() or private or wants_new_top(real)):
        raise CreateError(
            f"mount path {path} does not exist: containers of the sandbox share the machine's files, so a mount path "
            f"must exist there, lie under {' or '.join(PRIVATE_ROOTS)}, or begin with a folder that / does not have"
        )


def _host_path(name: str, source: Json) -> Path:
    path = Path(source["path"])
    if not path.exists():
        raise VolumeError(f'volume "{name}": hostPath {path} does not exist (the sandbox makes none)')
    return path


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _inside(folder: Path, relative: str) -> Path:
    path = folder / relative
    if ".." in Path(relative).parts or Path(relative).is_absolute():
        raise VolumeError(f"path {relative} leaves its volume")
    return path


def _write(path: Path, content: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=mode)
    fresh.write_bytes(content)
    fresh.replace(path)  # at once, so that a reader never sees half of it
