"""Signed envelopes (DSSE 1.0): a payload, its type, signatures over both. The only module that knows cryptography."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from serin.errors import InvalidInput

LARGEST_PAYLOAD = 1024 * 1024
MOST_SIGNATURES = 16
KINDS = "an Ed25519 key, or one of the curve P-256, as PEM"


def signing_key(pem: bytes, password: bytes | None = None) -> ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey:
    """The private key in a PEM file; ``InvalidInput``."""
    try:
        key = serialization.load_pem_private_key(pem, password)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidInput(f"the key cannot be read; expected {KINDS}: {str(error)[:200]}") from None
    if isinstance(key, ed25519.Ed25519PrivateKey) or (
        isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)
    ):
        return key
    raise InvalidInput(f"the key is of another kind; expected {KINDS}")


def verifying_key(pem: bytes) -> ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey:
    """The public key in a PEM file; ``InvalidInput``."""
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidInput(f"the public key cannot be read; expected {KINDS}: {str(error)[:200]}") from None
    if isinstance(key, ed25519.Ed25519PublicKey) or (
        isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    ):
        return key
    raise InvalidInput(f"the public key is of another kind; expected {KINDS}")


def key_id(key: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey) -> str:
    """SHA-256 of the public key's SubjectPublicKeyInfo, as hex: a hint, no proof."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def signed(payload: bytes, payload_type: str, pem: bytes, password: bytes | None = None) -> dict[str, Any]:
    """The envelope of a payload, signed with the private key in ``pem``; ``InvalidInput``."""
    key = signing_key(pem, password)
    message = _encoded(payload, payload_type)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        signature = key.sign(message)
    else:
        signature = key.sign(message, ec.ECDSA(hashes.SHA256()))
    signatures = [{"keyid": key_id(key.public_key()), "sig": base64.b64encode(signature).decode()}]
    return {"payload": base64.b64encode(payload).decode(), "payloadType": payload_type, "signatures": signatures}


def payload_of(envelope: Mapping[str, Any], payload_type: str, pem: bytes) -> bytes:
    """The payload, if one of the signatures is of the public key in ``pem``; ``InvalidInput`` says what is wrong."""
    key = verifying_key(pem)
    if envelope.get("payloadType") != payload_type:
        raise InvalidInput(f"the envelope's payloadType is not {payload_type}")
    payload, signatures = _decoded(envelope.get("payload"), "payload"), envelope.get("signatures")
    if not isinstance(signatures, list) or not 0 < len(signatures) <= MOST_SIGNATURES:
        raise InvalidInput(f"the envelope has no list of 1 to {MOST_SIGNATURES} signatures")
    message = _encoded(payload, payload_type)
    if any(isinstance(entry, Mapping) and _is_of(key, entry.get("sig"), message) for entry in signatures):
        return payload
    raise InvalidInput("no signature of the envelope is of this public key: it was changed, or signed by somebody else")


def _is_of(key: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey, text: object, message: bytes) -> bool:
    try:
        signature = _decoded(text, "signature")
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, message)
        else:
            key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, InvalidInput):
        return False
    return True


def _encoded(payload: bytes, payload_type: str) -> bytes:
    """What is signed: DSSE's pre-authentication encoding of type and payload."""
    kind = payload_type.encode()
    return b" ".join((b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload))


def _decoded(text: object, what: str) -> bytes:
    """Base64 in either alphabet; ``InvalidInput``."""
    if not isinstance(text, str) or len(text) > 2 * LARGEST_PAYLOAD:
        raise InvalidInput(f"the envelope's {what} is not base64 of at most 1 MiB")
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput(f"the envelope's {what} is not base64") from None
