"""``serin export`` and ``serin replay`` of an export; the cluster is a fake one."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from serin.cli.evidence import sources
from serin.cli.evidence.export import line_of
from serin.cli.main import app
from serin.cluster import resources
from serin.errors import Refused
from tests.chain import Objects, chain, record, resealed
from tests.fakes import FakeCluster

RECORDS = resources.PROMOTION_RECORDS


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    cluster = FakeCluster()
    for obj in [*reversed(chain()), record(5, "5")]:
        cluster.put(RECORDS, obj)

    @contextlib.asynccontextmanager
    async def connect(_: str | None = None) -> AsyncIterator[tuple[FakeCluster, None]]:
        yield cluster, None

    monkeypatch.setattr(sources, "connect", connect)
    return cluster


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, [*arguments, "-n", "prod"])


def text_of(records: Objects) -> str:
    return "".join(f"{line_of(obj)}\n" for obj in records)


def test_the_finished_records_with_their_parts_in_order(cluster: FakeCluster) -> None:
    result = run("export", "mdep/fraud")
    assert result.exit_code == 0
    assert result.stdout == text_of(chain())
    assert "is not finished; export it later" in result.stderr
    assert cluster.objects


def test_a_file_keeps_what_the_cluster_has_deleted(cluster: FakeCluster, tmp_path: Path) -> None:
    path = tmp_path / "fraud.jsonl"
    assert run("export", "mdep/fraud", "--output", str(path)).exit_code == 0
    first = path.read_text()
    for obj in chain()[:2]:
        del cluster.objects[RECORDS.plural, "prod", obj["metadata"]["name"]]
    assert run("export", "mdep/fraud", "--output", str(path)).exit_code == 0
    assert path.read_text() == first
    assert [file.name for file in tmp_path.iterdir()] == ["fraud.jsonl"]
    assert run("verify", "mdep/fraud", str(path)).exit_code == 0


def test_a_file_that_tells_another_story_is_left_alone(cluster: FakeCluster, tmp_path: Path) -> None:
    path, records = tmp_path / "fraud.jsonl", chain()
    records[1]["status"]["message"] = "x"
    path.write_text(text_of([records[0], resealed(records[1])]))
    before = path.read_text()
    result = run("export", "mdep/fraud", "--output", str(path))
    assert (result.exit_code, "says something else there" in result.stderr) == (2, True)
    path.write_text(before[:-9])
    assert run("export", "mdep/fraud", "--output", str(path)).exit_code == 2
    assert path.read_text() == before[:-9]
    assert cluster.writes == []


def test_what_is_on_the_disk_is_marked_with_its_hash(cluster: FakeCluster, tmp_path: Path) -> None:
    assert run("export", "mdep/fraud", "--mark").exit_code == 2, "nothing is on a disk"
    result = run("export", "mdep/fraud", "--mark", "--output", str(tmp_path / "f"))
    assert "4 records marked" in result.stderr
    marked = [
        obj["metadata"].get("annotations", {}).get("serin.dev/exported")
        for key, obj in sorted(cluster.objects.items())
        if key[0] == RECORDS.plural
    ]
    hashes = {obj["metadata"]["name"]: obj["status"]["hash"] for obj in chain() if "part" not in obj["spec"]}
    assert sorted(filter(None, marked)) == sorted(hashes.values())
    again = run("export", "mdep/fraud", "--mark", "--output", str(tmp_path / "f"))
    assert "0 records marked" in again.stderr


def test_a_right_that_is_missing_is_told(cluster: FakeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(*_: Any, **__: Any) -> Any:
        raise Refused("promotionrecords is written by Serin only")

    monkeypatch.setattr(cluster, "merge", refused)
    result = run("export", "mdep/fraud", "--mark", "--output", str(tmp_path / "f"))
    assert (result.exit_code, "written by Serin only" in result.stderr) == (2, True)
    assert (tmp_path / "f").exists()


def test_the_cluster_is_verified_and_attested_like_a_file(cluster: FakeCluster) -> None:
    result = run("verify", "mdep/fraud")
    assert (result.exit_code, "is not finished" in result.stdout) == (0, True)
    name = chain()[2]["metadata"]["name"]
    assert json.loads(run("attest", f"prec/{name}").stdout)["predicate"]["result"] == "FAILED"
    del cluster.objects[RECORDS.plural, "prod", f"{name}-part-2"]
    assert "of its 3 parts 1 are not there" in run("verify", "mdep/fraud").stdout
    assert run("attest", f"prec/{name}").exit_code == 2


@pytest.mark.parametrize("target", ["fraud", "prec/fraud", "mdep/"])
def test_a_target_of_another_kind(target: str) -> None:
    assert run("export", target).exit_code == 2


def replayed(tmp_path: Path, records: Objects, *options: str) -> Any:
    path = tmp_path / "export.jsonl"
    path.write_text(text_of(records))
    return CliRunner().invoke(app, ["replay", str(path), *options])


def test_a_whole_chain_is_replayed(tmp_path: Path) -> None:
    result = replayed(tmp_path, chain())
    assert result.exit_code == 0, result.stdout
    assert [line.rpartition(". ")[2] for line in result.stdout.splitlines()] == [
        "There is nothing to compare.",
        "They agree.",
        "They agree.",
        "They agree.",
    ]
    answers = [json.loads(line) for line in replayed(tmp_path, chain(), "--output", "json").stdout.splitlines()]
    assert [each["answer"] for each in answers] == ["NothingToCompare", "Agree", "Agree", "Agree"]
    assert answers[2]["record"] == chain()[2]["metadata"]["name"]


def test_windows_in_a_part_count_and_a_missing_part_is_told(tmp_path: Path) -> None:
    records = chain()
    block = records[4]["status"]["blocks"][0]
    block["counts"] = block["counts"].replace("30/100", "0/100")
    assert replayed(tmp_path, records).exit_code == 1, "the breach is in the last part"
    result = replayed(tmp_path, [*chain()[:3], *chain()[5:]])
    assert result.exit_code == 0
    assert "goes on in 2 further parts, which are not here" in result.stdout
