"""From the text of a policy through a server, a verdict and a record to replay, with the newcomer's indicator.

Run by ``test_newcomer.py`` in an interpreter of its own: the models of the API are made of ``INDICATORS`` once.
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from serin import indicators
from tests.unit.indicators.newcomer.agreement import Agreement

indicators.INDICATORS = (*indicators.INDICATORS, Agreement)  # the one line

from serin.api.files.load import policy_from_yaml  # noqa: E402 - after the line above
from serin.cli.judge import replay as judged_windows  # noqa: E402
from serin.cli.replay import replay_of  # noqa: E402
from serin.controller.reconciliation.window_reader import WindowReader  # noqa: E402
from serin.errors import InvalidInput  # noqa: E402
from serin.evidence import settle_time  # noqa: E402
from serin.judge import JUDGE_VERSION  # noqa: E402
from serin.prometheus.identity import RolloutIdentity  # noqa: E402
from serin.schema.reasons import Verdict  # noqa: E402
from tests.clock import START  # noqa: E402
from tests.fakes import FakePrometheus  # noqa: E402
from tools.crdgen import rendered  # noqa: E402

WINDOW = timedelta(seconds=15)
POLICY = """
apiVersion: serin.dev/v1alpha1
kind: PromotionPolicy
spec:
  slos:
    - name: same-answers
      indicator:
        agreement: {query: 'avg(same_answers{isvc="$(inferenceService)"})', least: "0.9"}
  steps: [{weight: 5, for: 30s}]
"""
AGREEMENTS = [0.99, 0.95, 0.5, 0.4]


class Server(FakePrometheus):
    """Answers the newcomer's query, window by window."""

    async def values(self, query: str, at: datetime) -> list[float]:
        assert query == 'avg(same_answers{isvc="fraud-b"})'
        return [AGREEMENTS[int((at - START) / WINDOW) - 1]]


def the_api() -> None:
    """The CRD knows it, and a policy with a mistake in it is refused with the field's path."""
    crd = rendered()["promotionpolicies.yaml"]
    assert "has(self.agreement)].exists_one" in crd
    assert "has(self.indicator.agreement)" in crd
    found: dict[str, Any] = yaml.safe_load(crd)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    indicator = found["properties"]["spec"]["properties"]["slos"]["items"]["properties"]["indicator"]
    assert indicator["properties"]["agreement"]["required"] == ["query", "least"]
    with pytest.raises(InvalidInput, match=r"spec\.slos\[0\]\.indicator\.agreement\.least: 'much'"):
        policy_from_yaml(POLICY.replace('"0.9"', "much"), "p.yaml")


async def the_operator() -> list[dict[str, Any]]:
    """Reads each window from the server, judges it, and seals it for the record."""
    policy, unknown = policy_from_yaml(POLICY, "p.yaml")
    assert not unknown
    reader = WindowReader.restore(policy, RolloutIdentity("prod", "fraud-b", "fraud-a"), START, None)
    verdicts = []
    for number in range(1, len(AGREEMENTS) + 1):
        now = START + number * WINDOW + settle_time(WINDOW)
        await reader.catch_up(Server(lambda: START), now)
        verdicts.append(reader.assess(START, now).slos[0].verdict)
    assert verdicts == [Verdict.INSUFFICIENT, Verdict.PASS, Verdict.PASS, Verdict.FAIL]
    blocks = [block.to_api() for block in reader.seal(everything=True)]
    assert [block["counts"] for block in blocks] == ["0.99 0.95 0.5 0.4"]
    return blocks


def the_replay(blocks: list[dict[str, Any]], folder: Path) -> None:
    """``serin replay`` comes to what the record says."""
    source = {"revision": "b", "version": "2", "inferenceService": "fraud-b", "model": {}, "predictor": {}}
    breached_at = (START + 4 * WINDOW).isoformat()
    record = {
        "apiVersion": "serin.dev/v1alpha1",
        "kind": "PromotionRecord",
        "metadata": {"name": "fraud-b-1"},
        "spec": {
            "modelDeployment": "fraud",
            "attempt": 1,
            "candidate": source,
            "stable": source | {"revision": "a"},
            "policy": {"name": "p", "hash": "h", "spec": yaml.safe_load(POLICY)["spec"]},
            "judgeVersion": JUDGE_VERSION,
            "startedAt": START.isoformat(),
        },
        "status": {
            "blocks": blocks,
            "outcome": "RolledBack",
            "reason": "SLOBreached",
            "firstBreachAt": breached_at,
        },
    }
    path = folder / "record.yaml"
    path.write_text(yaml.safe_dump(record))
    replay = replay_of(path)
    assert [str(judged.decision) for judged in replay.windows()] == ["Continue", "Advance", "Advance", "Rollback"]
    assert replay.agreement().answer == "Agree"


def a_file_of_windows(folder: Path) -> None:
    """``serin judge`` reads it in the newcomer's own form."""
    (folder / "p.yaml").write_text(POLICY)
    lines = [
        {"slo": "same-answers", "start": (START + i * WINDOW).isoformat(), "seconds": 15, "agreement": value}
        for i, value in enumerate(AGREEMENTS)
    ]
    (folder / "windows.jsonl").write_text("\n".join(map(json.dumps, lines)))
    judged, _, _ = judged_windows(folder / "p.yaml", folder / "windows.jsonl")
    assert [str(one.decision) for one in judged] == ["Continue", "Advance", "Advance", "Rollback"]


if __name__ == "__main__":
    the_api()
    the_replay(asyncio.run(the_operator()), Path(sys.argv[1]))
    a_file_of_windows(Path(sys.argv[1]))
