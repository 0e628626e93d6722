"""Which environment variables does a container see?"""

from __future__ import annotations

import base64
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

from .api import Api, ApiError, Json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_REFERENCE = re.compile(r"\$(\$|\(([^()]+)\))")
_KEYED_FIELD = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


class MissingReferenceError(Exception):
    """A container refers to a field, a ConfigMap or a Secret that is not there or not supported."""


class Source(Protocol):
    """Where values come from that are not written in the pod itself."""

    async def data(self, kind: str, name: str) -> dict[str, bytes] | None:
        """Give the entries of a `configmaps` or `secrets` object, or None if it does not exist."""


class NamespaceSource:
    """Reads ConfigMaps and Secrets of one namespace."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api = api
        self._namespace = namespace

    async def data(self, kind: str, name: str) -> dict[str, bytes] | None:
        """Give the entries of a `configmaps` or `secrets` object, or None if it does not exist."""
        try:
            found = await self._api.get(f"/api/v1/namespaces/{self._namespace}/{kind}/{name}")
        except ApiError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        plain = found.get("data") or {}
        if kind == "secrets":
            return {key: base64.b64decode(value) for key, value in plain.items()}
        binary = found.get("binaryData") or {}
        return {key: value.encode() for key, value in plain.items()} | {
            key: base64.b64decode(value) for key, value in binary.items()
        }


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace $(NAME) where NAME is known; $$ stands for a dollar sign, as in Kubernetes."""

    def value(match: re.Match[str]) -> str:
        return "$" if match[1] == "$" else variables.get(match[2], match[0])

    return _REFERENCE.sub(value, text)


def pod_field(path: str, pod: Json, status: Mapping[str, str]) -> str:
    """Read what a fieldRef names; `status` has the fields the node knows before they are in the object."""
    if path in status:
        return status[path]
    if keyed := _KEYED_FIELD.fullmatch(path):
        return str(pod["metadata"].get(keyed[1], {}).get(keyed[2], ""))
    plain = {
        "metadata.name": pod["metadata"]["name"],
        "metadata.namespace": pod["metadata"]["namespace"],
        "metadata.uid": pod["metadata"]["uid"],
        "spec.nodeName": pod["spec"].get("nodeName", ""),
        "spec.serviceAccountName": pod["spec"].get("serviceAccountName", ""),
    }
    if path not in plain:
        raise MissingReferenceError(f"the sandbox's node does not know the field {path}")
    return str(plain[path])


async def container_environment(
    container: Json, pod: Json, status: Mapping[str, str], source: Source
) -> dict[str, str]:
    """Build the variables of `env` and `envFrom`; MissingReferenceError if one cannot be had."""
    variables: dict[str, str] = {}
    for block in container.get("envFrom") or []:
        variables |= await _block(block, source)
    for entry in container.get("env") or []:
        origin = entry.get("valueFrom")
        if not origin:
            variables[entry["name"]] = expand(entry.get("value") or "", variables)
        elif "fieldRef" in origin:
            variables[entry["name"]] = pod_field(origin["fieldRef"]["fieldPath"], pod, status)
        elif (value := await _referred(entry["name"], origin, source)) is not None:
            variables[entry["name"]] = value
    return variables


def selected_keys(data: Mapping[str, bytes], items: Iterable[Json]) -> dict[str, bytes]:
    """Pick the `items` (key, path) of a volume's source; all keys if none are named."""
    wanted = list(items)
    if missing := [item["key"] for item in wanted if item["key"] not in data]:
        raise MissingReferenceError(f"references non-existent key: {', '.join(missing)}")
    return {item["path"]: data[item["key"]] for item in wanted} if wanted else dict(data)


async def _block(block: Json, source: Source) -> dict[str, str]:
    kind, ref = ("configmaps", block["configMapRef"]) if "configMapRef" in block else ("secrets", block["secretRef"])
    data = await source.data(kind, ref["name"])
    if data is None:
        if ref.get("optional"):
            return {}
        raise MissingReferenceError(f'{_singular(kind)} "{ref["name"]}" not found')
    return {block.get("prefix", "") + key: value.decode(errors="replace") for key, value in data.items()}


async def _referred(name: str, origin: Json, source: Source) -> str | None:
    for field, kind in (("configMapKeyRef", "configmaps"), ("secretKeyRef", "secrets")):
        if field in origin:
            return await _key(origin[field], kind, source)
    raise MissingReferenceError(f"{name}: the sandbox's node does not know valueFrom.{', '.join(origin)}")


async def _key(ref: Json, kind: str, source: Source) -> str | None:
    data = await source.data(kind, ref["name"])
    if data is not None and ref["key"] in data:
        return data[ref["key"]].decode(errors="replace")
    if ref.get("optional"):
        return None
    if data is None:
        raise MissingReferenceError(f'{_singular(kind)} "{ref["name"]}" not found')
    raise MissingReferenceError(f"couldn't find key {ref['key']} in {_singular(kind)} {ref['name']}")


def _singular(kind: str) -> str:
    return "secret" if kind == "secrets" else "configmap"
