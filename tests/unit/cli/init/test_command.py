"""``serin init`` as it is called: with options, by somebody at a terminal, and where nobody can be asked."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from serin.cli.init import answers
from serin.cli.lint.source import read
from serin.cli.main import app

SERVICE = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: fraud}
spec:
  predictor:
    model: {modelFormat: {name: sklearn}, storageUri: s3://models/1}
"""
NEW = {
    "--name": "fraud",
    "--source": "s3://models/1",
    "--format": "sklearn",
    "--hostname": "fraud.example.com",
    "--gateway": "gateways/models",
}
CTRL_D = "\x04"
PLACE = ["--hostname", "fraud.example.com", "--gateway", "gateways/models"]


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


@pytest.fixture
def service(tmp_path: Path) -> str:
    file = tmp_path / "isvc.yaml"
    file.write_text(SERVICE)
    return str(file)


def init(*arguments: str, **options: str | None) -> Result:
    given = [word for name, value in options.items() if value is not None for word in (name, value)]
    return CliRunner().invoke(app, ["init", *given, *arguments])


def deployment(result: Result | Typed) -> dict[str, Any]:
    assert result.exit_code == 0, result
    _, found = yaml.safe_load_all(result.stdout)
    return dict(found)


@dataclass(frozen=True)
class Typed:
    """What came of it: what can be led into a file, and what stood on the terminal."""

    exit_code: int
    stdout: str
    terminal: str


