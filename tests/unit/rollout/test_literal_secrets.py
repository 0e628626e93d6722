"""A secret in plain text is refused before a record keeps it; what only looks like one is not."""

from __future__ import annotations

from typing import Any

import pytest

from serin.rollout.literal_secrets import literal_secret
from serin.schema.reasons import Reason


def env(name: str, value: Any = "hunter2", **more: Any) -> dict[str, Any]:
    return {"model": {"env": [{"name": "OMP_NUM_THREADS", "value": "1"}, {"name": name, "value": value, **more}]}}


FROM = {"secretKeyRef": {"name": "hf", "key": "token"}}
MODEL = {"uri": "s3://models/fraud/42"}


@pytest.mark.parametrize(
    ("model", "predictor", "where"),
    [
        (MODEL, env("HF_TOKEN"), "spec.predictor.model.env: HF_TOKEN has a secret"),
        (
            MODEL,
            {"containers": [{}, {"env": [{"name": "DB_PASSWORD", "value": "hunter2"}]}]},
            "containers[1].env: DB_PASS",
        ),
        (
            MODEL,
            {"initContainers": [{"env": [{"name": "api_key", "value": "hunter2"}]}]},
            "initContainers[0].env: api_key",
        ),
        (MODEL, env("DATABASE_URL", "postgres://ana:hunter2@db/f"), "DATABASE_URL has a secret"),
        (MODEL, {"model": {"args": ["--api-key=hunter2"]}}, "spec.predictor.model: option --api-key has a secret"),
        (MODEL, {"containers": [{"command": ["serve", "--hf-token", "hunter2"]}]}, "containers[0]: option --hf-token"),
        (MODEL, {"model": {"args": ["--source=https://ana:hunter2@h/x"]}}, "option --source"),
        ({"uri": "https://ana:hunter2@models/42"}, {}, "spec.model.uri has a password"),
        ({"uri": "https://b.s3.amazonaws.com/42?X-Amz-Signature=hunter2"}, {}, "storage Secret"),
    ],
)
def test_a_secret_in_plain_text(model: dict[str, Any], predictor: dict[str, Any], where: str) -> None:
    problem = literal_secret(model, predictor)
    assert problem is not None
    assert problem.reason is Reason.SPEC_INVALID
    assert where in problem.message
    assert "hunter2" not in problem.message
    assert "SERIN_LITERAL_SECRETS=Allow" in problem.message


@pytest.mark.parametrize(
    "predictor",
    [
        {},
        env("HF_TOKEN", None, valueFrom=FROM),
        env("HF_TOKEN", ""),
        env("HF_TOKEN", "$(OTHER)"),
        env("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"),
        env("MAX_TOKENS", "4096"),
        env("TOKENIZER_PATH", "/mnt/models"),
        env("DATABASE_URL", "postgres://ana:$(DB_PASSWORD)@db/f"),
        {
            "model": {
                "args": ["--max-num-batched-tokens=2048", "--api-key", "$(VLLM_API_KEY)", "--api-key", "--tokenizer=x"]
            }
        },
        {"model": {"args": ["--enable-token", "--token"]}},
        {"model": {"env": "HF_TOKEN", "args": {"a": 1}}, "containers": ["x", None], "initContainers": 3},
        {"model": {"env": [None, "x", {"value": "x"}, {"name": "HF_TOKEN", "value": 3}], "args": [None, 3]}},
    ],
)
def test_no_secret_in_plain_text(predictor: dict[str, Any]) -> None:
    assert literal_secret(MODEL, predictor) is None
