"""The rules of the chart's roles grant the operator's permissions, in few words."""

from __future__ import annotations

from pathlib import Path

import pytest

from serin.cluster.permissions import Permission
from tools.rolegen import main, rendered, rules

ROOT = Path(__file__).parents[2]


def test_resources_with_the_same_verbs_share_a_rule() -> None:
    permissions = [
        Permission("", "pods", "list"),
        Permission("apps", "deployments", "get"),
        Permission("", "events", "create"),
        Permission("", "services", "list"),
        Permission("apps", "deployments", "list"),
    ]
    assert rules(permissions) == [
        {"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["list"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list"]},
        {"apiGroups": [""], "resources": ["events"], "verbs": ["create"]},
    ]


def test_the_chart_has_the_rules_of_the_permissions() -> None:
    assert (ROOT / "charts" / "serin" / "files" / "rbac.yaml").read_text() == rendered()


def test_a_file_that_differs_is_named_until_it_is_written_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "files" / "rbac.yaml"
    assert main(["--check", str(file)]) == 1
    assert capsys.readouterr().err == f"{file} differs from the permissions in code; run `make crds`\n"
    assert main([str(file)]) == 0
    assert main(["--check", str(file)]) == 0
