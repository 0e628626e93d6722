"""Sends a request of your clients to the candidate, a few times, and counts the good answers. Needs only Python.

`request.json` beside this file is the body. With TRIAL_GATEWAY it goes the clients' way: your gateway's address, the model's
hostname, and the preview header that the policy gives; without, straight to a pod of the candidate. An answer that does not
come, and one of a gateway that cannot reach a pod, is no fault of the candidate's: the trial ends with an error then.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
UNREACHED = {502, 503, 504}


def main() -> int:
    """Sends the requests and writes the result."""
    env = os.environ
    body = (FOLDER / "request.json").read_bytes()
    base = env.get("TRIAL_GATEWAY") or env["SERIN_CANDIDATE_URL"]
    path = env.get("TRIAL_PATH") or f"/v1/models/{env['SERIN_MODEL_NAME']}:predict"
    headers = {"Content-Type": "application/json"}
    if "TRIAL_GATEWAY" in env:
        name, _, value = env["SERIN_PREVIEW_HEADER"].partition(": ")
        headers |= {"Host": env["SERIN_HOSTNAME"], name: value}
    count = int(env.get("TRIAL_REQUESTS", "20"))
    try:
        good = sum(is_good(urllib.request.Request(base + path, body, headers)) for _ in range(count))
    except OSError as error:
        print(f"no answer from {base}: {error}", file=sys.stderr)
        return 1
    share = good / count
    number = {
        "name": "answered",
        "value": share,
        "n": count,
        "standardError": math.sqrt(share * (1 - share) / count),
    }
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    result = {"revision": env["SERIN_REVISION"], "data": digest, "metrics": [number]}
    Path(env["SERIN_RESULT"]).write_text(json.dumps(result), encoding="utf-8")
    return 0


def is_good(request: urllib.request.Request) -> bool:
    """Whether the answer has predictions (protocol v1) or outputs (v2); OSError if the candidate was not reached."""
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            parsed = json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code in UNREACHED:
            raise
        return False
    except ValueError:
        return False
    return isinstance(parsed, dict) and bool(parsed.get("predictions") or parsed.get("outputs"))


if __name__ == "__main__":
    sys.exit(main())
