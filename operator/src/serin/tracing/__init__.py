"""Traces of passes, off unless an OTLP endpoint is set. Only ``otlp`` knows OpenTelemetry; it is imported then only."""
