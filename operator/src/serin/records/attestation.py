"""What a PromotionRecord says of a model, in a form that others read: in-toto Statements, signed or not.

``test-result`` v0.1 says which SLOs passed; ``svr`` v0.2 (simple verification result) that the model was promoted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from serin.api.model_digest import known_digest
from serin.api.promotion_action import ActionOutcome
from serin.api.promotion_record import PromotionRecord, RevisionSource
from serin.errors import InvalidInput
from serin.records.chain import canonical
from serin.records.dsse import payload_of
from serin.schema.reasons import Outcome, Reason
from serin.schema.types import format_time

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
RECORD_FIELD = "https://serin.dev/attestation/record/v1"
"""An extension field of both predicates, as in-toto's parsing rules allow: where the evidence is, and its hash."""
VERIFIER = "https://serin.dev/judge/v"
WORDS = frozenset({"Promote", "Advance"})
"""Actions that replace evidence."""
SKEW = timedelta(minutes=5)
"""How far the clock of whoever wrote it may be ahead."""


class Predicate(StrEnum):
    """What kind of statement is made."""

    TEST_RESULT = "test-result"
    SVR = "svr"

    @property
    def type_uri(self) -> str:
        """The predicate's type."""
        return f"https://in-toto.io/attestation/{self.value}/v0.{1 if self is Predicate.TEST_RESULT else 2}"


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The SLOs and gates of a record by how they stood at its end."""

    passed: Sequence[str] = ()
    warned: Sequence[str] = ()
    """Neither passed nor failed."""
    failed: Sequence[str] = ()
    gates: Sequence[str] = ()
    """Gates of the policy that let the rollout move."""
    gates_unasked: Sequence[str] = ()
    """Gates of the policy that have no result: a way back and a cure ask none."""
    gates_refused: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Attested:
    """An attestation that was signed with the expected key."""

    predicate: Predicate
    digests: frozenset[str]
    """Of the models that it is about, as ``sha256:…``."""
    at: datetime
    """When the outcome was decided."""
    record: Mapping[str, Any]
    """Namespace, ModelDeployment, PromotionRecord and its hash."""


def statement(
    record: PromotionRecord, metadata: tuple[str, str], predicate: Predicate, slos: Verdicts
) -> dict[str, Any]:
    """The statement on a finished record; ``metadata`` is (namespace, name). ``InvalidInput`` if none can be made."""
    spec, status = record.spec, record.status
    if status.finished_at is None or status.decided_at is None or status.outcome is None:
        raise InvalidInput(f"{metadata[1]} is not finished: there is nothing to attest yet")
    if status.outcome is Outcome.SUPERSEDED:
        raise InvalidInput(f"{metadata[1]} was superseded: nothing was found out about its model")
    if predicate is Predicate.SVR and status.outcome is not Outcome.PROMOTED:
        raise InvalidInput(f"{metadata[1]} ended as {status.outcome}: svr says what was verified; use test-result")
    policies = []
    if spec.policy is not None:
        policies = [{"name": f"{metadata[0]}/{spec.policy.name}", "digest": {"sha256": spec.policy.hash}}]
    told = {
        "namespace": metadata[0],
        "modelDeployment": spec.model_deployment,
        "promotionRecord": metadata[1],
        "attempt": spec.attempt,
        "version": spec.candidate.version,
        "outcome": status.outcome.value,
        "reason": status.reason.value if status.reason is not None else None,
        "decidedAt": format_time(status.decided_at),
        "hash": status.hash,
    }
    body = _test_result(record, policies, slos) if predicate is Predicate.TEST_RESULT else _svr(record, policies, slos)
    body[RECORD_FIELD] = {key: value for key, value in told.items() if value is not None}
    return {
        "_type": STATEMENT,
        "subject": [_subject(spec.candidate)],
        "predicateType": predicate.type_uri,
        "predicate": body,
    }


def _subject(source: RevisionSource) -> dict[str, Any]:
    """The model by its digest; without one by the hash of what was asked for, which says nothing of the artefact."""
    digest = known_digest(source.model, source.predictor) or ""
    algorithm, _, value = digest.partition(":")
    name = str(source.model.get("uri") or source.version)
    return {"name": name, "digest": {algorithm: value} if value else {"serinRevision": source.hash or source.revision}}


def _test_result(record: PromotionRecord, policies: list[dict[str, Any]], slos: Verdicts) -> dict[str, Any]:
    promoted = record.status.outcome is Outcome.PROMOTED
    doubts = (*slos.warned, *slos.failed, *slos.gates_unasked, *slos.gates_refused)
    clean = promoted and not doubts and not _by_somebodys_word(record)
    return {
        "result": "PASSED" if clean else "WARNED" if promoted else "FAILED",
        "configuration": policies,
        "passedTests": [*slos.passed, *map(_test, slos.gates)],
        "warnedTests": [*slos.warned, *map(_test, slos.gates_unasked)],
        "failedTests": [*slos.failed, *map(_test, slos.gates_refused)],
    }


def _test(gate: str) -> str:
    """A gate as the name of a test; an SLO may have the same name."""
    return f"gate/{gate}"


def _property(prefix: str, name: str) -> str:
    return f"{prefix}_{name.upper().replace('-', '_')}"


def _svr(record: PromotionRecord, policies: list[dict[str, Any]], slos: Verdicts) -> dict[str, Any]:
    status = record.status
    judge = status.judge_version or record.spec.judge_version
    word = ["SERIN_PROMOTED_BY_ACTION"] if _by_somebodys_word(record) else ["SERIN_PROMOTED"]
    return {
        "verifier": {"id": f"{VERIFIER}{judge}", "policies": policies},
        "timeCreated": format_time(status.decided_at) if status.decided_at else None,
        "properties": [
            *word,
            *(_property("SERIN_SLO_PASSED", name) for name in slos.passed),
            *(_property("SERIN_GATE_OPEN", name) for name in slos.gates),
        ],
    }


def _by_somebodys_word(record: PromotionRecord) -> bool:
    """Whether a person's word stood in place of evidence, for the whole rollout or for one of its steps."""
    accepted = {a.action.value for a in record.status.actions if a.outcome is ActionOutcome.ACCEPTED}
    return record.status.reason is Reason.PROMOTED_BY_ACTION or not WORDS.isdisjoint(accepted)


