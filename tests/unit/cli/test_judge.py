"""``serin judge``: files in, decisions out; a fault of a file is one line and exit code 2."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from serin.analysis.draws import Draws
from serin.cli.main import app
from tests.clock import api_time
from tests.window_lines import BROKEN, GOOD, OUTAGE, SLOS, Line, counted, line, spec


def run(tmp_path: Path, lines: list[Line] | str, policy: dict[str, Any] | None = None, *options: str) -> Any:
    (tmp_path / "P.yaml").write_text(
        yaml.safe_dump({"apiVersion": "serin.dev/v1alpha1", "kind": "PromotionPolicy", "spec": policy or spec()})
    )
    text = lines if isinstance(lines, str) else "".join(json.dumps(entry) + "\n" for entry in lines)
    (tmp_path / "W.jsonl").write_text(text)
    arguments = ["judge", "--policy", str(tmp_path / "P.yaml"), "--windows", str(tmp_path / "W.jsonl")]
    return CliRunner().invoke(app, [*arguments, *(options or ("--output", "json"))])


def judged(tmp_path: Path, lines: list[Line], policy: dict[str, Any] | None = None) -> tuple[list[Line], Line]:
    result = run(tmp_path, lines, policy)
    assert result.exit_code == 0, result.stderr
    *windows, summary = map(json.loads, result.stdout.splitlines())
    return windows, summary


def test_a_breach_ends_it(tmp_path: Path) -> None:
    lines = [counted(i, GOOD) for i in range(3)] + [counted(i, BROKEN) for i in range(3, 20)]
    windows, summary = judged(tmp_path, lines)
    assert [w["decision"] for w in windows] == ["Continue"] * 4 + ["Rollback"]
    last = windows[-1]
    assert (last["start"], last["reason"]) == (api_time(60), "SLOBreached")
    slo = last["slos"]["availability"]
    assert slo["verdict"] == "Fail"
    assert set(slo["log10_e"]) == {"e1", "e2", "e3", "e4"}
    assert min(slo["log10_e"]["e1"], slo["log10_e"]["e2"]) >= slo["threshold"]
    assert summary == {
        "decision": "Rollback",
        "decidedAt": api_time(75),
        "firstBreachAt": api_time(75),
        "requests": 750,
        "badRequests": 30,
        "judgeVersion": "6",
    }


def test_a_step_passes_and_the_watch_goes_on(tmp_path: Path) -> None:
    windows, summary = judged(tmp_path, [counted(i, GOOD) for i in range(10)])
    assert [w["decision"] for w in windows] == ["Continue"] * 3 + ["Advance"] * 7
    assert (summary["decision"], summary["decidedAt"]) == ("Advance", api_time(60))
    assert (summary["firstBreachAt"], summary["requests"]) == (None, 1500)
    windows, summary = judged(tmp_path, [counted(i, GOOD if i < 10 else BROKEN) for i in range(30)])
    assert summary["decision"] == "Rollback"
    assert len(windows) < 30


@pytest.mark.parametrize(
    ("lines", "decision", "reason", "verdict"),
    [
        ([counted(0, None)], "Continue", "CollectingEvidence", "NoData"),
        ([counted(i, None) for i in range(8)], "Hold", "NoData", "NoData"),
        ([counted(0, GOOD), counted(3, GOOD), line(4, candidate=None)], "Hold", "NoData", "NoData"),
        ([counted(0, GOOD), line(1, error="HTTP 503")], "Hold", "MetricsUnavailable", "Error"),
        ([counted(i, BROKEN, OUTAGE) for i in range(3)], "Hold", "CommonCause", "Hold"),
        ([counted(0, (1, 20))], "Continue", "CollectingEvidence", "Insufficient"),
        ([counted(i, (1, 150), (9, 2850)) for i in range(45)], "Hold", "StepTimeout", "Insufficient"),
        ([counted(0, (7, 5), (0, 95))], "Rollback", "AllRequestsBad", "Fail"),
    ],
)
def test_the_last_decision(tmp_path: Path, lines: list[Line], decision: str, reason: str, verdict: str) -> None:
    windows, summary = judged(tmp_path, lines)
    last = windows[-1]
    assert (last["decision"], last["reason"], summary["decision"]) == (decision, reason, decision)
    assert last["slos"]["availability"]["verdict"] == verdict


def test_missing_windows_are_no_data(tmp_path: Path) -> None:
    windows, _ = judged(tmp_path, [counted(0, GOOD), counted(4, GOOD)])
    assert [w["slos"]["availability"]["verdict"] for w in windows] == [
        "Insufficient",
        "NoData",
        "NoData",
        "NoData",
        "Insufficient",
    ]


def test_windows_before_the_candidate_are_history_of_stable(tmp_path: Path) -> None:
    bursts = [0, 0, 0, 0, 60, 50, 40, 60, 0, 0, 1, 0] * 4
    history = [counted(i, None, (bad, 2850)) for i, bad in enumerate(bursts)]
    live = [(BROKEN, i) for i in range(len(bursts), len(bursts) + 2)]
    windows, _ = judged(tmp_path, [*history, *(counted(i, own) for own, i in live)])
    assert len(windows) == 2, "history is learnt from, not judged"
    calm, _ = judged(tmp_path, [counted(i, own) for own, i in live])
    tempered = windows[-1]["slos"]["availability"]["log10_e"]["e2"]
    assert tempered < calm[-1]["slos"]["availability"]["log10_e"]["e2"] / 2


EXAMPLE = """
apiVersion: serin.dev/v1alpha1
kind: PromotionPolicy
metadata: {name: payments-critical, namespace: prod}
spec:
  prometheus: {address: "http://prometheus.monitoring:9090"}
  arms: Istio
  slos:
  - {name: availability, severity: Critical, objective: "99.0", indicator: {availability: {}}}
  - {name: client-errors, severity: Required, indicator: {clientErrors: {}}}
  - name: schema-errors
    severity: Required
    objective: "99.5"
    indicator: {ratio: {bad: 'my_bad_total', total: 'my_requests_total', arms: Pod}}
  - name: scoring-time
    severity: Advisory
    objective: "99.0"
    indicator: {histogram: {selector: 'my_seconds{path="/v1"}', threshold: 500ms}}
  analysis: {window: 15s, onNoData: {action: Hold}, onInconclusive: {action: Abort, after: 10m}}
  steps: [{weight: 5, for: 1m}]
  bake: {for: 1h, holdback: 5}
