"""Names that are too long together are shortened; a name that fits is what it always was."""

from __future__ import annotations

import pytest

from serin.api.predictor.naming import service_name, unnameable
from serin.api.status import RevisionRef
from serin.rollout.decision import RoutePlan
from serin.traffic.gateway.http_route import http_route
from serin.traffic.gateway.route_view import route_view
from serin.traffic.owner import Owner
from serin.traffic.standard.service import service_of, services_of, workload_of
from tests.world import spec

REVISION = "7c9f2a1b"


def label(namespace: str, name: str, suffix: str = "-predictor") -> str:
    return f"{service_name(namespace, name, REVISION)}{suffix}-{namespace}"


def test_a_name_that_fits_is_not_touched() -> None:
    name = "f" * 39
    assert service_name("prod", name, REVISION) == f"{name}-{REVISION}"
    assert len(label("prod", name)) == 63


@pytest.mark.parametrize(("name", "namespace"), [("f" * 40, "prod"), ("f" * 63, "prod"), ("fraud", "n" * 31)])
def test_one_that_does_not_fit_is_shortened_with_room_for_a_transformer(name: str, namespace: str) -> None:
    short = service_name(namespace, name, REVISION)
    assert len(label(namespace, name, "-transformer")) <= 63
    assert short.startswith(name[0])
    assert short.endswith(f"-{REVISION}")
    assert unnameable(namespace, name, has_transformer=True) is None or len(name) + len(namespace) in {42, 43}


def test_two_long_names_with_one_start_stay_two() -> None:
    one, other = ("a" * 50 + end for end in "xy")
    assert service_name("prod", one, REVISION) != service_name("prod", other, REVISION)


def test_no_dash_stands_before_the_hash() -> None:
    name = "a" * 18 + "-" * 30 + "b"
    assert "--" not in service_name("prod", name, REVISION)[:20]


def test_a_namespace_that_leaves_no_room_is_told() -> None:
    assert "metadata.namespace has 40 characters" in (unnameable("n" * 40, "fraud") or "")
    assert unnameable("n" * 38, "fraud") is None, "both fit in full"


def test_with_a_transformer_a_name_in_full_may_be_two_characters_too_long() -> None:
    assert unnameable("prod", "f" * 39) is None
    assert "with a transformer" in (unnameable("prod", "f" * 39, has_transformer=True) or "")
    assert unnameable("prod", "f" * 40, has_transformer=True) is None


def test_a_route_of_a_shortened_name_is_read_as_it_was_built() -> None:
    name, revisions = "f" * 60, (REVISION, "0" * 8)
    old, new = (RevisionRef(revision=r, version="1", workload=workload_of("prod", name, r)) for r in revisions)
    body = http_route(Owner(name, "prod", "u1"), spec("2"), RoutePlan(old, new, 25), service_of)
    view = route_view(body, services_of, service_name)
    assert (view.candidate, view.weight) == (new.revision, 25)
