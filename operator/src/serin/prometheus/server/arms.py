"""Which series count for which arms, as the operator's settings say: label values that all of them must have.

A label such as Envoy's cluster name tells whose requests a series counts, but anybody who is scraped can export a
series with it. Labels of the scrape target, such as ``job`` and ``namespace``, tell who has exported it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from serin.api.files.load import yaml_document
from serin.errors import InvalidInput
from serin.prometheus.presets import preset
from serin.schema.choices import Arms
from serin.schema.printable import shortened

RequiredMatchers = Mapping[Arms, Mapping[str, str]]
"""Per arms the label values that every series must have."""
_LABEL = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")
LONGEST = 400
"""Characters of a problem in the settings."""


def _label(name: str) -> str:
    if not _LABEL.fullmatch(name):
        raise ValueError("a label's name has letters, digits and _ only, and no digit in front")
    if name.startswith("__") or name == "le":
        raise ValueError("this label does not tell who has exported a series; use job, or namespace")
    return name


def _value(text: str) -> str:
    if not text.isprintable():
        raise ValueError("a label's value of printable characters is expected")
    return text


class ArmsSettings(BaseModel):
    """What the operator's settings say of one kind of arms."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    matchers: Annotated[
        dict[
            Annotated[str, AfterValidator(_label)],
            Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_value)],
        ],
        Field(min_length=1, max_length=10),
    ]


def _free(found: dict[Arms, ArmsSettings]) -> dict[Arms, ArmsSettings]:
    for arms, settings in found.items():
        known = preset(arms)
        taken = next((name for name in settings.matchers if name in {known.arm_label, *known.matchers}), None)
        if taken is not None:
            raise ValueError(f"{arms.value}.matchers.{taken}: Serin itself fills in this label")
    return found


SettingsByArms = Annotated[dict[Arms, ArmsSettings], AfterValidator(_free)]
_SETTINGS = TypeAdapter(SettingsByArms)


def settings_from(text: str, source: str) -> dict[Arms, ArmsSettings]:
    """The settings in the YAML or JSON ``text``, none if it is empty; ``InvalidInput`` says what is wrong and where."""
    if not text.strip():
        return {}
    try:
        return _SETTINGS.validate_python(yaml_document(text, source))
    except ValidationError as error:
        raise InvalidInput(f"{source}: {first_problem(error)}") from None


def first_problem(error: ValidationError) -> str:
    """The first field that is wrong, and what is wrong with it, without its value, in one printable line."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"] if part != "[key]")
    return shortened(f"{where + ': ' if where else ''}{first['msg'].removeprefix('Value error, ')}", LONGEST)


def unguarded(required: RequiredMatchers) -> list[Arms]:
    """The arms of gateways, where the settings say of none of them whose series count; a cluster has one gateway."""
    gateways = [arms for arms in Arms if preset(arms).of_gateway]
    return [] if any(required.get(arms) for arms in gateways) else gateways
