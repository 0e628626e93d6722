"""Files as ``serin attest --key`` makes them in another cluster."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from serin.records.attestation import PAYLOAD_TYPE, RECORD_FIELD, STATEMENT
from serin.records.dsse import signed
from serin.schema.types import format_time
from tests.clock import START

KEY = ed25519.Ed25519PrivateKey.generate()
STRANGER = ed25519.Ed25519PrivateKey.generate()
DIGEST = "sha256:" + "9f" * 32
V2 = {"version": "2", "uri": "s3://models/2", "digest": DIGEST}
PUBLIC = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
FILE = {"configMap": "proofs", "key": "fraud.json", "publicKey": PUBLIC.decode()}


def proof(key: Any = KEY, at: datetime = START, digest: str = DIGEST, **changes: Any) -> str:
    """The file of ``serin attest --key``."""
    told = {
        "namespace": "staging",
        "modelDeployment": "fraud",
        "promotionRecord": "fraud-1",
        "decidedAt": format_time(at),
    }
    statement = {
        "_type": STATEMENT,
        "subject": [{"name": "x", "digest": {"sha256": digest.partition(":")[2]}}],
        "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
        "predicate": {"result": "PASSED", RECORD_FIELD: told} | changes,
    }
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return json.dumps(signed(json.dumps(statement).encode(), PAYLOAD_TYPE, key.private_bytes(*form)))