def at_a_terminal(typed: list[str], *arguments: str) -> Typed:
    """Somebody types at a real terminal, and leads the output into a pipe; a line is typed at a time."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "serin.cli", "init", *arguments]
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, text=True) as process:
        os.close(theirs)
        os.write(ours, "".join(f"{word}\n" for word in [*typed, CTRL_D]).encode())
        shown = b""
        with suppress(OSError):  # the terminal is gone when its last program is
            while part := os.read(ours, 4096):
                shown += part
        stdout, _ = process.communicate(timeout=60)
        os.close(ours)
    return Typed(process.returncode, stdout, shown.decode().replace("\r\n", "\n"))


def test_from_a_service_it_writes_what_can_be_applied(service: str) -> None:
    result = init("--from", service, *PLACE, "-n", "prod")
    policy, found = yaml.safe_load_all(result.stdout)
    assert (policy["kind"], found["kind"]) == ("PromotionPolicy", "ModelDeployment")
    assert found["metadata"] == {"name": "fraud-live", "namespace": "prod"}
    assert "note: PromotionPolicy fraud-live is a beginning" in result.stderr


def test_a_service_s_policy_is_for_its_traffic_too(service: str) -> None:
    result = init("--from", service, *PLACE, "--rps", "0.05", "--latency", "250ms")
    policy, _ = yaml.safe_load_all(result.stdout)
    assert [step["weight"] for step in policy["spec"]["steps"]] == [50]
    assert policy["spec"]["slos"][1]["indicator"] == {"latency": {"threshold": "250ms"}}


def test_a_new_model_needs_no_cluster() -> None:
    found = deployment(init(**NEW))
    assert found["metadata"] == {"name": "fraud", "namespace": "default"}
    assert found["spec"]["model"] == {"version": "1", "uri": "s3://models/1"}


def test_programs_get_a_list_that_kubectl_takes() -> None:
    result = init("-o", "json", **NEW)
    assert {item["kind"] for item in json.loads(result.stdout)["items"]} == {"ModelDeployment", "PromotionPolicy"}
    assert json.loads(result.stdout)["kind"] == "List"


def test_at_a_terminal_it_asks_for_the_rest_and_again_for_what_it_cannot_use() -> None:
    typed = ["Fraud", "fraud", "s3://models/1", "sklearn", "fraud.example.com", "models", "gateways/models", "20", ""]
    result = at_a_terminal(typed)
    assert deployment(result)["spec"]["route"]["parentRef"] == {"name": "models", "namespace": "gateways"}
    assert result.terminal.count("Name of the model") == 2
    assert result.terminal.count("Gateway, as NAMESPACE/NAME") == 2
    assert "  expected a name of at most 63 characters from a-z, 0-9 and -, such as fraud-model\n" in result.terminal


def test_an_image_has_no_format_to_ask_for() -> None:
    typed = ["registry.example.com/eta:1", "eta.example.com", "gateways/models", "", ""]
    result = at_a_terminal(typed, "--name", "eta")
    assert "Its format" not in result.terminal
    assert deployment(result)["spec"]["predictor"]["containers"][0]["image"] == "registry.example.com/eta:1"


def test_who_leaves_in_the_middle_has_written_nothing() -> None:
    result = at_a_terminal(["fraud"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "serin: the input ended before everything was answered; nothing was done" in result.terminal


@pytest.mark.parametrize("missing", NEW)
def test_where_nobody_can_be_asked_it_names_what_is_missing(missing: str) -> None:
    result = init(**{**NEW, missing: None})
    assert result.exit_code == 2
    named = "--format (of a URI)" if missing == "--format" else missing
    assert f"give {named} for a new model, or --from for one that runs" in result.stderr
    assert len(result.stderr.splitlines()) == 1


SHA512 = f"r.io/x@sha512:{'0f' * 64}"
HOST = "expected a host in small letters"
SOURCE = "expected a URI with its scheme in small letters, such as s3://models/fraud/1, or an image"


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--name", "Fraud", "expected a name of at most 63 characters from a-z, 0-9 and -, such as fraud-model"),
        ("--name", "a" * 64, "expected a name of at most 63 characters"),
        ("--source", "s3:/models", SOURCE),
        ("--source", "s3://a b", SOURCE),
        ("--source", "S3://models/1", SOURCE),
        ("--source", "s3://m/1\x1b[D", SOURCE),
        ("--source", "s3://" + "a" * 3000, SOURCE),
        ("--source", "-", SOURCE),
        ("--source", "./models", SOURCE),
        ("--source", "registry/-x", SOURCE),
        ("--source", "registry.example.com/fraud:1", "whose server knows its format"),
        ("--format", "sk learn", "kubectl get clusterservingruntimes"),
        ("--hostname", "https://fraud.example.com", HOST),
        ("--hostname", "Fraud.example.com", HOST),
        ("--hostname", "fraud.example.com.", HOST),
        ("--hostname", "10.0.0.1", HOST),
        ("--hostname", f"{'a' * 64}.example.com", HOST),
        ("--hostname", ",".join(f"h{n}.example.com" for n in range(17)), "expected at most 16 hosts"),
        ("--gateway", "models", "expected NAMESPACE/NAME of a Gateway"),
        ("--gateway", f"{'a' * 64}/models", "expected NAMESPACE/NAME of a Gateway"),
        ("--rps", "0", "expected a number of requests per second"),
        ("--rps", "nan", "expected a number of requests per second"),
        ("--rps", "1_000", "expected a number of requests per second"),
        ("--rps", "\uff11\uff12", "expected a number of requests per second"),
        ("--latency", "500", "is not a duration such as"),
        ("--latency", "0s", "expected a time such as 500ms"),
        ("--latency", "24h", "at most 10m"),
        ("-n", "UPPER", "--namespace UPPER: expected a name"),
        ("-n", "a" * 60, "use a namespace with a shorter name"),
        ("--version", "one\ntwo", "--version one two: expected at most 63 characters"),
    ],
)
def test_an_answer_that_cannot_be_used_is_one_line_and_2(option: str, value: str, words: str) -> None:
    result = init(**{**NEW, option: value})
    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert len(result.stderr) < 400


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--source", "hf://org/model:5f0b02c75b57c5855da9ae460ce51323ea669d8a"),
        ("--source", "pvc://claim/models/1"),
        ("--format", "openvino_ir"),
        ("--format", "vLLM"),
        ("--gateway", "gateways/models.internal"),
        ("--hostname", "*.example.com"),
        ("--version", "v1.2_3-rc"),
        ("--rps", "0.5"),
        ("--rps", "-"),
        ("--latency", "10m"),
        ("--latency", "-"),
    ],
)
def test_an_answer_that_can_be_used(option: str, value: str) -> None:
    deployment(init(**{**NEW, option: value}))


@pytest.mark.parametrize(
    "image",
    [
        "fraud",
        "localhost:5000/a/b:V1",
        "REG.example.com/x",
        "[::1]:5000/x:1",
        f"r.io/x@sha512:{'0f' * 64}",
        "a__b/c-d.e",
    ],
)
def test_an_image_as_registries_name_them(image: str) -> None:
    found = deployment(init(**{**NEW, "--source": image, "--format": None}))
    assert found["spec"]["predictor"]["containers"][0]["image"] == image


@pytest.mark.parametrize("version", ["1e3", "1234e56", "0o17", "y", "n", "1", "007", "1.10", "true", "2026.11"])
def test_a_version_stays_a_text_to_kubectl(version: str) -> None:
    result = init(**NEW, **{"--version": version})
    [_, found] = [document.value for document in read(result.stdout, "-").documents]
    assert found["spec"]["model"]["version"] == version


def test_a_threshold_between_two_buckets_is_told_with_those_beside_it() -> None:
    result = init(**NEW, **{"--latency": "300ms"})
    assert result.exit_code == 0
    assert "300ms is no bucket boundary of" in result.stderr
    assert "write 250ms or 500ms" in result.stderr


def test_a_kubeconfig_that_cannot_be_read_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "broken"
    file.write_text("{")
    monkeypatch.setenv("KUBECONFIG", str(file))
    result = init(**NEW)
    assert deployment(result)["metadata"]["namespace"] == "default"
    assert "note: namespace default, since no kubeconfig says one: " in result.stderr


def test_without_any_standard_input_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "can_ask", lambda: False)
    deployment(init(**NEW))


def test_who_cannot_be_served_is_told_before_anything_is_asked() -> None:
    result = at_a_terminal([], "-n", "UPPER")
    assert result.exit_code == 2
    assert "Name of the model" not in result.terminal


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--from", "isvc/fraud"], "there is no kubeconfig"),
        (["--from", "nothing.yaml"], "nothing.yaml"),
        (["--from", "isvc/fraud", "--source", "s3://models/1"], "--from has both from what runs"),
        (["--from", "isvc/fraud", "--rps", "0"], "--rps 0: expected a number"),
        (["--from", "isvc/fraud", "--name", "Fraud"], "--name Fraud: expected a name"),
        (["--from", "isvc/fraud", "--hostname", "a.example.com:80"], "--hostname a.example.com:80: expected a host"),
        (["--from", "isvc/fraud", "--gateway", "A/b"], "--gateway A/b: expected NAMESPACE/NAME"),
        (["--from", "isvc/fraud", "--version", "v+1"], "--version v+1: expected at most 63"),
    ],
)
def test_what_cannot_be_adopted_is_one_line_and_2(arguments: list[str], words: str) -> None:
    result = init(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_file_of_another_namespace_is_not_moved(tmp_path: Path) -> None:
    file = tmp_path / "isvc.yaml"
    file.write_text(SERVICE.replace("name: fraud", "name: fraud, namespace: prod"))
    result = init("--from", str(file), *PLACE, "-n", "dev")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "the service is of namespace prod, and -n says dev; leave -n out" in result.stderr
