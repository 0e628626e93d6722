"""Whatever a file holds, a command ends with a decision or with one printable line; never with a traceback."""

from __future__ import annotations

import json
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from serin.cli.main import app
from serin.errors import InvalidInput
from serin.prometheus.server.credentials import servers_from
from tests.fuzz import changed, fuzzed
from tests.records import block, history, record
from tests.window_lines import SLOS, spec

LARGEST_OUTPUT = 20_000
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**300, max_value=10**301),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        ["15s", "99.0", "0.5", "\x1b[31m", "\u202e", "Hold", "Critical", 1e308, "9" * 500, "2026-11-22T03:00:00Z"]
    ),
)
TREES = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
POLICY = {"kind": "PromotionPolicy", "spec": spec(*(slo["name"] for slo in SLOS))}
BOTH = {arm: {"total": 100, "bad": 1} for arm in ("candidate", "stable")}
LINES = [
    {"slo": "availability", "start": "2026-11-22T03:00:00Z", "seconds": 15, **BOTH},
    {"slo": "availability", "start": "2026-11-22T03:00:15Z", "seconds": 15, "error": "no answer"},
    {"slo": "drift", "start": "2026-11-22T03:00:00Z", "seconds": 15, "value": 0.1, "at": "2026-11-22T03:00:00Z"},
]
NASTY = st.sampled_from(
    ["!!int x", "!!bool x", "!!timestamp x", "!!float ''", "!!binary x", "!!set [1]", "!!omap {}", "&a [*a]",
     "{? [1] : 2}", "!!python/name:os.system", "<<: *x",
     "%YAML 9.9", "--- a\n--- b", "1:2:3:4", "=", "{a: b", "\0", "0x" + "f" * 900,
     "2026-99-99", "0001-01-01T00:00:00+14:00", "? ?", "!<tag:yaml.org,2002:int> ''"]
)  # fmt: skip


@st.composite
def policies(draw: st.DrawFn) -> str:
    match draw(st.integers(0, 3)):
        case 0:
            return draw(st.text(max_size=60) | NASTY)
        case 1:
            return yaml.safe_dump(POLICY).replace("15s", draw(NASTY))
        case _:
            return json.dumps(changed(POLICY, draw, TREES))


@st.composite
def windows(draw: st.DrawFn) -> str:
    lines = [json.dumps(changed(line, draw, TREES) if draw(st.booleans()) else line) for line in LINES]
    if draw(st.booleans()):
        lines.append(draw(st.text(max_size=60) | TREES.map(json.dumps)))
    return "\n".join(draw(st.permutations(lines)))


def run(folder: Path, policy: str, lines: str) -> Result:
    (folder / "policy.yaml").write_bytes(policy.encode("utf-8", "surrogatepass"))
    (folder / "windows.jsonl").write_bytes(lines.encode("utf-8", "surrogatepass"))
    given_ = ["judge", "--policy", str(folder / "policy.yaml"), "--windows", str(folder / "windows.jsonl")]
    return CliRunner().invoke(app, given_)


def check(result: Result, decisions: AbstractSet[int] = frozenset({0})) -> None:
    """A decision, or one line and code 2 (notes of unknown fields may stand before it)."""
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code in {*decisions, 2}
    assert len(result.output) < LARGEST_OUTPUT
    assert all(line.isprintable() for line in result.output.split("\n"))
    if result.exit_code == 2:
        lines = result.output.splitlines()
        assert all(line.startswith("serin: ") for line in lines)
        assert [line for line in lines if not line.startswith("serin: note: ")] == lines[-1:]


@fuzzed(60)
@given(policy=policies())
def test_any_policy(tmp_path: Path, policy: str) -> None:
    check(run(tmp_path, policy, json.dumps(LINES[0])))


@fuzzed(60)
@given(lines=windows())
def test_any_windows(tmp_path: Path, lines: str) -> None:
    check(run(tmp_path, yaml.safe_dump(POLICY), lines))


RECORD = record([history(), block([(0, 100)] * 3 + [(30, 100)] * 4)], outcome="RolledBack", reason="SLOBreached")
SERVERS = {
    "servers": [
        {
            "url": "https://prometheus.example.com/x",
            "namespaces": ["prod"],
            "tenant": {"fromNamespace": True, "header": "X-Scope-OrgID"},
            "basic": {"usernameFile": "/secrets/user", "passwordFile": "/secrets/password"},
            "tls": {"caFile": "/ca.crt", "serverName": "prometheus"},
            "arms": {"Contour": {"matchers": {"job": "envoy"}}},
        },
        {"url": "https://mimir", "bearerTokenFile": "/secrets/token", "enforceLabel": "namespace"},
    ]
}


@st.composite
def documents(draw: st.DrawFn, whole: Any) -> str:
    if not draw(st.integers(0, 4)):
        return draw(st.text(max_size=60) | NASTY | TREES.map(json.dumps))
    text = json.dumps(changed(whole, draw, TREES))
    return text[: draw(st.integers(0, len(text)))] if not draw(st.integers(0, 9)) else text


@fuzzed(60)
@given(text=documents(RECORD), output=st.sampled_from(["text", "json"]))
def test_any_record(tmp_path: Path, text: str, output: str) -> None:
    (tmp_path / "record.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    result = CliRunner().invoke(app, ["replay", str(tmp_path / "record.json"), "--output", output])
    check(result, decisions={0, 1})


@fuzzed(60)
@given(text=documents(SERVERS))
def test_any_file_of_servers(text: str) -> None:
    try:
        servers_from(text, "servers.yaml")
    except InvalidInput as error:
        told = str(error)
    else:
        told = ""
    assert len(told) < LARGEST_OUTPUT
    assert told.isprintable()


def bomb(levels: int) -> str:
    """Each line has the one before nine times."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join([*lines, f"kind: *a{levels - 1}", ""])


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (bomb(5), "kind: expected PromotionPolicy, found [[[["),
        (bomb(7), "once its aliases are unfolded"),
        (bomb(60), "once its aliases are unfolded"),
        ("kind: &a [*a]\n", ":1: what stands here contains itself"),
        (f"kind: {'9' * 5000}\n", ":1: a number of more than 400 characters"),
        (f"kind: 1{':59' * 5000}\n", ":1: a number of more than 400 characters"),
        ("kind: !!int x\n", "not YAML: "),
        (f"kind: {'x' * 5_000_000}\n", "more than 4194304 characters"),
        ('kind: PromotionPolicy\nspec: {"\\e[31mred": 1}\n', "serin: "),
    ],
)
def test_a_policy_meant_to_do_harm(tmp_path: Path, policy: str, words: str) -> None:
    result = run(tmp_path, policy, json.dumps(LINES[0]))
    check(result)
    assert result.exit_code == 2
    assert words in result.output
    assert len(result.output) < 1200


def test_an_unknown_field_moves_no_cursor(tmp_path: Path) -> None:
    policy = {**POLICY, "spec": {**spec(), "\x1b[2Jx": 1, **{f"field{n}": 1 for n in range(50)}}}
    result = run(tmp_path, yaml.safe_dump(policy), json.dumps(LINES[0]))
    check(result)
    assert "serin: note: spec. [2Jx is not used here" in result.output
    assert "further fields are not used here" in result.output


def test_what_a_window_says_moves_no_cursor(tmp_path: Path) -> None:
    lines = [{**LINES[1], "start": "2026-11-22T03:00:00Z", "error": "\x1b[2Jgone"}]
    result = run(tmp_path, yaml.safe_dump({**POLICY, "spec": spec()}), "\n".join(map(json.dumps, lines)))
    check(result)
    assert "[2Jgone" in result.output
