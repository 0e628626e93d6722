"""Access to the Kubernetes API server. The only package that imports the Kubernetes client."""

from __future__ import annotations
