"""What a shell offers after Tab: names of objects and contexts. It is quick or silent, and never an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from serin.cluster.direct import DirectApi

SECONDS = 2.0


def deployments(ctx: typer.Context, incomplete: str) -> list[str]:
    """The names of the ModelDeployments in the namespace that the line names, as they are or behind ``mdep/``."""
    return _fitting(_deployments(ctx, "mdep/" if incomplete.startswith("mdep/") else ""), incomplete)


def kinds_and_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """``mdep/NAME`` of each ModelDeployment, where a name alone would be something else, or too little."""
    return _fitting(_deployments(ctx, "mdep/"), incomplete)


def rollouts(ctx: typer.Context, incomplete: str) -> list[str]:
    """``mdep/NAME`` of each ModelDeployment, and behind ``prec/`` the PromotionRecords."""
    if incomplete.startswith("prec/"):
        return records(ctx, incomplete)
    return _fitting([*_deployments(ctx, "mdep/"), "prec/"], incomplete)


def records(ctx: typer.Context, incomplete: str) -> list[str]:
    """The names of the PromotionRecords, as they are or behind ``prec/``."""
    return _fitting(_records(ctx, "", "prec/" if incomplete.startswith("prec/") else ""), incomplete)


def records_of_target(ctx: typer.Context, incomplete: str) -> list[str]:
    """The names of the PromotionRecords of the ModelDeployment that the line names."""
    from serin.api.names import MODEL_DEPLOYMENT

    name = _target(ctx)
    return _fitting(_records(ctx, f"{MODEL_DEPLOYMENT}={name}" if name else "", ""), incomplete)


def gates(ctx: typer.Context, incomplete: str) -> list[str]:
    """The names of the gates that ask a person, by the policy of the ModelDeployment that the line names."""
    from serin.cluster.resources import MODEL_DEPLOYMENTS, PROMOTION_POLICIES

    def read(api: DirectApi, namespace: str) -> list[str]:
        obj = api.get(MODEL_DEPLOYMENTS, namespace, _target(ctx))
        policy = api.get(PROMOTION_POLICIES, namespace, obj["spec"]["policyRef"]["name"])
        return [str(gate["name"]) for gate in policy["spec"].get("gates") or [] if "approval" in gate]

    return _fitting(_read(ctx, read), incomplete)


def namespaces(ctx: typer.Context, incomplete: str) -> list[str]:
    """The namespaces of the cluster, for those who may list them."""
    from serin.cluster.resources import Resource

    def read(api: DirectApi, _: str) -> list[str]:
        return [str(row["metadata"]["name"]) for row in api.rows(Resource("", "v1", "namespaces", "Namespace"), "")]

    return _fitting(_read(ctx, read), incomplete)


def names_of_contexts(incomplete: str) -> list[str]:
    """The contexts of the kubeconfig."""
    from serin.cluster.kubeconfig import contexts

    return [name for name in contexts() if name.startswith(incomplete)]


def _target(ctx: typer.Context) -> str:
    """The name of the ModelDeployment that the line names; an option without its value leaves it among the rest."""
    return str(ctx.params.get("target") or next(iter(ctx.args), "")).rpartition("/")[2]


def _deployments(ctx: typer.Context, prefix: str) -> list[str]:
    from serin.cluster.resources import MODEL_DEPLOYMENTS

    rows = _read(ctx, lambda api, namespace: [*map(_name, api.rows(MODEL_DEPLOYMENTS, namespace))])
    return [prefix + name for name in rows]


def _records(ctx: typer.Context, selector: str, prefix: str) -> list[str]:
    from serin.api.names import CONTINUES
    from serin.cluster.resources import PROMOTION_RECORDS

    first = ",".join(filter(None, (selector, f"!{CONTINUES}")))
    rows = _read(ctx, lambda api, namespace: [*map(_name, api.rows(PROMOTION_RECORDS, namespace, first))])
    return [prefix + name for name in rows]


def _name(row: dict[str, dict[str, object]]) -> str:
    return str(row["metadata"]["name"])


def _read(ctx: typer.Context, read: Callable[[DirectApi, str], list[str]]) -> list[str]:
    """What is read of the cluster and the namespace that the line names; nothing after any failure."""
    from serin.cluster.direct import DirectApi
    from serin.cluster.kubeconfig import access

    try:
        reached = access(ctx.params.get("context"))
        return read(DirectApi(reached, timeout=SECONDS), ctx.params.get("namespace") or reached.namespace)
    except Exception:  # noqa: BLE001 - a shell that completes has no place for an error
        return []


def _fitting(words: list[str], incomplete: str) -> list[str]:
    return sorted(word for word in words if word.startswith(incomplete))
