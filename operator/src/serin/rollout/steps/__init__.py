"""The steps of a rollout: their weights and waits, and which of them a rollout is at."""
