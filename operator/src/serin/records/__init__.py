"""PromotionRecords: what is written of a rollout, and how it is read back."""

from __future__ import annotations
