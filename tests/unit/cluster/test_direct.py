"""The command line's client against a server on a real socket."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from serin.cluster.direct import DirectApi
from serin.cluster.kubeconfig import Access
from serin.cluster.resources import MODEL_DEPLOYMENTS, PROMOTION_ACTIONS
from serin.errors import ClusterError, Conflict, Expired, NotFound, Refused, Unavailable

BASE = "/apis/serin.dev/v1alpha1/namespaces/prod/modeldeployments"


class Server(ThreadingHTTPServer):
    answers: list[tuple[int, Any]]
    asked: list[tuple[str, str, dict[str, str], Any]]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def _any(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        self.server.asked.append((self.command, self.path, dict(self.headers.items()), body))
        status, answer = self.server.answers.pop(0)
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = _any  # noqa: N815 - the names that the library calls

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as made:
        made.answers, made.asked = [], []
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield made
        made.shutdown()


@pytest.fixture
def api(server: Server) -> Iterator[DirectApi]:
    access = Access(server=f"http://127.0.0.1:{server.server_port}/k8s", authorization="Bearer t", impersonated="ana")
    made = DirectApi(access, timeout=5)
    yield made
    made.close()


def test_an_object_is_read_with_the_credentials(server: Server, api: DirectApi) -> None:
    server.answers = [(200, {"metadata": {"name": "fraud"}})]
    assert api.get(MODEL_DEPLOYMENTS, "prod", "fraud") == {"metadata": {"name": "fraud"}}
    [(method, path, headers, _)] = server.asked
    assert (method, path) == ("GET", f"/k8s{BASE}/fraud")
    assert (headers["Authorization"], headers["Impersonate-User"]) == ("Bearer t", "ana")


def test_a_list_is_read_page_by_page_and_begun_anew_once(server: Server, api: DirectApi) -> None:
    page = {"items": [{"a": 1}], "metadata": {"continue": "next"}}
    server.answers = [(200, page), (410, {"message": "gone"}), (200, page), (200, {"items": [{"a": 2}]})]
    assert api.list(MODEL_DEPLOYMENTS, "prod", "team=x") == [{"a": 1}, {"a": 2}]
    assert "labelSelector=team%3Dx" in server.asked[0][1]
    assert "continue=next" in server.asked[-1][1]


def test_rows_have_their_columns_by_name(server: Server, api: DirectApi) -> None:
    table = {
        "columnDefinitions": [{"name": "Phase"}],
        "rows": [{"object": {"metadata": {"name": "x"}}, "cells": ["S"]}],
    }
    server.answers = [(200, table)]
    assert api.rows(MODEL_DEPLOYMENTS, "prod") == [{"metadata": {"name": "x"}, "columns": {"Phase": "S"}}]


def test_a_dry_run_is_one(server: Server, api: DirectApi) -> None:
    server.answers = [(201, {}), (201, {}), (200, {})]
    api.create(PROMOTION_ACTIONS, "prod", {"spec": 1}, dry_run=True)
    api.create(PROMOTION_ACTIONS, "prod", {"spec": 1})
    api.delete(PROMOTION_ACTIONS, "prod", "x")
    assert ["dryRun=All" in path for _, path, _, _ in server.asked] == [True, False, False]
    assert server.asked[0][3] == {"spec": 1}


@pytest.mark.parametrize(
    ("status", "error"), [(404, NotFound), (409, Conflict), (403, Refused), (422, Refused), (503, Unavailable)]
)
def test_a_refusal_is_the_error_for_its_status(
    server: Server, api: DirectApi, status: int, error: type[ClusterError]
) -> None:
    server.answers = [(status, {"message": "because"})]
    with pytest.raises(error, match="because"):
        api.get(MODEL_DEPLOYMENTS, "prod", "fraud")


def test_changes_come_one_by_one(server: Server, api: DirectApi) -> None:
    lines = b"".join(
        json.dumps({"type": t, "object": {"n": n}}).encode() + b"\n" for n, t in enumerate(("ADDED", "DELETED"))
    )
    server.answers = [(200, lines)]
    found = list(api.changes(MODEL_DEPLOYMENTS, "prod", "fraud", "7", 5))
    assert found == [("ADDED", {"n": 0}), ("DELETED", {"n": 1})]
    assert "resourceVersion=7" in server.asked[0][1]
    assert "fieldSelector=metadata.name%3Dfraud" in server.asked[0][1]


def test_changes_that_are_no_longer_kept(server: Server, api: DirectApi) -> None:
    server.answers = [(200, json.dumps({"type": "ERROR", "object": {"message": "too old"}}).encode() + b"\n")]
    with pytest.raises(Expired, match="too old"):
        list(api.changes(MODEL_DEPLOYMENTS, "prod", "fraud", "7", 5))
    server.answers = [(403, {"message": "no watch"})]
    with pytest.raises(Refused, match="no watch"):
        list(api.changes(MODEL_DEPLOYMENTS, "prod", "fraud", "7", 5))


def test_a_server_that_is_not_there_or_answers_nonsense(server: Server, api: DirectApi) -> None:
    server.answers = [(200, b"<html>")]
    with pytest.raises(Unavailable, match="not JSON"):
        api.get(MODEL_DEPLOYMENTS, "prod", "fraud")
    away = DirectApi(Access(server="http://127.0.0.1:1"), timeout=1)
    with pytest.raises(Unavailable, match=r"GET .* at http://127.0.0.1:1"):
        away.get(MODEL_DEPLOYMENTS, "prod", "fraud")


def test_a_proxy_of_another_kind_and_bad_certificates_are_refused() -> None:
    for access in (
        Access(server="https://api", proxy="socks5://proxy"),
        Access(server="https://api", authority=b"no certificate"),
        Access(server="https://api", certificate=b"no certificate"),
    ):
        with pytest.raises(Refused):
            DirectApi(access).get(MODEL_DEPLOYMENTS, "prod", "fraud")


def test_a_name_that_no_object_can_have(api: DirectApi) -> None:
    with pytest.raises(NotFound):
        api.get(MODEL_DEPLOYMENTS, "prod", "..")
