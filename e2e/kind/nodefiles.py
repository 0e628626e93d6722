"""What makes a Debian system a node of kind? kind's own files, Kubernetes' and containerd's binaries, a network."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

from e2e.kind.errors import KindError
from e2e.sandbox.cache import remove_tree

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

VERSION = "v1.36.3"
PAUSE = "registry.k8s.io/pause:3.10.2"
FOLDERS = (
    "kind/bin",
    "kind/manifests",
    "etc/systemd/system/kubelet.service.d",
    "etc/containerd",
    "opt/cni/bin",
    "etc/cni/net.d",
    "etc/kubernetes/manifests",
)
FILES = {
    "config.toml": "etc/containerd/config.toml",
    "crictl.yaml": "etc/crictl.yaml",
    "kubelet": "etc/default/kubelet",
    "10-network-magic.conf": "etc/sysctl.d/10-network-magic.conf",
    "10-network-security.conf": "etc/sysctl.d/10-network-security.conf",
    "containerd.service": "etc/systemd/system/containerd.service",
    "kubelet.service": "etc/systemd/system/kubelet.service",
    "kubelet.slice": "etc/systemd/system/kubelet.slice",
    "undo-mount-hacks.service": "etc/systemd/system/undo-mount-hacks.service",
    "10-kubeadm.conf": "etc/systemd/system/kubelet.service.d/10-kubeadm.conf",
    "11-kind.conf": "etc/systemd/system/kubelet.service.d/11-kind.conf",
}
PROGRAMS = {
    "create-kubelet-cgroup-v2.sh": "kind/bin/create-kubelet-cgroup-v2.sh",
    "mount-product-files.sh": "kind/bin/mount-product-files.sh",
    "undo-mount-hacks.sh": "kind/bin/undo-mount-hacks.sh",
    "entrypoint": "usr/local/bin/entrypoint",
}
BINARIES = {
    "containerd": "usr/local/bin",
    "containerd-shim-runc-v2": "usr/local/bin",
    "ctr": "usr/local/bin",
    "kubeadm": "usr/bin",
    "kubelet": "usr/bin",
    "kubectl": "usr/bin",
}
# Units that a container has no use for: what kind's Dockerfile deletes.
UNWANTED = (
    "lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service",
    "lib/systemd/system/multi-user.target.wants/*",
    "etc/systemd/system/*.wants/*",
    "lib/systemd/system/local-fs.target.wants/*",
    "lib/systemd/system/sockets.target.wants/*udev*",
    "lib/systemd/system/sockets.target.wants/*initctl*",
    "lib/systemd/system/basic.target.wants/*",
    # Host-global settings (fs.protected_*, kernel.pid_max) are not a node's to make.
    "usr/lib/sysctl.d/*",
)
# kind's own network, kindnetd, is served by no module registry: one node needs no more than a bridge.
NETWORK = {
    "cniVersion": "1.0.0",
    "name": "bridge",
    "plugins": [
        {
            "type": "bridge",
            "bridge": "cni0",
            "isGateway": True,
            "ipMasq": True,
            "hairpinMode": True,
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": "10.244.0.0/24"}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        },
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ],
}
STORAGE = """\
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: standard
  annotations: {storageclass.kubernetes.io/is-default-class: "true"}
provisioner: kubernetes.io/no-provisioner
volumeBindingMode: WaitForFirstConsumer
"""


def make(system: Path, target: Path, *, released: Path, binaries: Mapping[str, Path]) -> None:
    """Fill ``target`` with the node's root file system. ``released`` holds kind's files, flat. KindError."""
    remove_tree(target)
    _run("cp", "-a", str(system), str(target))
    for folder in FOLDERS:
        (target / folder).mkdir(parents=True, exist_ok=True)
    for mode, files in ((0o644, FILES), (0o755, PROGRAMS)):
        for name, place in files.items():
            shutil.copyfile(released / f"kind-{name}", target / place)
            (target / place).chmod(mode)
    for name, folder in BINARIES.items():
        shutil.copyfile(binaries[name], target / folder / name)
        (target / folder / name).chmod(0o755)
    _systemd(target)
    _containerd(target)
    _network(target)
    (target / "kind/version").write_text(VERSION, "utf-8")
    (target / "kind/manifests/default-storage.yaml").write_text(STORAGE, "utf-8")


def _systemd(target: Path) -> None:
    for pattern in UNWANTED:
        for path in target.glob(pattern):
            path.unlink()
    with (target / "etc/systemd/journald.conf").open("a", encoding="utf-8") as journal:
        journal.write("ReadKMsg=no\n")
    for arguments in (
        ("enable", "kubelet.service", "containerd.service", "undo-mount-hacks.service"),
        ("mask", "systemd-binfmt.service"),
    ):
        _run("chroot", str(target), "systemctl", *arguments)


def _containerd(target: Path) -> None:
    """Settings as kind makes them; no negative OOM scores, which need a capability that not every machine gives."""
    spec = json.loads(_run("chroot", str(target), "ctr", "oci", "spec"))
    hooks = spec.setdefault("hooks", {}).setdefault("createContainer", [])
    hooks.append({"path": "/kind/bin/mount-product-files.sh"})
    spec["process"].pop("rlimits", None)
    (target / "etc/containerd/cri-base.json").write_text(json.dumps(spec), "utf-8")
    config = target / "etc/containerd/config.toml"
    text = config.read_text("utf-8").replace('"registry.k8s.io/pause:3.10"', f'"{PAUSE}"')
    config.write_text(text.replace("restrict_oom_score_adj = false", "restrict_oom_score_adj = true"), "utf-8")
    unit = target / "etc/systemd/system/containerd.service"
    lines = [line for line in unit.read_text("utf-8").splitlines() if not line.startswith("OOMScoreAdjust")]
    unit.write_text("\n".join(lines) + "\n", "utf-8")


def _network(target: Path) -> None:
    for name in ("bridge", "host-local", "loopback", "portmap", "ptp"):
        shutil.copy2(target / "usr/lib/cni" / name, target / "opt/cni/bin" / name)
    (target / "etc/cni/net.d/10-bridge.conflist").write_text(json.dumps(NETWORK), "utf-8")
    (target / "kind/manifests/default-cni.yaml").write_text("# The network is part of the image.\n", "utf-8")


def _run(*command: str) -> str:
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise KindError(f"{' '.join(command)} failed ({answer.returncode}): {answer.stderr.strip()[-500:]}")
    return answer.stdout
