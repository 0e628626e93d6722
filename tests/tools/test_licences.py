"""What goes into the image has a licence that somebody has agreed to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.licences import is_allowed, licence_of, locked, main, problems

ROOT = Path(__file__).parents[2]


def test_all_packages_of_the_operator_have_a_licence_of_the_list() -> None:
    names = locked((ROOT / "requirements/operator.lock").read_text("utf-8"))
    assert len(names) > 40
    assert problems(names) == []


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("(Apache-2.0 OR GPL-2.0-only) AND BSD-2-Clause", True),
        ("GPL-3.0-only", False),
        ("Proprietary", False),
        ("", False),
    ],
)
def test_an_expression(expression: str, *, allowed: bool) -> None:
    assert is_allowed(expression) is allowed


def test_a_licence_without_a_field_was_read_by_hand() -> None:
    assert licence_of("promql-parser") == "MIT"


def test_a_package_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = tmp_path / "x.lock"
    lock.write_text("no-such-package==1.0 \\\n    --hash=sha256:0\n")
    assert main([str(lock)]) == 1
    assert "no-such-package: is not installed" in capsys.readouterr().err
    lock.write_text("")
    assert main([str(lock)]) == 1
