"""What does a client need to speak to the sandbox's API server as somebody?"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from e2e.sandbox.layout import API_PORT, HOST_IP
from e2e.sandbox.state import write_private

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.sandbox.layout import Layout
    from e2e.sandbox.pki import Pki


def write(
    path: Path,
    *,
    server: str,
    ca: Path,
    user: str,
    token: str,
    namespace: str = "default",
    cluster: str = "serin-sandbox",
) -> None:
    """Write a kubeconfig (JSON is YAML) that only its owner can read. ``cluster`` names its cluster and context."""
    authority = base64.b64encode(ca.read_bytes()).decode()
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": cluster,
        "clusters": [{"name": cluster, "cluster": {"server": server, "certificate-authority-data": authority}}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [
            {
                "name": cluster,
                "context": {"cluster": cluster, "user": user, "namespace": namespace},
            }
        ],
    }
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(path, json.dumps(content, indent=2) + "\n")


def for_pods(layout: Layout, pki: Pki) -> Path:
    """The administrator's kubeconfig for controllers that run as pods."""
    path = layout.config / "pods.kubeconfig"
    write(path, server=f"https://{HOST_IP}:{API_PORT}", ca=pki.ca, user="admin", token=pki.admin_token)
    return path


def admin_token(path: Path) -> str:
    """The token in a kubeconfig that :func:`write` wrote."""
    content = json.loads(path.read_text("utf-8"))
    token: str = content["users"][0]["user"]["token"]
    return token
