"""Objects are put onto an API server that may be too busy to answer in time."""

from __future__ import annotations

import httpx
import pytest

from e2e.sandbox.cluster import Cluster
from e2e.sandbox.errors import PartError

ITEM = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "models"}}


@pytest.mark.parametrize(
    ("answers", "asked", "refused"),
    [
        pytest.param([201], 1, "", id="taken at once"),
        pytest.param([504, 504, 201], 3, "", id="taken at the third try"),
        pytest.param([504, 409], 2, "", id="it was there all the same"),
        pytest.param([504] * 4, 4, "refused Namespace models", id="too busy for long"),
        pytest.param([409], 1, "refused Namespace models", id="somebody else's"),
        pytest.param([403], 1, "refused Namespace models", id="forbidden"),
    ],
)
async def test_what_did_not_get_through_in_time_is_sent_again(answers: list[int], asked: int, refused: str) -> None:
    left = list(answers)
    cluster = Cluster.__new__(Cluster)
    answer = httpx.MockTransport(lambda _: httpx.Response(left.pop(0), json={"message": "no"}))
    async with httpx.AsyncClient(base_url="https://server", transport=answer) as cluster._client:
        if refused:
            with pytest.raises(PartError, match=refused):
                await cluster.create(ITEM)
        else:
            await cluster.create(ITEM)
    assert len(answers) - len(left) == asked
