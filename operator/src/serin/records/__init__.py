"""PromotionRecords: how a rollout is written to one, and how it is read back."""

from __future__ import annotations
