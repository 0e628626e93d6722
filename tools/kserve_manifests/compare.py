"""What an InferenceService asks for and a rendered one has not, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

METADATA = ("labels", "annotations")
DEPLOYMENT_MODE = "serving.kserve.io/deploymentMode"


def missing(asked: Mapping[str, Any], rendered: Mapping[str, Any]) -> list[str]:
    """The paths of what is asked for and not there; Serin may add what it likes.

    Labels and annotations may also stand on the predictor: KServe puts both on the pods.
    """
    return [
        *_of_metadata(asked, rendered),
        *_of_value("spec", asked.get("spec") or {}, rendered.get("spec") or {}),
    ]


def _of_metadata(asked: Mapping[str, Any], rendered: Mapping[str, Any]) -> Iterator[str]:
    predictor = (rendered.get("spec") or {}).get("predictor") or {}
    for section in METADATA:
        given = {**(predictor.get(section) or {}), **(rendered["metadata"].get(section) or {})}
        for key, value in ((asked.get("metadata") or {}).get(section) or {}).items():
            # KServe writes the older words for a mode as the newer ones.
            if given.get(key) != value and key != DEPLOYMENT_MODE:
                yield f"metadata.{section}.{key}"


def _of_value(path: str, asked: object, given: object) -> Iterator[str]:
    if asked is None:
        return
    if isinstance(asked, Mapping):
        there = given if isinstance(given, Mapping) else {}
        for key, value in asked.items():
            if key in METADATA and path == "spec.predictor":
                yield from _of_pods(f"{path}.{key}", value, there.get(key))
            else:
                yield from _of_value(f"{path}.{key}", value, there.get(key))
    elif isinstance(asked, list):
        yield from _of_list(path, asked, given if isinstance(given, list) else [])
    elif asked != given:
        yield path


def _of_pods(path: str, asked: Mapping[str, Any] | None, given: object) -> Iterator[str]:
    yield from _of_value(path, asked or {}, given)


def _of_list(path: str, asked: list[Any], given: list[Any]) -> Iterator[str]:
    """Items by name where all have one, else in their order, with others after or between them."""
    if all(isinstance(item, Mapping) and "name" in item for item in asked):
        named = {item.get("name"): item for item in given if isinstance(item, Mapping)}
        for item in asked:
            yield from _of_value(f"{path}[{item['name']}]", item, named.get(item["name"]))
        return
    rest = iter(given)
    for number, item in enumerate(asked):
        if not any(not list(_of_value("", item, other)) for other in rest):
            yield f"{path}[{number}]"
            return
