"""The API server, behind a few verbs on plain objects. The only room that imports the Kubernetes client."""

from __future__ import annotations
