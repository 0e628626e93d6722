"""What the environment may say, and what is told of each variable that says something else."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic.alias_generators import to_camel

from serin.cluster.client import Object
from serin.cluster.resources import Resource
from serin.controller.election import elector_for
from serin.controller.settings import Settings, SettingsError, from_environment
from serin.schema.choices import Arms
from tests.fakes import FakeCluster

ROOT = Path(__file__).parents[3]
ENOUGH = {"SERIN_PROMETHEUS_URLS": "http://a:9090/, http://b"}


def lines(env: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        from_environment(env)
    return str(caught.value).splitlines()


def test_settings() -> None:
    settings = from_environment({**ENOUGH, "SERIN_NAMESPACES": "x, y,,x", "SERIN_RESYNC": "2s", "SERIN_LEASE": "s/l.1"})
    assert [server.url for server in settings.prometheus] == ["http://a:9090", "http://b"]
    assert settings.namespaces == ("x", "y")
    assert settings.resync == timedelta(seconds=2)
    assert settings.lease == ("s", "l.1")


def test_what_is_not_set_has_its_default_and_empty_words_are_values() -> None:
    plain = from_environment(ENOUGH)
    assert plain == Settings(prometheus=plain.prometheus)
    empty = {"SERIN_NAMESPACES": "", "SERIN_LEASE": "", "SERIN_HEALTH_HOST": "", "SERIN_PROMETHEUS_CONFIG": ""}
    assert from_environment({**ENOUGH, **empty}) == plain.model_copy(update={"health_host": ""})


def test_variables_of_the_cluster_that_begin_like_ours_do_not_matter() -> None:
    """Of a Service called serin, or serin-prometheus, every pod beside it gets some."""
    links = {"SERIN_PORT": "tcp://10.0.0.1:80", "SERIN_SERVICE_HOST": "10.0.0.1", "SERIN_PROMETHEUS": "{"}
    assert from_environment({**ENOUGH, **links}) == from_environment(ENOUGH)


def test_settings_made_by_hand_do_not_read_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERIN_WORKERS", "0")
    assert Settings(prometheus=()).workers == 64


WRONG = {
    "SERIN_WORKERS": (["0", "-3", "1025", "many", "", "1.5"], "a whole number from 1 to 1024"),
    "SERIN_HEALTH_PORT": (["-1", "65536", "tcp://10.0.0.1:80"], "a whole number from 0 to 65535"),
    "SERIN_RECORDS_KEPT": (["-1", "10001"], "a whole number from 0 to 10000"),
    "SERIN_RECORDS_AGE": (["59m", "87601h"], "a duration from 1h to 87600h, such as 9600h"),
    "SERIN_RESYNC": (["0s", "999ms", "24h1s", "often", "", "5"], "a duration from 1s to 24h, such as 5m"),
    "SERIN_LEASE_DURATION": (["0s", "2s", "11m", "15"], "a duration from 3s to 10m, such as 15s"),
    "SERIN_LEASE": (["serin", "a/b/c", "/b", "a/", "A/b"], "namespace/name of a Lease, or empty for a process that"),
    "SERIN_LOG_FORMAT": (["xml", "", "JSON"], "json or console"),
    "SERIN_NAMESPACES": (["a b", "a,B", "-a", "a/b"], "names of namespaces, separated by commas, or empty for the"),
}


@pytest.mark.parametrize(
    ("variable", "value"), [(name, value) for name, (values, _) in WRONG.items() for value in values]
)
def test_a_wrong_value_is_one_line_that_says_what_it_should_be(variable: str, value: str) -> None:
    [line] = lines({**ENOUGH, variable: value})
    assert line.startswith(f"{variable} is {value!r}: it should be {WRONG[variable][1]}")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        *(("SERIN_WORKERS", value) for value in ("1", "1024")),
        *(("SERIN_HEALTH_PORT", value) for value in ("0", "65535")),
        *(("SERIN_RESYNC", value) for value in ("1s", "24h")),
        *(("SERIN_LEASE_DURATION", value) for value in ("3s", "10m")),
    ],
)
def test_bounds_belong_to_what_is_allowed(variable: str, value: str) -> None:
    from_environment({**ENOUGH, variable: value})


class NoLease(FakeCluster):
    """Has everything that an elector needs."""

    async def replace(self, resource: Resource, body: Object) -> Object:
        raise NotImplementedError


@pytest.mark.parametrize("duration", ["3s", "15s", "10m"])
def test_every_duration_that_is_allowed_makes_an_elector(duration: str) -> None:
    settings = from_environment({**ENOUGH, "SERIN_LEASE": "a/b", "SERIN_LEASE_DURATION": duration})
    assert settings.lease is not None
    assert not elector_for(NoLease(), settings.lease, settings.lease_duration).leads


def test_several_wrong_values_are_several_lines() -> None:
    wrong = {"SERIN_WORKERS": "0", "SERIN_RESYNC": "0s", "SERIN_PROMETHEUS_CONFIG": "/nowhere.yaml"}
    found = lines({**wrong, "SERIN_PROMETHEUS_URLS": "prometheus:9090", "SERIN_NAMESPACES": "A,B"})
    assert [line.split()[0].strip(":") for line in found] == [
        "SERIN_PROMETHEUS_URLS",
        "SERIN_PROMETHEUS_CONFIG",
        "SERIN_NAMESPACES",
        "SERIN_RESYNC",
        "SERIN_WORKERS",
    ]


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({}, "SERIN_PROMETHEUS_URLS is empty: "),
        ({"SERIN_PROMETHEUS_URLS": "prometheus:9090"}, "SERIN_PROMETHEUS_URLS: address 1 is not http"),
        ({"SERIN_PROMETHEUS_URLS": "http://a,http://b:x"}, "SERIN_PROMETHEUS_URLS: address 2 "),
        (
            {"SERIN_PROMETHEUS_URLS": "http://p, http://P:80/"},
            "SERIN_PROMETHEUS_URLS and SERIN_PROMETHEUS_CONFIG: http://p is there twice",
        ),
        (
            {"SERIN_PROMETHEUS_CONFIG": "/nowhere.yaml"},
            "SERIN_PROMETHEUS_CONFIG: /nowhere.yaml: No such file",
        ),
    ],
)
def test_servers_that_cannot_be_used(env: dict[str, str], words: str) -> None:
    [line] = lines(env)
    assert line.startswith(words)


def test_servers_with_credentials_come_after_the_plain_ones(tmp_path: Path) -> None:
    config, token = tmp_path / "servers.yaml", tmp_path / "token"
    config.write_text(f"servers: [{{url: 'https://c', bearerTokenFile: {token}}}]")
    env = {"SERIN_PROMETHEUS_URLS": "http://a", "SERIN_PROMETHEUS_CONFIG": str(config)}
    assert lines(env) == [f"SERIN_PROMETHEUS_CONFIG: {token}: No such file or directory"]
    token.write_text("s3cr3t")
    settings = from_environment(env)
    assert [server.url for server in settings.prometheus] == ["http://a", "https://c"]
    assert [server.url for server in from_environment({**env, "SERIN_PROMETHEUS_URLS": ""}).prometheus] == ["https://c"]
    assert "s3cr3t" not in repr(settings)


def test_whose_series_count_is_said_for_all_servers_that_say_nothing_themselves(tmp_path: Path) -> None:
    config = tmp_path / "servers.yaml"
    config.write_text("servers: [{url: 'https://c', arms: {Contour: {matchers: {job: own}}}}]")
    arms = '{"Contour": {"matchers": {"job": "envoy", "namespace": "projectcontour"}}}'
    env = {**ENOUGH, "SERIN_PROMETHEUS_CONFIG": str(config), "SERIN_PROMETHEUS_ARMS": arms}
    found = {server.url: server.required_matchers for server in from_environment(env).prometheus}
    envoy = {Arms.CONTOUR: {"job": "envoy", "namespace": "projectcontour"}}
    assert found == {"http://a:9090": envoy, "http://b": envoy, "https://c": {Arms.CONTOUR: {"job": "own"}}}
    assert not from_environment({**env, "SERIN_PROMETHEUS_ARMS": ""}).prometheus[0].required_matchers
    [line] = lines({**env, "SERIN_PROMETHEUS_ARMS": "{Contour: {matchers: {x-y: a}}}"})
    assert line.startswith("SERIN_PROMETHEUS_ARMS: Contour.matchers.x-y: a label's name has letters, digits and _ only")


def test_no_complaint_tells_a_password(tmp_path: Path) -> None:
    config = tmp_path / "servers.yaml"
    config.write_text("servers: [{url: 'https://u:s3cr3t@c'}]")
    urls = "https://p,https://user:s3cr3t@prometheus"
    found = lines({"SERIN_PROMETHEUS_URLS": urls, "SERIN_PROMETHEUS_CONFIG": str(config), "SERIN_WORKERS": "0"})
    assert [line.split()[0].strip(":") for line in found] == [
        "SERIN_PROMETHEUS_URLS",
        "SERIN_PROMETHEUS_CONFIG",
        "SERIN_WORKERS",
    ]
    assert "s3cr3t" not in "".join(found)


def test_the_chart_and_the_document_know_the_same_bounds() -> None:
    schema = json.loads((ROOT / "charts/serin/values.schema.json").read_text("utf-8"))["properties"]
    words = f"a whole number from {schema['workers']['minimum']} to {schema['workers']['maximum']}"
    assert Settings.model_fields["workers"].description == words
    assert [Settings.model_fields["log_format"].description] == [" or ".join(schema["logFormat"]["enum"])]
    document = (ROOT / "docs/operations/process.md").read_text("utf-8")
    values = (ROOT / "charts/serin/values.yaml").read_text("utf-8")
    for name, field in Settings.model_fields.items():
        if name in {"prometheus", "notifications"}:  # each has a file of its own
            assert f"| `SERIN_{name.upper()}_CONFIG`" in document
            continue
        [row] = [line for line in document.splitlines() if line.startswith(f"| `SERIN_{name.upper()}`")]
        bounds = (field.description or "").partition(" from ")[2].partition(",")[0].replace(" to ", " … ")
        assert bounds in row, row
        if name in {"resync", "lease_duration", "workers"}:
            assert re.search(rf"^{to_camel(name)}: .*; {bounds}$", values, re.MULTILINE), name
