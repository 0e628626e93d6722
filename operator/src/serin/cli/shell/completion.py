"""What a shell offers after Tab: names of objects and contexts. It is quick or silent, and never an error."""

from __future__ import annotations

from typing import Any

import typer

SECONDS = 2.0


def deployments(ctx: typer.Context, incomplete: str) -> list[str]:
    """The names of the ModelDeployments in the namespace that the line names."""
    from serin.cluster.direct import DirectApi
    from serin.cluster.kubeconfig import access
    from serin.cluster.resources import MODEL_DEPLOYMENTS

    given: dict[str, Any] = ctx.params
    prefix = "mdep/" if incomplete.startswith("mdep/") else ""
    try:
        reached = access(given.get("context"))
        api = DirectApi(reached, timeout=SECONDS)
        rows = api.rows(MODEL_DEPLOYMENTS, given.get("namespace") or reached.namespace)
    except Exception:  # noqa: BLE001 - a shell that completes has no place for an error
        return []
    names = sorted(prefix + str(row["metadata"]["name"]) for row in rows)
    return [name for name in names if name.startswith(incomplete)]


def names_of_contexts(incomplete: str) -> list[str]:
    """The contexts of the kubeconfig."""
    from serin.cluster.kubeconfig import contexts

    return [name for name in contexts() if name.startswith(incomplete)]
