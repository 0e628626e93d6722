"""What a kind of gate brings along: its fields in a policy, and a pure answer.

A kind reads nothing by itself. What has to be read for it comes as a fact, by a reader of the same name in
``controller/snapshot/gate_facts``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from serin.policy_gates.answer import Answer, Asked
from serin.schema.types import ApiModel


class GateKind(ApiModel, ABC):
    """One kind of gate: a subclass with the fields of a policy, listed in ``serin.policy_gates.GATE_KINDS``."""

    kind: ClassVar[str]
    """The member of a gate in a policy, e.g. ``approval``."""
    stays_open: ClassVar[bool] = False
    """Whether an answer that opened it counts until the move; otherwise it must be open in the moment of the move."""
    asked_to_the_end: ClassVar[bool] = False
    """Whether it is asked before every later move of the rollout, too: what it asks for may end. Its ``met_since`` is
    kept from move to move."""

    @property
    def problem(self) -> str | None:
        """Why no rollout may start with these settings, with the field; None if one may.

        Only what the schema cannot say. A rollout that is under way goes on, and the gate holds it.
        """
        return None

    @property
    def queries(self) -> tuple[str, ...]:
        """The PromQL in it, which the policy's Prometheus must take."""
        return ()

    @abstractmethod
    def answer(self, asked: Asked) -> Answer:
        """Whether it lets the move happen."""
