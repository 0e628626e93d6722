from __future__ import annotations

import pytest

from e2e.sandbox.node.network import AddressPool, NetworkError, PodNetwork, inner_commands, outer_commands


def test_addresses_start_above_the_nodes_own() -> None:
    pool = AddressPool("10.244.0.1")
    assert [pool.take() for _ in range(2)] == ["10.244.0.10", "10.244.0.11"]


def test_an_address_is_used_again_as_late_as_possible() -> None:
    pool = AddressPool("10.244.0.1", prefix=28)
    first = pool.take()
    pool.give_back(first)
    others = [pool.take() for _ in range(4)]
    assert first not in others
    assert pool.take() == first


def test_an_address_in_use_is_never_given_twice() -> None:
    pool = AddressPool("10.244.0.1", prefix=28)
    taken = {pool.take() for _ in range(5)}
    assert len(taken) == 5
    with pytest.raises(NetworkError, match="all addresses"):
        pool.take()


def test_names_of_links_fit_the_kernels_limit() -> None:
    network = PodNetwork("10.244.255.254", netns="serin-pod-0af4fffe", link="veth0af4fffe")
    assert len(network.link) < 16
    assert any("link set veth0af4fffe master br0" in command for command in outer_commands(network))
    assert "addr add 10.244.255.254/16 dev eth0" in inner_commands(network, "10.244.0.1")


def test_the_hardware_address_follows_the_address() -> None:
    network = PodNetwork("10.244.1.10", netns="n", link="l")
    assert any("address 0a:58:0a:f4:01:0a" in command for command in outer_commands(network))
