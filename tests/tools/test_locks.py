"""The operator's lock must install with any pip: an image is also built with a pip that is not ours.

The pip of Python 3.11 (23.2) does not connect ``pydantic[email]``, required by a package, with a locked
``pydantic==2.14.3``: it takes the newest pydantic instead and refuses it, because that one has no hash. Such a lock
installs only as long as the locked version is the newest one. ``make`` therefore installs the pip of
``requirements/pip.lock`` before everything else. Who asks for one version only (``transport[requests]==0.66b2``) is
fine: pip has no other to take.
"""

from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.licences import locked

REQUIREMENTS = Path(__file__).parents[2] / "requirements"


def extras_asked_for(lock: Path) -> Iterator[str]:
    """Yield each requirement with extras of a locked package: ``"sigstore-rekor-types: pydantic[email]<3,>=2"``.

    Not those that name their one version.
    """
    packages = {canonicalize_name(name) for name in locked(lock.read_text("utf-8"))}
    for package in sorted(packages):
        for need in map(Requirement, requires(package) or []):
            applies = need.marker is None or need.marker.evaluate({"extra": ""})
            exact = [each.operator for each in need.specifier] == ["=="]
            if applies and need.extras and not exact and canonicalize_name(need.name) in packages:
                yield f"{package}: {need}"


def test_no_package_of_the_operator_asks_for_another_ones_extra() -> None:
    assert list(extras_asked_for(REQUIREMENTS / "operator.lock")) == []


def test_an_extra_is_seen(tmp_path: Path) -> None:
    (tmp_path / "some.lock").write_text(
        "pydantic==2.14.3 \\\n    --hash=sha256:0\nsigstore-rekor-types==0.0.18 \\\n    --hash=sha256:0\n"
    )
    assert list(extras_asked_for(tmp_path / "some.lock")) == ["sigstore-rekor-types: pydantic[email]<3,>=2"]


def test_an_extra_of_one_version_is_fine(tmp_path: Path) -> None:
    (tmp_path / "some.lock").write_text(
        "opentelemetry-exporter-otlp-proto-http==1.45.2 \\\n    --hash=sha256:0\n"
        "opentelemetry-exporter-http-transport==0.66b2 \\\n    --hash=sha256:0\n"
    )
    assert list(extras_asked_for(tmp_path / "some.lock")) == []


@pytest.mark.parametrize("lock", ["pip.lock", "dev.lock"])
def test_make_installs_the_pip_that_made_the_locks(lock: str) -> None:
    pins = {
        line.split()[0] for line in (REQUIREMENTS / lock).read_text("utf-8").splitlines() if line.startswith("pip==")
    }
    assert pins == {
        line.split()[0]
        for line in (REQUIREMENTS / "pip.lock").read_text("utf-8").splitlines()
        if line.startswith("pip==")
    }
    assert len(pins) == 1
