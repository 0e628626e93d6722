"""Two specs whose revisions have the same name: the first eight digits of their hashes agree.

Found by hashing some 140,000 specs that differ in one annotation, which takes seconds.
"""

from __future__ import annotations

from typing import Any


def predictor(nonce: str) -> dict[str, Any]:
    return {"model": {"modelFormat": {"name": "sklearn"}}, "minReplicas": 1, "annotations": {"nonce": nonce}}


BENIGN = ("benign", predictor("108786"))
"""Version and predictor; the model of a version stands at ``s3://models/<version>`` (``tests.lab.spec``)."""
EVIL = ("evil", predictor("20059"))
SHARED_NAME = "5de1b8c9"
