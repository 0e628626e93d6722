"""Which policy a new rollout has: it exists, is valid, can be asked for, and of a server of its namespace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from serin.api.promotion_policy import PromotionPolicySpec
from serin.prometheus.reading import unreadable
from serin.prometheus.sharing.allow_list import AllowList
from serin.rollout.observation import Problem, Unreadable
from serin.schema.reasons import Reason


def readable_policy(
    key: tuple[str, str],
    obj: Mapping[str, Any] | None,
    servers: AllowList,
    unknown: Unreadable | None,
    *,
    unsuitable: Callable[[PromotionPolicySpec], str | None],
) -> PromotionPolicySpec | Problem:
    """The policy of a new rollout, or why there is none; ``unknown`` is why it could not be read.

    ``unsuitable`` says what of it the back end cannot do.
    """
    namespace, name = key
    if unknown is not None:
        return Problem(Reason.POLICY_INVALID, f"PromotionPolicy {name} cannot be read: {unknown.message}")
    if obj is None:
        return Problem(Reason.POLICY_MISSING, f"PromotionPolicy {name} does not exist in this namespace; create it")
    try:
        policy = PromotionPolicySpec.model_validate(obj["spec"])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, ("spec", *first["loc"])))
        words = first["msg"].removeprefix("Value error, ")
        return Problem(Reason.POLICY_INVALID, f"PromotionPolicy {name}: {where}: {words}")
    refusal = servers.refusal(policy, namespace)
    gap = f"prometheus: {refusal}" if refusal else unreadable(policy) or unsuitable(policy)
    return Problem(Reason.POLICY_INVALID, f"PromotionPolicy {name}: spec.{gap}") if gap else policy
