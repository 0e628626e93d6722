"""An operator that tells receivers outside of the cluster."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import yaml

from e2e.deploy.process import OperatorProcess

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from e2e.scenarios.site import Site

EVERYTHING = ["Started", "StepAdvanced", "Warning", "NeedsPerson", "NeedsPersonNow", "Resumed"]
ENDS = ["RollingBack", "RolledBack", "Superseded", "Promoted"]


def setting(site: Site, receivers: Mapping[str, dict[str, object]]) -> tuple[str, str]:
    """The variable of the operator's environment that names a file with these receivers."""
    file = site.folder / "notifications.yaml"
    config = {
        "cluster": "sandbox",
        "receivers": [{"name": name, "about": EVERYTHING + ENDS, **how} for name, how in receivers.items()],
    }
    file.write_text(yaml.safe_dump(config))
    return "SERIN_NOTIFICATIONS_CONFIG", str(file)


@contextmanager
def telling(site: Site, **receivers: dict[str, object]) -> Iterator[OperatorProcess]:
    """The operator with these receivers, in place of the shared one."""
    if not isinstance(site.operator, OperatorProcess):
        pytest.skip("the receivers are on this machine; only an operator that is a process of it reaches them")
    shared = site.operator
    shared.stop()
    extra = (*shared.settings.extra, setting(site, receivers))
    with OperatorProcess(replace(shared.settings, log=site.folder / "telling.log", extra=extra)) as own:
        site.operator = own
        try:
            yield own
        finally:
            site.operator = shared
    shared.start()
