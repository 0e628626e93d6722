"""``serin verify``: what was done to an exported chain is found and named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from serin.cli.evidence.export import line_of
from serin.cli.main import app
from tests.chain import Objects, chain, finish, record, resealed

HEAD = chain()[-1]["status"]["hash"]
APPROVED = {"name": "cab", "kind": "approval", "state": "Open", "by": "eve", "approvals": [{"by": "eve"}]}


def text_of(records: Objects) -> str:
    return "".join(f"{line_of(obj)}\n" for obj in records)


def run(tmp_path: Path, text: str, *options: str) -> Any:
    path = tmp_path / "export.jsonl"
    path.write_text(text, "utf-8")
    return CliRunner().invoke(app, ["verify", str(path), *options])


def found(result: Any) -> dict[str, Any]:
    return dict(json.loads(result.stdout))


def test_a_whole_chain(tmp_path: Path) -> None:
    result = run(tmp_path, text_of(chain()), "--head", HEAD)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "The chain is whole.")
    assert f"4 finished records (attempts 1 to 4); head {HEAD}" in result.stdout
    assert "as it is as it was" not in result.stdout
    told = found(run(tmp_path, text_of(chain()), "--output", "json"))
    assert (told["whole"], told["head"], told["found"], told["notes"]) == (True, HEAD, [], [])


def test_an_export_is_the_same_bytes_whatever_a_restore_changed() -> None:
    again = chain()
    for obj in again:
        obj["metadata"] |= {"uid": "x", "resourceVersion": "7", "creationTimestamp": "2027-01-01T00:00:00Z"}
    assert text_of(again) == text_of(chain())


def _edit(index: int, **status: Any) -> Callable[[Objects], Objects]:
    def edited(records: Objects) -> Objects:
        records[index]["status"] |= status
        return records

    return edited


def _without(*indices: int) -> Callable[[Objects], Objects]:
    return lambda records: [obj for i, obj in enumerate(records) if i not in indices]


def _swapped(records: Objects) -> Objects:
    records[1], records[2] = records[2], records[1]
    return records


def _resealed(index: int, **status: Any) -> Callable[[Objects], Objects]:
    def edited(records: Objects) -> Objects:
        records[index]["status"] |= status
        resealed(records[index])
        return records

    return edited


def _planted(records: Objects) -> Objects:
    """Another record after the third one."""
    forged = finish(record(5, "5"), {"outcome": "Promoted", "reason": "Serving"}, records[2]["status"]["hash"])
    return [*records, forged]


def _hash_taken_off(records: Objects) -> Objects:
    del records[-1]["status"]["hash"]
    return records


def _link_taken_off(records: Objects) -> Objects:
    del records[-1]["status"]["previousHash"]
    resealed(records[-1])
    return records


def _begun_anew(records: Objects) -> Objects:
    """The last one pretends that nothing was before it."""
    last = records[-1]["status"]
    del last["previousHash"]
    last["chainStart"] = {"reason": "FirstRecord", "message": "there was no other record of this ModelDeployment"}
    resealed(records[-1])
    return records


def _spec(records: Objects) -> Objects:
    records[1]["spec"]["policy"]["spec"]["slos"][0]["objective"] = "1.0"
    return records


def _renamed(records: Objects) -> Objects:
    records[1]["metadata"]["name"] = "fraud-other-2"
    return records


def _twice(records: Objects) -> Objects:
    return [*records[:2], records[1], *records[2:]]


def _foreign(records: Objects) -> Objects:
    other = finish(record(2, "2"), {"outcome": "Promoted"}, records[0]["status"]["hash"])
    other["spec"]["modelDeployment"] = "credit"
    return [*records, resealed(other)]


def _window(records: Objects) -> Objects:
    """A window of the second part, all hashes of the parts made new, the record's too."""
    block = records[3]["status"]["blocks"][0]
    block["counts"] = block["counts"].replace("0/100", "9/100")
    resealed(records[3])
    records[4]["spec"]["previousPartHash"] = records[3]["status"]["hash"]
    resealed(records[4])
    records[2]["status"]["lastPartHash"] = records[4]["status"]["hash"]
    resealed(records[2])
    return records


