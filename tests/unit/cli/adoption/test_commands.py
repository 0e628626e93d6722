"""``serin init`` and ``serin leave`` as they are called."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from serin.cli.main import app

SERVICE = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: fraud}
spec:
  predictor:
    model: {modelFormat: {name: sklearn}, storageUri: s3://models/1}
"""


def test_init_writes_what_can_be_applied(tmp_path: Path) -> None:
    file = tmp_path / "isvc.yaml"
    file.write_text(SERVICE)
    options = ["--hostname", "fraud.example.com", "--gateway", "gateways/models", "-n", "prod"]
    result = CliRunner().invoke(app, ["init", "--from", str(file), *options])
    assert result.exit_code == 0, result.output
    policy, deployment = yaml.safe_load_all(result.stdout)
    assert (policy["kind"], deployment["kind"]) == ("PromotionPolicy", "ModelDeployment")
    assert deployment["metadata"] == {"name": "fraud-live", "namespace": "prod"}
    assert "note: PromotionPolicy fraud-live is a beginning" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["leave", "fraud"], "expected mdep/NAME"),
        (["leave", "isvc/fraud"], "expected mdep/NAME"),
        (["leave", "mdep/fraud"], "there is no kubeconfig"),
        (["init", "--from", "isvc/fraud"], "there is no kubeconfig"),
        (["init", "--from", "nothing.yaml"], "nothing.yaml"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_2(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], words: str
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1
