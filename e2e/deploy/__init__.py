"""Installs Serin on a cluster as a chart would, but runs the operator as a process of this machine."""

from __future__ import annotations

from e2e.deploy.cluster import ClusterApi
from e2e.deploy.errors import DeployError, RefusedError
from e2e.deploy.installation import install
from e2e.deploy.kept import KeptOperator
from e2e.deploy.process import OperatorProcess, OperatorSettings

__all__ = [
    "ClusterApi",
    "DeployError",
    "KeptOperator",
    "OperatorProcess",
    "OperatorSettings",
    "RefusedError",
    "install",
]