def _all_anew(records: Objects) -> Objects:
    """Everything from the second record on is written anew: the chain is whole in itself."""
    records[1]["status"]["outcome"] = "RolledBack"
    resealed(records[1])
    records[2]["status"]["previousHash"] = records[1]["status"]["hash"]
    resealed(records[2])
    records[5]["status"]["previousHash"] = records[2]["status"]["hash"]
    resealed(records[5])
    return records


TAMPERED: dict[str, tuple[Callable[[Objects], Objects], str, str]] = {
    "an outcome is changed": (_edit(2, outcome="Promoted"), "Changed", "fraud-"),
    "a count is changed": (_edit(1, requests={"availability": 9}), "Changed", "states"),
    "the policy is changed": (_spec, "Changed", "its content has the hash"),
    "a field is added": (_edit(1, approved=True), "Changed", "its content has the hash"),
    "an approval is added": (_edit(1, gates=[APPROVED]), "Changed", "its content has the hash"),
    "an approval and its hash are added": (_resealed(1, gates=[APPROVED]), "Missing", "was changed"),
    "a record is renamed": (_renamed, "Changed", "fraud-other-2"),
    "a hash is changed": (_edit(1, hash="0" * 64), "Changed", "0000"),
    "an outcome and its hash are changed": (_resealed(1, outcome="RolledBack"), "Missing", "was changed"),
    "the last outcome and its hash, the head known": (_resealed(5, outcome="RolledBack"), "Truncated", HEAD),
    "everything is written anew, the head known": (_all_anew, "Truncated", "or written anew"),
    "a record in the middle is left out": (_without(1), "Missing", "attempt 2 is not there"),
    "a record and its parts are left out": (_without(2, 3, 4), "Missing", "attempt 3 is not there"),
    "the last record is left out, the head known": (_without(5), "Truncated", "was cut off"),
    "the last hash is taken off": (_hash_taken_off, "Forged", "finished without a hash"),
    "the last link is taken off": (_link_taken_off, "Forged", "neither the record before it"),
    "a chain begins anew in the middle": (_begun_anew, "Forged", "begins a chain"),
    "two records change places": (_swapped, "Reordered", "was written before it"),
    "a record is planted": (_planted, "Forged", "both follow the same record"),
    "a record is there twice": (_twice, "Duplicate", "and again in line 3"),
    "a record of another model is mixed in": (_foreign, "Foreign", "credit"),
    "a part is left out": (_without(3), "Missing", "the first of them part 2"),
    "the last part is left out": (_without(4), "Missing", "the first of them part 3"),
    "a record of parts is left out": (_without(2), "Missing", "continues it, and it is not there"),
    "a window of a part is changed": (_edit(3, blocks=[]), "Changed", "part-2"),
    "a part and its hash are changed": (_resealed(3, blocks=[]), "Changed", "does not follow part 2"),
    "the last part and its hash are changed": (_resealed(4, blocks=[]), "Changed", "is not the last part"),
    "a window, and all hashes up to its record": (_window, "Missing", "was changed"),
    "a part is disowned": (_resealed(2, parts=2), "Forged", "does not name it as a part"),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_what_was_done_to_a_chain_is_found_and_named(tmp_path: Path, how: str) -> None:
    tamper, finding, words = TAMPERED[how]
    text = text_of(tamper(chain()))
    options = ("--head", HEAD) if "head known" in how else ()
    result = run(tmp_path, text, *options)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (1, "The chain is not whole.")
    named = [line for line in result.stdout.splitlines() if line.startswith(f"{finding}: ")]
    assert any(words in line for line in named), result.stdout
    told = found(run(tmp_path, text, "--output", "json", *options))
    assert finding in {each["finding"] for each in told["found"]}
    assert told["whole"] is False


def test_a_chain_that_is_written_anew_is_whole_in_itself(tmp_path: Path) -> None:
    """Why a head has to be kept elsewhere."""
    assert run(tmp_path, text_of(_all_anew(chain()))).exit_code == 0


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (text_of(chain())[:-40], "Truncated"),
        (text_of(chain())[:-1], "Truncated"),
        (text_of(chain()) + "{}\n", "Unreadable"),
        (text_of(chain()) + "nonsense\n", "Unreadable"),
        (text_of(chain()) + '{"kind":"PromotionRecord","metadata":{"name":1},"spec":{}}\n', "Unreadable"),
        (
            text_of(chain()).replace('"outcome":"RolledBack"', '"outcome":"RolledBack","outcome":"Promoted"'),
            "Unreadable",
        ),
        ("", "Missing"),
        ("[" * 100_000 + "\n", "Unreadable"),
    ],
)
def test_a_file_that_was_damaged(tmp_path: Path, text: str, finding: str) -> None:
    result = run(tmp_path, text)
    assert result.exit_code == 1
    assert f"{finding}: " in result.stdout


