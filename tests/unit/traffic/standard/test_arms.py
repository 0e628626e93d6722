"""By whose counts can revisions of mode Standard be told apart?"""

from __future__ import annotations

import pytest

from serin.api.model_deployment import Mode
from serin.api.routing.route import Protocol
from serin.schema.choices import Arms
from serin.traffic.registry import BACKENDS
from tests.world import policy

BACKEND = BACKENDS[Mode.STANDARD, Protocol.HTTP]


@pytest.mark.parametrize("arms", list(Arms))
def test_what_tells_knatives_revisions_apart_is_refused(arms: Arms) -> None:
    told = BACKEND.unsuitable(policy(arms=arms.value))
    if arms in {Arms.KNATIVE, Arms.KOURIER}:
        assert f"arms: {arms.value} tells Knative's revisions apart" in (told or "")
    else:
        assert told is None
