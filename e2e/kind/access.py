"""How is it made sure that we speak to our own cluster, and to no other that this machine knows?

kind is given a kubeconfig of our own to write; ``~/.kube/config`` and the user's KUBECONFIG are neither read nor
written. What clients get is made of that file, with a token in place of kind's client certificate.
"""

from __future__ import annotations

import base64
import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import yaml

from e2e.kind.config import CONTEXT, NAME
from e2e.kind.errors import ForeignClusterError
from e2e.sandbox import kubeconfig as kubeconfigs

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.kind.layout import Layout


def server_of(kubeconfig: Path) -> tuple[str, bytes]:
    """Address and authority of our cluster. ForeignClusterError if the file is about another one."""
    try:
        content = yaml.safe_load(kubeconfig.read_text("utf-8"))
        current = content["current-context"]
        [context] = [item["context"] for item in content["contexts"] if item["name"] == current]
        [cluster] = [item["cluster"] for item in content["clusters"] if item["name"] == context["cluster"]]
        server, authority = str(cluster["server"]), base64.b64decode(cluster["certificate-authority-data"])
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        raise ForeignClusterError(f"{kubeconfig} is no kubeconfig that kind wrote: {error!r}") from error
    if {current, context["cluster"]} != {CONTEXT}:
        raise ForeignClusterError(f"{kubeconfig} points at {current!r}, not at {CONTEXT!r}: left alone.")
    if not _is_here(server):
        raise ForeignClusterError(f"{kubeconfig} points at {server}, which is not this machine: left alone.")
    return server, authority


def write(layout: Layout, path: Path, *, user: str, token: str, namespace: str = "default") -> Path:
    """A kubeconfig (mode 0600) for ``user``; its context and cluster are called ``serin-e2e``."""
    server, authority = server_of(layout.kind_kubeconfig)
    layout.ca.write_bytes(authority)
    kubeconfigs.write(path, server=server, ca=layout.ca, user=user, token=token, namespace=namespace, cluster=NAME)
    return path


def _is_here(server: str) -> bool:
    try:
        return ipaddress.ip_address(urlsplit(server).hostname or "").is_loopback
    except ValueError:
        return False
