"""What may be told of a rollout: the incident bundle, from a PromotionRecord by a list of what is allowed."""

from __future__ import annotations