"""


def test_a_policy_with_counters_and_histograms_of_its_own(tmp_path: Path) -> None:
    lines = []
    for i in range(12):
        arms = {"candidate": {"over": 0, "total": 150}, "stable": {"over": 14, "total": 2850}}
        lines += [counted(i, GOOD), counted(i, GOOD, slo="schema-errors"), counted(i, GOOD, slo="client-errors")]
        lines += [line(i, "scoring-time", **arms)]
    path = tmp_path / "P.yaml"
    path.write_text(EXAMPLE)
    windows = tmp_path / "W.jsonl"
    windows.write_text("".join(json.dumps(entry) + "\n" for entry in lines))
    result = CliRunner().invoke(app, ["judge", "--policy", str(path), "--windows", str(windows), "--output", "json"])
    assert (result.exit_code, result.stderr) == (0, "")
    *judged_windows, summary = map(json.loads, result.stdout.splitlines())
    assert summary["decision"] == "Advance"
    assert {slo["verdict"] for slo in judged_windows[-1]["slos"].values()} == {"Pass"}


@pytest.mark.parametrize(
    ("analysis", "lines", "expected"),
    [
        ({"onNoData": {"action": "Hold"}}, [counted(i, None) for i in range(9)], ("Hold", "NoData", 9)),
        (
            {"onNoData": {"action": "Abort", "after": "60s"}},
            [counted(0, GOOD)] + [counted(i, None) for i in range(1, 20)],
            ("Rollback", "NoDataTooLong", 6),
        ),
        (
            {"onNoData": {"action": "Abort", "after": "60s"}},
            [counted(i, GOOD if i % 4 == 0 else None) for i in range(17)],
            ("Advance", "StepPassed", 17),
        ),
        (
            {"onInconclusive": {"action": "Abort", "after": "30s"}},
            [counted(i, (1, 150), (9, 2850)) for i in range(60)],
            ("Rollback", "Inconclusive", 41),
        ),
    ],
)
def test_what_a_policy_does_when_nothing_is_known(
    tmp_path: Path, analysis: dict[str, Any], lines: list[Line], expected: tuple[str, str, int]
) -> None:
    history = counted(-1, GOOD)
    windows, summary = judged(tmp_path, [history, *lines], spec(analysis={"window": "15s", **analysis}))
    assert (summary["decision"], windows[-1]["reason"], len(windows) - 1) == expected


def test_all_kinds_of_indicators(tmp_path: Path) -> None:
    lines = []
    for i in range(8):
        arms = {"over": 0, "total": 150, "ladder": {"0.25": 9, "0.1": 40}}, {"over": 20, "total": 2850}
        stable = {**arms[1], "ladder": {"0.25": 171, "0.1": 760}}
        lines += [
            counted(i, GOOD),
            line(i, "latency", candidate=arms[0], stable=stable),
            line(i, "drift", value=0.1, age=5),
            line(i, "score", candidate={"mean": 0.3, "count": 150}, stable={"mean": 0.3, "count": 2850}),
        ]
    windows, summary = judged(tmp_path, lines, spec("availability", "latency", "drift", "score"))
    found = {name: slo["verdict"] for name, slo in windows[-1]["slos"].items()}
    assert found == {"availability": "Pass", "latency": "Pass", "drift": "Pass", "score": "Insufficient"}
    assert summary["decision"] == "Advance", "Advisory SLOs are reported and never act"


def test_a_stale_gauge_is_no_data(tmp_path: Path) -> None:
    lines = [counted(0, GOOD), line(0, "drift", value=0.1, age=601)]
    windows, _ = judged(tmp_path, lines, spec("availability", "drift"))
    assert windows[-1]["slos"]["drift"]["verdict"] == "NoData"


def test_the_lines_of_the_slos_may_follow_each_other(tmp_path: Path) -> None:
    one = [counted(i, GOOD) for i in range(4)]
    two = [line(i, "latency", candidate={"over": 0, "total": 150}, stable={"over": 0, "total": 9}) for i in range(4)]
    mixed = [entry for pair in zip(one, two, strict=True) for entry in pair]
    both = spec("availability", "latency")
    assert judged(tmp_path, one + two, both) == judged(tmp_path, mixed, both)


def test_the_text_names_the_decision_and_the_numbers(tmp_path: Path) -> None:
    result = run(tmp_path, [counted(i, BROKEN) for i in range(3)], None, "--output", "text")
    assert result.exit_code == 0
    first, *_, head, message = result.stdout.splitlines()
    assert first.startswith(f"{api_time()}  Continue  CollectingEvidence: availability Insufficient (log10 e1 ")
    assert head.startswith(f"Rollback at {api_time(30)}; first proven breach {api_time(30)}; the candidate")
    assert "candidate 30 bad of 300 (10.00%)" in message


def test_the_same_input_gives_the_same_bytes_everywhere(tmp_path: Path) -> None:
    """The digest was written down once; another machine or Python must come to the same."""
    draws, lines = Draws(7), []
    for i in range(-120, 240):
        bad, total = draws.poisson(1.1), 100 + draws.poisson(50.0)
        own = (bad, total) if i >= 0 else None
        lines.append(counted(i + 120, own, (draws.poisson(14.0 * draws.burst(0.7)), 2000 + draws.poisson(850.0))))
    result = run(tmp_path, lines)
    assert result.exit_code == 0
    assert hashlib.sha256(result.stdout.encode()).hexdigest() == DIGEST


DIGEST = "9f61dce7df021f23a1bb2a07cd9ff849128873aafda11bfcf1467c3e61a1726b"


@pytest.mark.parametrize(
    ("policy", "lines", "expected"),
    [
        (spec(), [{**counted(0, GOOD), "seconds": 0}], "W.jsonl:1: seconds: 0 is not within 1 and 3600"),
        (
            spec(analysis={"window": "soon"}),
            [counted(0, GOOD)],
            "P.yaml: spec.analysis.window: 'soon' is not a duration",
        ),
        (spec(), "{", "W.jsonl:1: not JSON: "),
    ],
)
def test_a_fault_of_either_file_is_one_line_and_exit_code_2(
    tmp_path: Path, policy: dict[str, Any], lines: list[Line] | str, expected: str
) -> None:
    result = run(tmp_path, lines, policy)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("serin: ")
    assert expected in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_field_that_nobody_reads_is_told(tmp_path: Path) -> None:
    result = run(tmp_path, [counted(0, GOOD)], spec(bake={"for": "1h"}, analysis={"alhpa": "0.1"}))
    assert result.exit_code == 0
    assert result.stderr == "serin: note: spec.analysis.alhpa is not used here\n"


def test_a_byte_order_mark_is_left_out(tmp_path: Path) -> None:
    lines = json.dumps(counted(0, GOOD))
    policy = yaml.safe_dump({"kind": "PromotionPolicy", "spec": spec()})
    for name, text in (("P.yaml", policy), ("W.jsonl", lines)):
        (tmp_path / name).write_text(text, encoding="utf-8-sig")
    arguments = ["judge", "--policy", str(tmp_path / "P.yaml"), "--windows", str(tmp_path / "W.jsonl")]
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    (tmp_path / "P.yaml").write_text(policy, encoding="utf-16")
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert result.stderr.endswith("P.yaml: not UTF-8 at byte 0 (it begins as UTF-16 does): save it as UTF-8\n")


def test_the_summary_counts_for_the_slo_that_rolled_back(tmp_path: Path) -> None:
    advisory = {"name": "adv", "severity": "Advisory", "objective": "99.0", "indicator": {"availability": {}}}
    policy = spec(slos=[advisory, SLOS[0]])
    lines = [
        entry
        for i in range(3)
        for entry in (
            line(i, "adv", candidate={"bad": 7, "total": 7}, stable={"bad": 0, "total": 9}),
            counted(i, BROKEN),
        )
    ]
    _, summary = judged(tmp_path, lines, policy)
    assert (summary["decision"], summary["requests"], summary["badRequests"]) == ("Rollback", 300, 30)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["judge", "--policy", str(tmp_path / "no.yaml"), "--windows", "-"])
    assert (result.exit_code, result.stderr) == (2, f"serin: {tmp_path}/no.yaml: No such file or directory\n")
