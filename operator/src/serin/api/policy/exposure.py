"""How a candidate is reached before its first weight: by mirrored requests, or by a header."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from serin.api.policy.preview_header import Header
from serin.schema.types import ApiModel, Duration, validations

PREVIEW_SHORT = "a preview lasts at least 10s"
PASSABLE = (
    "!has(self.timeout) || duration(self.timeout) > duration(self.for)",
    "timeout must be longer than for, or the step could never pass",
)


class Exposure(StrEnum):
    """How a candidate without weight is reached."""

    MIRROR = "Mirror"
    PREVIEW = "Preview"


class Shadow(ApiModel):
    """A time before the first step in which requests are mirrored to the candidate; its answers are thrown away."""

    percent: Annotated[int, Field(ge=100, le=100)] = 100
    """Percent of the requests that are mirrored. Only 100 is possible: Contour mirrors all requests, whatever the route
    says."""
    for_: Annotated[Duration, Field(alias="for")]
    """The windows with requests must cover at least this time."""
    timeout: Duration = timedelta(hours=1)
    """A shadow that is not decided after this time holds the rollout and asks for a person."""

    model_config: ClassVar = {"json_schema_extra": validations(PASSABLE)}

    @model_validator(mode="after")
    def _passable(self) -> Shadow:
        if self.timeout <= self.for_:
            raise ValueError(PASSABLE[1])
        return self


class Preview(ApiModel):
    """A time before the first step in which only requests with a certain header reach the candidate."""

    header: Header
    for_: Annotated[Duration, Field(alias="for")]
    """How long the preview lasts, whether or not testers send requests."""

    model_config: ClassVar = {
        "json_schema_extra": validations(("duration(self.for) >= duration('10s')", PREVIEW_SHORT))
    }

    @model_validator(mode="after")
    def _long_enough(self) -> Preview:
        if self.for_ < timedelta(seconds=10):
            raise ValueError(PREVIEW_SHORT)
        return self
