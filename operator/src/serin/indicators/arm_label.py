"""By which label the series of an indicator of the user's own tell the arms apart, where it is not that of ``arms``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from serin.schema.types import ApiModel, validations

NO_BUCKET = "armLabel.name is a label that your metrics have of each revision: le is that of a histogram's buckets"


class ArmIdentity(StrEnum):
    """What a label says of an arm."""

    SERVICE = "Service"
    """The Service that requests go to, such as fraud-7c9f2a1b-predictor."""
    WORKLOAD = "Workload"
    """The InferenceService, such as fraud-7c9f2a1b."""
    REVISION = "Revision"
    """The revision, such as 7c9f2a1b."""
    VERSION = "Version"
    """The version in spec.model, such as 42; both arms must have different ones."""
    POD = "Pod"
    """The pod, such as fraud-7c9f2a1b-predictor-5d7c9bbf9c-abcde."""


class ArmLabel(ApiModel):
    """A label of your metrics that tells the arms apart."""

    name: Annotated[str, Field(max_length=128, pattern=r"^([a-zA-Z]|_[a-zA-Z0-9])[a-zA-Z0-9_]*$")]
    """Name of the label, such as ``model_version``."""
    value: ArmIdentity
    """What the label says: the Service, Workload, Revision, Version or Pod of the arm."""

    model_config: ClassVar = {"json_schema_extra": validations(("self.name != 'le'", NO_BUCKET))}

    @model_validator(mode="after")
    def _free(self) -> ArmLabel:
        if self.name == "le":
            raise ValueError(NO_BUCKET)
        return self
