"""As whom Serin asks, and how it knows whom it asks: real TLS, files that change."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from serin.errors import MetricsUnavailable
from serin.prometheus.server.credentials import Server, Tls
from tests.authority import Authority
from tests.clock import START
from tests.faulty import (
    GOOD,
    QUERY,
    TENANT,
    TOKEN,
    FaultyServer,
    asking,
    credentials,
    is_told,
    says,
)


@pytest.mark.parametrize("kind", ["basic", "bearer"])
async def test_credentials_are_sent_and_read_again(kind: str, tmp_path: Path) -> None:
    with FaultyServer(says(200, GOOD)) as faulty:
        async with asking(credentials(tmp_path, faulty.url, kind)) as prometheus:
            await prometheus.matrix(QUERY, START)
            (tmp_path / "tokenFile").write_text("rotated\n")
            (tmp_path / "passwordFile").write_text("rotated\n")
            await prometheus.matrix(QUERY, START)
    sent = [request.headers["Authorization"] for request in faulty.requests]
    assert (
        sent
        == {
            "basic": ["Basic c2VyaW46cGFzcyJ3L28gcmQmMQ==", "Basic c2VyaW46cm90YXRlZA=="],
            "bearer": [f"Bearer {TOKEN}", "Bearer rotated"],
        }[kind]
    )
    assert {request.headers["X-Scope-OrgID"] for request in faulty.requests} == {TENANT}


async def test_credentials_that_vanish_are_told_and_nobody_is_asked_without_them(tmp_path: Path) -> None:
    with FaultyServer(says(200, GOOD)) as faulty:
        server = credentials(tmp_path, faulty.url, "bearer")
        (tmp_path / "tokenFile").unlink()
        async with asking(server) as prometheus:
            with pytest.raises(MetricsUnavailable, match="tokenFile: No such file") as caught:
                await prometheus.matrix(QUERY, START)
        is_told(str(caught.value), server)
        assert faulty.requests == []


async def test_nothing_of_the_environment_gets_between(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else")
    for name, value in {"NETRC": str(tmp_path / "netrc"), "http_proxy": "http://127.0.0.1:1", "no_proxy": ""}.items():
        monkeypatch.setenv(name, value)
    with FaultyServer(says(200, GOOD)) as faulty:
        async with asking(credentials(tmp_path, faulty.url, "bearer")) as prometheus:
            await prometheus.matrix(QUERY, START)
        async with asking(Server(url=faulty.url)) as prometheus:
            await prometheus.matrix(QUERY, START)
    assert [request.headers["Authorization"] for request in faulty.requests] == [f"Bearer {TOKEN}", None]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "ours")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("other"), "another")


async def ask_over_tls(context: ssl.SSLContext, tls: Tls) -> str:
    """What is told; nothing if all is well."""
    with FaultyServer(says(200, GOOD), context) as faulty:
        server = Server(url=faulty.url, tls=tls)
        async with asking(server) as prometheus:
            try:
                await prometheus.matrix(QUERY, START)
            except MetricsUnavailable as error:
                is_told(str(error), server)
                return str(error)
    return ""


async def test_tls(authority: Authority, other: Authority) -> None:
    ours, context = Tls(ca_file=authority.file), authority.server_context("127.0.0.1")
    assert await ask_over_tls(context, ours) == ""
    assert "certificate is not accepted: unable to get" in await ask_over_tls(context, Tls(ca_file=other.file))
    assert "certificate is not accepted: " in await ask_over_tls(context, Tls())


async def test_the_name_in_a_certificate(authority: Authority) -> None:
    context = authority.server_context("prometheus.example")
    told = await ask_over_tls(context, Tls(ca_file=authority.file))
    assert "certificate is not accepted: IP address mismatch" in told
    assert await ask_over_tls(context, Tls(ca_file=authority.file, server_name="prometheus.example")) == ""
    told = await ask_over_tls(context, Tls(ca_file=authority.file, server_name="somebody.example"))
    assert "Hostname mismatch" in told


async def test_mutual_tls(authority: Authority, other: Authority) -> None:
    context = authority.server_context("127.0.0.1", wants_client=True)
    certificate, key = authority.issue("serin")
    foreign, foreign_key = other.issue("serin")
    assert await ask_over_tls(context, Tls(ca_file=authority.file, cert_file=certificate, key_file=key)) == ""
    assert "no TLS connection: " in await ask_over_tls(context, Tls(ca_file=authority.file))
    told = await ask_over_tls(context, Tls(ca_file=authority.file, cert_file=foreign, key_file=foreign_key))
    assert "no TLS connection: " in told


async def test_a_certificate_that_vanishes_is_told(authority: Authority, tmp_path: Path) -> None:
    told = await ask_over_tls(authority.server_context("127.0.0.1"), Tls(ca_file=tmp_path / "gone.crt"))
    assert "gone.crt" in told


async def test_https_where_there_is_http_and_the_other_way_round(authority: Authority) -> None:
    with FaultyServer(says(200, GOOD)) as faulty:
        async with asking(Server(url=faulty.url.replace("http", "https"))) as prometheus:
            with pytest.raises(MetricsUnavailable, match="no TLS connection"):
                await prometheus.matrix(QUERY, START)
    with FaultyServer(says(200, GOOD), authority.server_context("127.0.0.1")) as faulty:
        async with asking(Server(url=faulty.url.replace("https", "http"))) as prometheus:
            with pytest.raises(MetricsUnavailable):
                await prometheus.matrix(QUERY, START)
