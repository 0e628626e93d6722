"""The worked trials of examples/gates: what they write is what the operator reads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import joblib
import model_signing
import numpy as np
import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sklearn.linear_model import LogisticRegression

from serin.api.promotion_policy import PromotionPolicySpec
from serin.policy_gates.job import Job
from serin.policy_gates.measurement import Measured, read_result

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "gates"
REVISION = "7c9f2a1b"


def trial(name: str, folder: Path, **variables: str) -> tuple[int, list[Measured], str]:
    """Exit code, numbers and errors of a trial that runs in ``folder``."""
    result = folder / "result.json"
    env = {"SERIN_REVISION": REVISION, "SERIN_RESULT": str(result), "PATH": os.environ["PATH"], **variables}
    command = [sys.executable, str(folder / f"{name}.py")]
    (folder / f"{name}.py").write_text((EXAMPLES / "trials" / f"{name}.py").read_text("utf-8"), "utf-8")
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    if not result.exists():
        return done.returncode, [], done.stderr
    return done.returncode, read_result(result.read_text("utf-8"), REVISION).metrics, done.stderr


class Server(BaseHTTPRequestHandler):
    """Answers predictions, or what it is told to."""

    answers: ClassVar[list[tuple[int, str]]] = []
    seen: ClassVar[list[tuple[str, str, str | None]]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, self.headers["Host"], self.headers["x-preview"]))
        code, text = self.answers[len(self.seen) % len(self.answers)]
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    Server.seen.clear()
    listening = HTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.server_port}"
    listening.shutdown()
    listening.server_close()


GOOD = (200, '{"predictions": [1]}')
SMOKE = [
    ([GOOD], 0, 1.0),
    ([GOOD, (500, "{}")], 0, 0.5),
    ([(200, '{"outputs": [{"name": "y"}]}')], 0, 1.0),
    ([(200, '{"predictions": []}')], 0, 0.0),
    ([(200, "<html>")], 0, 0.0),
    ([(404, "{}")], 0, 0.0),
    ([(503, "no healthy upstream")], 1, None),
]


@pytest.mark.parametrize(("answers", "code", "value"), SMOKE)
def test_smoke(server: str, tmp_path: Path, answers: list[tuple[int, str]], code: int, value: float | None) -> None:
    Server.answers = answers
    (tmp_path / "request.json").write_text('{"instances": [[1]]}')
    variables = {"SERIN_CANDIDATE_URL": server, "SERIN_MODEL_NAME": "fraud"}
    exit_code, numbers, errors = trial("smoke", tmp_path, **variables)
    assert exit_code == code, errors
    assert [(m.name, m.value, m.n) for m in numbers] == ([] if value is None else [("answered", value, 20)])
    assert Server.seen[0][0] == "/v1/models/fraud:predict"


def test_smoke_goes_the_clients_way(server: str, tmp_path: Path) -> None:
    Server.answers = [GOOD]
    (tmp_path / "request.json").write_text("{}")
    variables = {
        "TRIAL_GATEWAY": server,
        "SERIN_HOSTNAME": "fraud.example.com",
        "SERIN_PREVIEW_HEADER": "x-preview: change-me",
        "SERIN_MODEL_NAME": "fraud",
        "TRIAL_REQUESTS": "2",
    }
    assert trial("smoke", tmp_path, **variables)[0] == 0
    assert Server.seen == [("/v1/models/fraud:predict", "fraud.example.com", "change-me")] * 2


def test_smoke_without_an_answer_is_no_result(tmp_path: Path) -> None:
    (tmp_path / "request.json").write_text("{}")
    variables = {"SERIN_CANDIDATE_URL": "http://127.0.0.1:9", "SERIN_MODEL_NAME": "fraud"}
    code, numbers, errors = trial("smoke", tmp_path, **variables)
    assert (code, numbers) == (1, [])
    assert "no answer from http://127.0.0.1:9" in errors


def test_offline(tmp_path: Path) -> None:
    random = np.random.default_rng(7)
    samples = random.normal(size=(400, 3))
    classes = (samples[:, 0] + 0.3 * random.normal(size=400) > 0).astype(int)
    for arm, columns in (("candidate", 2), ("stable", 3)):
        (tmp_path / arm).mkdir()
        learnt = samples[:200].copy()
        learnt[:, columns:] = 0
        joblib.dump(LogisticRegression().fit(learnt, classes[:200]), tmp_path / arm / "model.joblib")
    np.savetxt(tmp_path / "held-out.csv", np.column_stack([samples[200:], classes[200:]]), delimiter=",")
    variables = {"MODELS": str(tmp_path), "TRIAL_DATA": str(tmp_path / "held-out.csv")}
    code, numbers, errors = trial("offline", tmp_path, **variables)
    assert code == 0, errors
    assert [(m.name, m.n) for m in numbers] == [("accuracy", 200), ("accuracy/size=large", 100)]
    assert numbers[0].value > 0.8
    assert 0 < numbers[0].standard_error < 0.04
    assert numbers[0].change is not None
    assert abs(numbers[0].change) < 0.1


def key(folder: Path, name: str) -> None:
    made = ec.generate_private_key(ec.SECP256R1())
    pem, no_password = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / f"{name}.pem").write_bytes(made.private_bytes(pem, serialization.PrivateFormat.PKCS8, no_password))
    public = made.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / f"{name}.pub").write_bytes(public)


@pytest.mark.parametrize(
    ("what", "value"), [("valid", 1.0), ("tampered", 0.0), ("added", 0.0), ("wrong key", 0.0), ("unsigned", 0.0)]
)
def test_signature(tmp_path: Path, what: str, value: float) -> None:
    model = tmp_path / "candidate"
    model.mkdir()
    (model / "model.joblib").write_bytes(b"weights")
    key(tmp_path, "ours")
    key(tmp_path, "theirs")
    signature = model / "model.sig"
    if what != "unsigned":
        hashing = model_signing.hashing.Config()  # type: ignore[no-untyped-call]
        hashing.set_ignored_paths(paths=[signature])
        signing = model_signing.signing.Config()  # type: ignore[no-untyped-call]
        signing.use_elliptic_key_signer(private_key=tmp_path / "ours.pem")
        signing.set_hashing_config(hashing).sign(model, signature)
    if what == "tampered":
        (model / "model.joblib").write_bytes(b"Weights")
    if what == "added":
        (model / "extra.py").write_bytes(b"")
    public = tmp_path / ("theirs.pub" if what == "wrong key" else "ours.pub")
    code, numbers, errors = trial("signature", tmp_path, MODELS=str(tmp_path), TRIAL_KEY=str(public))
    assert code == 0, errors
    assert [(m.name, m.value) for m in numbers] == [("signature", value)]


def test_the_policies_can_be_used() -> None:
    gates = []
    for path in ("policy.yaml", "trials.yaml"):
        item = yaml.safe_load((EXAMPLES / path).read_text("utf-8"))
        policy = PromotionPolicySpec.model_validate(item["spec"])
        assert policy.start_problem is None
        gates += policy.gates
    asked = {metric.name for gate in gates if isinstance(gate.chosen, Job) for metric in gate.chosen.metrics}
    text = "".join(path.read_text("utf-8") for path in (EXAMPLES / "trials").glob("*.py"))
    assert len(asked) == 4
    assert all(json.dumps(name) in text for name in asked)
