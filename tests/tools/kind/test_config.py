from __future__ import annotations

import yaml

from e2e.kind.config import NAME, OFFICIAL_NODE, Images, configuration

PORTS = {"gateway": 41000, "kourier": 41001, "prometheus": 41002}


def test_what_the_host_can_reach_listens_on_the_loopback_only() -> None:
    for images in Images:
        found = configuration(images, "node", PORTS)
        [node] = found["nodes"]
        assert {mapping["listenAddress"] for mapping in node["extraPortMappings"]} == {"127.0.0.1"}
        assert [mapping["hostPort"] for mapping in node["extraPortMappings"]] == [41000, 41001, 41002]
        assert found["networking"]["apiServerAddress"] == "127.0.0.1"
        assert found["name"] == NAME


def test_the_built_node_brings_its_own_network_and_the_official_one_keeps_kinds() -> None:
    built = configuration(Images.BUILT, "node", PORTS)["networking"]
    assert built["disableDefaultCNI"]
    assert built["kubeProxyMode"] == "nftables"
    official = configuration(Images.REGISTRY, OFFICIAL_NODE, PORTS)["networking"]
    assert not {"disableDefaultCNI", "kubeProxyMode"} & official.keys()


def test_the_kubelet_accepts_the_older_cgroups() -> None:
    [patch] = configuration(Images.BUILT, "node", PORTS)["kubeadmConfigPatches"]
    assert yaml.safe_load(patch)["failCgroupV1"] is False


def test_the_official_node_is_named_by_its_digest() -> None:
    assert "@sha256:" in OFFICIAL_NODE
