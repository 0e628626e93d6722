"""The operator as a later build might be: it would render every InferenceService differently."""

from __future__ import annotations

from typing import Any

from serin.controller.process import main
from serin.traffic import standard

_rendered = standard.served


def _served(predictor: dict[str, Any], model: dict[str, Any], name: str) -> dict[str, Any]:
    """As the present build does, and with one more label and one more variable."""
    newer = _rendered(predictor, model, name)
    newer["labels"] = {**newer.get("labels", {}), "example.com/build": "newer"}
    section = newer.get("model") or newer["containers"][0]
    section["env"] = [*section.get("env", []), {"name": "BUILD", "value": "newer"}]
    return newer


if __name__ == "__main__":
    standard.served = _served  # type: ignore[assignment]
    main()
