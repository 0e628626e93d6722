"""What happens reaches a receiver outside, once each, and no receiver is in the way of a rollback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e.deploy.cluster import wait_until
from e2e.scenarios.telling import telling
from e2e.scenarios.told import HttpReceiver

if TYPE_CHECKING:
    from e2e.scenarios.site import Site

pytestmark = pytest.mark.matrix


def test_a_rollback_is_told_once_although_the_receiver_was_down_and_the_leader_died(site: Site) -> None:
    with HttpReceiver() as receiver, telling(site, pipeline={"cloudEvents": {"url": receiver.url}}) as operator:
        site.go_live()
        wait_until(lambda: "Promoted" in receiver.kinds, what="the first promotion is told", seconds=15)
        with site.load():
            receiver.down = True
            site.want("2", environment={"ERROR_RATE": "0.2"})
            record = site.until_taken_back()["status"]
            wait_until(lambda: receiver.refused > 0, what="it was tried", seconds=15)
        assert "RolledBack" not in receiver.kinds
        waiting = {note["kind"] for note in site.status["notifications"]}
        assert {"RollingBack", "RolledBack"} <= waiting, "what was decided stands in the status until it is told"
        operator.kill()
        receiver.down = False
        operator.start()
        wait_until(lambda: "RolledBack" in receiver.kinds, what="the rollback is told", seconds=60)
        site.until(lambda s: not s.get("notifications"), what="nothing is left to tell", seconds=30)
        assert set(receiver.times().values()) == {1}, f"once each: {receiver.times()}"
        assert [kind for kind in receiver.kinds if "Roll" in kind] == ["RollingBack", "RolledBack"]
        [event] = [event for event in receiver.events if event["data"]["customData"]["kind"] == "RolledBack"]
        assert event["type"] == "dev.cdevents.service.rolledback.0.3.0"
        told = event["data"]["customData"]
        assert (told["reason"], told["stableVersion"], told["candidateVersion"]) == ("SLOBreached", "1", "2")
        assert told["answers"]["safe"] == "Safe now? Yes: version 1 serves 100 %."
        assert told["slos"][0]["bad"] > 0
        assert record["reason"] == "SLOBreached"
        print(told["title"], told["text"], sep="\n")
