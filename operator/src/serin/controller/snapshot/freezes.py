"""Reads the PromotionFreezes about a ModelDeployment, and tells them what they hold up.

They are read only while something would go forward: an idle ModelDeployment asks nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog

from serin.api.model_deployment import ModelDeployment
from serin.api.promotion_freeze import MOST_HELD, PromotionFreeze, PromotionFreezeStatus
from serin.api.revision import Source
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.errors import ClusterError, Conflict, NotFound, NotLeader
from serin.rollout.views import FreezeView
from serin.schema.reasons import Reason
from serin.together import together

log = structlog.get_logger()


def freezes_matter(obj: Object, parsed: ModelDeployment) -> bool:
    """Whether something may go forward, or a freeze has still to be told that it holds nothing up."""
    status = parsed.status
    if status.rollout is not None or status.stable is None or status.reason is Reason.FROZEN:
        return True
    return status.stable.hash != Source.of(obj["spec"]).hash


async def read_freezes(cluster: Cluster, obj: Object, for_all: str | None) -> list[Object]:
    """The freezes of the ModelDeployment's namespace, and of ``for_all``, that select it; ``ClusterError``."""
    namespace, labels = obj["metadata"]["namespace"], obj["metadata"].get("labels") or {}
    spaces = dict.fromkeys(space for space in (namespace, for_all) if space)
    found = await together(*(_list(cluster, space) for space in spaces))
    every = [freeze for freezes in found for freeze in freezes]
    return [freeze for freeze in every if PromotionFreeze.model_validate(freeze).spec.selects(labels)]


async def _list(cluster: Cluster, namespace: str) -> list[Object]:
    try:
        return await cluster.list(resources.PROMOTION_FREEZES, namespace, "")
    except NotFound:  # the CRDs of an earlier Serin are installed
        return []


def freeze_views(freezes: Sequence[Object]) -> tuple[FreezeView, ...]:
    """The freezes as decisions see them."""
    return tuple(_view(freeze) for freeze in freezes)


def _view(obj: Object) -> FreezeView:
    spec, metadata = PromotionFreeze.model_validate(obj).spec, obj["metadata"]
    return FreezeView(f"{metadata['namespace']}/{metadata['name']}", spec.reason, spec.begins, spec.ends)


async def tell_freezes(
    cluster: Cluster, freezes: Sequence[Object], key: tuple[str, str], now: datetime, *, held: bool
) -> None:
    """Notes in each freeze in force whether it holds the ModelDeployment up. What fails is tried again next time."""
    for obj in freezes:
        status = PromotionFreeze.model_validate(obj).status
        name, holds = "/".join(key), set(status.holds)
        wanted = holds | {name} if held and _view(obj).in_force(now) else holds - {name}
        if wanted == holds or len(wanted) > MOST_HELD:
            continue
        body = {**obj, "status": PromotionFreezeStatus(holds=sorted(wanted)).to_api()}
        try:
            await cluster.update_status(resources.PROMOTION_FREEZES, body)
        except NotLeader:
            raise
        except (Conflict, NotFound):
            continue  # another ModelDeployment was faster; the next pass writes it
        except ClusterError as error:
            log.warning("freeze not told", freeze=obj["metadata"]["name"], error=str(error)[:300])
