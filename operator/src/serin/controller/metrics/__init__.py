"""The operator's own Prometheus metrics. ``catalogue`` has them all; docs/reference/metrics.md is made of it."""
