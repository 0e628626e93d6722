from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, cast

import pytest

from e2e.deploy.errors import DeployError, RefusedError
from e2e.kind import install
from e2e.kind.errors import KindError

if TYPE_CHECKING:
    from e2e.deploy.cluster import ClusterApi

ITEM = {"kind": "ConfigMap", "metadata": {"name": "x"}}
COREFILE = ".:53 {\n    errors\n    ready\n    kubernetes cluster.local\n}\n"


class Server:
    """Refuses with each error in turn, then accepts."""

    def __init__(self, *errors: DeployError) -> None:
        self.errors = iter(errors)
        self.calls = itertools.count()

    def apply(self, _: Any) -> None:
        next(self.calls)
        for error in self.errors:
            raise error


def patiently(server: Server) -> None:
    install.patiently(cast("ClusterApi", server), ITEM, seconds=5)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "RETRY_SECONDS", 0.0)


@pytest.mark.parametrize("status", [404, 409, 429, 500, 503])
def test_what_may_pass_is_tried_again(status: int) -> None:
    server = Server(RefusedError("not yet", status), DeployError("no such kind"))
    patiently(server)
    assert next(server.calls) == 3


@pytest.mark.parametrize("status", [400, 403, 422])
def test_what_will_not_pass_is_told_at_once(status: int) -> None:
    server = Server(RefusedError("spec.x: required", status))
    with pytest.raises(KindError, match=r"ConfigMap x: spec\.x"):
        patiently(server)
    assert next(server.calls) == 1


def test_the_stores_name_is_put_into_the_corefile_once() -> None:
    text = install.with_store(COREFILE)
    assert "    rewrite name models.sandbox store.models.svc.cluster.local\n" in text
    assert text.index("ready") < text.index("rewrite") < text.index("kubernetes")
    assert install.with_store(text) == text


def test_a_corefile_without_a_place_for_it_is_an_error() -> None:
    with pytest.raises(KindError, match=r"models\.sandbox"):
        install.with_store(".:53 {\n}\n")
