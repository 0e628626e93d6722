"""Where the model comes from, and which container loads it: what of a spec KServe would get wrong, or ignore."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

SERVER = "kserve-container"
STORAGE_URI = "STORAGE_URI"
"""The variable by which KServe tells a server of one's own where its model is."""
NAMING = ("args", "command", "env", "envFrom", "image")
"""Fields of ``predictor.model`` by which a server can be told of its model, or hold it."""
SOURCE = (
    "give its storage URI in spec.model.uri, or predictor.model.storage, or predictor.storageUris; where it is part of "
    "the server's image, or an argument or a variable names it, give predictor.model.image, args or env"
)


def source_violations(model: Mapping[str, Any], predictor: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the source; ``predictor`` without nulls."""
    section, has_uri = predictor.get("model"), model.get("uri") is not None
    several, path = bool(predictor.get("storageUris")), _storage(section).get("path") is not None
    if has_uri and several:
        yield "spec.model.uri: predictor.storageUris is given, too, and KServe takes one of them; remove one"
    if has_uri and path:
        yield "spec.model.uri: predictor.model.storage.path is given, too, and KServe takes one of them; remove one"
    named = section is None or any(section.get(field) for field in NAMING)
    if not (has_uri or several or _storage(section) or named):
        yield f"spec.model: nothing says where the model is; {SOURCE}"
    yield from _container_violations(predictor, has_uri=has_uri)


def _container_violations(predictor: Mapping[str, Any], *, has_uri: bool) -> Iterator[str]:
    containers = list(predictor.get("containers") or [])
    of_name = [container.get("name", "") for container in containers]
    if "model" in predictor:
        if SERVER in of_name:
            yield (
                f"spec.predictor.containers: {SERVER} is the container that predictor.model describes; write its "
                "fields there, and leave the transformer-container and other containers here"
            )
        return
    if len(containers) > 1 and of_name[0] != SERVER:
        # KServe puts the server in the place of the first, whatever that is.
        yield (
            f"spec.predictor.containers: with more than one container the first is the server and is named {SERVER}; "
            f"put it first, and name it so"
        )
    own = [variable.get("name") for variable in (containers[0].get("env") or [] if containers else [])]
    if not has_uri and STORAGE_URI in own:
        yield f"spec.predictor.containers[0].env: {STORAGE_URI} is set from spec.model.uri; write the URI there"


def _storage(section: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return (section or {}).get("storage") or {}
