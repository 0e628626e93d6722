"""Gates of a policy on real parts: who opens them, what they hold, and that a breach goes back all the same."""

from __future__ import annotations

import copy
import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from e2e.demo.objects import API_VERSION, FEATURES, STORE
from e2e.deploy import RefusedError
from e2e.deploy.cluster import ClusterApi, wait_until
from e2e.sandbox.images.catalogue import TRIALS
from e2e.scenarios.provider import TRIALS as NEEDS_TRIALS
from e2e.scenarios.site import MODEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e2e.deploy.cluster import Json
    from e2e.scenarios.site import Site

pytestmark = pytest.mark.matrix
EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "gates"
RBAC = "rbac.authorization.k8s.io/v1"
FORBIDDEN = 403


@contextmanager
def person(site: Site, name: str, *actions: str) -> Iterator[ClusterApi]:
    """Somebody with a token of their own, who may say these things about models of the namespace."""
    metadata = {"name": name, "namespace": site.namespace}
    rights = ["promotionactions", *(f"promotionactions/{action}" for action in actions)]
    rules = [
        {"apiGroups": ["serin.dev"], "resources": rights, "verbs": ["create"]},
        {"apiGroups": ["serin.dev"], "resources": ["modeldeployments"], "verbs": ["get", "patch", "create"]},
        {"apiGroups": ["serin.dev"], "resources": ["promotionpolicies"], "verbs": ["use"]},
        {"apiGroups": ["serving.kserve.io"], "resources": ["inferenceservices"], "verbs": ["create"]},
        {"apiGroups": ["gateway.networking.k8s.io"], "resources": ["httproutes"], "verbs": ["create"]},
    ]
    site.api.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    site.api.apply({"apiVersion": RBAC, "kind": "Role", "metadata": metadata, "rules": rules})
    subject = {"kind": "ServiceAccount", **metadata}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    site.api.apply(
        {"apiVersion": RBAC, "kind": "RoleBinding", "metadata": metadata, "roleRef": role, "subjects": [subject]}
    )
    with ClusterApi(site.provider.kubeconfig_for(site.namespace, name)) as limited:
        yield limited


def says(api: ClusterApi, site: Site, action: str, name: str, **fields: str) -> str:
    """Creates a PromotionAction in the person's own name; the server's words if it is refused."""
    spec = {"modelDeployment": MODEL, "action": action, "requestedBy": api.user(), **fields}
    spec = {"rollout": site.status["rollout"]["record"], **spec}
    item = site.item("PromotionAction", name, spec)
    try:
        api._send("POST", api._path(API_VERSION, "PromotionAction", site.namespace), json=item)
    except RefusedError as error:
        return str(error)
    return ""


def gate(site: Site, name: str) -> Json:
    """Where a gate stands."""
    gates = site.status.get("rollout", {}).get("gates", [])
    return next((dict(g) for g in gates if g["name"] == name), {})


def held_by(site: Site, name: str, reason: str, words: str = "") -> None:
    """Until the gate holds the rollout, and says so."""
    site.until(
        lambda _: site.reason == reason and words in gate(site, name).get("message", ""),
        what=f"gate {name} holds: {words}",
    )


def asks_for(api: ClusterApi, item: Json) -> bool:
    """Whether the server takes a ModelDeployment; a right may be a moment old."""
    try:
        api.apply(item)
    except RefusedError as error:
        if "may not" in str(error) or error.status == FORBIDDEN:
            return False
        raise
    return True


def test_an_approval_is_asked_for_given_by_another_and_not_by_who_asked(site: Site) -> None:
    site.go_live()
    site.policy(gates=[{"name": "cab", "before": "Promote", "approval": {"ticketPattern": "CHG[0-9]+"}}])
    first = site.records()[0]["metadata"]["name"]
    with person(site, "ana", "approve") as ana, person(site, "bo", "approve") as bo, site.load():
        asks, approves = ana.user(), bo.user()
        item = site.model_deployment("2")
        item["metadata"]["annotations"] = {"serin.dev/requested-by": asks}
        wait_until(lambda: asks_for(ana, item), what="ana asks for version 2", seconds=20)
        held_by(site, "cab", "WaitingForApproval")
        assert site.weight() == 50
        assert "0 of 1 approvals with a ticket like CHG[0-9]+" in site.status["message"]
        assert says(ana, site, "Approve", "own", gate="cab", ticket="CHG1") == ""
        assert "asked for this revision, and may not approve it too" in site.told("own")["message"]
        assert says(bo, site, "Approve", "no-ticket", gate="cab") == ""
        assert "spec.ticket is to match CHG[0-9]+" in site.told("no-ticket")["message"]
        assert says(bo, site, "Approve", "replayed", gate="cab", ticket="CHG1", rollout=first) == ""
        assert site.told("replayed")["outcome"] == "Refused"
        assert "spec.requestedBy must be" in says(bo, site, "Approve", "forged", gate="cab", requestedBy=asks)
        assert "may not promote" in says(bo, site, "Promote", "no-right")
        assert site.weight() == 50
        assert says(bo, site, "Approve", "yes", gate="cab", ticket="CHG1") == ""
        site.until_stable("2")
    site.nobody_else_failed()
    record = site.until_outcome("Promoted")
    [result] = record["status"]["gates"]
    assert (result["name"], result["state"], result["by"]) == ("cab", "Open", approves)
    assert record["spec"]["requestedBy"]["user"] == asks


