"""A rejected model is applied under another name: played on whole passes."""

from __future__ import annotations

from typing import Any

import pytest

from serin.cluster import resources
from serin.cluster.client import Object
from serin.errors import Refused, Unavailable
from tests.lab import Lab, spec
from tests.world import SECOND

HEX = "0123456789abcdef" * 4
DIGEST, OTHER = f"sha256:{HEX}", f"sha256:{'f' * 64}"
PINNED = f"oci://registry.example.com/fraud@{DIGEST}"
RENAMED = "fraud2"
LABEL = "serin.dev/model-digest"


def model(**fields: Any) -> dict[str, Any]:
    """Another place and version of the rejected model, unless ``fields`` say otherwise."""
    return {"version": "again", "uri": "s3://elsewhere/model", "digest": DIGEST} | fields


class Renaming(Lab):
    """ModelDeployment fraud, and another one in its namespace."""

    questions: list[str]
    refusal: Exception | None = None

    def __init__(self) -> None:
        super().__init__()
        self.questions = []
        rows = self.cluster.list_rows

        async def list_rows(resource: resources.Resource, namespace: str, selector: str) -> list[Object]:
            if LABEL in selector:
                self.questions.append(selector)
                if self.refusal is not None:
                    raise self.refusal
            return await rows(resource, namespace, selector)

        self.cluster.list_rows = list_rows  # type: ignore[method-assign]

    def apply(self, name: str = RENAMED, namespace: str = "prod", **fields: Any) -> None:
        route = spec("1")["route"] | {"hostnames": [f"{name}.{namespace}.example.com"]}
        old = self.cluster.objects.get(("modeldeployments", namespace, name))
        metadata = old["metadata"] if old else {"namespace": namespace, "name": name, "generation": 1}
        obj = {"apiVersion": "serin.dev/v1alpha1", "kind": "ModelDeployment", **(old or {}), "metadata": metadata}
        self.cluster.put(resources.MODEL_DEPLOYMENTS, {**obj, "spec": spec("1", model=model(**fields), route=route)})

    async def passes(self, count: int = 8, name: str = RENAMED, namespace: str = "prod") -> dict[str, Any]:
        for _ in range(count):
            await self.reconciler.reconcile((namespace, name))
            self.now += SECOND
        return dict(self.cluster.objects["modeldeployments", namespace, name]["status"])

    def made(self) -> list[tuple[str, str, str]]:
        """What serves the renamed ModelDeployment, or would."""
        served = (resources.INFERENCE_SERVICES, resources.HTTP_ROUTES, resources.PROMOTION_RECORDS)
        kinds = {kind.plural for kind in served}
        return [key for key in self.cluster.objects if key[0] in kinds and key[2].startswith(RENAMED)]

    def retry(self, revision: str) -> None:
        fields = {"modelDeployment": RENAMED, "action": "Retry", "revision": revision, "requestedBy": "ana"}
        body = {"metadata": {"namespace": "prod", "name": "please"}, "spec": fields}
        self.cluster.put(resources.PROMOTION_ACTIONS, body)


async def rejected(**fields: Any) -> Renaming:
    """Version 2 of fraud was taken back; ``fields`` are of its model."""
    lab = Renaming()
    await lab.until(lab.stable("1"))
    lab.want("2", model={"version": "2", "uri": "s3://models/2", "digest": DIGEST} | fields)
    lab.prometheus.candidate_bad = 30
    await lab.until(lab.rolled_back)
    await lab.passes(3, "fraud")
    return lab


async def test_a_new_name_is_no_way_around_a_rejection() -> None:
    lab = await rejected()
    lab.apply()
    status = await lab.passes()
    assert (lab.made(), status["phase"], status["reason"]) == ([], "Pending", "RejectedElsewhere")
    stalled = next(c for c in status["conditions"] if c["type"] == "Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", "RejectedElsewhere")
    assert "is model sha256:0123456789ab…, which ModelDeployment fraud took back at 2026-" in stalled["message"]
    assert lab.status["stable"]["version"] == "1"


@pytest.mark.parametrize(
    ("first", "then"),
    [
        pytest.param({"uri": PINNED, "digest": None}, {"uri": PINNED, "digest": None}, id="pinned in both"),
        pytest.param({"uri": PINNED, "digest": None}, {}, id="pinned, then declared"),
        pytest.param({}, {"uri": PINNED, "digest": OTHER}, id="a false word beside a pin"),
    ],
)
async def test_the_model_is_known_however_its_digest_is_told(first: dict[str, Any], then: dict[str, Any]) -> None:
    lab = await rejected(**first)
    lab.apply(**then)
    assert (await lab.passes())["reason"] == "RejectedElsewhere"
    assert lab.made() == []


async def test_a_record_can_be_selected_by_the_model() -> None:
    lab = await rejected()
    assert lab.record(2)["metadata"]["labels"][LABEL] == f"sha256-{HEX[:32]}"
    assert LABEL not in lab.record(1)["metadata"]["labels"], "nobody knows the model of version 1"


async def test_the_old_name_may_be_gone() -> None:
    lab = await rejected()
    del lab.cluster.objects["modeldeployments", "prod", "fraud"]
    lab.apply()
    assert (await lab.passes())["reason"] == "RejectedElsewhere"


async def test_a_retry_lets_it_go() -> None:
    lab = await rejected()
    lab.apply()
    message = (await lab.passes())["message"]
    lab.retry(message.rsplit(" ", 1)[-1])
    status = await lab.passes()
    assert (status["phase"], status["stable"]["version"]) == ("Stable", "again")
    assert lab.obj(resources.PROMOTION_ACTIONS, "please")["status"]["outcome"] == "Accepted"


