"""What is stable elsewhere: who may ask, what counts as the same, what ends its time, what is a circle."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from serin.api.revision import Source, hash_of
from serin.cluster import resources
from serin.cluster.resources import Resource
from serin.controller.snapshot.gate_facts.upstream import is_same_artefact
from serin.errors import Refused, Unavailable
from serin.schema.types import format_time
from tests.lab import POLICY, Lab, spec

HOUR = timedelta(hours=1)
DIGEST = "sha256:" + "9f" * 32
OTHER = "sha256:" + "11" * 32
V2 = {"version": "2", "uri": "s3://models/2", "digest": DIGEST}


def gate(namespace: str = "staging", name: str = "fraud", **more: Any) -> dict[str, Any]:
    return {"name": "before-us", "before": "Start", "upstream": {"namespace": namespace, "name": name} | more}


class Pipeline(Lab):
    """The ModelDeployment of the lab, and others before it."""

    def __init__(self, *gates: dict[str, Any]) -> None:
        super().__init__(POLICY | {"gates": list(gates or [gate()])})

    def upstream(
        self,
        model: dict[str, Any],
        since: datetime,
        *,
        namespace: str = "staging",
        asks: dict[str, Any] | None = None,
        gates: list[dict[str, Any]] | None = None,
        downstream: Any = ("prod",),
        **status: Any,
    ) -> dict[str, Any]:
        """A ModelDeployment with ``model`` as stable; spec ``asks`` for something else."""
        its = spec("x")
        revision = hash_of(model, its["predictor"])
        service = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "name": "x"}
        stable = {"revision": revision[:8], "hash": revision, "version": model["version"], "workload": service}
        served = {"type": "Available", "status": "True", "reason": "Serving", "message": "it serves"}
        obj = {
            "metadata": {"namespace": namespace, "name": "fraud", "generation": 1},
            "spec": its
            | {"model": asks or model}
            | ({"downstream": {"namespaces": list(downstream)}} if downstream else {}),
            "status": {
                "phase": "Stable",
                "stable": stable | {"since": format_time(since)},
                "conditions": [served | {"lastTransitionTime": format_time(since)}],
            }
            | status,
        }
        self.cluster.put(resources.MODEL_DEPLOYMENTS, obj)
        meta = {"namespace": namespace, "name": "careful"}
        self.cluster.put(resources.PROMOTION_POLICIES, {"metadata": meta, "spec": POLICY | {"gates": gates or []}})
        return obj

    async def wants_2(self) -> None:
        """Version 2 is asked for, and the gate was asked a few times."""
        await self.until(self.stable("1"))
        self.want("2", model=V2)
        await self.look()

    async def look(self) -> None:
        """Long enough for another look."""
        for _ in range(12):
            await self.tick()

    @property
    def gate(self) -> dict[str, Any]:
        return next(g for g in self.status["rollout"]["gates"] if g["name"] == "before-us")


def ago(lab: Lab, hours: float = 2) -> datetime:
    return lab.now - hours * HOUR


async def test_it_opens_when_the_same_artefact_has_been_stable_for_the_soak() -> None:
    lab = Pipeline(gate(soak="1h"))
    lab.upstream(V2, since := lab.now)
    await lab.wants_2()
    assert (lab.status["phase"], lab.status["reason"]) == ("Waiting", "WaitingForUpstream")
    assert lab.gate["until"] == format_time(since + HOUR)
    assert "version 2 has been stable in staging/fraud (digest sha256:9f9f9f9f9f9f…)" in lab.gate["message"]
    assert lab.condition("Stalled")["status"] == "False"
    writes = lab.obj()["metadata"]["resourceVersion"]
    await lab.look()
    assert lab.obj()["metadata"]["resourceVersion"] == writes, "nothing is written while nothing changes"
    lab.now += HOUR
    await lab.until(lab.stable("2"))
    results = [(g["name"], g["state"]) for g in lab.record(2)["status"]["gates"]]
    assert ("before-us", "Open") in results


NOT_YET: list[tuple[dict[str, Any], str]] = [
    ({"model": {"version": "1", "uri": "s3://models/1", "digest": OTHER}}, "version 1 of staging/fraud is another"),
    ({"model": V2 | {"digest": OTHER}}, "is another artefact (digest sha256:111111111111…)"),
    ({"model": V2, "stableDownSince": "2026-11-18T10:00:00Z"}, "it has had no ready endpoint since 2026-11-18T10:00"),
    ({"model": V2, "asks": {"version": "1", "uri": "s3://models/1"}, "back": True}, "somebody goes back to version 1"),
    ({"model": V2, "stable": None}, "nothing is stable in staging/fraud yet"),
]


@pytest.mark.parametrize(("there", "words"), NOT_YET)
async def test_what_is_not_so_holds_and_says_why(there: dict[str, Any], words: str) -> None:
    lab = Pipeline()
    back = there.pop("back", False)
    obj = lab.upstream(there.pop("model"), ago(lab), **there)
    if back:
        whole = hash_of(obj["spec"]["model"], obj["spec"]["predictor"])
        previous = obj["status"]["stable"] | {"hash": whole, "revision": whole[:8], "version": "1"}
        lab.cluster.put(resources.MODEL_DEPLOYMENTS, obj | {"status": obj["status"] | {"previous": previous}})
    await lab.wants_2()
    assert lab.status["phase"] == "Waiting"
    assert words in lab.gate["message"]


@pytest.mark.parametrize("ours", [True, False])
async def test_without_a_digest_uri_and_version_are_compared_and_it_says_that_this_is_weaker(*, ours: bool) -> None:
    lab = Pipeline()
    plain = {"version": "2", "uri": "s3://models/2"}
    lab.upstream(V2 if ours else plain, ago(lab))
    await lab.until(lab.stable("1"))
    lab.want("2", model=plain if ours else V2)
    await lab.until(lab.stable("2"))
    assert "weaker than a digest" in lab.record(2)["status"]["gates"][0]["message"]


SAME = [
    ({"digest": DIGEST}, {"digest": DIGEST, "uri": "elsewhere", "version": "other"}, True),
    ({"digest": DIGEST}, {"digest": OTHER}, False),
    ({"uri": f"oci://r/m@{DIGEST}", "digest": OTHER}, {"digest": DIGEST}, True),
    ({"uri": "u", "version": "1"}, {"uri": "u", "version": "1", "digest": DIGEST}, True),
    ({"uri": "u", "version": "1"}, {"uri": "u", "version": "2"}, False),
    ({"uri": "u", "version": "1"}, {"uri": "v", "version": "1"}, False),
    (
        {"uri": "u", "version": "1", "digest": "sha512:" + "9f" * 64},
        {"uri": "v", "version": "1", "digest": DIGEST},
        False,
    ),
]


@pytest.mark.parametrize(("ours", "theirs", "same"), SAME)
def test_what_is_the_same_artefact(ours: dict[str, Any], theirs: dict[str, Any], *, same: bool) -> None:
    assert is_same_artefact(Source(ours, {}), Source(theirs, {}))[0] is same


IMAGE = {"containers": [{"image": f"models/fraud@{DIGEST}"}]}
MOVING = {"containers": [{"image": "models/fraud:2"}]}


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [(IMAGE, IMAGE, True), (MOVING, MOVING, True), (MOVING, {"containers": [{"image": "models/fraud:3"}]}, False)],
)
def test_a_model_in_the_image_is_what_the_image_is(ours: dict[str, Any], theirs: dict[str, Any], *, same: bool) -> None:
    version = {"version": "2"}
    assert is_same_artefact(Source(version, ours), Source(version, theirs))[0] is same


async def test_a_newer_version_on_its_way_there_changes_nothing_for_the_stable_one() -> None:
    lab = Pipeline()
    lab.upstream(V2, ago(lab), asks={"version": "3", "uri": "s3://models/3"})
    await lab.wants_2()
    assert "is neither in spec nor in a record" in lab.gate["message"], "unknown is not no"
    assert lab.status["phase"] == "Waiting"
    own = lab.record(2)  # theirs is of the same content
    meta = own["metadata"] | {"namespace": "staging", "name": "fraud-theirs-1"}
    lab.cluster.put(resources.PROMOTION_RECORDS, own | {"metadata": meta, "spec": own["spec"] | {"attempt": 9}})
    await lab.until(lab.stable("2"))
    assert "digest sha256:9f9f9f9f9f9f…" in lab.record(2)["status"]["gates"][0]["message"]


async def test_the_same_words_whether_it_is_not_there_or_does_not_allow_it() -> None:
    said = []
    for downstream in (None, ("other",), "absent"):
        lab = Pipeline()
        if downstream != "absent":
            lab.upstream(V2, ago(lab), downstream=downstream)
        await lab.wants_2()
        assert lab.status["phase"] == "Waiting"
        assert lab.condition("Stalled")["status"] == "True"
        said.append(lab.gate["message"])
    assert len(set(said)) == 1
    assert "spec.downstream.namespaces has to name prod" in said[0]


async def test_a_consent_that_is_withdrawn_in_a_rollout_holds_it_and_no_way_back() -> None:
    lab = Pipeline()
    lab.upstream(V2, ago(lab))
    await lab.until(lab.stable("1"))
    lab.want("2", model=V2)
    await lab.until(lambda: (lab.status.get("weights") or {}).get("applied", 0) > 0)
    weights = lab.backends()
    lab.upstream(V2, ago(lab), downstream=None)
    for _ in range(6):
        await lab.look()
    assert lab.backends() == weights, "no step forward"
    assert "does not allow it" in lab.status["message"]
    lab.want("1")
    await lab.until(lab.stable("1"))
    assert lab.record(2)["status"]["outcome"] == "Superseded"


async def test_it_points_at_itself() -> None:
    lab = Pipeline(gate("prod"))
    await lab.wants_2()
    assert lab.condition("Stalled")["status"] == "True"
    assert "points at this ModelDeployment itself" in lab.condition("Stalled")["message"]
    assert lab.status["phase"] == "Waiting"


async def test_it_points_in_a_circle() -> None:
    lab = Pipeline()
    lab.cluster.put(resources.MODEL_DEPLOYMENTS, lab.obj() | {"spec": spec("1", downstream={"namespaces": ["dev"]})})
    lab.upstream(V2, ago(lab), gates=[gate("dev")])
    lab.upstream(V2, ago(lab), namespace="dev", downstream=("staging",), gates=[gate("prod")])
    await lab.until(lab.stable("1"))
    lab.want("2", model=V2)
    await lab.look()
    message = lab.condition("Stalled")["message"]
    assert "in a circle: prod/fraud → staging/fraud → dev/fraud → prod/fraud; break it" in message
    assert (lab.status["phase"], lab.condition("Stalled")["status"]) == ("Waiting", "True")
    lab.upstream(V2, ago(lab), namespace="dev", downstream=("staging",))
    await lab.until(lab.stable("2"))


@pytest.mark.parametrize(
    ("error", "stalled"),
    [(Unavailable("503"), "False"), (Refused("403 forbidden"), "True"), (RuntimeError("x"), "False")],
)
async def test_what_cannot_be_read_holds_and_says_why(error: Exception, stalled: str) -> None:
    lab = Pipeline()
    lab.upstream(V2, ago(lab))
    read = lab.cluster.get

    async def get(resource: Resource, namespace: str, name: str) -> Any:
        if namespace == "staging":
            raise error
        return await read(resource, namespace, name)

    lab.cluster.get = get  # type: ignore[method-assign]
    await lab.wants_2()
    assert lab.status["phase"] == "Waiting"
    assert "cannot be read: " in lab.gate["message"]
    assert str(error) in lab.gate["message"]
    assert lab.condition("Stalled")["status"] == stalled
    lab.cluster.get = read  # type: ignore[method-assign]
    await lab.until(lab.stable("2"))


async def test_a_malformed_one_is_unknown_and_is_not_quoted() -> None:
    lab = Pipeline()
    obj = lab.upstream(V2, ago(lab))
    broken = obj | {"status": obj["status"] | {"stable": {"revision": 5, "secret": "hunter2"}}}
    lab.cluster.put(resources.MODEL_DEPLOYMENTS, broken)
    await lab.wants_2()
    assert "not one that this version of Serin can read" in lab.gate["message"]
    assert "hunter2" not in str(lab.status)


@pytest.mark.parametrize("when", ["Preparing", "Progressing"])
async def test_who_goes_back_there_stops_what_follows_and_a_breach_is_taken_back_all_the_same(when: str) -> None:
    lab = Pipeline()
    lab.upstream(V2, ago(lab))
    await lab.until(lab.stable("1"))
    lab.want("2", model=V2)
    await lab.until(lab.phase(when))
    lab.now += timedelta(seconds=11)  # what was read before is too old by now
    lab.upstream({"version": "1", "uri": "s3://models/1", "digest": OTHER}, lab.now)
    for _ in range(30):
        await lab.tick()
    assert (lab.status["phase"], lab.status["reason"]) == (when, "WaitingForUpstream")
    assert "is another artefact" in lab.status["message"]
    if when == "Progressing":
        lab.prometheus.candidate_bad = 30
        await lab.until(lab.rolled_back)
        assert lab.record(2)["status"]["outcome"] == "RolledBack"
    else:
        lab.upstream(V2, lab.now)
        await lab.until(lab.stable("2"))


async def test_leaving_and_coming_back_begins_the_soak_anew() -> None:
    lab = Pipeline(gate(soak="1h"))
    lab.upstream(V2, ago(lab, 0.9))
    await lab.wants_2()
    lab.upstream({"version": "1", "uri": "s3://models/1", "digest": OTHER}, lab.now)
    await lab.look()
    assert "another artefact" in lab.gate["message"]
    lab.upstream(V2, back := lab.now)
    await lab.look()
    assert lab.gate["until"] == format_time(back + HOUR)


async def test_the_way_back_to_the_version_before_is_not_asked() -> None:
    lab = Pipeline()
    lab.upstream(V2, ago(lab))
    await lab.until(lab.stable("1"))
    lab.want("2", model=V2)
    await lab.until(lab.stable("2"))
    lab.want("1")
    await lab.until(lab.stable("1"))
    assert "waited" not in str(lab.record(3)["status"].get("gates", []))
