"""What a gateway does not have, by what its GatewayClass says of itself and by the operator's setting.

A gateway refuses a whole route for one field that it does not have. ``status.supportedFeatures`` is optional: a class
that says nothing has everything, and the setting corrects what it says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog

from serin.cluster import resources
from serin.cluster.client import Cluster
from serin.errors import ClusterError, NotLeader
from serin.traffic.gateway.http_route import REQUEST_TIMEOUT

log = structlog.get_logger()
USED = frozenset({REQUEST_TIMEOUT})
"""Features that Serin can do without."""
KEPT, RETRY = timedelta(minutes=10), timedelta(minutes=1)
"""How long an answer counts, and how long it does that there was none."""
TIMEOUT = 1.5
"""Seconds: the pass, which may be a rollback, does not wait longer."""
EVERY_CLASS = "*"
NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Correction:
    """What the operator's setting says of a class: ``CLASS:-FEATURE`` or ``CLASS:+FEATURE``."""

    gateway_class: str
    feature: str
    has: bool

    @classmethod
    def parse(cls, text: str) -> Correction:
        """One entry of the setting; ``ValueError``."""
        name, separator, change = text.partition(":")
        if not separator or not name or change[:1] not in {"+", "-"} or change[1:] not in USED:
            message = f"{text[:60]!r} is not CLASS:-FEATURE or CLASS:+FEATURE with one of {', '.join(sorted(USED))}"
            raise ValueError(message)
        return cls(name, change[1:], change[0] == "+")


def lacking(gateway_class: Mapping[str, Any] | None, name: str, corrections: tuple[Correction, ...]) -> frozenset[str]:
    """The features in use that a class does not have; ``gateway_class`` is None if it could not be read."""
    said = ((gateway_class or {}).get("status") or {}).get("supportedFeatures") or []
    # Earlier releases of the Gateway API had names in place of objects.
    names = {item.get("name") if isinstance(item, Mapping) else item for item in said}
    found = USED - names if names else NOTHING
    for correction in corrections:
        if correction.gateway_class in {EVERY_CLASS, name}:
            found = found - {correction.feature} if correction.has else found | {correction.feature}
    return found


@dataclass(slots=True)
class GatewayFeatures:
    """What the Gateways lack, as far as they could be read; an answer is kept for ten minutes."""

    corrections: tuple[Correction, ...] = ()
    _known: dict[tuple[str, str], tuple[datetime, frozenset[str] | None]] = field(default_factory=dict)
    """By Gateway, until when it counts and what it lacks."""

    async def lacks(
        self, cluster: Cluster, gateway: tuple[str, str], now: datetime, *, in_rollout: bool
    ) -> frozenset[str] | None:
        """What the Gateway (namespace, name) does not have; None if nobody knows.

        In a rollout what is known counts, however old.
        """
        until, known = self._known.get(gateway, (now, None))
        if now < until or (in_rollout and known is not None):
            return known
        found = await self._read(cluster, gateway)
        if found is not None and found != known:
            log.info("gateway", namespace=gateway[0], name=gateway[1], lacks=sorted(found))
        if found is None and known is None and any(c.gateway_class == EVERY_CLASS for c in self.corrections):
            found = lacking(None, EVERY_CLASS, self.corrections)
        # What was known goes on: an unreadable class changes no route.
        self._known[gateway] = (now + (RETRY if found is None else KEPT), known if found is None else found)
        return self._known[gateway][1]

    async def _read(self, cluster: Cluster, gateway: tuple[str, str]) -> frozenset[str] | None:
        try:
            async with asyncio.timeout(TIMEOUT):
                name = str((await cluster.get(resources.GATEWAYS, *gateway))["spec"]["gatewayClassName"])
                found = await cluster.get(resources.GATEWAY_CLASSES, "", name)
        except NotLeader:
            raise
        except (ClusterError, TimeoutError, LookupError, TypeError) as error:
            log.debug("gateway not read", namespace=gateway[0], name=gateway[1], error=str(error))
            return None
        return lacking(found, name, self.corrections)
