"""``serin attest``: what a record says of its model, as an in-toto Statement, signed if a key is given."""

from __future__ import annotations

import json
import os
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from serin.api.files.load import LARGEST_DOCUMENT
from serin.api.promotion_record import PromotionRecord
from serin.cli.evidence.replaying import records_in
from serin.cli.evidence.sources import RECORD, items_in, named, record_of, text_of
from serin.cli.judge import read_text
from serin.cli.live.views import DOCUMENT_VERSION
from serin.cli.where import Where
from serin.errors import InvalidInput
from serin.policy_gates.answer import GateState
from serin.records.attestation import (
    PAYLOAD_TYPE,
    Predicate,
    Verdicts,
    payload,
    statement,
    verify_attestation,
)
from serin.records.chain_report import ChainReport, Item
from serin.records.dsse import signed, verifying_key
from serin.records.gates import results_of
from serin.records.replay import Answer, RecordReplay
from serin.records.verify import verify
from serin.schema.reasons import Verdict
from serin.schema.types import format_time, parse_duration

NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
"""What a PromotionRecord may be called; no name of an export with a suffix is one."""
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
PASSWORD = "SERIN_KEY_PASSWORD"  # noqa: S105 - the name of a variable


@dataclass(frozen=True, slots=True)
class AttestationCheck:
    """``serin attest --verify``: whether an attestation says, signed by a key, that a model was promoted."""

    valid: bool
    predicate: str | None
    """test-result or svr; null for one that is not valid."""
    digests: list[str]
    """What it is about."""
    decided_at: str | None
    message: str
    kind: str = "AttestationCheck"
    api_version: str = DOCUMENT_VERSION


def attested(target: str, where: Where, predicate: Predicate, chosen: str | None = None) -> dict[str, Any]:
    """The statement on ``prec/NAME`` or ``NAME``, or on the record ``chosen`` of an export. ``InvalidInput``.

    The record's evidence is judged again first: nothing is attested of one that was changed, or does not agree with it.
    """
    name, report = named(target, RECORD), ChainReport()
    if name is None and NAME.fullmatch(target) and not Path(target).exists():
        name = target
    if name is not None:
        items = [Item(obj, target) for obj in record_of(where, name)]
    else:
        items = list(items_in(text_of(target, "prec/NAME for a record of the cluster"), target, report))
        name = chosen or next((i.name for i in reversed(items) if not i.spec.get("continues")), None)
    item = next((item for item in items if item.name == name), None)
    if item is None or name is None:
        which = f"PromotionRecord {name}: --record names one that is in it" if name else "PromotionRecord"
        raise InvalidInput(f"{target} has no {which}; expected prec/NAME, or an export (serin export mdep/NAME)")
    own = [i for i in items if name in {i.name, i.spec.get("continues")}]
    wrong = [found for found in verify(own).found if found.record]
    if wrong:
        raise InvalidInput(f"{wrong[0].record}: {wrong[0].message}; nothing is attested of it")
    record, lacks_parts = next((record, lacks) for _, record, lacks in records_in(own))
    return statement(record, (item.namespace, name), predicate, _verdicts(record, name, lacks_parts=lacks_parts))


def _verdicts(record: PromotionRecord, name: str, *, lacks_parts: bool) -> Verdicts:
    """SLOs as they stood after the last window, and gates; ``InvalidInput`` if they do not lead to the outcome."""
    if record.spec.policy is None:
        return Verdicts()
    run = RecordReplay(record, name, lacks_parts=lacks_parts)
    last = next(iter(deque(run.windows(), maxlen=1)), None)
    if run.agreement().answer is Answer.DISAGREE:
        raise InvalidInput(
            f"{name}: its evidence does not lead to its outcome (serin replay); nothing is attested of it"
        )
    slos = last.slos if last is not None else ()
    gates = results_of(record)
    return Verdicts(
        passed=[slo.name for slo in slos if slo.verdict is Verdict.PASS],
        warned=[slo.name for slo in slos if slo.verdict not in {Verdict.PASS, Verdict.FAIL}],
        failed=[slo.name for slo in slos if slo.verdict is Verdict.FAIL],
        gates=[name for name, state in gates.items() if state is GateState.OPEN],
        gates_unasked=[name for name, state in gates.items() if state not in {GateState.OPEN, GateState.REFUSED}],
        gates_refused=[name for name, state in gates.items() if state is GateState.REFUSED],
    )


def as_text(found: Mapping[str, Any], key: Path | None) -> str:
    """The statement, or with a key its envelope, as one line of JSON."""
    raw = payload(found)
    if key is None:
        return raw.decode()
    password = os.environ.get(PASSWORD)
    envelope = signed(raw, PAYLOAD_TYPE, _bytes(key), password.encode() if password else None)
    return json.dumps(envelope, sort_keys=True)


def checked(path: Path, key: Path | None, digest: str | None, max_age: str | None) -> AttestationCheck:
    """Whether the attestation in a file holds, and of what; ``InvalidInput`` for what cannot be checked at all."""
    if key is None:
        raise InvalidInput("--verify needs --key with the public key")
    if digest is not None and not DIGEST.fullmatch(digest):
        raise InvalidInput(f"--digest {digest[:80]}: expected sha256: and 64 digits from 0-9 and a-f")
    public = _bytes(key)
    verifying_key(public)
    envelope, age = _envelope(path), _age(max_age)
    try:
        found = verify_attestation(envelope, public, digest, age, datetime.now(UTC))
    except InvalidInput as error:
        return AttestationCheck(valid=False, predicate=None, digests=[], decided_at=None, message=str(error))
    digests = sorted(found.digests)
    message = f"{found.predicate} about {', '.join(digests) or 'no digest'}, decided at {format_time(found.at)}"
    return AttestationCheck(
        valid=True, predicate=found.predicate, digests=digests, decided_at=format_time(found.at), message=message
    )


def _envelope(path: Path) -> Mapping[str, Any]:
    try:
        envelope = json.loads(read_text(path, LARGEST_DOCUMENT))
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path}: {error}") from None
    if not isinstance(envelope, Mapping):
        raise InvalidInput(f"{path}: expected a signed envelope (DSSE) as JSON")
    return envelope


def _age(text: str | None) -> timedelta | None:
    try:
        return parse_duration(text) if text is not None else None
    except ValueError as error:
        raise InvalidInput(f"--max-age: {error}") from None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror}") from None
