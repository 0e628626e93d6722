"""The commands of the runbooks, as somebody who is paged copies them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from e2e.sandbox.build import find_optional
from e2e.scenarios.site import MODEL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.scenarios.site import Site

PAGES = Path(__file__).parents[2] / "docs/runbooks"
BLOCK = re.compile(r"```(?:sh|console)\n(.*?)```", re.DOTALL)
DRY = {
    "patch httproute ": "patch --dry-run=server httproute ",
    "patch isvc ": "patch --dry-run=server isvc ",
    "serin abort ": "serin abort --dry-run ",
}
"""How a command that writes is asked for what it would do."""
SECONDS = 60


@dataclass(frozen=True)
class Command:
    """One command of a page."""

    page: str
    text: str

    @property
    def of_installation(self) -> bool:
        """Whether it asks for Serin's own pods, rights or account: they are there where the chart is installed."""
        return bool({"serin-system", "clusterrole"} & set(self.text.split())) or "--as=" in self.text

    @property
    def of_logs(self) -> bool:
        """Whether it needs a kubelet that serves logs."""
        return " logs " in self.text

    @property
    def of_shadow(self) -> bool:
        """Whether it takes off a shadow."""
        return "/filters" in self.text

    @property
    def of_preview(self) -> bool:
        """Whether it takes off a preview."""
        return '"/spec/rules/1"' in self.text

    @property
    def of_knative(self) -> bool:
        """Whether it is for mode Knative."""
        return "canaryTrafficPercent" in self.text


def commands() -> Iterator[Command]:
    """Every command of every page, in a line."""
    for page in sorted(PAGES.glob("*.md")):
        for block in BLOCK.findall(page.read_text("utf-8")):
            for line in block.replace("\\\n", "").splitlines():
                if line.strip():
                    yield Command(page.name, line.strip())


def play(site: Site, command: Command, *, dry: bool = True) -> str:
    """Runs it in a shell, with ``dry`` a write as a dry run; what it printed."""
    kubectl = find_optional("kubectl")
    assert kubectl is not None, "run `python -m e2e.sandbox.build --kubectl`"
    names = {
        "NAMESPACE": site.namespace,
        "NAME": MODEL,
        "WORKLOAD": site.status["stable"]["workload"]["name"],
        "RECORD": site.records()[0]["metadata"]["name"],
    }
    text = re.sub("|".join(rf"\b{name}\b" for name in names), lambda found: names[found[0]], command.text)
    for write, asking in DRY.items() if dry else ():
        text = text.replace(write, asking)
    folder = site.folder / "paged"
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    (folder / "bin" / "kubectl").unlink(missing_ok=True)
    (folder / "bin" / "kubectl").symlink_to(kubectl)
    path = os.pathsep.join([str(folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    answer = subprocess.run(
        ["bash", "-c", f"set -o pipefail\n{text}"],
        cwd=folder,
        env={**os.environ, "PATH": path, "KUBECONFIG": str(site.provider.kubeconfig)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert answer.returncode == 0, f"{command.page}: {command.text}: {answer.stderr or answer.stdout}"
    return answer.stdout
