"""The scaling fields of a template: each value of spec is written once, and what became of it is told.

A webhook or an older definition of KServe may change or drop them. Each write is a new Knative revision, so what was
asked for stands in an annotation beside the mark: a difference from that is not written again, unless somebody made it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from serin.api import names
from serin.api.managed_fields import writers_of
from serin.api.revision import canonical_json, scaling_of
from serin.traffic.knative.edits import KSERVE_MANAGERS, alike
from serin.traffic.knative.template import next_mark


@dataclass(frozen=True, slots=True)
class Resize:
    """That the scaling fields are to be written."""

    by: str = ""
    """The field manager that had changed them; empty if spec did."""
    fields: tuple[str, ...] = ()
    """Those that differ."""


def resize_of(actual: Mapping[str, Any], predictor: Mapping[str, Any]) -> Resize | None:
    """What of the scaling has to be written; None if it is as spec says, or was written and is not taken."""
    different = _different(scaling_of(predictor), scaling_of(actual["spec"]["predictor"]))
    if not different:
        return None
    by = _writer(actual, different)
    return Resize(by, different) if by or _asked(actual) != scaling_of(predictor) else None


def postponed(actual: Mapping[str, Any], predictor: Mapping[str, Any]) -> str:
    """That the scaling of spec waits for the end of the rollout, for a message; empty if it is there already."""
    wanted, now = scaling_of(predictor), scaling_of(actual["spec"].get("predictor") or {})
    if (wanted.get("minReplicas"), now.get("minReplicas")) == (0, 1):  # a candidate while it is judged
        del wanted["minReplicas"], now["minReplicas"]
    different = ", ".join(_different(wanted, now))
    if not different:
        return ""
    return (
        f"the scaling in spec.predictor ({different}) is written when this rollout is over, since in mode Knative each "
        f"change of it is a new Knative revision"
    )


def resized(actual: Mapping[str, Any], predictor: Mapping[str, Any], end: str) -> dict[str, Any]:
    """The template that is there, with the scaling fields of spec and a mark of its own, which has this end."""
    now, asked = actual["spec"]["predictor"], scaling_of(predictor)
    kept = {key: value for key, value in now.items() if key not in scaling_of(now)}
    revision = str((now.get("labels") or {}).get(names.REVISION, ""))
    marked = {names.TEMPLATE: next_mark(actual, revision, end=end), names.SCALING: canonical_json(asked).decode()}
    return {**kept, **asked, "annotations": {**(now.get("annotations") or {}), **marked}}


def not_taken(actual: Mapping[str, Any]) -> str:
    """That the scaling fields are not what Serin wrote, and what ends it, for a message; empty if they are."""
    asked, now = _asked(actual), scaling_of(actual["spec"].get("predictor") or {})
    different = [key for key in sorted(asked or {}) if not alike((asked or {})[key], now.get(key))]
    if asked is None or not different:
        return ""
    what = ", ".join(f"{key} is {_spelt(now.get(key))} in place of {_spelt(asked[key])}" for key in different)
    by = _writer(actual, different)
    why = (
        f"field manager {by} has changed it; it is put back"
        if by
        else "a webhook or KServe's definition changes it; mend that, and change a scaling field in spec, since each "
        "write is a new Knative revision"
    )
    return f"InferenceService {actual['metadata']['name']} does not scale as spec says: {what}; {why}"


def _different(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(key for key in sorted({*one, *other}) if not alike(one.get(key), other.get(key)))


def _asked(actual: Mapping[str, Any]) -> dict[str, Any] | None:
    """What Serin wrote last; None if the template was not written for its scaling fields."""
    annotations = (actual["spec"].get("predictor") or {}).get("annotations") or {}
    try:
        asked = json.loads(annotations[names.SCALING])
    except (KeyError, ValueError, TypeError):
        return None
    return asked if isinstance(asked, dict) else None


def _writer(actual: Mapping[str, Any], different: Iterable[str]) -> str:
    """Who has changed one of the fields, by the field manager; empty if that is Serin, KServe or nobody."""
    own = {names.MANAGER, *KSERVE_MANAGERS}
    writers = [writer for writer in writers_of(actual, "spec", "predictor") if writer.manager not in own]
    changed = (w.manager for w in writers if any(f"f:{key}" in w.fields for key in different))
    return next(changed, "")


def _spelt(value: object) -> str:
    return "absent" if value is None else canonical_json(value).decode()[:60]
