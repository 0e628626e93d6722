"""What a termination message is, and what a number shows: tables."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from serin.policy_gates.measurement import Limit, NotAResult, Shown, compare, read_result

AUC = {"name": "auc", "value": 0.95, "n": 5000, "standardError": 0.003}


def text(**changes: Any) -> str:
    return json.dumps({"revision": "7c9f2a1b", "data": "sha256:ab", "metrics": [AUC]} | changes)


def test_a_result_is_read() -> None:
    found = read_result(text(metrics=[AUC, AUC | {"name": "auc/country=ES", "change": -0.01}]), "7c9f2a1b")
    assert [m.name for m in found.metrics] == ["auc", "auc/country=ES"]
    measured = found.of("auc")
    assert measured is not None
    assert (measured.value, measured.n, measured.standard_error) == (0.95, 5000, 0.003)
    assert found.of("f1") is None


BROKEN = [
    ("", "its container wrote no result"),
    (" \n", "its container wrote no result"),
    ("Traceback (most recent call last)", "is not JSON"),
    (text()[:-3], "is not JSON"),
    ('{"metrics": "' + "x" * 4096, "longer than 4 KiB"),
    ("[" * 4096, "longer than 4 KiB"),
    ("[]", "is no result"),
    ("{}", "revision: Field required"),
    ('{"auc": 0.9}', "revision: Field required"),
    (text(revision="00000000"), "of revision 00000000, not of the candidate's, 7c9f2a1b"),
    (text(revision="\x1b[31m"), "of revision ?[31m"),
    (text(data=""), "data: "),
    (text(metrics=[]), "metrics: "),
    (text(metrics=[AUC | {"value": float("nan")}]), "NaN, which is no number"),
    (text(metrics=[AUC | {"value": float("inf")}]), "Infinity, which is no number"),
    (text(metrics=[AUC]).replace("0.95", "1e999"), "metrics.0.value"),
    (text(metrics=[AUC | {"value": "0.95"}]), "metrics.0.value"),
    (text(metrics=[AUC | {"value": True}]), "metrics.0.value"),
    (text(metrics=[AUC | {"n": 0}]), "metrics.0.n"),
    (text(metrics=[AUC | {"n": 1.5}]), "metrics.0.n"),
    (text(metrics=[AUC | {"standardError": -1}]), "metrics.0.standardError"),
    (text(metrics=[{"name": "auc", "value": 0.95, "n": 5}]), "metrics.0.standardError: Field required"),
    (text(metrics=[AUC | {"name": "a\nb"}]), "metrics.0.name"),
    (text(metrics=[AUC, AUC]), "auc twice"),
    (text(metrics=[AUC] * 65), "metrics: "),
]


@pytest.mark.parametrize(("written", "words"), BROKEN)
def test_what_is_no_result(written: str, words: str) -> None:
    with pytest.raises(NotAResult) as error:
        read_result(written, "7c9f2a1b")
    assert words in str(error.value)
    assert len(str(error.value)) <= 200


SHOWN = [
    # value, standard error, limit, at least, compared, what it shows
    (0.95, 0.003, "0.93", True, 1, Shown.MET),
    (0.935, 0.003, "0.93", True, 1, Shown.MET),  # 0.935 - 1.645 * 0.003 = 0.93007
    (0.9349, 0.003, "0.93", True, 1, Shown.NEITHER),
    (0.93, 0.0, "0.93", True, 1, Shown.MET),
    (0.929, 0.003, "0.93", True, 1, Shown.NEITHER),
    (0.925, 0.003, "0.93", True, 1, Shown.BROKEN),  # 0.925 + 1.645 * 0.003 = 0.92993
    (0.925, 0.003, "0.93", True, 8, Shown.NEITHER),  # one of eight may be so by chance
    (0.92, 0.003, "0.93", True, 8, Shown.BROKEN),
    (0.1, 0.01, "0.2", False, 1, Shown.MET),
    (0.19, 0.01, "0.2", False, 1, Shown.NEITHER),
    (0.22, 0.01, "0.2", False, 1, Shown.BROKEN),
    (-0.002, 0.001, "-0.01", True, 1, Shown.MET),
    (-0.02, 0.001, "-0.01", True, 1, Shown.BROKEN),
]


@pytest.mark.parametrize(("value", "error", "limit", "at_least", "compared", "shown"), SHOWN)
def test_what_a_number_shows(
    value: float, error: float, limit: str, compared: int, shown: Shown, *, at_least: bool
) -> None:
    found = compare(value, error, Limit("auc", Decimal(limit), at_least=at_least), compared=compared)
    assert found.shown is shown
    assert limit in found.message
