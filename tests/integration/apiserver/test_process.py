"""Does the process start where a container starts it?"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from e2e.deploy import ClusterApi, OperatorProcess, OperatorSettings, install
from e2e.sandbox.sandbox import Sandbox

pytestmark = pytest.mark.apiserver
# As glibc answers for a user id that /etc/passwd does not know: any id may be asked for in a pod.
WITHOUT_A_USER_NAME = """
import getpass, pwd, sys
def unknown(*_): raise KeyError("getpwuid(): uid not found: 65532")
getpass.getuser = pwd.getpwuid = unknown
from serin.controller.process import main
sys.exit(main())
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
