"""The proof of another cluster: attested from a finished record, brought as a ConfigMap, believed by its key alone."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from e2e.demo.objects import STORE
from e2e.deploy import rights
from e2e.scenarios.command_line import CommandLine
from e2e.scenarios.site import MODEL
from e2e.scenarios.test_gates import gate, held_by

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.deploy.cluster import Json
    from e2e.scenarios.site import Site

pytestmark = [pytest.mark.matrix, pytest.mark.timeout(600)]  # two environments, one after the other
DIGEST = "sha256:" + "9f" * 32
SECOND = {"version": "2", "uri": f"{STORE}/fraud/2.tar.gz", "digest": DIGEST}
PROOFS, FILE = "serin-attestations", "fraud.json"


def key_pair(folder: Path, name: str) -> tuple[Path, str]:
    """A private key as a file, and the public one as PEM."""
    key, path = ed25519.Ed25519PrivateKey.generate(), folder / f"{name}.pem"
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(key.private_bytes(*form))
    pem, info = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return path, key.public_key().public_bytes(pem, info).decode()


def proven(staging: Site) -> None:
    """Version 2 is promoted there."""
    staging.go_live()
    staging.policy(steps=[{"weight": 50, "for": "2s"}])
    with staging.load():
        staging.want("2", model=SECOND)
        staging.until_stable("2")
    staging.until_outcome("Promoted")


def attested(staging: Site, key: Path) -> str:
    """What ``serin attest`` says of the newest record, signed."""
    record = staging.records()[-1]["metadata"]["name"]
    serin = CommandLine(staging.provider.kubeconfig, staging.namespace)
    ran = serin.piped("attest", f"prec/{record}", "--key", str(key))
    assert ran.code == 0, ran.err
    return ran.out


def brought(site: Site, text: str) -> None:
    """The file comes as a ConfigMap, by whoever may write it."""
    metadata = {"name": PROOFS, "namespace": site.namespace}
    site.api.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {FILE: text}})


def changed(envelope: str) -> str:
    """The same signature with a statement that somebody changed."""
    found: Json = json.loads(envelope)
    statement = json.loads(base64.b64decode(found["payload"]))
    statement["predicate"]["passedTests"] = ["everything"]
    return json.dumps(found | {"payload": base64.b64encode(json.dumps(statement).encode()).decode()})


def test_the_proof_of_another_cluster_opens_the_gate_and_no_other_does(staging: Site, site: Site) -> None:
    key, public = key_pair(site.folder, "pipeline")
    strangers, _ = key_pair(site.folder, "stranger")
    proven(staging)
    proof = attested(staging, key)
    site.go_live()
    source = {"configMap": PROOFS, "key": FILE, "publicKey": public, "maxAge": "1h"}
    upstream = {"namespace": staging.namespace, "name": MODEL, "attestation": source}
    site.policy(gates=[{"name": "staging", "before": "Start", "upstream": upstream}])
    with site.load():
        site.want("2", model=SECOND)
        held_by(site, "staging", "WaitingForUpstream", "name it in the chart's attestations.configMaps")
        for item in rights.may_read(site.namespace, "configmaps", PROOFS):
            site.api.apply(item)
        held_by(site, "staging", "WaitingForUpstream", "it is not there yet")
        for wrong in (changed(proof), attested(staging, strangers)):
            brought(site, wrong)
            held_by(site, "staging", "WaitingForUpstream", "it was changed, or signed by somebody else")
            brought(site, "{}")
            held_by(site, "staging", "WaitingForUpstream", "payloadType is not")
        assert (site.status["phase"], len(site.services())) == ("Waiting", 1), "no pod of the candidate"
        brought(site, proof)
        site.until_stable("2")
    site.nobody_else_failed()
    record = site.until_outcome("Promoted")
    results = record["status"]["gates"]  # it is asked to the end: once for each move
    assert {(one["name"], one["kind"], one["state"]) for one in results} == {("staging", "upstream", "Open")}
    name = staging.records()[-1]["metadata"]["name"]
    assert f"attested by PromotionRecord {staging.namespace}/{name}" in results[0]["message"]
    assert gate(site, "staging") == {}, "the rollout is over"


def test_a_proof_of_another_model_opens_nothing(staging: Site, site: Site) -> None:
    key, public = key_pair(site.folder, "pipeline")
    proven(staging)
    proof = attested(staging, key)
    site.go_live()
    for item in rights.may_read(site.namespace, "configmaps", PROOFS):
        site.api.apply(item)
    brought(site, proof)
    source = {"configMap": PROOFS, "key": FILE, "publicKey": public, "maxAge": "1h"}
    site.policy(gates=[{"name": "staging", "before": "Start", "upstream": {"attestation": source}}])
    site.want("2", model=SECOND | {"digest": "sha256:" + "7a" * 32})
    held_by(site, "staging", "WaitingForUpstream", f"the attestation is about {DIGEST}, not about sha256:7a7a")
    assert len(site.services()) == 1
