"""Where are the pods of a part that runs as pods, and is it up?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from e2e.sandbox.inside import Inside


async def addresses(inside: Inside, namespace: str, selector: str) -> list[str]:
    """Of the pods with these labels (``a=b,c=d``)."""
    found: dict[str, Any] = await inside.cluster.get(
        f"/api/v1/namespaces/{namespace}/pods?labelSelector={quote(selector)}"
    ) or {"items": []}
    return [pod["status"]["podIP"] for pod in found["items"] if (pod.get("status") or {}).get("podIP")]


async def is_available(inside: Inside, namespace: str, deployment: str) -> bool:
    """Whether a Deployment has a replica that is available."""
    found = await inside.cluster.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{deployment}")
    return bool(((found or {}).get("status") or {}).get("availableReplicas"))