def payload(found: Mapping[str, Any]) -> bytes:
    """A statement as it is signed and printed: the same record gives the same bytes."""
    return canonical(found)


def verify_attestation(
    envelope: Mapping[str, Any],
    public_key: bytes,
    subject_digest: str | None,
    max_age: timedelta | None,
    now: datetime,
) -> Attested:
    """The attestation, if it says that the model of this digest was promoted; ``InvalidInput`` says why it does not.

    ``public_key`` is PEM, ``subject_digest`` like ``sha256:…`` (None: any). Knows no clock, file or cluster. The
    envelope may come from anybody.
    """
    found = _statement_in(payload_of(envelope, PAYLOAD_TYPE, public_key))
    predicate = next((kind for kind in Predicate if kind.type_uri == found.get("predicateType")), None)
    body = found.get("predicate")
    if predicate is None or not isinstance(body, Mapping):
        raise InvalidInput("the statement is neither a test-result v0.1 nor an svr v0.2")
    digests = _digests(found.get("subject"))
    if subject_digest is not None and subject_digest not in digests:
        told = ", ".join(sorted(digests)) or "no model with a digest"
        raise InvalidInput(f"the attestation is about {told}, not about {subject_digest}")
    _check_good(predicate, body)
    record = body.get(RECORD_FIELD)
    told_at = body.get("timeCreated") if predicate is Predicate.SVR else None
    at = _time(told_at or (record.get("decidedAt") if isinstance(record, Mapping) else None))
    if at - now > SKEW:
        raise InvalidInput(f"the attestation is of {format_time(at)}, which is in the future")
    if max_age is not None and now - at > max_age:
        raise InvalidInput(f"the attestation is of {format_time(at)}: older than {max_age}")
    return Attested(predicate, digests, at, dict(record) if isinstance(record, Mapping) else {})


def _statement_in(raw: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        raise InvalidInput("the envelope's payload is not JSON") from None
    if not isinstance(found, Mapping) or found.get("_type") != STATEMENT:
        raise InvalidInput(f"the envelope's payload is no {STATEMENT}")
    return found


def _digests(subjects: object) -> frozenset[str]:
    if not isinstance(subjects, list):
        raise InvalidInput("the statement has no list of subjects")
    found = (s.get("digest") for s in subjects if isinstance(s, Mapping))
    pairs = (pair for digest in found if isinstance(digest, Mapping) for pair in digest.items())
    return frozenset(f"{name}:{value}" for name, value in pairs if name != "serinRevision")


def _check_good(predicate: Predicate, body: Mapping[str, Any]) -> None:
    properties = body.get("properties")
    if predicate is Predicate.TEST_RESULT and body.get("result") != "PASSED":
        raise InvalidInput(f"the test-result says {str(body.get('result'))[:20]}, not PASSED")
    if predicate is Predicate.SVR and not (isinstance(properties, list) and "SERIN_PROMOTED" in properties):
        raise InvalidInput("the svr does not have the property SERIN_PROMOTED")


def _time(text: object) -> datetime:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        raise InvalidInput("the attestation does not say when the outcome was decided") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
