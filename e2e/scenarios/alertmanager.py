"""Who is told of alerts? A real Alertmanager with the routes of the docs, and the receiver behind it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import yaml

from e2e.deploy.cluster import wait_until
from e2e.scenarios.local_server import LocalServer
from e2e.scenarios.told import HttpReceiver

if TYPE_CHECKING:
    from e2e.deploy.cluster import Json

PAGE = Path(__file__).parents[2] / "docs/operations/monitoring.md"
ROUTES = re.compile(r"```yaml\n(route:\n.*?)```", re.DOTALL)
SOON = {"group_wait": "1s", "group_interval": "2s", "repeat_interval": "1h"}
"""An Alertmanager waits 30 s before the first message of a group and 5 min before the next: nobody waits for that in a
test. Nothing else differs from the docs."""
RECEIVERS = ("mail", "pager", "chat")


class OnCall(HttpReceiver):
    """Keeps what an Alertmanager sends: each document is a message about one group to one receiver of its routes."""

    @property
    def messages(self) -> list[Json]:
        """The messages, as they came."""
        return [body for body in list(self.bodies) if body.get("version") == "4"]

    def notified(self, alert: str, *, by: str, status: str = "firing") -> list[Json]:
        """How that receiver was told of an alert, oldest first: once for each message that it stood in."""
        return [
            item
            for message in self.messages
            if message["receiver"] == by
            for item in message["alerts"]
            if item["labels"]["alertname"] == alert and item["status"] == status
        ]

    def until_notified(self, alert: str, *, by: str, status: str = "firing", seconds: float = 60) -> Json:
        """Waits until that receiver has been told; the alert as it was told last."""
        wait_until(
            lambda: bool(self.notified(alert, by=by, status=status)), what=f"{by}: {alert} is {status}", seconds=seconds
        )
        return self.notified(alert, by=by, status=status)[-1]

    def __str__(self) -> str:
        """Which receiver was told of which alerts."""
        told = {by: " ".join(sorted(self.alerts_of(by))) for by in RECEIVERS}
        return "; ".join(f"{by}: {alerts}" for by, alerts in told.items() if alerts)

    def alerts_of(self, by: str) -> set[str]:
        """The alerts of which that receiver has ever been told."""
        return {a["labels"]["alertname"] for m in self.messages if m["receiver"] == by for a in m["alerts"]}


class Alertmanager(LocalServer):
    """One process. Started again it knows its silences, and no alert: that is how Alertmanager is."""

    name = "alertmanager"

    def __init__(self, binary: Path, folder: Path, *, receiver: str) -> None:
        """``receiver`` is where all the receivers of its routes are."""
        super().__init__(folder)
        self._binary, self._receiver = binary, receiver

    def command(self) -> list[str]:
        """Its configuration is the one of the docs."""
        config = self.folder / "alertmanager.yaml"
        config.write_text(yaml.safe_dump(configured(PAGE.read_text("utf-8"), self._receiver)))
        return [
            str(self._binary),
            f"--config.file={config}",
            f"--storage.path={self.folder / 'data'}",
            f"--web.listen-address={self.address}",
            "--cluster.listen-address=",  # alone: nobody to gossip with
        ]

    def alerts(self, name: str = "") -> list[Json]:
        """The alerts that it knows of and that have not ended, also those that are silenced or inhibited."""
        found: list[Json] = self._ask("GET", "alerts", params={"filter": f'alertname="{name}"'} if name else {})
        return found

    def until_suppressed(self, name: str, *, seconds: float = 30) -> None:
        """Waits until it holds the alert back, since there is a page that says more."""

        def inhibited() -> bool:
            return any(alert["status"]["inhibitedBy"] for alert in self.alerts(name))

        wait_until(inhibited, what=f"{name} is inhibited", seconds=seconds)

    def groups(self) -> list[Json]:
        """The groups, as its API tells them."""
        found: list[Json] = self._ask("GET", "alerts/groups")
        return found

    def silence(self, **labels: str) -> str:
        """Silences what has all these labels for an hour; the silence's id."""
        now = datetime.now(UTC)
        body = {
            "matchers": [{"name": name, "value": value, "isRegex": False} for name, value in labels.items()],
            "startsAt": now.isoformat(),
            "endsAt": (now + timedelta(hours=1)).isoformat(),
            "createdBy": "somebody",
            "comment": "it is being looked at",
        }
        return str(self._ask("POST", "silences", json=body)["silenceID"])

    def _ask(self, method: str, path: str, **arguments: Any) -> Any:  # noqa: ANN401 - whatever it answers
        answer = httpx.request(method, f"{self.url}/api/v2/{path}", timeout=10, trust_env=False, **arguments)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
        return answer.json()


def configured(page: str, receiver: str) -> Json:
    """The configuration that the docs show, with shorter waits, and with a webhook behind each of its receivers."""
    [block] = ROUTES.findall(page)
    config: Json = yaml.safe_load(block)
    config["route"] |= SOON
    config["receivers"] = [
        {"name": name, "webhook_configs": [{"url": f"{receiver}/{name}", "send_resolved": True}]} for name in RECEIVERS
    ]
    return config
