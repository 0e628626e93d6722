"""Verifies the signature of the candidate's model with a public key, without any service. Needs model-signing.

The model lies in MODELS/candidate with its signature, `model.sig`, beside its files:

    model_signing sign key model/ --private_key key.pem --signature model/model.sig
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

import model_signing

MODEL = Path(os.environ.get("MODELS", "/mnt/models")) / "candidate"
KEY = Path(os.environ.get("TRIAL_KEY", "/mnt/keys/models.pub"))
SIGNATURE = "model.sig"


def main() -> int:
    """Verifies it and writes the result: 1 for a signature of this model by this key, 0 for any other, or none."""
    key = KEY.read_bytes()
    number = {"name": "signature", "value": float(is_signed()), "n": 1, "standardError": 0.0}
    # What it was verified with is what the answer rests on.
    digest = f"sha256:{hashlib.sha256(key).hexdigest()}"
    result = {"revision": os.environ["SERIN_REVISION"], "data": digest, "metrics": [number]}
    Path(os.environ["SERIN_RESULT"]).write_text(json.dumps(result), encoding="utf-8")
    return 0


def is_signed() -> bool:
    """Whether the signature is of this key, and of exactly these files."""
    signature = MODEL / SIGNATURE
    if not signature.is_file():
        print(f"there is no {SIGNATURE} in the model", file=sys.stderr)
        return False
    hashing = model_signing.hashing.Config().set_ignored_paths(paths=[signature])
    verifying = model_signing.verifying.Config().use_elliptic_key_verifier(public_key=KEY).set_hashing_config(hashing)
    try:
        verifying.verify(MODEL, signature)
    except ValueError as error:
        print(f"the model is not what was signed: {error}"[:500], file=sys.stderr)
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
