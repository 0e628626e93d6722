"""A gate of a policy: a name, the move before which it is asked, and exactly one kind of ``serin.policy_gates``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, create_model, model_validator

from serin.policy_gates import GATE_KINDS
from serin.policy_gates.answer import Before
from serin.policy_gates.kind import GateKind
from serin.schema.types import ApiModel, validations

WINDOWS = "windows"
"""The name under which ``spec.windows`` stands among the gates; no gate of a user has it."""
MOST_GATES = 10
_KINDS = tuple(gate.kind for gate in GATE_KINDS)
EXACTLY_ONE = f"give exactly one of {', '.join(_KINDS)}"
RESERVED = f"the name {WINDOWS} is that of spec.windows; give the gate another one"


class _Named(ApiModel):
    """What holds a rollout before a forward move until it is open; never a rollback, a Hold or an Abort."""

    name: Annotated[str, Field(max_length=63, pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$")]
    """Name of the gate, once in a policy: an approval and the record name it."""
    before: Before
    """Start: before the candidate's InferenceService is created. Step: before each weight after the first one.
    Promote: before the last weight, all traffic or all but the bake's holdback."""

    model_config: ClassVar = {
        "json_schema_extra": validations(
            (f"[{', '.join(f'has(self.{kind})' for kind in _KINDS)}].exists_one(g, g)", EXACTLY_ONE),
            (f"self.name != '{WINDOWS}'", RESERVED),
        )
    }

    @model_validator(mode="after")
    def _one_kind(self) -> _Named:
        if len(self._given) != 1:
            raise ValueError(EXACTLY_ONE)
        if self.name == WINDOWS:
            raise ValueError(RESERVED)
        return self

    @property
    def _given(self) -> list[GateKind]:
        members = (getattr(self, kind) for kind in _KINDS)
        return [member for member in members if member is not None]

    @property
    def chosen(self) -> GateKind:
        """The kind that is given."""
        return self._given[0]


if TYPE_CHECKING:
    Gate = _Named
else:
    Gate = create_model(
        "Gate",
        __base__=_Named,
        __doc__=_Named.__doc__,
        **{gate.kind: (gate | None, None) for gate in GATE_KINDS},
    )
