"""What may the operator's service account do, and what not? Asked of the API server's own authorizer, and tried."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import pytest

from e2e.deploy import ClusterApi, RefusedError, rights
from e2e.deploy.cluster import wait_until
from e2e.sandbox.sandbox import Sandbox
from serin.api import API_VERSION
from serin.cluster.connection import connect
from serin.cluster.permissions import CLUSTER_WIDE, LEASE, LEASE_CREATION, Permission
from serin.cluster.permissions import NEEDED as OWN
from serin.controller.rights import missing_permissions
from serin.controller.settings import from_environment
from serin.traffic.registry import permissions
from tests.integration.apiserver import objects
from tools.rolegen import rules

pytestmark = pytest.mark.apiserver

WATCHED = (*OWN, *permissions())
NEEDED = """
serin.dev                     modeldeployments                  get list watch
serin.dev                     modeldeployments/status           update
serin.dev                     promotionpolicies                 get list watch
serin.dev                     promotionrecords                  get list create
serin.dev                     promotionrecords/status           update
serin.dev                     promotionactions                  list watch create patch
serin.dev                     promotionactions/status           update
serving.kserve.io             inferenceservices                 get list watch create patch delete
serving.knative.dev           revisions                         list
gateway.networking.k8s.io     httproutes                        get list watch create patch
gateway.networking.k8s.io     grpcroutes                        get list watch create patch
gateway.networking.k8s.io     gateways                          get
gateway.networking.k8s.io     gatewayclasses                    get
discovery.k8s.io              endpointslices                    list
-                             pods                              list
-                             events                            create
"""
FORBIDDEN = """
serin.dev                     modeldeployments                  create update patch delete deletecollection
serin.dev                     modeldeployments/status           patch
serin.dev                     promotionpolicies                 create update patch delete
serin.dev                     promotionrecords                  update patch delete deletecollection
serin.dev                     promotionactions                  get update delete deletecollection
serin.dev                     promotionactions/hold             create
serin.dev                     promotionactions/release          create
serin.dev                     promotionactions/abort            create
serin.dev                     promotionactions/retry            create
serin.dev                     promotionactions/promote          create
serving.kserve.io             inferenceservices                 update deletecollection
serving.knative.dev           revisions                         get watch create update patch delete
serving.knative.dev           services                          get list create update patch delete
serving.kserve.io             inferenceservices/status          update patch
serving.kserve.io             clusterservingruntimes            create update patch delete
gateway.networking.k8s.io     httproutes                        update delete deletecollection
gateway.networking.k8s.io     httproutes/status                 update patch
gateway.networking.k8s.io     grpcroutes                        update delete deletecollection
gateway.networking.k8s.io     gateways                          list watch create update patch delete
gateway.networking.k8s.io     gatewayclasses                    list watch create update patch delete
apps                          deployments                       get list create update patch delete
autoscaling                   horizontalpodautoscalers          create update patch delete
discovery.k8s.io              endpointslices                    create update patch delete
-                             secrets                           get list watch create update delete
-                             configmaps                        get list create update
-                             pods                              create update patch delete
-                             pods/exec                         create get
-                             pods/log                          get
-                             services                          create update delete
-                             serviceaccounts/token             create
-                             users                             impersonate
-                             namespaces                        get list watch create update delete
-                             events                            list delete
-                             nodes                             get list
apiextensions.k8s.io          customresourcedefinitions         create update patch delete
rbac.authorization.k8s.io     clusterroles                      create update patch bind escalate
rbac.authorization.k8s.io     clusterrolebindings               create update patch
admissionregistration.k8s.io  validatingwebhookconfigurations   create update patch delete
admissionregistration.k8s.io  validatingadmissionpolicies       get list create update patch delete
admissionregistration.k8s.io  validatingadmissionpolicybindings create update patch delete
"""


def rows(table: str) -> list[tuple[str, str, str]]:
    """(group, resource, verb) of a table above."""
    lines = [line.split() for line in table.split("\n") if line]
    return [(group.strip("-"), resource, verb) for group, resource, *verbs in lines for verb in verbs]


def allowed(api: ClusterApi, group: str, resource: str, verb: str) -> bool:
    """What the API server would say to whoever owns ``api``."""
    resource, _, subresource = resource.partition("/")
    attributes = {
        "group": group,
        "resource": resource,
        "subresource": subresource,
        "verb": verb,
        "namespace": "default",
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = api._send("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", json=review)
    return bool(answer["status"]["allowed"])


def test_the_operator_may_do_what_it_needs(as_operator: ClusterApi) -> None:
    assert [row for row in rows(NEEDED) if not allowed(as_operator, *row)] == []


def test_the_operator_may_do_nothing_else(as_operator: ClusterApi) -> None:
    assert [row for row in rows(FORBIDDEN) if allowed(as_operator, *row)] == []


def test_no_right_is_a_wildcard() -> None:
    role = next(item for item in rights.objects() if item["kind"] == "ClusterRole")
    assert not [rule for rule in role["rules"] if "*" in rule["apiGroups"] + rule["resources"] + rule["verbs"]]


ATTEMPTS: list[tuple[str, Callable[[ClusterApi, str], object]]] = [
    ("edit spec", lambda api, ns: api.apply(objects.model_deployment(ns))),
    ("delete the deployment", lambda api, ns: api.delete(API_VERSION, "ModelDeployment", "fraud", ns)),
    ("delete a record", lambda api, ns: api.delete(API_VERSION, "PromotionRecord", "fraud-5c0d9e1a-1", ns)),
    ("loosen a policy", lambda api, ns: api.apply(objects.policy(ns))),
    ("read secrets", lambda api, ns: api.list("v1", "Secret", ns)),
]


@pytest.mark.parametrize("attempt", [a for _, a in ATTEMPTS], ids=[name for name, _ in ATTEMPTS])
def test_what_it_may_not_is_forbidden(
    api: ClusterApi, as_operator: ClusterApi, namespace: str, attempt: Callable[[ClusterApi, str], object]
) -> None:
    for item in (objects.model_deployment(namespace), objects.record(namespace), objects.policy(namespace)):
        api.apply(item)
    with pytest.raises(RefusedError) as refused:
        attempt(as_operator, namespace)
    assert refused.value.status == 403


LESS = "serin-less"
"""An account of its own for the test below: the others are not disturbed."""


def install_without(api: ClusterApi, taken: Permission | None) -> None:
    """The chart's roles for the account, but for one permission."""

    def kept(permissions: Iterable[Permission]) -> list[dict[str, object]]:
        return rules(p for p in permissions if p != taken)

    for item in rights.objects():
        body = {**item, "metadata": {**item["metadata"], "name": LESS}}
        if item["kind"] == "ClusterRole":
            body["rules"] = kept((*WATCHED, *CLUSTER_WIDE))
        if item["kind"] == "Role":
            body["rules"] = kept(LEASE_CREATION) + [{**rule, "resourceNames": [rights.NAME]} for rule in kept(LEASE)]
        if item["kind"].endswith("Binding"):
            body["roleRef"] = {**item["roleRef"], "name": LESS}
            body["subjects"] = [{**item["subjects"][0], "name": LESS}]
        if item["kind"] != "Namespace":
            api.apply(body)


