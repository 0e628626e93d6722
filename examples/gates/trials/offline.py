"""Scores the candidate and stable on the same samples, which neither has learnt from. Needs scikit-learn.

The models lie in MODELS/candidate and MODELS/stable, fetched by KServe's storage initializer. The samples are a CSV: one row
each, the class in the last column. A joblib file is a program: this runs it with nothing but this pod's rights.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import sys
from pathlib import Path

import joblib
import numpy as np

MODELS = Path(os.environ.get("MODELS", "/mnt/models"))
DATA = Path(os.environ.get("TRIAL_DATA", "/mnt/data/held-out.csv"))


def main() -> int:
    """Scores both and writes the result."""
    text = DATA.read_bytes()
    rows = np.loadtxt(io.BytesIO(text), delimiter=",")
    samples, classes = rows[:, :-1], rows[:, -1]
    right = {arm: joblib.load(MODELS / arm / "model.joblib").predict(samples) == classes for arm in ("candidate", "stable")}
    # A slice is a name of its own, and is judged like the whole.
    large = samples[:, 0] > np.median(samples[:, 0])
    result = {
        "revision": os.environ["SERIN_REVISION"],
        "data": f"sha256:{hashlib.sha256(text).hexdigest()}",
        "metrics": [
            score("accuracy", right["candidate"], right["stable"]),
            score("accuracy/size=large", right["candidate"][large], right["stable"][large]),
        ],
    }
    Path(os.environ["SERIN_RESULT"]).write_text(json.dumps(result), encoding="utf-8")
    return 0


def score(name: str, candidate: np.ndarray, stable: np.ndarray) -> dict[str, object]:
    """The share of right answers, and the change from stable's; both are of the same samples, so their difference is paired."""
    count, change = len(candidate), candidate.astype(float) - stable.astype(float)
    share = float(candidate.mean())
    return {
        "name": name,
        "value": share,
        "n": count,
        "standardError": math.sqrt(share * (1 - share) / count),
        "change": float(change.mean()),
        "changeStandardError": float(change.std(ddof=1)) / math.sqrt(count),
    }


if __name__ == "__main__":
    sys.exit(main())
