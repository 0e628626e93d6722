"""Does the process start where a container starts it, and does it end when it has to?"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from e2e.deploy import ClusterApi, OperatorProcess, OperatorSettings, install, rights
from e2e.deploy.cluster import wait_until
from e2e.sandbox.sandbox import Sandbox
from e2e.scenarios.proxy import ApiProxy, Fault

pytestmark = pytest.mark.apiserver
# As glibc answers for a user id that /etc/passwd does not know: any id may be asked for in a pod.
WITHOUT_A_USER_NAME = """
import getpass, pwd, sys
def unknown(*_): raise KeyError("getpwuid(): uid not found: 65532")
getpass.getuser = pwd.getpwuid = unknown
from serin.controller.process import main
main()
"""


def test_it_runs_as_a_user_without_a_name(sandbox: Sandbox, api: ClusterApi, tmp_path: Path) -> None:
    settings = OperatorSettings(
        kubeconfig=sandbox.kubeconfig_for(*install(api)),
        prometheus_url="http://127.0.0.1:9",
        log=tmp_path / "operator.log",
        command=(sys.executable, "-c", WITHOUT_A_USER_NAME),
    )
    with OperatorProcess(settings) as operator:
        assert operator.running


def test_it_ends_when_a_watch_ends_for_good(sandbox: Sandbox, api: ClusterApi, tmp_path: Path) -> None:
    """One watch is answered 410 while another is between two tries: kopf cannot end that one, the process has to.

    A leader that lived on would keep the lease, and hear of nothing any more.
    """
    namespace, account = install(api)
    with ApiProxy(sandbox.kubeconfig_for(namespace, account), tmp_path) as proxy:
        settings = OperatorSettings(
            kubeconfig=proxy.proxied_kubeconfig,
            prometheus_url="http://127.0.0.1:9",
            log=tmp_path / "operator.log",
            extra=(
                ("SERIN_LEASE", f"{namespace}/{rights.NAME}"),
                ("SERIN_NAMESPACES", namespace),  # not what other tests have left
            ),
        )
        with OperatorProcess(settings) as operator:
            watches = {("serin.dev", plural, "watch") for plural in ("modeldeployments", "promotionpolicies")}
            wait_until(lambda: watches <= proxy.asked, what="it leads and watches", seconds=20)
            assert _holder(api, namespace)
            proxy.faults += [
                Fault(lambda request: request.watch and "modeldeployments" in request.path, status=410),
                Fault(lambda request: request.watch and "promotionpolicies" in request.path, status=500),
            ]
            proxy.cut_watches()
            wait_until(lambda: not operator.running, what="the process has ended", seconds=20)
            assert operator.exit_code == 1
    assert not _holder(api, namespace), "the lease is given back"


def _holder(api: ClusterApi, namespace: str) -> str:
    lease = api.get("coordination.k8s.io/v1", "Lease", rights.NAME, namespace) or {"spec": {}}
    return str(lease["spec"].get("holderIdentity") or "")
