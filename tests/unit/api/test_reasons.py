"""Every reason has a sentence."""

from __future__ import annotations

from serin.api.reasons import SENTENCES, Reason


def test_every_reason_has_its_sentence() -> None:
    assert set(SENTENCES) == set(Reason)
    assert all(s.endswith(".") for s in SENTENCES.values())
