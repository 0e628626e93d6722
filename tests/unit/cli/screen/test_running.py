"""The screen's credentials: read once in a while, whoever asks."""

from __future__ import annotations

from datetime import timedelta

import pytest

pytest.importorskip("textual", reason="textual is not installed: it is in the extra view")

from serin.cli.screen.running import KEPT, Credentials
from serin.cluster.kubeconfig import Access
from serin.errors import Refused
from tests.clock import START


def test_credentials_are_read_once_in_a_while() -> None:
    now, reads = START, list[int]()

    def read() -> Access:
        reads.append(1)
        return Access(server="https://cluster.example.com")

    credentials = Credentials(read, lambda: now)
    for _ in range(5):
        credentials.connect().close()
    assert len(reads) == 1
    now += KEPT + timedelta(seconds=1)
    credentials.connect().close()
    assert len(reads) == 2


def test_a_kubeconfig_that_cannot_be_read_is_read_again() -> None:
    def read() -> Access:
        raise Refused("there is no kubeconfig")

    credentials = Credentials(read, lambda: START)
    for _ in range(2):
        with pytest.raises(Refused, match="there is no kubeconfig"):
            credentials.connect()