def complaints() -> list[str]:
    """What the operator's own check says, with the account whose kubeconfig is the default one."""
    settings = from_environment(
        {"SERIN_PROMETHEUS_URLS": "http://127.0.0.1:9", "SERIN_LEASE": f"{rights.NAMESPACE}/{rights.NAME}"}
    )

    async def ask() -> list[str]:
        async with connect() as (cluster, _):
            return list(map(str, await missing_permissions(cluster, settings)))

    return asyncio.run(ask())


def test_each_permission_taken_away_is_missed_by_name(
    sandbox: Sandbox, api: ClusterApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_without(api, None)
    # The client library reads KUBECONFIG once, when it is imported.
    kubeconfig = str(sandbox.kubeconfig_for(rights.NAMESPACE, LESS))
    monkeypatch.setenv("KUBECONFIG", kubeconfig)
    wait_until(lambda: complaints() == [], what="Nothing is missing", seconds=10)
    own = (*LEASE, *LEASE_CREATION)
    for taken in (*WATCHED, *CLUSTER_WIDE, *own):
        where = f" in namespace {rights.NAMESPACE}" if taken in own else ""
        install_without(api, taken)
        wait_until(
            lambda words=f"{taken}{where}": complaints() == [words],  # type: ignore[misc]
            what=f"{taken}{where} is missed, and nothing else",
            seconds=10,
        )
