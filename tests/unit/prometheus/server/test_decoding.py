"""How many answers are decoded at a time."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import pytest

from serin.prometheus.server import decoding
from serin.prometheus.server.answer import Answer
from serin.prometheus.server.redaction import Redactor
from tests.faulty import GOOD


async def test_one_large_answer_is_decoded_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "LARGE", len(GOOD))
    two = threading.Barrier(2)

    def decode(answer: Answer) -> bool:
        """Whether another one is being decoded at the same time."""
        del answer
        with contextlib.suppress(threading.BrokenBarrierError):
            two.wait(0.1)
            return True
        return False

    answers = [Answer(200, GOOD, Redactor()) for _ in range(4)]
    assert not any(
        await asyncio.gather(*(asyncio.to_thread(decoding.decode_limited, decode, answer) for answer in answers))
    )
