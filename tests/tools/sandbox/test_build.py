from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from e2e.deploy.cluster import wait_until
from e2e.sandbox import build, parts, toolchain
from e2e.sandbox.cache import STAGING_PREFIX, Cache, remove_tree
from e2e.sandbox.errors import BuildError
from e2e.sandbox.process import explain_failure

REPOSITORY = Path(build.__file__).resolve().parents[2]
FAKE_GO = """#!/bin/sh
set -e
case "$1" in
env) echo "${FAKE_VERSION:-go1.26.8}" ;;
list) ;;
build)
    echo "$PWD $*" >> "$FAKE_CALLS"
    if [ -n "$FAKE_ERROR" ]; then echo "$FAKE_ERROR" >&2; exit 1; fi
    while [ "$1" != -o ]; do shift; done
    echo half > "$2"
    if [ -n "$FAKE_HANG" ]; then sleep 600; fi
    printf '#!/bin/sh\\n' > "$2"; chmod 755 "$2" ;;
mod)
    mkdir -p "$GOMODCACHE/locked"
    for file in install/v0.20.0/kserve.yaml examples/contour/01-crds.yaml; do
        mkdir -p "$FAKE_MODULES/$(dirname $file)"; echo "kind: X" > "$FAKE_MODULES/$file"; done
    mkdir -p "$FAKE_MODULES/config/crd/standard"
    for kind in gatewayclasses gateways grpcroutes httproutes referencegrants; do
        echo "kind: X" > "$FAKE_MODULES/config/crd/standard/gateway.networking.k8s.io_$kind.yaml"; done
    chmod a-w "$GOMODCACHE/locked"
    echo "{\\"Dir\\": \\"$FAKE_MODULES\\"}" ;;
esac
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    """An empty cache, and a Go on PATH that only pretends."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "go").write_text(FAKE_GO)
    (tools / "go").chmod(0o755)
    for variable in [name for name in os.environ if name.startswith("SERIN_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("FAKE_CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("FAKE_MODULES", str(tmp_path / "modules"))
    return Cache(tmp_path / "cache" / "serin" / "sandbox")


def calls(tmp_path: Path) -> int:
    return len((tmp_path / "calls").read_text().splitlines()) if (tmp_path / "calls").exists() else 0


def test_everything_missing_is_built_once_and_the_compilers_caches_go(cache: Cache, tmp_path: Path) -> None:
    first = build.build(cache=cache)
    assert set(first.binaries) == {
        "etcd", "kube-apiserver", "kube-controller-manager", "kserve-manager", "contour", "prometheus",
    }  # fmt: skip
    assert all(os.access(path, os.X_OK) for path in first.binaries.values())
    assert (first.manifests / "kserve-kserve.yaml").is_file()
    assert not cache.go_folder.exists()
    assert build.build(cache=cache) == first
    assert calls(tmp_path) == 6


def test_kubectl_is_built_only_when_asked_for(cache: Cache) -> None:
    build.build(cache=cache)
    assert build.find_optional("kubectl", cache) is None
    build.build(optional=["kubectl"], cache=cache)
    found = build.find_optional("kubectl", cache)
    assert found is not None
    assert found.name == "kubectl"


def test_a_path_in_the_environment_comes_before_the_cache(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build.build(cache=cache)
    mine = tmp_path / "my-etcd"
    mine.write_text("#!/bin/sh\n")
    mine.chmod(0o755)
    monkeypatch.setenv("SERIN_ETCD", str(mine))
    assert build.build(cache=cache).binaries["etcd"] == mine


def test_a_wrong_path_in_the_environment_is_an_error_not_a_build(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERIN_ETCD", str(tmp_path / "absent"))
    with pytest.raises(BuildError, match=r"SERIN_ETCD names .*absent"):
        build.build(cache=cache)
    assert calls(tmp_path) == 0


def test_a_failed_build_says_which_part_what_and_how_to_go_on(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_ERROR", "go: example.com/x@v1: dial tcp: lookup: no such host")
    with pytest.raises(BuildError) as failure:
        build.build(cache=cache)
    message = str(failure.value)
    for expected in ("etcd could not be built", "network", "go build", "no such host", "GOPROXY", "SERIN_ETCD"):
        assert expected in message
    assert not [path for path in cache.root.iterdir() if path.name.startswith(("etcd", STAGING_PREFIX))]


def start_hanging_build() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "e2e.sandbox.build"],
        env={**os.environ, "FAKE_HANG": "1", "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def wait_for(path: Path, pattern: str) -> None:
    wait_until(lambda: any(path.glob(pattern)), what=pattern, seconds=20)


def wait_until_nothing_runs_in(folder: Path) -> None:
    def nothing() -> bool:
        return not subprocess.run(["pgrep", "-f", str(folder)], capture_output=True, check=False).stdout

    wait_until(nothing, what=f"nothing runs in {folder}", seconds=20)


def test_an_interrupted_build_leaves_nothing_half_and_no_process(cache: Cache) -> None:
    with start_hanging_build() as process:
        wait_for(cache.root, f"{STAGING_PREFIX}*/entry/etcd")
        process.terminate()
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"goes on where it stopped" in errors
    assert {path.name for path in cache.root.iterdir()} <= {"lock", cache.go_folder.name}
    wait_until_nothing_runs_in(cache.root)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_the_compiler_is_being_started_leaves_no_process(
    number: signal.Signals, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs already, and whoever starts it does not know it yet."""

    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more)
            if "build" in args[0]:
                wait_for(cache.root, f"{STAGING_PREFIX}*/entry/etcd")
                signal.raise_signal(number)

    monkeypatch.setenv("FAKE_HANG", "1")
    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    before = signal.signal(number, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            build.build(cache=cache)
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)
    wait_until_nothing_runs_in(cache.root)


def test_what_a_killed_builder_left_is_swept_by_the_next(cache: Cache) -> None:
    (cache.root / f"{STAGING_PREFIX}old" / "entry").mkdir(parents=True)
    build.build(cache=cache)
    assert not list(cache.root.glob(f"{STAGING_PREFIX}*"))


def test_of_two_builders_the_second_waits_says_so_and_finds_the_result(
    cache: Cache, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with cache.locked(on_wait=lambda: None):
        second = threading.Thread(target=build.build, kwargs={"cache": cache})
        second.start()
        wait_until(lambda: "waiting for it to finish" in capsys.readouterr().err, what="it says so", seconds=20)
        for part in parts.load().parts:  # the first builder's work
            entry = cache.entry(part.name, part.key)
            entry.mkdir()
            (entry / part.name).touch(mode=0o755)
        cache.entry("manifests", parts.load().manifests_key).mkdir()
    second.join(20)
    assert not second.is_alive()
    assert calls(tmp_path) == 0


@pytest.mark.parametrize(
    ("text", "version"),
    [("go1.26.8", (1, 26, 8)), ("go1.27", (1, 27, 0)), ("go1.27rc1\n", (1, 27, 0)), ("devel +abc", None), ("", None)],
)
def test_versions_of_go_as_numbers(text: str, version: tuple[int, ...] | None) -> None:
    assert toolchain.parse_version(text) == version


def test_an_old_go_on_path_is_not_used(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    assert toolchain.find_installed((1, 26, 0)) is not None
    monkeypatch.setenv("FAKE_VERSION", "go1.25.9")
    assert toolchain.find_installed((1, 26, 0)) is None


def test_read_only_folders_can_be_removed(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    (folder / "file").touch()
    folder.chmod(0o555)
    remove_tree(tmp_path / "a")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("code", "log", "cause"),
    [
        (1, "x: no space left on device", "disk is full"),
        (1, "dial tcp 1.2.3.4:443: i/o timeout", "looks like the network"),
        (-9, "", "memory runs out"),
        (-15, "go: downloading example.com/x v1.0.0", "Somebody ended the command (SIGTERM)"),
        (2, "main.go:1: syntax error", "command failed (exit code 2)"),
    ],
)
def test_the_cause_of_a_failure_is_named(code: int, log: str, cause: str) -> None:
    assert cause in explain_failure("etcd", ["go", "build"], code, log)
