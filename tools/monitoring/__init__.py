"""Alerts, recording rules, dashboards and the reference of metrics: what ``python -m tools.monitoring`` writes."""
