"""Reads for a gate ``upstream`` an attestation of another cluster from a ConfigMap or a Secret of the namespace."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.controller.snapshot.rollout_records import get_or_none
from serin.errors import ClusterError, InvalidInput, NotLeader, Refused
from serin.policy_gates.answer import Fact, Unknown
from serin.policy_gates.upstream import Attestation, NotSo, Proven, Upstream
from serin.records.attestation import Attested, verify_attestation
from serin.schema.types import format_time

LONGEST_WHY = 300


@dataclass(frozen=True, slots=True)
class Question:
    """Whose proof is wanted: a namespace, the digest of its candidate, and the time."""

    namespace: str
    digest: str | None
    now: datetime


async def read_attestation(cluster: Cluster, gate: Upstream, question: Question) -> Fact:
    """What the file proves of the candidate. Nothing of it is told before its signature holds."""
    wanted = gate.attestation
    if wanted is None or question.digest is None:
        why = "spec.model has no digest, so that no attestation can be about it: declare one, or pin it in the uri"
        return NotSo(why, needs_person=True)
    try:
        obj = await _read(cluster, question.namespace, wanted)
        envelope = _envelope(obj, wanted)
        found = verify_attestation(envelope, wanted.public_key.encode(), question.digest, None, question.now)
        return _proven(gate, found)
    except NotLeader:
        raise
    except Refused as error:
        names = "configMaps" if wanted.config_map is not None else "secrets"
        return Unknown(f"{str(error)[:LONGEST_WHY]}; name it in the chart's attestations.{names}", needs_person=True)
    except ClusterError as error:
        return Unknown(str(error)[:LONGEST_WHY])
    except InvalidInput as error:
        return NotSo(f"{gate.place}: {error}"[:LONGEST_WHY])


async def _read(cluster: Cluster, namespace: str, wanted: Attestation) -> Object:
    kind, name = resources.SECRETS, wanted.secret
    if name is None:
        kind, name = resources.CONFIG_MAPS, wanted.config_map
    obj = await get_or_none(cluster, kind, namespace, str(name))
    if obj is None:
        raise InvalidInput("it is not there yet")
    return obj


def _envelope(obj: Object, wanted: Attestation) -> Mapping[str, Any]:
    """The signed envelope under the key. The API server bounds it: an object has at most 1.5 MiB."""
    text = (obj.get("data") or {}).get(wanted.key)
    if not isinstance(text, str):
        raise InvalidInput("there is no such key yet")
    try:
        envelope = json.loads(base64.b64decode(text, validate=True) if wanted.secret is not None else text)
    except (ValueError, binascii.Error, RecursionError):  # it may quote what is in a Secret
        envelope = None
    if not isinstance(envelope, Mapping):
        raise InvalidInput("that is no signed envelope (DSSE) as JSON, as serin attest --key makes it")
    return envelope


def _proven(gate: Upstream, found: Attested) -> Proven:
    """The proof, if it is of the ModelDeployment that the gate names; ``InvalidInput``."""
    of = (found.record.get("namespace"), found.record.get("modelDeployment"))
    if gate.name is not None and of != (gate.namespace, gate.name):
        raise InvalidInput(f"it is of {of[0]}/{of[1]}, not of {gate.namespace}/{gate.name}")
    record = found.record.get("promotionRecord")
    what = f"attested by PromotionRecord {of[0]}/{record}, decided {format_time(found.at)}"
    return Proven(found.at, what[:LONGEST_WHY])
