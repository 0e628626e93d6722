"""The object that serves a revision, as a status and a record name it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from serin.schema.types import ApiModel, Name, Sha256, Word

INFERENCE_SERVICE = "InferenceService"


class Workload(ApiModel):
    """The object that serves a revision."""

    api_version: Word
    """API group and version of the object."""
    kind: Word
    """Kind of the object, such as InferenceService."""
    name: Name
    """Name of the object."""
    service: Name | None = None
    """The Service that takes the requests, where that is not the predictor's: a transformer's."""


def _with_workload(data: object) -> object:
    """The fields of a revision; those of an earlier Serin name an InferenceService only."""
    if not isinstance(data, Mapping) or "inferenceService" not in data or "workload" in data:
        return data
    workload = {"apiVersion": "serving.kserve.io/v1beta1", "kind": INFERENCE_SERVICE, "name": data["inferenceService"]}
    return {**data, "workload": workload}


def _either(schema: dict[str, Any]) -> None:
    """Objects of an earlier Serin have no ``workload``: the API server must still take them when status is written."""
    schema["required"].remove("workload")


class OfWorkload(ApiModel):
    """A revision and what serves it."""

    revision: Name
    """Name of the revision: the first eight digits of its hash."""
    version: Word
    """The user's name for it: ``spec.model.version``."""
    hash: Sha256 | None = None
    """SHA-256 of the canonical content of ``spec.model`` and the components, without the scaling fields: the revision's
    identity. The revision is its first eight digits. Objects of an earlier Serin have none."""
    workload: Workload
    inference_service: Annotated[Name | None, Field(exclude=True)] = None
    """What an earlier Serin wrote in place of ``workload``; it is read, and not written any more."""

    model_config: ClassVar = {"json_schema_extra": _either}

    @model_validator(mode="before")
    @classmethod
    def _of_an_earlier_version(cls, data: object) -> object:
        return _with_workload(data)

    def is_same(self, other: OfWorkload) -> bool:
        """Whether both are one revision: by the whole hash, or by the name if one of the hashes is not known."""
        unknown = self.hash is None or other.hash is None
        return self.revision == other.revision and (unknown or self.hash == other.hash)
