"""Whom preflight asks, and with what."""

from __future__ import annotations

from pathlib import Path

import pytest

from serin.cli.servers import chosen
from serin.errors import InvalidInput
from serin.prometheus.server.credentials import credentials_of
from serin.schema.choices import Arms

IN_CLUSTER, HERE = "https://prometheus.monitoring:9090", "https://127.0.0.1:9090"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text("s3cr3t\n")
    path = tmp_path / "servers.yaml"
    path.write_text(
        f"""
servers:
- url: {HERE}
  bearerTokenFile: {tmp_path / "token"}
  tls: {{serverName: prometheus.monitoring}}
- url: http://mimir.example/prometheus
  tenant: {{value: fraud}}
"""
    )
    return path


@pytest.mark.parametrize(
    ("of_policy", "address", "url"),
    [
        pytest.param(None, None, HERE, id="the first"),
        pytest.param(IN_CLUSTER, HERE, HERE, id="the one that is asked for goes before the policy's"),
        pytest.param("http://MIMIR.example:80/prometheus/", None, "http://mimir.example/prometheus", id="the policy's"),
    ],
)
def test_the_file_has_the_credentials(file: Path, of_policy: str | None, address: str | None, url: str) -> None:
    server = chosen(of_policy, address, file, "prod")
    assert server.url == url
    assert credentials_of(server).secrets == (("s3cr3t",) if url == HERE else ("fraud",))


def test_whose_series_count_is_said_by_the_file_or_by_the_option(file: Path) -> None:
    arms = '{"Contour": {"matchers": {"job": "envoy"}}}'
    for given in (file, None):
        assert chosen(HERE, None, given, "prod", arms).required_matchers == {Arms.CONTOUR: {"job": "envoy"}}
        assert not chosen(HERE, None, given, "prod").required_matchers
    file.write_text(f"servers: [{{url: {HERE}, arms: {{Contour: {{matchers: {{job: own}}}}}}}}]")
    assert chosen(None, None, file, "prod", arms).required_matchers == {Arms.CONTOUR: {"job": "own"}}
    with pytest.raises(InvalidInput, match="--arms: Contour: Input should be"):
        chosen(HERE, None, None, "prod", "Contour: envoy")


def test_without_a_file_nobody_has_credentials() -> None:
    server = chosen(IN_CLUSTER, None, None, "prod")
    assert (server.url, credentials_of(server).secrets) == (IN_CLUSTER, ())


@pytest.mark.parametrize(
    ("of_policy", "address", "words"),
    [
        (IN_CLUSTER, None, f"does not name the Prometheus of the policy; give one of its own: {HERE}, http://mimir"),
        (HERE, "http://user:pw@elsewhere", "does not name the Prometheus of --prometheus"),
    ],
)
def test_a_server_that_is_not_in_the_file(file: Path, of_policy: str, address: str | None, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as caught:
        chosen(of_policy, address, file, "prod")
    assert "pw" not in str(caught.value)


def test_what_cannot_be_used_is_one_line(file: Path, tmp_path: Path) -> None:
    (tmp_path / "token").unlink()
    with pytest.raises(InvalidInput, match="token: No such file"):
        chosen(None, None, file, "prod")
    with pytest.raises(InvalidInput, match=r"nothing\.yaml: No such file"):
        chosen(None, None, tmp_path / "nothing.yaml", "prod")
    file.write_text("servers: []")
    with pytest.raises(InvalidInput, match=r"servers\.yaml: servers: "):
        chosen(None, None, file, "prod")
    file.write_bytes(b"\xff")
    with pytest.raises(InvalidInput, match="not UTF-8"):
        chosen(None, None, file, "prod")
    with pytest.raises(InvalidInput, match="names no Prometheus: give its address"):
        chosen(None, None, None, "prod")
    with pytest.raises(InvalidInput, match="without credentials, query and fragment") as caught:
        chosen("http://user:pw@p", None, None, "prod")
    assert "pw" not in str(caught.value)


def test_a_namespace_has_the_first_server_that_is_for_it(file: Path) -> None:
    file.write_text(
        """
servers:
- {url: "http://others", namespaces: [other]}
- {url: "http://own", namespaces: [prod, more], tenant: {fromNamespace: true}, enforceLabel: namespace}
"""
    )
    assert chosen(None, None, file, "prod").url == "http://own"
    assert chosen(None, None, file, "other").url == "http://others"
    with pytest.raises(InvalidInput, match="http://others is not for namespace prod: add it to its namespaces"):
        chosen("http://others", None, file, "prod")
    with pytest.raises(InvalidInput, match="has no server for namespace third: add the namespace to one of them"):
        chosen(None, None, file, "third")
