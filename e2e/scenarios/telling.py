"""An operator that tells receivers outside of the cluster."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import yaml

from e2e.deploy.process import OperatorProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.scenarios.site import Site

EVERYTHING = ["Started", "StepAdvanced", "Warning", "NeedsPerson", "NeedsPersonNow", "Resumed"]
ENDS = ["RollingBack", "RolledBack", "Superseded", "Promoted"]


@contextmanager
def telling(site: Site, **receivers: dict[str, object]) -> Iterator[OperatorProcess]:
    """The operator with these receivers, in place of the shared one."""
    if not isinstance(site.operator, OperatorProcess):
        pytest.skip("the receivers are on this machine; only an operator that is a process of it reaches them")
    file = site.folder / "notifications.yaml"
    config = {
        "cluster": "sandbox",
        "receivers": [{"name": name, "about": EVERYTHING + ENDS, **how} for name, how in receivers.items()],
    }
    file.write_text(yaml.safe_dump(config))
    shared = site.operator
    shared.stop()
    extra = (*shared.settings.extra, ("SERIN_NOTIFICATIONS_CONFIG", str(file)))
    with OperatorProcess(replace(shared.settings, log=site.folder / "telling.log", extra=extra)) as own:
        site.operator = own
        try:
            yield own
        finally:
            site.operator = shared
    shared.start()