def test_a_window_is_closed_and_opens_by_itself(site: Site) -> None:
    site.go_live()
    opens = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=2)
    allow = {"cron": f"{opens.minute} {opens.hour} * * *", "for": "1h"}
    site.policy(windows={"allow": [allow]})
    with site.load():
        site.want("2")
        held_by(site, "windows", "OutsideWindow")
        assert opens.strftime("%Y-%m-%dT%H:%M") in site.status["message"]
        assert len(site.services()) == 1, "no pod of the candidate"
        site.until(lambda s: s.get("phase") != "Waiting", what="the window opens", seconds=150)
        assert datetime.now(UTC) >= opens
        site.until_stable("2")
    site.nobody_else_failed()


def test_a_number_holds_and_then_lets_it_pass(site: Site) -> None:
    site.go_live()
    query = f"count(up) * 0 + time() - {int(datetime.now(UTC).timestamp())}"
    site.policy(gates=[{"name": "budget", "before": "Start", "metric": {"query": query, "min": "45"}}])
    with site.load():
        site.want("2")
        held_by(site, "budget", "GateClosed", "below")
        site.until_stable("2")
    site.nobody_else_failed()
    [result] = site.until_outcome("Promoted")["status"]["gates"]
    assert (result["name"], result["kind"], result["state"]) == ("budget", "metric", "Open")


@pytest.mark.parametrize(
    "kind",
    [{"approval": {}}, {"metric": {"query": "count(up) * 0", "min": "1"}}],
    ids=["approval", "metric"],
)
def test_a_breach_while_a_gate_waits_is_taken_back(site: Site, kind: Json) -> None:
    site.go_live()
    site.policy(gates=[{"name": "shut", "before": "Step", **kind}])
    with site.load():
        # It is bad only after a minute, when the gate is asked.
        site.want("3", environment={"ERROR_RATE": "0.3", "ERROR_AFTER_S": "60"})
        held_by(site, "shut", "WaitingForApproval" if "approval" in kind else "GateClosed")
        record = site.until_taken_back()
    assert record["status"]["reason"] in {"SLOBreached", "AllRequestsBad"}
    site.nobody_else_failed(but="3")


def trials(site: Site, *names: str, key: str = "", held_out: str = "", **changes: Any) -> list[Json]:
    """The gates of the example, with the sandbox's image and gateway, and the ConfigMaps that they need."""
    from e2e.sandbox.images.train import held_out as samples
    from e2e.sandbox.images.train import public_key

    files = {path.name: path.read_text("utf-8") for path in (EXAMPLES / "trials").glob("*.py")}
    files["request.json"] = json.dumps({"instances": [list(FEATURES)]})
    for name, data in (
        ("trials", files),
        ("keys", {"models.pub": key or public_key()}),
        ("held-out", {"held-out.csv": held_out or samples()}),
    ):
        metadata = {"name": name, "namespace": site.namespace}
        site.api.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    text = (EXAMPLES / "trials.yaml").read_text("utf-8")
    text = text.replace("registry.example.com/trials:1", TRIALS).replace(
        "http://gateway.example.com", site.provider.gateway_cluster_url
    )
    found = {g["name"]: g for g in yaml.safe_load(text)["spec"]["gates"]}
    chosen = [copy.deepcopy(found[name]) for name in names]
    for one in chosen:
        one["job"] |= changes
    return chosen


def jobs(site: Site) -> list[Json]:
    """The Jobs of the namespace."""
    return site.api.list("batch/v1", "Job", site.namespace)


PREVIEW = {"header": {"name": "x-preview", "value": "change-me-8c1f"}, "for": "10s"}


@pytest.mark.needs(NEEDS_TRIALS)
def test_the_three_trials_let_a_good_version_through(site: Site) -> None:
    site.go_live()
    site.policy(gates=trials(site, "signature", "offline", "smoke"), preview=PREVIEW)
    with site.load():
        site.want("4", model={"version": "4", "uri": f"{STORE}/fraud/signed.tar.gz"})
        site.until_stable("4")
    site.nobody_else_failed()
    record = site.until_outcome("Promoted")
    results = {g["name"]: json.loads(g["result"]) for g in record["status"]["gates"]}
    assert set(results) == {"signature", "offline", "smoke"}
    assert {m["name"]: m["value"] for m in results["signature"]["metrics"]} == {"signature": 1}
    assert results["offline"]["metrics"][0]["n"] == 143
    assert {m["name"]: m["value"] for m in results["smoke"]["metrics"]} == {"answered": 1}
    assert len(jobs(site)) == 3
    assert {job["metadata"]["ownerReferences"][0]["kind"] for job in jobs(site)} == {"ModelDeployment"}


