"""What ``serin init`` writes of answers: it is taken as it is, whatever the traffic, and lint finds nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from serin.api.files.write import yaml_of
from serin.cli.init.answers import Answers
from serin.cli.init.command import LONGEST_TOLD
from serin.cli.init.from_answers import manifests
from serin.cli.lint.checking import Traffic, checked
from serin.errors import InvalidInput

NOW = datetime(2026, 11, 29, tzinfo=UTC)
DIGEST = "sha256:" + "0f" * 32
URI = Answers(
    name="fraud",
    source="s3://models/fraud/1",
    model_format="sklearn",
    version="1",
    hostnames=("fraud.example.com",),
    gateway=("gateways", "models"),
    rps=None,
    threshold=None,
)
IMAGE = replace(URI, source=f"registry.example.com/fraud@{DIGEST}", model_format="")

TAKEN = "is taken for an image: a URI has a scheme"


@pytest.mark.parametrize("answers", [URI, IMAGE], ids=["uri", "image"])
@pytest.mark.parametrize("threshold", [None, timedelta(milliseconds=500)])
@pytest.mark.parametrize("rps", [None, 0.02, 0.05, 0.1, 0.3, 1.0, 3.0, 10.0, 1000.0])
def test_lint_finds_nothing(tmp_path: Path, answers: Answers, rps: float | None, threshold: timedelta | None) -> None:
    documents, _ = manifests(replace(answers, rps=rps, threshold=threshold), "prod")
    file = tmp_path / "fraud.yaml"
    file.write_text(yaml_of(documents))
    assert checked([file], Traffic(rps=rps or 1.0), NOW) == []


@pytest.mark.parametrize(
    ("rps", "weights", "objective"),
    [
        (None, [5, 25, 50], "99.0"),
        (99.0, [5, 25, 50], "99.0"),
        (100.0, [1, 5, 25, 50], "99.0"),
        (0.5, [10, 50], "99.0"),
        (0.2, [50], "99.0"),
        (0.05, [50], "95.0"),
        (0.001, [50], "95.0"),
    ],
)
def test_fewer_requests_ask_for_larger_steps_and_promise_less(
    rps: float | None, weights: list[int], objective: str
) -> None:
    (policy, _), _ = manifests(replace(URI, rps=rps), "prod")
    assert [step["weight"] for step in policy["spec"]["steps"]] == weights
    assert policy["spec"]["slos"][0]["objective"] == objective


@pytest.mark.parametrize(
    ("answers", "notes"),
    [
        (URI, ["its steps are for 1 request/s or more; tell the traffic with --rps"]),
        (replace(URI, rps=20), ["its steps are for 20 requests/s"]),
        (replace(URI, rps=0.001), ["no steps decide with 0.001 requests/s within a day"]),
        (IMAGE, ["is a beginning", TAKEN, "is taken to listen on port 8080"]),
        (replace(IMAGE, source="fraud:1"), ["is a beginning", TAKEN, "listen on port 8080", "the image has no digest"]),
    ],
)
def test_what_the_reader_should_know(answers: Answers, notes: list[str]) -> None:
    _, told = manifests(answers, "prod")
    assert len(told) == len(notes)
    assert all(words in note for note, words in zip(told, notes, strict=True))
    assert all(len(note) <= LONGEST_TOLD for note in told), "a longer one is cut"


def test_an_image_is_ready_when_it_listens() -> None:
    (_, deployment), _ = manifests(IMAGE, "prod")
    [server] = deployment["spec"]["predictor"]["containers"]
    assert server["readinessProbe"] == {"tcpSocket": {"port": server["ports"][0]["containerPort"]}}
    assert "uri" not in deployment["spec"]["model"]


@pytest.mark.parametrize(("seconds", "timeout"), [(0.5, None), (30, None), (31, "1m2s"), (600, "20m")])
def test_slow_answers_come_before_the_route_ends_their_requests(seconds: float, timeout: str | None) -> None:
    (_, deployment), _ = manifests(replace(URI, threshold=timedelta(seconds=seconds)), "prod")
    assert deployment["spec"]["route"].get("timeout") == timeout


def test_latency_that_few_requests_cannot_prove_is_told_and_not_waited_for() -> None:
    (policy, _), notes = manifests(replace(URI, rps=0.05, threshold=timedelta(seconds=1)), "prod")
    assert [slo.get("severity", "Critical") for slo in policy["spec"]["slos"]] == ["Critical", "Advisory"]
    assert "latency is told and not waited for" in notes[0]


@pytest.mark.parametrize(
    "source", ["https://ana:secret@store.example.com/1", "https://s/1?X-Amz-Signature=abcdef0123456789"]
)
def test_a_secret_in_the_uri_is_refused_and_not_repeated(source: str) -> None:
    with pytest.raises(InvalidInput, match=r"spec\.model\.uri") as caught:
        manifests(replace(URI, source=source), "prod")
    assert "secret@" not in str(caught.value)
    assert "abcdef" not in str(caught.value)
