"""Connects to the API server: of the pod's cluster, or of a kubeconfig."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from kubernetes.aio import client, config

from serin.cluster.client import Call, KubernetesCluster
from serin.errors import Refused
from serin.schema.masking import masked


class ClusterCredentials:
    """Address and credentials of the API server. The token is read on each call, since it is rotated."""

    def __init__(self, settings: client.Configuration) -> None:
        self._settings = settings

    @property
    def server(self) -> str:
        """URL of the API server."""
        return str(self._settings.host)

    @property
    def ca_path(self) -> str | None:
        """Path of the certificate authority."""
        return self._settings.ssl_ca_cert

    async def token(self) -> str | None:
        """The current bearer token without its scheme, which differs between a kubeconfig and a pod."""
        value = await self._settings.get_api_key_with_prefix("BearerToken")
        return value.split()[-1] if value else None


@contextlib.asynccontextmanager
async def connect(
    context: str | None = None, on_call: Callable[[Call], None] = lambda _: None
) -> AsyncIterator[tuple[KubernetesCluster, ClusterCredentials]]:
    """Connects to the cluster that the process runs in, or else to the one of the kubeconfig.

    With ``context`` only that of the kubeconfig. ``Refused`` without a usable one of them. ``on_call`` is told of each
    request.
    """
    settings = client.Configuration()
    try:
        in_pod = context is None
        if in_pod:
            config.load_incluster_config(client_configuration=settings)  # type: ignore[no-untyped-call]
    except config.ConfigException:
        in_pod = False
    api = client.ApiClient(settings) if in_pod else await _of_kubeconfig(settings, context)
    try:
        yield KubernetesCluster(api, on_call=on_call), ClusterCredentials(settings)
    finally:
        await api.close()  # type: ignore[no-untyped-call]


async def _of_kubeconfig(settings: client.Configuration, context: str | None) -> client.ApiClient:
    """The client for the kubeconfig; ``Refused`` if there is none, or if it cannot be used."""
    files = os.environ.get("KUBECONFIG") or str(config.KUBE_CONFIG_DEFAULT_LOCATION)
    if not _any_file(files):
        raise Refused(f"there is no kubeconfig {files}: set KUBECONFIG to a file that names a cluster")
    try:
        await config.load_kube_config(files, context, client_configuration=settings)  # type: ignore[no-untyped-call]
        return client.ApiClient(settings)
    except Exception as error:  # the library checks nothing: a wrong type in the file is an error of any class
        raise Refused(f"kubeconfig {files} cannot be used: {masked(str(error))}") from error


def _any_file(paths: str) -> bool:
    return any(Path(path).expanduser().is_file() for path in paths.split(os.pathsep) if path)
