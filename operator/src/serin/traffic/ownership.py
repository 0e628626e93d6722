"""Whether an object may get its owner back, which somebody has taken off."""

from __future__ import annotations

from serin.cluster import resources
from serin.cluster.client import Cluster
from serin.errors import ClusterError, NotFound, NotLeader
from serin.traffic.owner import Owner


async def is_deleted_meanwhile(cluster: Cluster, owner: Owner) -> bool:
    """Whether the ModelDeployment was deleted since it was read, as far as that can be read.

    Who deletes one and keeps its objects (with ``--cascade=orphan``) has their owner taken off. With one that is gone,
    the garbage collector would delete them.
    """
    try:
        obj = await cluster.get(resources.MODEL_DEPLOYMENTS, owner.namespace, owner.name)
    except NotFound:
        return True
    except NotLeader:
        raise
    except ClusterError:
        return False
    return "deletionTimestamp" in obj["metadata"] or obj["metadata"]["uid"] != owner.uid
