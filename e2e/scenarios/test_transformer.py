"""A transformer in front of the predictor: a good version arrives, and one whose transformer fails goes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from e2e.sandbox.images.catalogue import TRANSFORMER

if TYPE_CHECKING:
    from e2e.scenarios.site import Site

pytestmark = [pytest.mark.matrix, pytest.mark.needs("transformers")]
RATE = 40
"""Requests per second. Each passes two of KServe's Python servers. At 120 two processors fell behind on kind: 504 after
five seconds, whatever the version."""


def transformer(version: str, **environment: str) -> dict[str, Any]:
    """One that compares the version of its predictor with its own, and can be told to fail."""
    env = {"MODEL_VERSION": version, **environment}
    container = {
        "name": "kserve-container",
        "image": TRANSFORMER,
        "args": ["--predictor_protocol=v2"],
        "env": [{"name": name, "value": value} for name, value in env.items()],
        "readinessProbe": {"httpGet": {"path": "/v2/health/live", "port": 8080}, "periodSeconds": 1},
    }
    return {"minReplicas": 1, "containers": [container]}


def want(site: Site, version: str, **environment: str) -> None:
    """Asks for a version with a transformer."""
    site.want(version, transformer=transformer(version, **environment))


def go_live(site: Site) -> None:
    """Version 1, with a transformer, serves."""
    site.policy()
    want(site, "1")
    site.until_stable("1")


def test_a_good_version_is_promoted_with_its_transformer(site: Site) -> None:
    """An answer by another version's predictor would have been an error."""
    go_live(site)
    assert site.stable_backend().endswith("-transformer")
    with site.load(RATE):
        want(site, "2")
        site.until_stable("2")
    site.nobody_else_failed()
    assert site.history.weights("2") == [0, 25, 50, 100]
    assert site.requests_of("2") > 0
    assert site.stable_backend().endswith("-transformer")
    candidate = site.records()[-1]["spec"]["candidate"]
    assert candidate["workload"]["service"] == f"{candidate['workload']['name']}-transformer"


def test_a_version_whose_transformer_fails_is_taken_back(site: Site) -> None:
    go_live(site)
    with site.load(RATE):
        want(site, "3", ERROR_RATE="0.2")
        record = site.until_taken_back()
    site.nobody_else_failed(but="3")
    assert record["status"]["reason"] == "SLOBreached"
    assert site.history.weights("3") == [0, 25, 0]


def test_a_version_whose_predictor_fails_behind_the_transformer_is_taken_back(site: Site) -> None:
    go_live(site)
    with site.load(RATE):
        site.want("3", environment={"ERROR_RATE": "0.2"}, transformer=transformer("3"))
        record = site.until_taken_back()
    site.nobody_else_failed(but="3")
    assert record["status"]["reason"] == "SLOBreached"


def test_the_first_transformer_comes_with_a_version(site: Site) -> None:
    """Stable has none: the route has a predictor beside a transformer."""
    site.go_live()
    with site.load(RATE):
        want(site, "2")
        site.until_stable("2")
    site.nobody_else_failed()
    assert site.stable_backend().endswith("-transformer")
