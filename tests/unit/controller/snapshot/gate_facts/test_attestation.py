"""Proof from another cluster in a ConfigMap or a Secret: what is believed, and what is told of what is not."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest

from serin.cluster import resources
from serin.cluster.resources import Resource
from serin.errors import Refused, Unavailable
from tests.attestations import FILE, STRANGER, V2, proof
from tests.clock import START
from tests.lab import POLICY, Lab


class Remote(Lab):
    """A ModelDeployment that waits for a proof."""

    def __init__(self, model: dict[str, Any] = V2, **changes: Any) -> None:
        attestation = FILE | changes.pop("file", {})
        gate = {"name": "proof", "before": "Start", "upstream": {"attestation": attestation} | changes}
        super().__init__(POLICY | {"gates": [gate]})
        self.model = model

    def put(self, text: str, resource: Resource = resources.CONFIG_MAPS, key: str = "fraud.json") -> None:
        meta = {"namespace": "prod", "name": "proofs"}
        self.cluster.put(resource, {"metadata": meta, "data": {key: text}})

    async def asks(self) -> None:
        await self.until(self.stable("1"))
        self.want("2", model=self.model)
        for _ in range(12):
            await self.tick()

    @property
    def told(self) -> str:
        return str(next(g for g in self.status["rollout"]["gates"] if g["name"] == "proof")["message"])


async def test_a_proof_opens_the_gate_and_stands_in_the_record() -> None:
    lab = Remote()
    await lab.asks()
    assert (lab.status["phase"], lab.status["reason"]) == ("Waiting", "WaitingForUpstream")
    assert "key fraud.json of ConfigMap proofs: it is not there yet" in lab.told
    lab.put(proof())
    await lab.until(lab.stable("2"))
    assert "attested by PromotionRecord staging/fraud-1" in lab.record(2)["status"]["gates"][0]["message"]


async def test_a_secret_is_read_too_where_serin_may() -> None:
    lab = Remote(file={"configMap": None, "secret": "proofs"})
    lab.put(base64.b64encode(proof().encode()).decode(), resources.SECRETS)
    await lab.until(lab.stable("1"))
    lab.want("2", model=V2)
    await lab.until(lab.stable("2"))


REFUSED = [
    (proof(STRANGER), {}, "no signature of the envelope is of this public key"),
    (proof(digest="sha256:" + "11" * 32), {}, "the attestation is about sha256:1111"),
    (proof(result="WARNED"), {}, "says WARNED, not PASSED"),
    (proof(at=START - timedelta(days=8)), {}, "older than 168h"),
    (proof(at=START - timedelta(hours=2)), {"file": {"maxAge": "1h"}}, "older than 1h"),
    (proof(at=START + timedelta(hours=2)), {}, "in the future"),
    (proof(), {"namespace": "dev", "name": "fraud"}, "it is of staging/fraud, not of dev/fraud"),
    ("not JSON", {}, "no signed envelope (DSSE) as JSON"),
    ("[" * 100_000, {}, "no signed envelope (DSSE) as JSON"),
    ("[]", {}, "no signed envelope (DSSE) as JSON"),
    ("{}", {}, "payloadType"),
    (proof(), {"file": {"key": "other.json"}}, "there is no such key yet"),
]


@pytest.mark.parametrize(("text", "changes", "words"), REFUSED)
async def test_what_is_not_believed_holds_and_says_why(text: str, changes: dict[str, Any], words: str) -> None:
    lab = Remote(**changes)
    lab.put(text)
    await lab.asks()
    assert lab.status["phase"] == "Waiting"
    assert words in lab.told


async def test_the_name_of_the_other_side_may_be_asked_for() -> None:
    lab = Remote(namespace="staging", name="fraud")
    lab.put(proof())
    await lab.until(lab.stable("1"))
    lab.want("2", model=V2)
    await lab.until(lab.stable("2"))


async def test_without_a_digest_there_is_nothing_to_prove() -> None:
    lab = Remote(model={"version": "2", "uri": "s3://models/2"})
    lab.put(proof())
    await lab.asks()
    assert "spec.model has no digest" in lab.told
    assert lab.condition("Stalled")["status"] == "True"


@pytest.mark.parametrize(
    ("error", "words", "stalled"),
    [
        (Refused("403 forbidden"), "403 forbidden; name it in the chart's attestations.secrets", "True"),
        (Unavailable("503"), "cannot be read: 503", "False"),
    ],
)
async def test_what_may_not_be_read_is_told(error: Exception, words: str, stalled: str) -> None:
    lab = Remote(file={"configMap": None, "secret": "proofs"})
    read = lab.cluster.get

    async def get(resource: Resource, namespace: str, name: str) -> Any:
        if resource == resources.SECRETS:
            raise error
        return await read(resource, namespace, name)

    lab.cluster.get = get  # type: ignore[method-assign]
    await lab.asks()
    assert words in lab.told
    assert lab.condition("Stalled")["status"] == stalled


async def test_nothing_of_a_secret_is_told_that_is_no_proof() -> None:
    lab = Remote(file={"configMap": None, "secret": "proofs"})
    lab.put(
        base64.b64encode(b'{"payload": "hunter2", "payloadType": "hunter2", "password": "hunter2"}').decode(),
        resources.SECRETS,
    )
    await lab.asks()
    assert "payloadType" in lab.told
    assert "hunter2" not in str(lab.cluster.objects["modeldeployments", "prod", "fraud"]["status"])
    assert all("hunter2" not in str(o) for k, o in lab.cluster.objects.items() if k[0] == "promotionrecords")


async def test_a_proof_that_goes_away_half_way_holds_what_is_left() -> None:
    lab = Remote()
    lab.put(proof())
    await lab.until(lab.stable("1"))
    lab.want("2", model=V2)
    await lab.until(lab.phase("Progressing"))
    lab.put(proof(STRANGER, at=lab.now))
    for _ in range(15):
        await lab.tick()
    assert lab.status["reason"] == "WaitingForUpstream"
    lab.put(proof(at=lab.now))
    await lab.until(lab.stable("2"))
