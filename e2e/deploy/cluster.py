"""How do the demo and the scenarios read and write objects of any kind?

A small client for trials: where a kind is served is looked up on the server, so new CRDs need no code here.
"""

from __future__ import annotations

import base64
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import httpx
import yaml

from e2e.deploy.errors import DeployError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

FIELD_MANAGER = "serin-e2e"
POLL_SECONDS = 0.1

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody to act as; the API server checks the right to impersonate, and then treats the caller as that person."""

    name: str
    groups: tuple[str, ...] = ()

    @property
    def headers(self) -> list[tuple[str, str]]:
        """What a request says of them."""
        groups = (*self.groups, "system:authenticated")
        return [("Impersonate-User", self.name), *(("Impersonate-Group", group) for group in groups)]


class ClusterApi:
    """A client of one API server with the rights of one kubeconfig."""

    def __init__(
        self, kubeconfig: Path, *, transport: httpx.BaseTransport | None = None, person: Person | None = None
    ) -> None:
        """``transport`` stands in for the network in tests. DeployError if the file is no kubeconfig."""
        server, context, token = credentials(kubeconfig)
        self._client = httpx.Client(
            base_url=server,
            verify=context,
            headers=[("Authorization", f"Bearer {token}"), *(person.headers if person is not None else [])],
            timeout=30,
            trust_env=False,
            transport=transport,
        )
        self._kinds: dict[tuple[str, str], tuple[str, bool]] = {}

    def apply(self, item: Mapping[str, Any], *, dry_run: bool = False, strict: bool = False) -> Json:
        """Create or update by server-side apply, or only ask whether it would be; what the server made of it.

        RefusedError with its words, with ``strict`` also for fields that it does not know.
        """
        metadata = item["metadata"]
        path = self._path(item["apiVersion"], item["kind"], metadata.get("namespace"), metadata["name"])
        return self._send(
            "PATCH",
            path,
            params={
                "fieldManager": FIELD_MANAGER,
                "force": "true",
                **({"dryRun": "All"} if dry_run else {}),
                **({"fieldValidation": "Strict"} if strict else {}),
            },
            headers={"Content-Type": "application/apply-patch+yaml"},
            json=item,
        )

    def create(self, item: Mapping[str, Any]) -> Json:
        """Create; what the server made of it. RefusedError with its words."""
        path = self._path(item["apiVersion"], item["kind"], item["metadata"].get("namespace"))
        return self._send("POST", path, params={"fieldManager": FIELD_MANAGER}, json=item)

    def merge(self, api_version: str, kind: str, name: str, *, namespace: str | None, patch: Json) -> Json:
        """Apply a JSON merge patch; the object afterwards. RefusedError with the server's words.

        A kind ``X/status`` means that sub-resource.
        """
        return self._send(
            "PATCH",
            self._path(api_version, kind, namespace, name),
            headers={"Content-Type": "application/merge-patch+json"},
            json=patch,
        )

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Json | None:
        """The object; None if there is none."""
        try:
            return self._send("GET", self._path(api_version, kind, namespace, name))
        except RefusedError as error:
            if error.status == httpx.codes.NOT_FOUND:
                return None
            raise

    def list(self, api_version: str, kind: str, namespace: str | None = None, selector: str = "") -> list[Json]:
        """The objects of a kind, in one namespace or in all, with ``selector`` on their labels."""
        items: list[Json] = self._send(
            "GET", self._path(api_version, kind, namespace), params={"labelSelector": selector}
        )["items"]
        return items

    def delete(
        self,
        api_version: str,
        kind: str,
        name: str,
        namespace: str | None = None,
        *,
        propagation: str = "Background",
        grace_seconds: int | None = None,
    ) -> None:
        """Ask for the object's deletion; fine if it is already gone. ``propagation`` may be Orphan.

        ``grace_seconds`` 0 kills a pod; None leaves it the time that it asks for.
        """
        grace = {} if grace_seconds is None else {"gracePeriodSeconds": grace_seconds}
        try:
            self._send(
                "DELETE",
                self._path(api_version, kind, namespace, name),
                params={"propagationPolicy": propagation, **grace},
            )
        except RefusedError as error:
            if error.status != httpx.codes.NOT_FOUND:
                raise

    def evict(self, pod: str, namespace: str) -> None:
        """Ask for the pod's eviction, as a drained node does. RefusedError while a disruption budget forbids it."""
        metadata = {"name": pod, "namespace": namespace}
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
        self._send("POST", self._path("v1", "Pod/eviction", namespace, pod), json=body)

    def user(self) -> str:
        """Who the API server takes us for."""
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        answer = self._send("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", json=body)
        return str(answer["status"]["userInfo"]["username"])

    def log(self, pod: str, namespace: str, lines: int) -> str:
        """The last lines of a pod's log, or why there are none."""
        path = self._path("v1", "Pod", namespace, pod) + "/log"
        try:
            response = self._client.get(path, params={"tailLines": lines})
        except httpx.HTTPError as error:
            return f"(no log: {error!r})"
        return response.text if response.is_success else f"(no log: {_words(response)})"

    def serves(self, api_version: str, kind: str) -> bool:
        """Whether the API server knows the kind and can list it: after a change its storage starts anew."""
        try:
            self.list(api_version, kind)
        except DeployError:
            return False
        return True

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _path(self, api_version: str, kind: str, namespace: str | None, name: str | None = None) -> str:
        kind, _, subresource = kind.partition("/")
        plural, namespaced = self._place(api_version, kind)
        scope = f"/namespaces/{namespace}" if namespaced and namespace else ""
        return (
            f"{_root(api_version)}{scope}/{plural}"
            + (f"/{name}" if name else "")
            + (f"/{subresource}" if subresource else "")
        )

    def _place(self, api_version: str, kind: str) -> tuple[str, bool]:
        """Plural name of a kind and whether it is namespaced, as the API server says."""
        if (api_version, kind) not in self._kinds:
            for entry in self._send("GET", _root(api_version))["resources"]:
                if "/" not in entry["name"]:
                    self._kinds[api_version, entry["kind"]] = (entry["name"], entry["namespaced"])
        if (api_version, kind) not in self._kinds:
            raise DeployError(f"The API server does not know {kind} of {api_version}.")
        return self._kinds[api_version, kind]

    def _send(self, method: str, path: str, **arguments: Any) -> Json:
        try:
            response = self._client.request(method, path, **arguments)
        except httpx.HTTPError as error:
            raise DeployError(f"The API server did not answer {method} {path}: {error!r}") from error
        if not response.is_success:
            raise RefusedError(f"{method} {path}: {_words(response)}", response.status_code)
        answer: Json = response.json()
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def wait_until(condition: Callable[[], bool], *, what: str, seconds: float) -> None:
    """Poll until the condition holds; DeployError that says ``what`` is missing after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise DeployError(f"{what}: not within {seconds:.0f} s.")
        time.sleep(POLL_SECONDS)


def _root(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _words(response: httpx.Response) -> str:
    try:
        return str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"{response.status_code} {response.text[:300]}"


def credentials(kubeconfig: Path) -> tuple[str, ssl.SSLContext, str]:
    """Server, trusted authority and token of a kubeconfig's first cluster and user."""
    try:
        content = yaml.safe_load(kubeconfig.read_text("utf-8"))
        cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode("ascii")
        return cluster["server"], ssl.create_default_context(cadata=authority), user["token"]
    except (OSError, yaml.YAMLError, KeyError, IndexError, TypeError, ValueError) as error:
        raise DeployError(f"{kubeconfig} is not a kubeconfig with a token: {error!r}") from error
