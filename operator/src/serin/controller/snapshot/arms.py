"""The arms of a snapshot: which workloads count, what is doubted, and who else has a hostname."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any, cast

from serin.cluster.client import Cluster, Object
from serin.controller.snapshot.adoption import Adopted, Adoption
from serin.rollout.observation import Arm, Part, Problem
from serin.together import together
from serin.traffic.backend import Backend
from serin.traffic.gateway.claims import RouteClaim, hostname_taken
from serin.traffic.reader import Reader


async def adopted_workloads(
    adoption: Adoption, reader: Reader, found: list[Object] | None, routed: str | None
) -> Adopted | None:
    """The workloads that count as arms; None if they could not be read."""
    return await reader.read(Part.INFERENCE_SERVICES, adoption.sort(found, routed)) if found is not None else None


def _doubted(arm: Arm, adopted: Adopted | None) -> Arm:
    """The arm with its doubt. What a workload says of its content counts only if it is Serin's."""
    if adopted is not None and arm.ref.revision in adopted.existing:
        return replace(arm, adopted=True)
    doubt = adopted.doubts.get(arm.ref.revision) if adopted is not None else None
    return arm if doubt is None else replace(arm, doubt=doubt, ref=arm.ref.model_copy(update={"hash": None}))


async def trusted_arms(reading: Coroutine[Any, Any, dict[str, Arm]], adopted: Adopted | None) -> dict[str, Arm]:
    """The arms with their doubts."""
    return {revision: _doubted(arm, adopted) for revision, arm in (await reading).items()}


async def arms_and_claim(
    reading: Coroutine[Any, Any, dict[str, Arm]],
    ask: Callable[[Mapping[str, Arm] | None], Coroutine[Any, Any, Problem | None]],
    *,
    at_once: bool,
) -> tuple[dict[str, Arm], Problem | None]:
    """The arms, and whether somebody else has a hostname of spec.

    ``at_once``: the question does not depend on the arms, and a rollback does not wait for it longer than for them.
    """
    if at_once:
        return cast("tuple[dict[str, Arm], Problem | None]", tuple(await together(reading, ask(None))))
    arms = await reading
    return arms, await ask(arms)


async def claimed_by_others(
    cluster: Cluster, reader: Reader, obj: Object, claim: RouteClaim, namespaces: tuple[str, ...], *, backend: Backend
) -> Problem | None:
    """The problem if somebody else has a hostname of spec. Nobody is asked for a route that Serin does not touch."""
    if not backend.claims_hostnames or backend.is_foreign(claim.route, obj, claim.status):
        return None
    return await reader.read(Part.HOSTNAMES, hostname_taken(cluster, obj, claim, namespaces))
