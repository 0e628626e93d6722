"""What changed is told by the names of fields, never by their values."""

from __future__ import annotations

from typing import Any

import pytest

from serin.records.changes import MOST, changed_fields

SOURCE: dict[str, Any] = {"model": {"version": "1", "uri": "s3://a"}, "predictor": {"model": {"runtime": "x"}}}


@pytest.mark.parametrize(
    ("candidate", "stable", "names"),
    [
        (SOURCE, SOURCE, ()),
        ({**SOURCE, "model": {"version": "2", "uri": "s3://a"}}, SOURCE, ()),
        ({**SOURCE, "model": {"version": "2", "uri": "s3://b"}}, SOURCE, ("spec.model.uri",)),
        (
            {**SOURCE, "predictor": {"model": {"runtime": "y", "env": [{"name": "T", "value": "hush"}]}}},
            SOURCE,
            ("spec.predictor.model.env", "spec.predictor.model.runtime"),
        ),
        ({**SOURCE, "predictor": {"minReplicas": 9, **SOURCE["predictor"]}}, SOURCE, ()),
        ({**SOURCE, "transformer": {"containers": []}}, SOURCE, ("spec.transformer",)),
        (SOURCE, {"model": {}, "predictor": {}}, ()),
        (SOURCE, None, ()),
    ],
)
def test_by_what_the_record_has(candidate: Any, stable: Any, names: tuple[str, ...]) -> None:
    found = changed_fields({"spec": {"candidate": candidate, "stable": stable}}, None, None)
    assert found == names
    assert "hush" not in str(found)


def test_by_the_workloads_where_the_record_does_not_have_stable() -> None:
    record = {"spec": {"candidate": SOURCE, "stable": {"model": {}, "predictor": {}}}}
    new = {"spec": {"predictor": {"model": {"storageUri": "s3://b"}, "minReplicas": 1}}}
    old = {"spec": {"predictor": {"model": {"storageUri": "s3://a"}, "minReplicas": 3}}}
    assert changed_fields(record, new, old) == ("spec.predictor.model.storageUri",)


def test_there_is_a_bound() -> None:
    many = {"predictor": {f"field{n}": n for n in range(99)}}
    assert len(changed_fields({}, {"spec": many}, {"spec": {"predictor": {"x": 1}}})) == MOST