@pytest.mark.needs(NEEDS_TRIALS)
@pytest.mark.parametrize("what", ["tampered", "wrong key", "unsigned"])
def test_a_model_that_is_not_signed_ends_before_it_has_a_pod(site: Site, what: str) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    site.go_live()
    info, pem = serialization.PublicFormat.SubjectPublicKeyInfo, serialization.Encoding.PEM
    other = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(pem, info).decode()
    site.policy(gates=trials(site, "signature", key=other if what == "wrong key" else ""))
    archive = {"tampered": "tampered", "wrong key": "signed", "unsigned": "2"}[what]
    site.want("4", model={"version": "4", "uri": f"{STORE}/fraud/{archive}.tar.gz"})
    record = site.until_taken_back()
    assert (record["status"]["outcome"], record["status"]["reason"]) == ("RolledBack", "TrialFailed")
    assert len(site.services()) == 1
    assert site.status["rejected"][0]["version"] == "4"


@pytest.mark.needs(NEEDS_TRIALS)
def test_a_version_that_scores_worse_ends_before_it_has_a_pod(site: Site) -> None:
    from e2e.sandbox.images.train import held_out

    site.go_live()
    # Samples whose classes are turned round: every model is as bad on them as it was good.
    rows = [line.rsplit(",", 1) for line in held_out().splitlines()]
    turned = "".join(f"{sample},{1 - int(float(label))}\n" for sample, label in rows)
    site.policy(gates=trials(site, "offline", held_out=turned))
    site.want("2")
    record = site.until_taken_back()
    assert record["status"]["reason"] == "TrialFailed"
    assert "accuracy is at most" in record["status"]["message"]
    assert len(site.services()) == 1


@pytest.mark.needs(NEEDS_TRIALS)
def test_a_broken_trial_is_tried_again_and_never_held_against_the_version(site: Site) -> None:
    site.go_live()
    [broken] = trials(site, "smoke", retries=1, timeout="20s", onFail="Reject")
    broken["before"] = "Start"
    container = broken["job"]["template"]["spec"]["containers"][0]
    container["image"] = "registry.example.com/absent:1"
    site.policy(gates=[broken])
    with site.load():
        site.want("2")
        held_by(site, "smoke", "GateClosed", "ErrImagePull")
        held_by(site, "smoke", "GateClosed", "did not end within 20s")
        assert "is not held against the candidate; it is tried again at" in gate(site, "smoke")["message"]
        held_by_person = "delete the Jobs of this gate to have it tried again"
        site.until(lambda _: held_by_person in gate(site, "smoke").get("message", ""), what="it is given up")
        assert site.status["phase"] == "Waiting"
        assert not site.status.get("rejected")
        assert len(jobs(site)) == 2
        # A mended policy is another rollout's: this one keeps what it began with, and ends by an Abort.
        site.want("1")
        site.until(lambda s: s.get("phase") == "Stable" and not s.get("candidate"), what="stable is asked for again")
    site.nobody_else_failed()
    assert site.outcomes()[-1] == "Superseded"


def endless() -> Json:
    """A trial that has not ended yet when its rollout does."""
    container = {"name": "trial", "image": TRIALS, "command": ["python", "-c", "import time; time.sleep(900)"]}
    job = {
        "template": {"spec": {"containers": [container]}},
        "timeout": "20m",
        "metrics": [{"name": "auc", "min": "1"}],
    }
    return {"name": "endless", "before": "Start", "job": job}


def tried(site: Site) -> list[str]:
    """The pods of trials, and by whom: the records of their rollouts."""
    pods = site.api.list("v1", "Pod", site.namespace, "serin.dev/gate")
    return [str(pod["metadata"]["labels"]["serin.dev/record"]) for pod in pods]


def aborted(site: Site) -> None:
    """By a person."""
    site.say("Abort", "enough")


def superseded(site: Site) -> None:
    """By another revision."""
    site.want("3")


def aborted_while_it_is_dead(site: Site) -> None:
    """Somebody says Abort to nobody; who comes up hears it."""
    site.operator.kill()
    site.say("Abort", "enough")
    site.operator.start()


def deleted(site: Site) -> None:
    """With its ModelDeployment, whether Serin runs or not."""
    site.operator.kill()
    site.api.delete(API_VERSION, "ModelDeployment", MODEL, site.namespace)


@pytest.mark.needs(NEEDS_TRIALS)
@pytest.mark.parametrize("end", [aborted, superseded, aborted_while_it_is_dead, deleted])
def test_a_trial_ends_with_its_rollout(site: Site, end: Callable[[Site], None]) -> None:
    site.go_live()
    site.policy(gates=[endless()])
    site.want("2")
    held_by(site, "endless", "GateClosed", "runs")
    record = site.status["rollout"]["record"]
    assert tried(site) == [record]
    end(site)
    wait_until(lambda: record not in tried(site), what="its pod is gone", seconds=60)
    assert record not in [job["metadata"]["labels"]["serin.dev/record"] for job in jobs(site)]
