"""Commands start without what takes long to import; `python -m tests.simulation.command_start` measures how long."""

from __future__ import annotations

import subprocess
import sys

import pytest

OPERATOR = (
    *("serin.controller", "serin.rollout", "serin.traffic", "serin.prometheus", "serin.analysis", "serin.records"),
    "serin.report",
)
SLOW = (
    "kubernetes",
    "aiohttp",
    "kopf",
    "asyncio",
    "promql_parser",
    "cryptography",
    "structlog",
    "requests",
    "matplotlib",
    "textual",
)
MODELS = ("serin.api.model_deployment", "serin.schema.types", "serin.api.promotion_policy")


def imported(program: str) -> list[str]:
    """What a new interpreter has imported after a program that ends as a command does."""
    ended = f"import sys\ntry:\n    {program}\nexcept SystemExit:\n    pass\nprint('\\n' + '\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", ended],
        capture_output=True,
        text=True,
        check=True,
        env={"KUBECONFIG": "/nowhere", "HOME": "/nowhere"},
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("arguments", "barred"),
    [
        (["--help"], (*OPERATOR, *SLOW, *MODELS)),
        (["version"], (*OPERATOR, *SLOW, *MODELS)),
        (["list"], (*OPERATOR, *SLOW, *MODELS, "rich")),
        (["get", "fraud"], (*OPERATOR, *SLOW, *MODELS, "rich")),
        (["explain", "fraud", "-o", "json"], (*OPERATOR, *SLOW, *MODELS, "rich")),
        (["watch"], (*OPERATOR, *SLOW, *MODELS, "rich")),
        (["hold", "fraud", "-r", "x", "-y"], (*OPERATOR, *SLOW, "rich")),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else "",
)
def test_a_command_starts_without(arguments: list[str], barred: tuple[str, ...]) -> None:
    modules = imported(f"from serin.cli.main import app; app({arguments!r})")
    assert "serin.cli.main" in modules
    assert [name for name in barred for module in modules if module == name or module.startswith(f"{name}.")] == []
