"""``serin attest``: a record's word on its model, signed, and what a gate believes of it."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from typer.testing import CliRunner

from serin.cli.evidence.export import line_of
from serin.cli.main import app
from serin.errors import InvalidInput
from serin.records.attestation import RECORD_FIELD, verify_attestation
from serin.records.dsse import signed
from tests.chain import DIGEST, HEALTHY, Objects, chain, finish, record, windows
from tests.clock import START, api_time
from tools.cliref import schema

NOW = START + timedelta(hours=1)
WRONG_DIGEST = "sha256:" + "0f" * 32
PRIVATE = {"ed25519": ed25519.Ed25519PrivateKey.generate(), "p256": ec.generate_private_key(ec.SECP256R1())}


def private_pem(key: Any, password: bytes | None = None) -> bytes:
    kind = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, kind))


def public_pem(key: Any) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return bytes(key.public_key().public_bytes(serialization.Encoding.PEM, form))


PUBLIC = public_pem(PRIVATE["ed25519"])


def attest(folder: Path, *options: str, records: Objects | None = None, env: dict[str, str] | None = None) -> Any:
    path = folder / "export.jsonl"
    path.write_text("".join(f"{line_of(obj)}\n" for obj in records or chain()))
    return CliRunner().invoke(app, ["attest", str(path), *options], env=env)


def key_file(folder: Path, kind: str = "ed25519", password: bytes | None = None) -> str:
    path = folder / f"{kind}.pem"
    path.write_bytes(private_pem(PRIVATE[kind], password))
    return str(path)


def envelope_of(folder: Path, *options: str, kind: str = "ed25519") -> dict[str, Any]:
    result = attest(folder, "--key", key_file(folder, kind), *options)
    assert result.exit_code == 0, result.stderr
    return dict(json.loads(result.stdout))


def test_a_promotion_as_a_test_result(tmp_path: Path) -> None:
    found = json.loads(attest(tmp_path).stdout)
    last = chain()[-1]
    assert found["_type"] == "https://in-toto.io/Statement/v1"
    assert found["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert found["subject"] == [{"name": "s3://models/4", "digest": {"sha256": DIGEST[7:]}}]
    body = found["predicate"]
    assert (body["result"], body["passedTests"], body["failedTests"]) == ("PASSED", ["availability"], [])
    assert body["configuration"] == [{"name": "prod/careful", "digest": {"sha256": last["spec"]["policy"]["hash"]}}]
    assert body[RECORD_FIELD]["hash"] == last["status"]["hash"]
    assert attest(tmp_path).stdout == attest(tmp_path).stdout


def test_a_promotion_as_a_verification_result(tmp_path: Path) -> None:
    found = json.loads(attest(tmp_path, "--type", "svr").stdout)
    assert found["predicateType"] == "https://in-toto.io/attestation/svr/v0.2"
    assert found["predicate"]["properties"] == ["SERIN_PROMOTED", "SERIN_SLO_PASSED_AVAILABILITY"]
    assert found["predicate"]["verifier"]["policies"][0]["name"] == "prod/careful"


def _gated(gates: dict[str, str], *, outcome: str = "Promoted") -> Objects:
    """A record by a policy with the gates cab and staging and with windows, of which these have a result."""
    obj = record(2, "2")
    policy = obj["spec"]["policy"]["spec"] | {
        "gates": [
            {"name": "staging", "before": "Start", "upstream": {"namespace": "staging", "name": "fraud"}},
            {"name": "cab", "before": "Promote", "approval": {}},
        ],
        "windows": {"deny": [{"cron": "0 1 * * *", "for": "1h"}]},
    }
    obj["spec"]["policy"]["spec"] = policy
    results = [
        {"name": name, "before": "Start", "kind": "approval", "state": state, "since": api_time(), "message": ""}
        for name, state in gates.items()
    ]
    reason = "Serving" if outcome == "Promoted" else "RejectedByAction"
    own = {"outcome": outcome, "reason": reason, "blocks": [windows([HEALTHY] * 9).to_api()], "gates": results}
    return [finish(obj, own, "a" * 64)]


OPENED = {"staging": "Open", "cab": "Open", "windows": "Open"}


def test_gates_that_were_open_stand_among_what_passed(tmp_path: Path) -> None:
    body = json.loads(attest(tmp_path, records=_gated(OPENED)).stdout)["predicate"]
    assert body["result"] == "PASSED"
    assert body["passedTests"] == ["availability", "gate/staging", "gate/cab", "gate/windows"]
    svr = json.loads(attest(tmp_path, "--type", "svr", records=_gated(OPENED)).stdout)["predicate"]["properties"]
    assert svr[2:] == ["SERIN_GATE_OPEN_STAGING", "SERIN_GATE_OPEN_CAB", "SERIN_GATE_OPEN_WINDOWS"]


def test_a_gate_that_was_not_asked_is_no_pass_and_a_refused_one_failed(tmp_path: Path) -> None:
    body = json.loads(attest(tmp_path, records=_gated({"staging": "Open"})).stdout)["predicate"]
    assert (body["result"], body["warnedTests"]) == ("WARNED", ["gate/cab", "gate/windows"])
    refused = _gated(OPENED | {"cab": "Refused"}, outcome="Aborted")
    body = json.loads(attest(tmp_path, records=refused).stdout)["predicate"]
    assert (body["result"], body["failedTests"]) == ("FAILED", ["gate/cab"])


def test_a_rollback_failed_its_test_and_has_no_verification_result(tmp_path: Path) -> None:
    third = chain()[2]["metadata"]["name"]
    body = json.loads(attest(tmp_path, "--record", third).stdout)["predicate"]
    assert (body["result"], body["failedTests"]) == ("FAILED", ["availability"])
    result = attest(tmp_path, "--record", third, "--type", "svr")
    assert (result.exit_code, "ended as RolledBack" in result.stderr) == (2, True)


def test_somebodys_word_is_no_pass(tmp_path: Path) -> None:
    by_action = finish(record(2, "2"), {"outcome": "Promoted", "reason": "PromotedByAction"}, "a" * 64)
    assert json.loads(attest(tmp_path, records=[by_action]).stdout)["predicate"]["result"] == "WARNED"
    body = json.loads(attest(tmp_path, "--type", "svr", records=[by_action]).stdout)["predicate"]
    assert body["properties"] == ["SERIN_PROMOTED_BY_ACTION"]


@pytest.mark.parametrize(("kind", "outcome", "result"), [
    ("Advance", "Accepted", "WARNED"), ("Promote", "Accepted", "WARNED"),
    ("Promote", "Refused", "PASSED"), ("Hold", "Accepted", "PASSED"),
])  # fmt: skip
def test_a_step_by_somebodys_word_is_no_pass_either(tmp_path: Path, kind: str, outcome: str, result: str) -> None:
    said = {"name": "a", "uid": "u", "action": kind, "by": "ana", "outcome": outcome, "message": "", "at": api_time()}
    blocks = [windows([HEALTHY] * 9).to_api()]
    own = {"outcome": "Promoted", "reason": "Serving", "blocks": blocks, "actions": [said]}
    found = attest(tmp_path, records=[finish(record(2, "2"), own, "a" * 64)])
    assert json.loads(found.stdout)["predicate"]["result"] == result


def test_a_model_without_a_digest_is_named_by_what_was_asked_for(tmp_path: Path) -> None:
    obj = record(1, "1", first=True)
    del obj["spec"]["candidate"]["model"]["digest"]
    last = finish(obj, {"outcome": "Promoted", "reason": "Serving"}, None)
    subject = json.loads(attest(tmp_path, records=[last]).stdout)["subject"][0]
    assert list(subject["digest"]) == ["serinRevision"]


def _changed(records: Objects) -> Objects:
    records[-1]["status"]["message"] = "x"
    return records


@pytest.mark.parametrize(
    ("records", "words"),
    [
        (_changed(chain()), "nothing is attested of it"),
        ([finish(record(2, "2"), {"outcome": "Superseded", "reason": "Superseded"}, "a" * 64)], "was superseded"),
        ([record(2, "2")], "is not finished"),
        # No window leads to this promotion.
        ([finish(record(2, "2"), {"outcome": "Promoted", "reason": "Serving"}, "a" * 64)], "does not lead to"),
        ([*chain()[:3], chain()[4]], "parts"),
    ],
)
def test_nothing_is_attested_of_what_is_not_proven(tmp_path: Path, records: Objects, words: str) -> None:
    last = next(obj for obj in reversed(records) if "part" not in obj["spec"])["metadata"]["name"]
    result = attest(tmp_path, "--record", last, records=records)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr


@pytest.mark.parametrize("kind", ["ed25519", "p256"])
@pytest.mark.parametrize("predicate", ["test-result", "svr"])
def test_what_was_signed_is_believed(tmp_path: Path, kind: str, predicate: str) -> None:
    envelope = envelope_of(tmp_path, "--type", predicate, kind=kind)
    found = verify_attestation(envelope, public_pem(PRIVATE[kind]), DIGEST, timedelta(hours=2), NOW)
    assert (found.predicate.value, set(found.digests)) == (predicate, {DIGEST})
    assert found.at == START + timedelta(minutes=1)
    assert found.record["promotionRecord"] == chain()[-1]["metadata"]["name"]


def _with_payload(envelope: dict[str, Any], **changes: Any) -> dict[str, Any]:
    payload = json.loads(base64.b64decode(envelope["payload"])) | changes
    return envelope | {"payload": base64.b64encode(json.dumps(payload).encode()).decode()}


def _signed_again(envelope: dict[str, Any], **changes: Any) -> dict[str, Any]:
    payload = json.loads(base64.b64decode(envelope["payload"]))
    payload["predicate"] |= changes.pop("predicate", {})
    raw = json.dumps(payload | changes).encode()
    return signed(raw, "application/vnd.in-toto+json", private_pem(PRIVATE["ed25519"]))


OTHER = public_pem(ed25519.Ed25519PrivateKey.generate())
RSA = public_pem(rsa.generate_private_key(65537, 2048))
HOUR = timedelta(hours=1)


def test_what_a_gate_does_not_believe(tmp_path: Path) -> None:
    good = envelope_of(tmp_path)
    subject = [{"name": "x", "digest": {"sha256": "0" * 64}}]
    cases: list[tuple[str, dict[str, Any], bytes, dict[str, Any]]] = [
        ("no signature of the envelope is of this public key", good, OTHER, {}),
        ("no signature", good, public_pem(PRIVATE["p256"]), {}),
        ("no signature", _with_payload(good, subject=subject), PUBLIC, {}),
        ("no signature", good | {"signatures": [{"sig": "AAAA"}]}, PUBLIC, {}),
        ("no signature", good | {"signatures": [7, {"sig": 7}, {}]}, PUBLIC, {}),
        ("list of 1 to 16 signatures", good | {"signatures": []}, PUBLIC, {}),
        ("list of 1 to 16 signatures", good | {"signatures": "x"}, PUBLIC, {}),
        ("payloadType", good | {"payloadType": "text/plain"}, PUBLIC, {}),
        ("payload is not base64", good | {"payload": "%%"}, PUBLIC, {}),
        ("payload is not base64", {k: v for k, v in good.items() if k != "payload"}, PUBLIC, {}),
        ("of another kind", good, RSA, {}),
        ("cannot be read", good, b"nonsense", {}),
        ("not about sha256:1", good, PUBLIC, {"subject_digest": "sha256:1"}),
        ("older than 0:30:00", good, PUBLIC, {"max_age": timedelta(minutes=30)}),
        ("in the future", good, PUBLIC, {"now": START - HOUR}),
        ("says FAILED, not PASSED", _signed_again(good, predicate={"result": "FAILED"}), PUBLIC, {}),
        ("neither a test-result", _signed_again(good, predicateType="https://x"), PUBLIC, {}),
        ("is no https://in-toto.io/Statement/v1", _signed_again(good, _type="x"), PUBLIC, {}),
        ("no list of subjects", _signed_again(good, subject="x"), PUBLIC, {}),
        ("about no model with a digest", _signed_again(good, subject=[7, {"digest": 7}]), PUBLIC, {}),
        ("does not say when", _signed_again(good, predicate={RECORD_FIELD: {}}), PUBLIC, {}),
        ("does not say when", _signed_again(good, predicate={RECORD_FIELD: 7}), PUBLIC, {}),
    ]
    for words, envelope, key, changes in cases:
        asked: dict[str, Any] = {"subject_digest": DIGEST, "max_age": 2 * HOUR, "now": NOW} | changes
        with pytest.raises(InvalidInput, match=words):
            verify_attestation(envelope, key, **asked)


def test_the_word_of_a_person_is_no_proof_for_a_gate(tmp_path: Path) -> None:
    by_action = finish(record(2, "2"), {"outcome": "Promoted", "reason": "PromotedByAction"}, "a" * 64)
    for predicate, words in (("svr", "SERIN_PROMOTED"), ("test-result", "WARNED")):
        result = attest(tmp_path, "--type", predicate, "--key", key_file(tmp_path), records=[by_action])
        with pytest.raises(InvalidInput, match=words):
            verify_attestation(json.loads(result.stdout), PUBLIC, DIGEST, None, NOW)


def test_the_command_checks_what_it_wrote(tmp_path: Path) -> None:
    envelope, public = tmp_path / "a.json", tmp_path / "pub.pem"
    envelope.write_text(json.dumps(envelope_of(tmp_path)))
    public.write_bytes(PUBLIC)
    check = ["attest", str(envelope), "--verify", "--key", str(public)]
    result = CliRunner().invoke(app, [*check, "--digest", DIGEST])
    assert (result.exit_code, f"valid: test-result about {DIGEST}" in result.stdout) == (0, True)
    result = CliRunner().invoke(app, [*check, "--digest", WRONG_DIGEST])
    assert (result.exit_code, "not valid: " in result.stdout) == (1, True)
    assert CliRunner().invoke(app, check[:-2]).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--digest", "sha256:1"], "--digest sha256:1: expected sha256: and 64 digits"),
        (["--max-age", "soon"], "--max-age: 'soon' is not a duration"),
        (["--key", "nokey"], "nokey: No such file"),
        (["--key", "private.pem"], "the public key cannot be read"),
        (["nothing.json"], "nothing.json: "),
    ],
)
def test_what_cannot_be_checked_is_bad_input_and_no_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.json").write_text(json.dumps(envelope_of(tmp_path)))
    (tmp_path / "pub.pem").write_bytes(PUBLIC)
    (tmp_path / "private.pem").write_bytes(private_pem(PRIVATE["ed25519"]))
    file, further = (arguments[0], []) if len(arguments) == 1 else ("a.json", arguments)
    result = CliRunner().invoke(app, ["attest", file, "--verify", "--key", "pub.pem", *further, "-o", "json"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr


@pytest.mark.parametrize(("digest", "valid"), [(DIGEST, True), (WRONG_DIGEST, False)])
def test_programs_get_the_answer_of_a_check_as_a_document(tmp_path: Path, digest: str, *, valid: bool) -> None:
    envelope, public = tmp_path / "a.json", tmp_path / "pub.pem"
    envelope.write_text(json.dumps(envelope_of(tmp_path)))
    public.write_bytes(PUBLIC)
    check = ["attest", str(envelope), "--verify", "--key", str(public), "--digest", digest, "-o", "json"]
    result = CliRunner().invoke(app, check)
    found = json.loads(result.stdout)
    assert (result.exit_code, found["valid"]) == (0 if valid else 1, valid)
    assert (found["predicate"], found["digests"]) == (("test-result", [DIGEST]) if valid else (None, []))
    jsonschema.validate(found, schema())


def test_a_key_with_a_password(tmp_path: Path) -> None:
    key = key_file(tmp_path, password=b"secret")
    assert attest(tmp_path, "--key", key, env={"SERIN_KEY_PASSWORD": "secret"}).exit_code == 0
    result = attest(tmp_path, "--key", key)
    assert (result.exit_code, "cannot be read" in result.stderr) == (2, True)
    assert "secret" not in result.output


def test_an_export_without_the_record_that_is_asked_for(tmp_path: Path) -> None:
    named = attest(tmp_path, "--record", "nix")
    assert "export.jsonl has no PromotionRecord nix: --record names one that is in it; expected " in named.stderr
    (tmp_path / "empty.jsonl").write_text("")
    empty = CliRunner().invoke(app, ["attest", str(tmp_path / "empty.jsonl")])
    assert "empty.jsonl has no PromotionRecord; expected prec/NAME, or an export (serin export mdep/NAME)" in (
        empty.stderr
    )
    assert (named.exit_code, empty.exit_code) == (2, 2)