async def test_another_model_goes() -> None:
    lab = await rejected()
    lab.apply()
    await lab.passes()
    lab.apply(digest=OTHER)
    assert (await lab.passes())["phase"] == "Stable"


async def test_a_harmless_model_first_is_no_way_around() -> None:
    lab = await rejected()
    lab.cluster.ready = lambda name: 0 if name.startswith(RENAMED) else 1
    lab.apply(digest=OTHER)
    status = await lab.passes(3)
    begun = status["candidate"]["revision"]
    lab.cluster.ready = lambda _: 1
    lab.apply()
    status = await lab.passes()
    assert (status["reason"], status["candidate"]["revision"]) == ("RejectedElsewhere", begun)
    assert [key[2] for key in lab.made() if key[0] == "inferenceservices"] == [f"{RENAMED}-{begun}"]
    lab.apply(digest=OTHER)
    assert (await lab.passes())["phase"] == "Stable"


async def test_a_later_rollout_goes_by_its_evidence() -> None:
    lab = await rejected()
    lab.apply(digest=OTHER)
    await lab.passes()
    asked = len(lab.questions)
    lab.apply()
    status = await lab.passes(4)
    assert (status["phase"] in {"Preparing", "Progressing"}, status["rollout"]["steps"]) == (True, 2)
    assert len(lab.questions) == asked


async def test_what_was_promoted_since_goes() -> None:
    lab = await rejected()
    lab.apply()
    await lab.passes()
    revision = lab.status["rejected"][0]["revision"]
    fields = {"modelDeployment": "fraud", "action": "Retry", "revision": revision, "requestedBy": "ana"}
    body = {"metadata": {"namespace": "prod", "name": "again"}, "spec": fields}
    lab.cluster.put(resources.PROMOTION_ACTIONS, body)
    lab.prometheus.candidate_bad = 0
    await lab.until(lab.stable("2"))
    await lab.passes(3, "fraud")
    assert (await lab.passes())["phase"] == "Stable"


@pytest.mark.parametrize(("refusal", "stalled"), [(Refused("forbidden"), "True"), (Unavailable("away"), "False")])
async def test_records_that_cannot_be_read_hold_only_what_is_new(refusal: Exception, stalled: str) -> None:
    lab = await rejected()
    lab.refusal = refusal
    lab.apply()
    status = await lab.passes(3)
    assert (lab.made(), status["reason"]) == ([], "ObservationIncomplete")
    assert "PromotionRecords of other ModelDeployments cannot be read" in status["message"]
    assert next(c for c in status["conditions"] if c["type"] == "Stalled")["status"] == stalled
    lab.prometheus.candidate_bad = 0
    lab.want("3")
    await lab.until(lab.stable("3"))
    lab.refusal = None
    assert (await lab.passes())["reason"] == "RejectedElsewhere"


async def test_nobody_is_asked_but_for_a_first_deployment_of_a_known_model() -> None:
    lab = await rejected()
    asked = len(lab.questions)
    await lab.passes(5, "fraud")
    lab.apply(digest=None)
    assert (await lab.passes())["phase"] == "Stable", "nobody knows what it is"
    assert len(lab.questions) == asked
    lab.apply("fraud3", digest=OTHER)
    assert (await lab.passes(name="fraud3"))["phase"] == "Stable"
    assert len(lab.questions) == asked + 1
    await lab.passes(5, "fraud3")
    assert len(lab.questions) == asked + 1


async def test_another_namespace_is_not_concerned() -> None:
    lab = await rejected()
    lab.cluster.put(
        resources.PROMOTION_POLICIES, {"metadata": {"namespace": "test", "name": "careful"}, "spec": lab.policy}
    )
    lab.apply(namespace="test")
    assert (await lab.passes(namespace="test"))["phase"] == "Stable"


@pytest.mark.parametrize("columns", [True, False])
async def test_records_without_the_label_or_the_columns(*, columns: bool) -> None:
    """The label is of this version; a record whose row does not say all is read whole."""
    lab = await rejected()
    rejecting = lab.record(2)
    if columns:
        del rejecting["metadata"]["labels"][LABEL]
    else:
        rows = lab.cluster.list_rows

        async def list_rows(resource: resources.Resource, namespace: str, selector: str) -> list[Object]:
            found = await rows(resource, namespace, selector)
            return [{**row, "columns": {}} for row in found]

        lab.cluster.list_rows = list_rows  # type: ignore[method-assign]
    lab.apply()
    assert (await lab.passes())["reason"] == ("Serving" if columns else "RejectedElsewhere")


async def test_what_is_under_way_goes_on() -> None:
    """An upgrade in the middle of a first deployment: its candidate is not asked about."""
    lab = await rejected()
    lab.cluster.ready = lambda name: 0 if name.startswith(RENAMED) else 1
    hidden = lab.record(2)["metadata"]["labels"].pop(LABEL)
    lab.apply()
    await lab.passes(3)
    lab.record(2)["metadata"]["labels"][LABEL] = hidden
    lab.cluster.ready = lambda _: 1
    assert (await lab.passes())["phase"] == "Stable"


async def test_a_route_made_by_hand_is_no_way_around() -> None:
    lab = await rejected()
    lab.apply()
    await lab.passes()
    metadata = {"namespace": "prod", "name": RENAMED, "annotations": {"serin.dev/stable-revision": "12345678"}}
    lab.cluster.put(resources.HTTP_ROUTES, {"metadata": metadata, "spec": {"rules": []}, "status": {}})
    await lab.passes()
    assert [key for key in lab.cluster.objects if key[0] == "inferenceservices" and RENAMED in key[2]] == []
