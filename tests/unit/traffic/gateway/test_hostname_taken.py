"""Who may not get a hostname: played as attacks on the question itself."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serin.api.model_deployment import ModelDeployment
from serin.api.status import ModelDeploymentStatus
from serin.cluster import resources
from serin.errors import NotFound
from serin.rollout.observation import Arm
from serin.schema.reasons import Reason
from serin.traffic.gateway.claims import RouteClaim, hostname_taken, with_route_in_force
from serin.traffic.gateway.hostnames import overlap
from tests.fakes import FakeCluster
from tests.fuzz import fuzzed
from tests.lab import spec
from tests.world import ref

Obj = dict[str, Any]
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
SHARED = {"name": "shared", "namespace": "gateways"}
MINE = "fraud.example.com"
ELSEWHERE = "in another namespace"


def deployment(
    namespace: str = "prod",
    name: str = "fraud",
    created: str = "2026-11-22T02:00:00Z",
    *,
    hosts: Any = (MINE,),
    **ref: Any,
) -> Obj:
    wanted = spec("1")
    wanted["route"] |= {"hostnames": list(hosts), "parentRef": {**SHARED, **ref}}
    metadata = {"namespace": namespace, "name": name, "creationTimestamp": created, "generation": 1}
    return {"metadata": metadata, "spec": wanted}


def route(
    owner: str = "risk",
    called: str = "secret",
    *,
    hosts: Any = (MINE,),
    accepted: str = "True",
    gateway: str = "shared",
    **ref: Any,
) -> Obj:
    parent = {"group": "gateway.networking.k8s.io", "kind": "Gateway", **SHARED, "name": gateway, **ref}
    condition = {"type": "Accepted", "status": accepted}
    return {
        "metadata": {"namespace": owner, "name": called},
        "spec": {"parentRefs": [parent], "hostnames": list(hosts)},
        "status": {"parents": [{"parentRef": parent, "conditions": [condition]}]},
    }


def served(owner: str = "risk", called: str = "secret", **changes: Any) -> Obj:
    """The route of another ModelDeployment."""
    made = route(owner, called, **changes)
    made["metadata"]["labels"] = {"serin.dev/model-deployment": called}
    return made


async def told(obj: Obj, *others: Obj, own: Obj | None = None, namespaces: tuple[str, ...] = ()) -> str:
    cluster = FakeCluster()
    for item in [obj, *others, *([own] if own else [])]:
        kind = resources.HTTP_ROUTES if "parentRefs" in item["spec"] else resources.MODEL_DEPLOYMENTS
        cluster.put(kind, item)
    claim = RouteClaim(ModelDeploymentStatus(stable=ref("1") if own else None), own, None, NOW)
    problem = await hostname_taken(cluster, obj, claim, namespaces)
    assert problem is None or problem.reason is Reason.HOSTNAME_TAKEN
    return problem.message if problem is not None else ""


@pytest.mark.parametrize(
    ("obj", "others", "words"),
    [
        pytest.param(deployment(), [route()], ELSEWHERE, id="a hand-made route of another namespace"),
        pytest.param(
            deployment(), [served()], ELSEWHERE, id="a younger model that serves: its hostname is not taken over"
        ),
        pytest.param(
            deployment(), [route(hosts=["*.example.com"])], ELSEWHERE, id="more specific under their wildcard"
        ),
        pytest.param(deployment(hosts=["*.example.com"]), [route()], ELSEWHERE, id="a wildcard over their hostname"),
        pytest.param(deployment(hosts=["*.com"]), [route(hosts=["*.example.com"])], ELSEWHERE, id="two wildcards"),
        pytest.param(deployment(), [route(hosts=[])], ELSEWHERE, id="their route without hostnames has all"),
        pytest.param(
            deployment(hosts=["a.b", MINE]), [route()], f": {MINE} is claimed", id="only what is taken is told"
        ),
        pytest.param(deployment(), [route(sectionName="https")], ELSEWHERE, id="a listener of the same Gateway"),
        pytest.param(deployment(sectionName="http"), [route(sectionName="https")], "", id="another listener"),
        pytest.param(deployment(), [route(gateway="x")], "", id="another Gateway"),
        pytest.param(deployment(), [route(kind="Service")], "", id="a mesh"),
        pytest.param(deployment(), [route(accepted="False")], "", id="a Gateway that does not let them in"),
        pytest.param(
            deployment(), [route("prod", "web")], "", id="hand-made, of ours: it may go on until Serin's has taken over"
        ),
        pytest.param(
            deployment(), [served("prod", "web")], "by ModelDeployment web in this", id="another model of ours"
        ),
        pytest.param(deployment(), [route("prod", hosts=["*.example.com"])], "", id="under our own wildcard"),
        pytest.param(deployment(hosts=["*.example.com"]), [served("prod")], "", id="our own wildcard over it"),
        pytest.param(deployment(), [route("prod", hosts=[])], "", id="our own route for the rest"),
        pytest.param(
            deployment(),
            [route(), served("prod", "web")],
            "by ModelDeployment web in this namespace",
            id="what the asker may see is told first",
        ),
        pytest.param(
            deployment(created="2026-11-22T02:59:00Z"),
            [deployment("risk", "secret", "2026-11-22T02:51:00Z", hosts=["*.example.com"])],
            ELSEWHERE,
            id="an older one that is about to serve",
        ),
        pytest.param(
            deployment(created="2026-11-22T02:59:00Z"),
            [deployment("risk", "secret", "2026-11-22T02:50:00Z")],
            "",
            id="an older one that never served, after ten minutes",
        ),
        pytest.param(
            deployment(), [deployment("risk", "s", "2026-11-22T02:59:00Z")], "", id="a younger one without a route"
        ),
        pytest.param(
            deployment(),
            [deployment("risk", "secret", "2026-11-22T01:00:00Z"), served(hosts=["other.example.com"])],
            "",
            id="one that serves another hostname and only wants this one",
        ),
        pytest.param(deployment(), [deployment("risk", "secret", "yesterday")], "", id="no time that can be read"),
    ],
)
async def test_a_hostname_is_taken(obj: Obj, others: list[Obj], words: str) -> None:
    message = await told(obj, *others)
    assert words in message if words else message == ""
    assert "secret" not in message
    assert "risk" not in message, "whoever asks learns no names of another namespace"


@pytest.mark.parametrize(
    ("own", "wanted", "words"),
    [
        pytest.param(route("prod", "fraud"), deployment(), "", id="what is in force is not asked about"),
        pytest.param(
            route("prod", "fraud", hosts=[MINE, "gold.example.com"]), deployment(), "", id="nor a hostname that goes"
        ),
        pytest.param(
            route("prod", "fraud", namespace="prod"), deployment(), MINE, id="the same name on another Gateway"
        ),
        pytest.param(route("prod", "fraud", sectionName="internal"), deployment(), MINE, id="or on another listener"),
        pytest.param(
            route("prod", "fraud"),
            deployment(hosts=[MINE, "gold.example.com"]),
            ": gold.example.com is claimed",
            id="only the new hostname is asked about",
        ),
        pytest.param(
            route("prod", "fraud", hosts=[]), deployment(), MINE, id="a route whose hostnames somebody took away"
        ),
    ],
)
async def test_the_question_is_about_what_the_route_does_not_have(own: Obj, wanted: Obj, words: str) -> None:
    message = await told(wanted, route(hosts=["*.example.com"]), own=own)
    assert words in message if words else message == ""


async def test_only_the_namespaces_of_the_settings_are_read() -> None:
    assert await told(deployment(), route(), namespaces=("prod", "risk")) != ""
    assert await told(deployment(), route(), namespaces=("prod",)) == ""


async def test_a_cluster_without_the_gateway_api_has_no_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = FakeCluster()
    real = cluster.list

    async def unknown(resource: resources.Resource, namespace: str, selector: str) -> list[Obj]:
        if resource is resources.HTTP_ROUTES:
            raise NotFound("the server could not find the requested resource")
        return await real(resource, namespace, selector)

    monkeypatch.setattr(cluster, "list", unknown)
    claim = RouteClaim(ModelDeploymentStatus(), None, None, NOW)
    assert await hostname_taken(cluster, deployment(), claim, ()) is None


@pytest.mark.parametrize(
    ("status", "arms", "asked"),
    [
        (ModelDeploymentStatus(), {}, True),
        (ModelDeploymentStatus(candidate=ref("1")), {"1": Arm(ref("1"), 0)}, False),
        (ModelDeploymentStatus(candidate=ref("1")), {"1": Arm(ref("1"), 1)}, True),
        (ModelDeploymentStatus(stable=ref("1").model_copy(update={"since": NOW})), {"1": Arm(ref("1"), 1)}, False),
        # Rebuilt from records: the ModelDeployment may be another one of the same name, with another hostname.
        (ModelDeploymentStatus(stable=ref("1")), {"1": Arm(ref("1"), 1)}, True),
    ],
)
async def test_without_a_route_it_is_asked_at_the_start_and_before_the_route(
    status: ModelDeploymentStatus, arms: dict[str, Arm], *, asked: bool
) -> None:
    cluster = FakeCluster()
    cluster.put(resources.HTTP_ROUTES, route())
    problem = await hostname_taken(cluster, deployment(), RouteClaim(status, None, arms, NOW), ())
    assert (problem is not None) is asked


@pytest.mark.parametrize(
    ("parents", "kept"),
    [
        ([{"name": "old", "namespace": "infra", "sectionName": "https"}], ("old", "infra", "https")),
        ([{"name": "old"}, SHARED], ("shared", "gateways", None)),
        ([{"kind": "Service", "group": "", "name": "mesh"}, {"name": "old"}], ("old", None, None)),
        ([], ("shared", "gateways", None)),
    ],
)
def test_what_is_in_force_stays(parents: list[Obj], kept: tuple[str, str | None, str | None]) -> None:
    own = route("prod", "fraud", hosts=["old.example.com"])
    own["spec"]["parentRefs"] = parents
    found = with_route_in_force(ModelDeployment.model_validate(deployment()), own).spec.route
    assert found.hostnames == ["old.example.com"]
    assert (found.parent_ref.name, found.parent_ref.namespace, found.parent_ref.section_name) == kept


labels = st.text("ab-0", min_size=1, max_size=4)
hostnames = st.builds(
    lambda wild, parts: f"{wild}{'.'.join(parts)}",
    st.sampled_from(["", "", "*."]),
    st.lists(labels, min_size=1, max_size=3),
)
hosts = st.lists(hostnames, min_size=1, max_size=3)
strangers = st.builds(
    lambda owner, made, hosts, accepted, gateway, section: made(
        owner,
        "hush-4711",
        hosts=hosts,
        accepted=accepted,
        gateway=gateway,
        **({"sectionName": section} if section else {}),
    ),
    st.sampled_from(["prod", "team-4711"]),
    st.sampled_from([route, served]),
    hosts | st.just([]),
    st.sampled_from(["True", "False", "Unknown"]),
    st.sampled_from(["shared", "other"]),
    st.sampled_from([None, "http", "https"]),
)


@fuzzed()
@given(hosts, st.lists(strangers, max_size=3), st.sampled_from([None, "https"]))
def test_whoever_else_has_it_is_found_and_never_named_to_another_namespace(
    mine: list[str], others: list[Obj], section: str | None
) -> None:
    for number, other in enumerate(others):
        other["metadata"]["name"] += f"-{number}"
        if "labels" in other["metadata"]:
            other["metadata"]["labels"] = {"serin.dev/model-deployment": other["metadata"]["name"]}
    obj = deployment(hosts=mine, **({"sectionName": section} if section else {}))
    words = asyncio.run(told(obj, *others))
    elsewhere = [
        other
        for other in others
        if other["metadata"]["namespace"] != "prod"
        and other["status"]["parents"][0]["conditions"][0]["status"] == "True"
        and other["spec"]["parentRefs"][0]["name"] == "shared"
        and (section is None or other["spec"]["parentRefs"][0].get("sectionName") in {None, section})
    ]
    taken = any(
        overlap(asked, theirs) for other in elsewhere for theirs in other["spec"]["hostnames"] or mine for asked in mine
    )
    assert "team-4711" not in words
    assert words.isprintable()
    if taken:
        assert words
    if words and "hush-4711" in words:
        assert "in this namespace" in words
    if not taken and all(other["metadata"]["namespace"] != "prod" for other in others):
        assert words == ""
