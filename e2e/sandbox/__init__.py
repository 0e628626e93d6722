"""A real KServe cluster as plain processes: etcd to Envoy and Prometheus, without Docker and without root.

``Sandbox`` is resolved late: building the parts (``python3 -m e2e.sandbox.build``) must work with nothing but
the standard library, before the virtual environment is filled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from e2e.sandbox.sandbox import Sandbox

__all__ = ["Sandbox"]


def __getattr__(name: str) -> object:
    if name == "Sandbox":
        from e2e.sandbox.sandbox import Sandbox

        return Sandbox
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
