"""PromotionFreeze: while one is in force, nothing starts and nothing moves forward; rollbacks go on."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from serin.schema.types import ApiModel, Line, Text, Time, Word, validations

MOST_HELD = 50


class ModelSelector(ApiModel):
    """The ModelDeployments that a freeze is about: those with all of the labels."""

    match_labels: Annotated[dict[str, Word], Field(min_length=1, max_length=16)]
    """Labels that a ModelDeployment must have, all of them."""


class PromotionFreezeSpec(ApiModel):
    """Why, from when, until when, and for which ModelDeployments."""

    reason: Annotated[Line, Field(min_length=1, max_length=512)]
    """Why; every ModelDeployment that is held tells it."""
    begins: Annotated[Time | None, Field(alias="from")] = None
    """It is in force from then on; at once if this is absent."""
    ends: Annotated[Time | None, Field(alias="until")] = None
    """It is in force before this time; until it is deleted if this is absent."""
    selector: ModelSelector | None = None
    """All ModelDeployments of the namespace if this is absent. A freeze in Serin's own namespace is about those of
    every namespace."""

    model_config: ClassVar = {
        "json_schema_extra": validations(
            ("!has(self.from) || !has(self.until) || self.from < self.until", "until must be later than from")
        )
    }

    def selects(self, labels: dict[str, str]) -> bool:
        """Whether it is about a ModelDeployment with these labels."""
        wanted = self.selector.match_labels if self.selector is not None else {}
        return all(labels.get(key) == value for key, value in wanted.items())


class PromotionFreezeStatus(ApiModel):
    """What the freeze holds up."""

    holds: Annotated[list[Text], Field(max_length=MOST_HELD)] = []
    """``namespace/name`` of ModelDeployments that would go forward without it, at most 50, in order."""


class PromotionFreeze(ApiModel):
    """Kind PromotionFreeze (``pfreeze``)."""

    spec: PromotionFreezeSpec
    status: PromotionFreezeStatus = Field(default_factory=PromotionFreezeStatus)
