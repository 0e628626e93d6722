"""Sinks are told what happens as data; one that fails or hangs stops nothing, and none of the others."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from serin.cluster import resources
from serin.notify import sinks_of
from serin.notify.sink import SinkContext, Subject
from serin.rollout.decision import Announcement
from serin.schema.phase import Phase
from serin.schema.reasons import Reason
from tests.fakes import FakeCluster
from tests.lab import Lab

ACTOR = "serin.controller.reconciliation.actor"


class Recorder:
    """Keeps what it is told."""

    def __init__(self, _: SinkContext) -> None:
        self.told: list[tuple[Subject, Announcement]] = []
        RECORDERS.append(self)

    async def publish(self, subject: Subject, announcement: Announcement) -> None:
        self.told.append((subject, announcement))


class Broken(Recorder):
    """Cannot pass anything on."""

    async def publish(self, *_: object) -> None:
        raise RuntimeError("no such channel")


class Silent(Recorder):
    """Never answers."""

    async def publish(self, *_: object) -> None:
        await asyncio.Event().wait()


class Lines:
    """Writes to a file of its own, which a setting names."""

    def __init__(self, file: Path) -> None:
        self.file = file

    @classmethod
    def made(cls, context: SinkContext) -> Lines | None:
        file = context.settings.get("announcements_file")
        return cls(Path(file)) if file else None

    async def publish(self, _: Subject, announcement: Announcement) -> None:
        known = self.file.read_text() if self.file.exists() else ""
        self.file.write_text(f"{known}{announcement.name}\n")


RECORDERS: list[Recorder] = []


def lab_with(monkeypatch: pytest.MonkeyPatch, *sinks: Any) -> Lab:
    RECORDERS.clear()
    monkeypatch.setattr("serin.notify.SINKS", sinks)
    monkeypatch.setattr(f"{ACTOR}.SINK_TIMEOUT", 0.01)
    return Lab()


def told() -> list[tuple[Subject, Announcement]]:
    return [entry for recorder in RECORDERS for entry in recorder.told]


async def test_a_rollback_is_announced_with_its_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = lab_with(monkeypatch, Recorder)
    await lab.until(lab.stable("1"))
    lab.want("2")
    lab.prometheus.candidate_bad = 30
    await lab.until(lab.rolled_back)
    subject, news = next(entry for entry in told() if entry[1].phase is Phase.ROLLING_BACK)
    assert (subject.namespace, subject.name) == ("prod", "fraud")
    assert (news.reason, news.warning, news.weight) == (Reason.SLO_BREACHED, True, 0)
    assert (news.stable, news.candidate) == ("1", "2")
    bad, total = news.counts["availability"]
    assert 0 < bad < total


@pytest.mark.parametrize("faulty", [Broken, Silent])
async def test_a_sink_that_fails_or_hangs_stops_nothing(monkeypatch: pytest.MonkeyPatch, faulty: Any) -> None:
    lab = lab_with(monkeypatch, faulty, Recorder)
    await lab.until(lab.stable("1"))
    assert any(news.phase is Phase.STABLE for _, news in told())
    assert lab.condition("Ready")["status"] == "True"


async def test_a_sink_is_made_once_per_process(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = lab_with(monkeypatch, Recorder)
    await lab.until(lab.stable("1"))
    lab.want("2")
    await lab.until(lab.stable("2"), limit=400)
    assert len(RECORDERS) == 1
    lab.restart()
    assert len(RECORDERS) == 2


async def test_a_sink_reads_a_setting_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "announcements"
    monkeypatch.setattr(Lab, "settings", {"announcements_file": str(file)})
    lab = lab_with(monkeypatch, Lines.made)
    await lab.until(lab.stable("1"))
    assert "Stable" in file.read_text().split()


def test_a_sink_that_its_settings_turn_off_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serin.notify.SINKS", (Lines.made,))
    assert sinks_of(SinkContext(FakeCluster(), {"announcements_file": ""})) == ()


async def test_kubernetes_events_are_told_by_default() -> None:
    lab = Lab()
    await lab.until(lab.stable("1"))
    events = [obj for key, obj in lab.cluster.objects.items() if key[0] == resources.EVENTS.plural]
    assert {event["involvedObject"]["name"] for event in events} == {"fraud"}
    assert {event["reason"] for event in events} >= {"Stable"}
