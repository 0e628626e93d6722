"""Whom does a kubeconfig reach, and as whom? Read without the client library where it needs no plugin.

The library takes half a second to import. Certificates and tokens are read here; a user with an exec plugin, an
auth-provider or a password is read by the library, which knows them all.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from serin.errors import Refused
from serin.schema.masking import masked

DEFAULT_FILE = "~/.kube/config"
IN_POD = Path("/var/run/secrets/kubernetes.io/serviceaccount")
STATIC = frozenset(
    {
        "client-certificate",
        "client-certificate-data",
        "client-key",
        "client-key-data",
        "token",
        "tokenFile",
        "as",
        "as-groups",
    }
)
"""What this module reads of a user. Anything else is the library's."""
Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """An API server and who asks it."""

    server: str
    namespace: str = "default"
    authority: bytes | None = None
    """The certificate authority in PEM; None for those of the system."""
    verify: bool = True
    tls_name: str | None = None
    certificate: bytes | None = None
    """Certificate and key of the client in PEM, one after the other."""
    authorization: str | None = None
    """The value of the header."""
    proxy: str | None = None
    impersonated: str | None = None
    impersonated_groups: tuple[str, ...] = ()


def access(context: str | None = None) -> Access:
    """The access of a context, default the current one; in a pod without kubeconfig that of the pod; ``Refused``."""
    files = os.environ.get("KUBECONFIG") or DEFAULT_FILE
    found = [path for path in (Path(part).expanduser() for part in files.split(os.pathsep) if part) if path.is_file()]
    if not found:
        if context is None and (IN_POD / "token").is_file() and os.environ.get("KUBERNETES_SERVICE_HOST"):
            return _of_pod()
        raise Refused(f"there is no kubeconfig {files}: set KUBECONFIG to a file that names a cluster")
    try:
        return _of_files(found, context)
    except Refused:
        raise
    except (OSError, ValueError, TypeError, AttributeError, binascii.Error, yaml.YAMLError) as error:
        raise Refused(f"kubeconfig {files} cannot be used: {masked(str(error))}") from None


def contexts() -> list[str]:
    """The names of all contexts, for completion; empty where there is no kubeconfig."""
    files = os.environ.get("KUBECONFIG") or DEFAULT_FILE
    names: list[str] = []
    for part in files.split(os.pathsep):
        try:
            names += _named(_document(Path(part).expanduser()), "contexts")
        except (OSError, ValueError, TypeError, AttributeError, yaml.YAMLError):
            continue
    return sorted(set(names))


def _of_pod() -> Access:
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    return Access(
        server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        namespace=(IN_POD / "namespace").read_text().strip() or "default",
        authority=(IN_POD / "ca.crt").read_bytes(),
        authorization=f"Bearer {(IN_POD / 'token').read_text().strip()}",
    )


def _document(path: Path) -> Entry:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document = yaml.load(path.read_text("utf-8"), Loader=loader)  # noqa: S506 - both are safe loaders
    return document if isinstance(document, Mapping) else {}


def _named(document: Entry, section: str) -> dict[str, Entry]:
    return {entry["name"]: entry for entry in document.get(section) or () if isinstance(entry, Mapping)}


def _of_files(paths: list[Path], context: str | None) -> Access:
    """The access that the files give together: of each name the first one counts, as with kubectl."""
    documents = [(path, _document(path)) for path in paths]
    name = context or next((d["current-context"] for _, d in documents if d.get("current-context")), None)
    if not name:
        raise Refused("the kubeconfig has no current context: give --context, or kubectl config use-context")

    def entry(section: str, wanted: str, part: str) -> tuple[Path, Entry]:
        for path, document in documents:
            if wanted in (known := _named(document, section)):
                return path.parent, known[wanted].get(part) or {}
        raise Refused(f"the kubeconfig has no {part} {wanted!r}: see kubectl config get-contexts")

    _, chosen = entry("contexts", str(name), "context")
    base, cluster = entry("clusters", str(chosen.get("cluster")), "cluster")
    home, user = entry("users", str(chosen["user"]), "user") if chosen.get("user") else (base, {})
    namespace = str(chosen.get("namespace") or "default")
    if not user.keys() <= STATIC:
        return _of_library(str(name), namespace)
    return Access(
        server=str(cluster["server"]),
        namespace=namespace,
        authority=_content(cluster, "certificate-authority", base),
        verify=not cluster.get("insecure-skip-tls-verify"),
        tls_name=cluster.get("tls-server-name"),
        certificate=_pair(user, home),
        authorization=_token(user, home),
        proxy=cluster.get("proxy-url"),
        impersonated=user.get("as"),
        impersonated_groups=tuple(user.get("as-groups") or ()),
    )


def _content(entry: Entry, field: str, base: Path) -> bytes | None:
    """What ``field`` or ``field-data`` gives; a path is relative to the kubeconfig."""
    if data := entry.get(f"{field}-data"):
        return base64.b64decode(data, validate=False)
    return (base / entry[field]).read_bytes() if entry.get(field) else None


def _pair(user: Entry, base: Path) -> bytes | None:
    certificate, key = _content(user, "client-certificate", base), _content(user, "client-key", base)
    return certificate + b"\n" + key if certificate and key else None


def _token(user: Entry, base: Path) -> str | None:
    if user.get("tokenFile"):
        return f"Bearer {(base / user['tokenFile']).read_text().strip()}"
    return f"Bearer {user['token']}" if user.get("token") else None


def _of_library(context: str, namespace: str) -> Access:
    """The same through the client library: it runs plugins and refreshes tokens."""
    import asyncio

    from kubernetes.aio import client, config

    settings, files = client.Configuration(), os.environ.get("KUBECONFIG") or None  # the library looked at import

    async def load() -> str | None:
        await config.load_kube_config(files, context, client_configuration=settings)  # type: ignore[no-untyped-call]
        return await settings.get_api_key_with_prefix("BearerToken")

    try:
        token = asyncio.run(load())
    except Exception as error:  # the library checks nothing: a wrong type in the file is an error of any class
        raise Refused(f"the kubeconfig's context {context} cannot be used: {masked(str(error))}") from error
    if token is None and settings.username:
        token = settings.get_basic_auth_token()
    pair = [Path(path).read_bytes() for path in (settings.cert_file, settings.key_file) if path]
    return Access(
        server=str(settings.host),
        namespace=namespace,
        authority=Path(settings.ssl_ca_cert).read_bytes() if settings.ssl_ca_cert else None,
        verify=bool(settings.verify_ssl),
        tls_name=getattr(settings, "tls_server_name", None),
        certificate=b"\n".join(pair) if len(pair) == 2 else None,  # noqa: PLR2004 - certificate and key
        authorization=str(token) if token else None,
        proxy=settings.proxy,
    )
