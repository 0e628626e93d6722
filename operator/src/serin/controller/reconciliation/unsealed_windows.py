"""Windows that have been read and are not yet in the PromotionRecord, and the blocks in which they are stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from serin.api.policy.slo import Slo
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.promotion_record import WindowBlock
from serin.evidence import Interval

BLOCK = 20
"""Windows per block."""


@dataclass(slots=True)
class UnsealedWindows:
    """Per SLO, the windows that the record does not have yet."""

    history: dict[str, list[Interval]] = field(default_factory=dict)
    """Stable's windows before the candidate."""
    windows: dict[str, list[Interval]] = field(default_factory=dict)
    """Windows of the rollout, oldest first."""

    def blocks(self, policy: PromotionPolicySpec, *, everything: bool) -> list[WindowBlock]:
        """The history and all full blocks, with ``everything`` also the rest; ``clear`` them when they are written."""
        indicators = {slo.name: slo.indicator.chosen for slo in policy.slos}
        history = [(name, part) for name, batch in self.history.items() for part in _parts(batch, everything=True)]
        live = [(name, part) for name, batch in self.windows.items() for part in _parts(batch, everything=everything)]
        return [
            WindowBlock(
                slo=name,
                start=part[0].start,
                seconds=max(1, round(part[0].length.total_seconds())),
                counts=indicators[name].encode(part),
            )
            for name, part in (*history, *live)
        ]

    def clear(self, *, everything: bool) -> None:
        """Drops the windows of ``blocks``: they are written."""
        self.history.clear()
        for name, batch in self.windows.items():
            kept = 0 if everything else len(batch) % BLOCK
            self.windows[name] = batch[len(batch) - kept :]


def stored_windows(block: WindowBlock, slo: Slo | None) -> list[Interval]:
    """The windows of a block; none if they do not fit the policy, which may be the live one instead of the snapshot."""
    if slo is None:
        return []
    try:
        return slo.indicator.chosen.decode(block.counts, block.start, timedelta(seconds=block.seconds))
    except ValueError:
        return []


def _parts(batch: list[Interval], *, everything: bool) -> list[list[Interval]]:
    parts = [batch[i : i + BLOCK] for i in range(0, len(batch), BLOCK)]
    return [part for part in parts if everything or len(part) == BLOCK]