@pytest.mark.parametrize("value", [7, "x", [], {}, None, -1, 10**30, 1.5])
@pytest.mark.parametrize(
    "name", ["parts", "hash", "previousHash", "lastPartHash", "chainStart", "finishedAt", "blocks"]
)
def test_whatever_a_field_holds_it_is_a_finding_and_no_crash(tmp_path: Path, name: str, value: Any) -> None:
    result = run(tmp_path, text_of(_edit(2, **{name: value})(chain())))
    assert result.exit_code == 1, result.stdout


def test_what_retention_deleted_first_is_no_finding(tmp_path: Path) -> None:
    result = run(tmp_path, text_of(chain()[1:]))
    assert result.exit_code == 0
    assert f"its hash was {chain()[0]['status']['hash']}" in result.stdout


def test_records_of_an_earlier_serin_are_told(tmp_path: Path) -> None:
    records = chain()
    del records[0]["status"]["hash"]
    status = records[1]["status"]
    del status["previousHash"]
    status["chainStart"] = {"reason": "PreviousWithoutHash", "message": "fraud-1 has no hash"}
    resealed(records[1])
    records[2]["status"]["previousHash"] = status["hash"]
    resealed(records[2])
    records[5]["status"]["previousHash"] = records[2]["status"]["hash"]
    resealed(records[5])
    result = run(tmp_path, text_of(records))
    assert result.exit_code == 0, result.stdout
    assert "nothing shows a change" in result.stdout
    assert "PreviousWithoutHash" in result.stdout


def test_a_record_that_was_finished_late_is_in_the_chain(tmp_path: Path) -> None:
    """Attempt 2 could not be written until attempt 3 was finished: it follows that one."""
    one, two, *_ = chain()
    three = finish(record(3, "3"), {"outcome": "Promoted", "reason": "Serving"}, one["status"]["hash"])
    two["status"]["previousHash"] = three["status"]["hash"]
    result = run(tmp_path, text_of([one, resealed(two), three]), "--output", "json")
    assert result.exit_code == 0, result.stdout
    assert found(result)["head"] == two["status"]["hash"]


def test_several_places_count_together(tmp_path: Path) -> None:
    """What one has deleted the other has; what they tell differently is found."""
    old, new, other = tmp_path / "old", tmp_path / "new", tmp_path / "other"
    old.write_text(text_of(chain()[:5]))
    new.write_text(text_of([chain()[0], chain()[5]]))
    assert CliRunner().invoke(app, ["verify", str(new)]).exit_code == 1
    result = CliRunner().invoke(app, ["verify", str(old), str(new), "--head", HEAD])
    assert result.exit_code == 0, result.stdout
    other.write_text(text_of(_resealed(0, message="x")(chain())))
    result = CliRunner().invoke(app, ["verify", str(old), str(other)])
    assert result.exit_code == 1
    assert "it says something else in" in result.stdout


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("verify wine", "wine: there is no such file; give mdep/NAME for a ModelDeployment of the cluster"),
        ("attest wine.jsonl", "wine.jsonl: there is no such file; give prec/NAME for a record of the cluster"),
        ("export prec/wine", "prec/wine: expected mdep/NAME, or the name alone"),
    ],
)
def test_what_could_be_a_file_or_another_kind_is_told_how_it_is_given(command: str, told: str) -> None:
    result = CliRunner().invoke(app, command.split())
    assert (result.exit_code, result.stderr) == (2, f"serin: {told}\n")


def test_a_file_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["verify", str(tmp_path / "none")])
    assert (result.exit_code, result.stdout) == (2, "")


@pytest.mark.parametrize("command", ["export wine", "export mdep/wine", "attest wine-7c9f2a1b-1"])
def test_a_name_alone_is_one_of_the_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    result = CliRunner().invoke(app, command.split())
    assert result.exit_code == 2
    assert result.stderr.startswith("serin: the cluster: there is no kubeconfig ")
