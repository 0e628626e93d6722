"""The requests of the command line: one at a time, without an event loop and without the client library.

A command that a person waits for has to answer at once; the operator's client takes half a second to import.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any, Protocol
from urllib.parse import unquote, urlencode, urlsplit

from serin.cluster.answers import checked, continue_token, list_path, object_path
from serin.cluster.decoding import decoded
from serin.cluster.kubeconfig import Access
from serin.cluster.resources import Resource
from serin.errors import Expired, Refused, Unavailable

Object = dict[str, Any]
Objects = list[Object]
Items = Callable[[Object], Objects]
TIMEOUT = 10.0
PAGE = 200
MOST_BYTES = 64 * 2**20
LONGEST_LINE = 4 * 2**20
"""Bytes of one change; an object has 1.5 MiB at most."""
MANAGER = "serin-cli"
JSON = "application/json"
TABLE = f"{JSON};as=Table;g=meta.k8s.io;v=v1"
SELF_SUBJECT_REVIEW = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
SELF_SUBJECT_ACCESS_REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class Api(Protocol):
    """The requests that commands send to an API server; each may raise ``ClusterError``."""

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """The object; ``NotFound``."""
        ...

    def list(self, resource: Resource, namespace: str, selector: str = "") -> Objects:
        """All objects; with namespace ``""`` those of all namespaces."""
        ...

    def rows(self, resource: Resource, namespace: str, selector: str = "") -> Objects:
        """The same as rows of ``kubectl get``: ``metadata``, and the printer columns by name in ``columns``."""
        ...

    def pages(self, resource: Resource, namespace: str) -> Iterator[tuple[Objects, str]]:
        """The pages of the same list, and the version from which changes go on; ``Expired``."""
        ...

    def create(self, resource: Resource, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
        """Creates an object, with ``dry_run`` only checks it."""
        ...

    def delete(self, resource: Resource, namespace: str, name: str) -> None:
        """Deletes an object; ``NotFound``."""
        ...

    def review(self, path: str, body: Object) -> Object:
        """Asks the server a question that it does not store."""
        ...

    def changes(
        self, resource: Resource, namespace: str, name: str, version: str, seconds: int
    ) -> Iterator[tuple[str, Object]]:
        """The changes of the objects after ``version``, of one or with an empty name of all, for so long; ``Expired``.

        Each is a word (ADDED, MODIFIED, DELETED) and the object.
        """
        ...


class OpenApi(Api, Protocol):
    """An :class:`Api` whose connection is to be closed."""

    def close(self) -> None:
        """Ends the connection."""
        ...


class DirectApi:
    """The real API server."""

    def __init__(self, access: Access, *, timeout: float = TIMEOUT) -> None:
        self._access, self._timeout = access, timeout
        parts = urlsplit(access.server)
        self._scheme, self._host = parts.scheme, parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._base = parts.path.rstrip("/")
        self._kept: http.client.HTTPConnection | None = None

    def close(self) -> None:
        """Ends the connection."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """See :class:`Api`."""
        return self._request("GET", object_path(resource, namespace, name))

    def list(self, resource: Resource, namespace: str, selector: str = "") -> Objects:
        """See :class:`Api`."""
        return self._whole(resource, namespace, selector, JSON, lambda answer: answer.get("items") or [])

    def rows(self, resource: Resource, namespace: str, selector: str = "") -> Objects:
        """See :class:`Api`."""
        names: Objects = []

        def rows_of(answer: Object) -> Objects:
            names[:] = answer.get("columnDefinitions") or names
            heads = [column["name"] for column in names]
            return [
                {"metadata": row["object"]["metadata"], "columns": dict(zip(heads, row["cells"], strict=True))}
                for row in answer.get("rows") or []
            ]

        return self._whole(resource, namespace, selector, TABLE, rows_of)

    def pages(self, resource: Resource, namespace: str) -> Iterator[tuple[Objects, str]]:
        """See :class:`Api`."""
        token = ""
        while True:
            answer, _ = self._sized("GET", list_path(resource, namespace, "", PAGE, token), None, JSON)
            token = continue_token(answer)
            yield answer.get("items") or [], str(answer["metadata"]["resourceVersion"])
            if not token:
                return

    def create(self, resource: Resource, namespace: str, body: Object, *, dry_run: bool = False) -> Object:
        """See :class:`Api`."""
        query = {"fieldManager": MANAGER, "fieldValidation": "Strict", **({"dryRun": "All"} if dry_run else {})}
        return self._request("POST", f"{resource.path(namespace)}?{urlencode(query)}", body)

    def delete(self, resource: Resource, namespace: str, name: str) -> None:
        """See :class:`Api`."""
        self._request("DELETE", object_path(resource, namespace, name))

    def review(self, path: str, body: Object) -> Object:
        """See :class:`Api`."""
        return self._request("POST", path, body)

    def changes(
        self, resource: Resource, namespace: str, name: str, version: str, seconds: int
    ) -> Iterator[tuple[str, Object]]:
        """See :class:`Api`."""
        query = {"watch": "true", "resourceVersion": version, "timeoutSeconds": str(seconds)}
        if name:
            query["fieldSelector"] = f"metadata.name={name}"
        path = f"{resource.path(namespace)}?{urlencode(query)}"
        connection = self._connection(self._timeout + seconds)
        try:
            response = self._sent(connection, "GET", path, None, JSON)
            if response.status != http.client.OK:
                checked(
                    f"watch {resource.plural}", response.status, response.read(LONGEST_LINE), dict(response.headers)
                )
            while line := response.readline(LONGEST_LINE):
                event = decoded(line)
                if event["type"] == "ERROR":
                    raise Expired(str(event["object"].get("message", "")))
                yield event["type"], event["object"]
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unavailable(f"watch {resource.plural}: {type(error).__name__}: {error}") from error
        finally:
            connection.close()

    def _whole(self, resource: Resource, namespace: str, selector: str, accept: str, items: Items) -> Objects:
        """All pages of a list; begun anew once if the server forgets where it was."""
        for attempt in (1, 2):
            found, size, token = Objects(), 0, ""
            try:
                while True:
                    answer, read = self._sized(
                        "GET", list_path(resource, namespace, selector, PAGE, token), None, accept
                    )
                    found, size, token = found + items(answer), size + read, continue_token(answer)
                    if size > MOST_BYTES:
                        raise Refused(f"list {resource.plural}: more than {MOST_BYTES // 2**20} MiB; give a namespace")
                    if not token:
                        return found
            except Expired:
                if attempt == 2:  # noqa: PLR2004 - the second time
                    raise
        raise AssertionError  # pragma: no cover - the loop returns or raises

    def _request(self, method: str, path: str, body: Object | None = None) -> Object:
        return self._sized(method, path, body, JSON)[0]

    def _sized(self, method: str, path: str, body: Object | None, accept: str) -> tuple[Object, int]:
        """The answer and its size in bytes."""
        what = f"{method} {path.split('?', maxsplit=1)[0]}"
        try:
            if self._kept is None:
                self._kept = self._connection(self._timeout)
            response = self._sent(self._kept, method, path, body, accept)
            data = response.read(MOST_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unavailable(f"{what} at {self._access.server}: {_why(error)}") from error
        if len(data) > MOST_BYTES:
            self.close()
            raise Refused(f"{what}: an answer of more than {MOST_BYTES // 2**20} MiB")
        return checked(what, response.status, data or b"{}", dict(response.headers)), len(data)

    def _sent(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: Object | None, accept: str
    ) -> http.client.HTTPResponse:
        headers = {"Accept": accept, "User-Agent": MANAGER}
        if body is not None:
            headers["Content-Type"] = JSON
        if self._access.authorization:
            headers["Authorization"] = self._access.authorization
        connection.putrequest(method, self._base + path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if self._access.impersonated:
            connection.putheader("Impersonate-User", self._access.impersonated)
            for group in self._access.impersonated_groups:
                connection.putheader("Impersonate-Group", group)
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            connection.putheader("Content-Length", str(len(data)))
        connection.endheaders(data)
        return connection.getresponse()

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        proxy = self._access.proxy or self._proxy_of_environment()
        host, port, tunnel = self._host, self._port, None
        if proxy:
            parts = urlsplit(proxy)
            if parts.scheme not in {"http", ""}:
                raise Refused(f"proxy {parts.scheme}://{parts.hostname}: only proxies with http:// can be used")
            tunnel, host, port = (host, port), parts.hostname or "", parts.port or 80
        if self._scheme == "https":
            name = self._access.tls_name or self._host
            made: http.client.HTTPConnection = _Https(host, port, timeout, _tls(self._access), name)
        else:
            made = http.client.HTTPConnection(host, port, timeout=timeout)
        if tunnel is not None:
            made.set_tunnel(*tunnel, headers=_proxy_authorization(str(proxy)))
        return made

    def _proxy_of_environment(self) -> str | None:
        if not any(name.lower().endswith("_proxy") for name in os.environ):
            return None  # what follows takes longer to import than a request takes
        from urllib.request import getproxies, proxy_bypass

        return None if proxy_bypass(self._host) else getproxies().get(self._scheme)


class _Https(http.client.HTTPConnection):
    """HTTPS to a host whose certificate may name another one (``tls-server-name``)."""

    def __init__(self, host: str, port: int, timeout: float, tls: ssl.SSLContext, name: str) -> None:
        super().__init__(host, port, timeout=timeout)
        self._tls, self._name = tls, name

    def connect(self) -> None:
        """Connects, through the tunnel if there is one, and shakes hands."""
        super().connect()
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._name)


def _tls(access: Access) -> ssl.SSLContext:
    """The context for the authority and the client's certificate; ``Refused`` if one of them is none."""
    try:
        made = ssl.create_default_context(cadata=access.authority.decode() if access.authority else None)
        if access.certificate is not None:
            _load_pair(made, access.certificate)
    except (ssl.SSLError, ValueError) as error:
        raise Refused(f"the kubeconfig's certificates cannot be used: {error}") from None
    if not access.verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made


def _load_pair(context: ssl.SSLContext, pem: bytes) -> None:
    """``ssl`` reads certificates from files only: one that nobody else can read, for as long as that takes."""
    handle, path = tempfile.mkstemp(suffix=".pem")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
        context.load_cert_chain(path)
    finally:
        os.unlink(path)  # noqa: PTH108 - pathlib would be imported for this alone


def _proxy_authorization(proxy: str) -> dict[str, str]:
    parts = urlsplit(proxy)
    if not parts.username:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Proxy-Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__
