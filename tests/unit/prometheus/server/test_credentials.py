"""What may a person write about servers, and what is told when it cannot be used?"""

from __future__ import annotations

from pathlib import Path

import pytest

from serin.errors import InvalidInput
from serin.prometheus.server.credentials import Server, check, credentials_of, servers_from
from tests.authority import Authority

SOURCE = "/etc/serin/prometheus.yaml"
WHOLE = """
servers:
- url: https://prometheus.monitoring:9090/
- url: https://mimir.example/prometheus
  basic: {usernameFile: /var/a/username, passwordFile: /var/a/password}
  tls: {caFile: /var/a/ca.crt, certFile: /var/a/tls.crt, keyFile: /var/a/tls.key, serverName: mimir}
  tenant: {value: team-a}
- url: http://thanos:10902
  bearerTokenFile: /var/b/token
  plainHttp: true
  tenant: {header: THANOS-TENANT, valueFile: /var/b/tenant}
"""


def test_a_whole_file() -> None:
    servers = servers_from(WHOLE, SOURCE)
    urls = ["https://prometheus.monitoring:9090", "https://mimir.example/prometheus", "http://thanos:10902"]
    assert [server.url for server in servers] == urls
    assert "team-a" not in repr(servers)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Input should be"),
        ("a: [", ":1: not YAML"),
        ("servers: []", "servers: List should have at least 1 item"),
        ("servers: [{}]", "servers.0.url: Field required"),
        ("servers: [{url: 'http://p', password: hunter2}]", "servers.0.password: Extra inputs are not permitted"),
        ("servers: [{url: 'http://u:hunter2@p'}]", "servers.0.url: is not http(s)://host[:port][/path] without cred"),
        (
            "servers: [{url: 'http://p', bearerTokenFile: /t}]",
            "servers.0: credentials over http can be read on the way",
        ),
        (
            "servers: [{url: 'https://p', bearerTokenFile: /t, basic: {usernameFile: /u, passwordFile: /p}}]",
            "servers.0: give basic or bearerTokenFile, not both",
        ),
        ("servers: [{url: 'https://p', basic: {usernameFile: /u}}]", "servers.0.basic.passwordFile: Field required"),
        ("servers: [{url: 'https://p', plainHttp: true}]", "servers.0: plainHttp: the address is https"),
        ("servers: [{url: 'http://p', tls: {}}]", "servers.0: tls: the address is http"),
        ("servers: [{url: 'https://p', tls: {certFile: /c}}]", "servers.0.tls: give certFile and keyFile, or neither"),
        ("servers: [{url: 'http://p', tenant: {}}]", "servers.0.tenant: give exactly one of value, valueFile and"),
        (
            "servers: [{url: 'http://p', tenant: {value: a, fromNamespace: true}}]",
            "servers.0.tenant: give exactly one of value, valueFile and fromNamespace: true",
        ),
        ("servers: [{url: 'http://p', namespaces: ['*']}]", "servers.0.namespaces.0: String should match"),
        ("servers: [{url: 'http://p', enforceLabel: 'a=\"b\" or'}]", "servers.0.enforceLabel: String should match"),
        ("servers: [{url: 'http://p', tenant: {value: 'a b'}}]", "servers.0.tenant: value: one word of visible"),
        ("servers: [{url: 'http://p', tenant: {value: a, header: Host}}]", "servers.0.tenant: header: this one is not"),
        ("servers: [{url: 'http://p', tenant: {value: a, header: 'X: Y'}}]", "servers.0.tenant.header: String should"),
    ],
)
def test_what_cannot_be_used_says_where_and_quotes_no_secret(text: str, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        servers_from(text, SOURCE)
    assert str(caught.value).startswith(SOURCE)
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def server(folder: Path, **files: bytes) -> Server:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    if "token" in files:
        return Server(url="https://p", bearer_token_file=folder / "token")
    basic = {"usernameFile": folder / "username", "passwordFile": folder / "password"}
    return Server.model_validate({"url": "https://p", "basic": basic})


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"token": b"abc\n"}, "Bearer abc"),
        ({"username": b"serin\n", "password": b" two words \r\n"}, "Basic c2VyaW46IHR3byB3b3JkcyA="),
        ({"username": b"serin", "password": "pä".encode()}, "Basic c2VyaW46cMOk"),
        ({"token": b""}, None),
        ({"token": b"a\nX-Evil: b"}, None),
        ({"token": b"\xff"}, None),
        ({"token": b"x" * 2_000_000}, None),
        ({"username": b"a:b", "password": b"x"}, None),
        ({"username": b"", "password": b"x"}, None),
        ({"username": b"a"}, None),
    ],
)
def test_what_a_mounted_secret_becomes(files: dict[str, bytes], expected: str | None, tmp_path: Path) -> None:
    asked = server(tmp_path, **files)
    if expected is not None:
        found = credentials_of(asked)
        assert found.headers == {"Authorization": expected}
        assert expected.split()[1] in found.secrets
        assert expected.split()[1] not in repr(found)
        check(asked)
    else:
        with pytest.raises(InvalidInput, match=str(tmp_path)) as caught:
            check(asked)
        assert len(str(caught.value)) < 400


def test_a_namespace_as_the_tenant() -> None:
    server = Server.model_validate({"url": "http://p", "tenant": {"fromNamespace": True}})
    check(server)
    for namespace in ("prod", "team-a"):
        found = credentials_of(server, namespace)
        assert found.headers == {"X-Scope-OrgID": namespace}
        assert found.secrets == (), "it is no secret, and may stand in the query"
    with pytest.raises(InvalidInput, match="the query is for no namespace"):
        credentials_of(server)


@pytest.mark.parametrize(("namespaces", "expected"), [([], True), (["prod"], True), (["other", "product"], False)])
def test_which_namespaces_may_use_a_server(namespaces: list[str], expected: bool) -> None:  # noqa: FBT001
    assert Server.model_validate({"url": "http://p", "namespaces": namespaces}).serves("prod") is expected


def test_certificates_are_looked_at(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("serin")
    _, another_key = authority.issue("somebody")

    def told(**tls: Path) -> str:
        try:
            check(Server.model_validate({"url": "https://p", "tls": tls}))
        except InvalidInput as error:
            return str(error)
        return ""

    assert told(caFile=authority.file, certFile=certificate, keyFile=key) == ""
    assert told(caFile=tmp_path / "gone") == f"{tmp_path}/gone: No such file or directory"
    assert told(caFile=key) == f"{key}: no CA certificate in PEM"
    assert "no certificate with its own unencrypted key" in told(certFile=certificate, keyFile=another_key)
