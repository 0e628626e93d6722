"""The operator's own Prometheus metrics. What there is stands in ``catalogue``; docs/reference/metrics.md is made of it."""
