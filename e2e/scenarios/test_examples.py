"""Examples by use, played with their own files: little traffic, sixty times as fast, and a preview that testers end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from e2e.deploy import ClusterApi
from e2e.deploy.cluster import Person, wait_until
from e2e.deploy.installation import documents
from e2e.environments.files import approver_role
from e2e.scenarios.test_gates import held_by, says
from e2e.scenarios.test_shadow import answers
from serin.schema.types import format_duration, parse_duration

if TYPE_CHECKING:
    from e2e.deploy.cluster import Json
    from e2e.scenarios.site import Site

pytestmark = pytest.mark.matrix
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TIMES = frozenset(("window", "for", "timeout", "after"))
FASTER = 60
"""A minute of the example is a second here, and sixty times as many requests come: each window has the same number."""
LITTLE = 0.1
"""Requests per second of the example."""


def policy_of(folder: str) -> Json:
    """The example's policy."""
    [item] = documents(EXAMPLES / folder / "policy.yaml")
    return dict(item)


def sooner(value: Any, times: int) -> Any:  # noqa: ANN401 - a part of a policy
    """The same with all its times divided, none below a second."""
    if isinstance(value, dict):
        return {
            key: _divided(part, times) if key in TIMES and isinstance(part, str) else sooner(part, times)
            for key, part in value.items()
        }
    return [sooner(part, times) for part in value] if isinstance(value, list) else value


def _divided(text: str, times: int) -> str:
    seconds = max(1, round(parse_duration(text).total_seconds() / times))
    return format_duration(parse_duration(f"{seconds}s"))


def apply(site: Site, item: Json) -> str:
    """Applies an object of an example in the scenario's namespace; its name."""
    moved = {**item, "metadata": {**item["metadata"], "namespace": site.namespace}}
    site.api.apply(moved)
    return str(item["metadata"]["name"])


def little_traffic(site: Site) -> str:
    """The example's policy, sixty times as fast; only its bake of a day is cut to twenty seconds. The policy's name."""
    item = policy_of("low-traffic")
    spec = sooner(item["spec"], FASTER)
    assert (spec["analysis"]["window"], spec["steps"][0]["for"]) == ("5s", "1m")
    spec["bake"] |= {"for": "20s"}
    return apply(site, {**item, "spec": spec})


def test_little_traffic_promotes_a_healthy_version(site: Site) -> None:
    site.go_live()
    name = little_traffic(site)
    with site.load(rate=LITTLE * FASTER):
        site.want("2", policyRef={"name": name})
        site.until_stable("2")
    site.nobody_else_failed()
    assert site.history.weights("2") == [0, 50, 80, 100]
    record = site.until_outcome("Promoted")
    assert len(site.answers()) < 1500, "an hour and a half of the example, and no more requests than it has"
    assert record["spec"]["policy"]["name"] == name


def test_little_traffic_takes_a_bad_version_back(site: Site) -> None:
    site.go_live()
    name = little_traffic(site)
    with site.load(rate=LITTLE * FASTER):
        site.want("3", policyRef={"name": name}, environment={"ERROR_RATE": "0.4"})
        record = site.until_taken_back()
    site.nobody_else_failed(but="3")
    assert (record["status"]["outcome"], record["status"]["reason"]) == ("RolledBack", "SLOBreached")
    assert site.requests_of("3") < 200


def test_a_preview_lasts_until_the_testers_approve(site: Site) -> None:
    """The header reaches the candidate, and nobody else does, for as long as the gate before traffic waits."""
    site.go_live()
    item = policy_of("preview-by-header")
    header = item["spec"]["preview"]["header"]
    spec = sooner(item["spec"], FASTER)
    spec["analysis"] = {"window": "1s"}
    spec["preview"]["for"] = "10s"
    spec["steps"] = [step | {"for": "4s", "timeout": "2m"} for step in spec["steps"]]
    name = apply(site, {**item, "spec": spec})
    site.api.apply(approver_role())
    for binding in documents(EXAMPLES / "preview-by-header" / "rights.yaml"):
        apply(site, binding)
    tester = Person("tess@example.com", ("support-testers",))
    with ClusterApi(site.provider.kubeconfig, person=tester) as tess, site.load(rate=60):
        site.want("2", policyRef={"name": name})
        held_by(site, "testers", "WaitingForApproval")
        assert site.weight() == 0
        assert answers(site, 20, (header["name"], header["value"])) == {"2": 20}
        assert answers(site, 20, (header["name"], "somebody")) == {"1": 20}

        def approved() -> bool:
            words = says(tess, site, "Approve", "tried", gate="testers", groups=["support-testers"])  # type: ignore[arg-type]
            return words == "" or "already exists" in words

        wait_until(approved, what="tess may approve", seconds=20)
        site.until_stable("2")
    site.nobody_else_failed()
    assert site.history.weights("2") == [0, 20, 50, 100]
    [result] = site.until_outcome("Promoted")["status"]["gates"]
    assert (result["name"], result["state"], result["by"]) == ("testers", "Open", "tess@example.com")
