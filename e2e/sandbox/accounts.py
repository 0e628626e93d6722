"""How does a program get a kubeconfig that is subject to RBAC: one of a service account, with a token of its own?"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import httpx

from e2e.sandbox import kubeconfig
from e2e.sandbox.errors import SandboxError

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.sandbox.layout import Layout

TOKEN_SECONDS = 24 * 3600


def kubeconfig_for(layout: Layout, port: int, namespace: str, name: str) -> Path:
    """Ask for a token (valid for a day) and write the kubeconfig. SandboxError if the server refuses."""
    ca = layout.pki / "ca.crt"
    server = f"https://127.0.0.1:{port}"
    try:
        response = httpx.post(
            f"{server}/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token",
            json={
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenRequest",
                "spec": {"expirationSeconds": TOKEN_SECONDS},
            },
            headers={"Authorization": f"Bearer {kubeconfig.admin_token(layout.kubeconfig)}"},
            verify=ssl.create_default_context(cafile=str(ca)),
            timeout=30,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        raise SandboxError(f"The API server did not answer: {error}") from error
    if response.status_code == httpx.codes.NOT_FOUND:
        raise SandboxError(f"There is no service account {namespace}/{name}; create it first.")
    if not response.is_success:
        raise SandboxError(f"No token for {namespace}/{name} ({response.status_code}): {response.text}")
    path = layout.kubeconfigs / f"{namespace}--{name}"
    kubeconfig.write(
        path, server=server, ca=ca, user=name, token=response.json()["status"]["token"], namespace=namespace
    )
    return path
