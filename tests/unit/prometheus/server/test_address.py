"""When are two addresses the same server?"""

from __future__ import annotations

import pytest

from serin.prometheus.server.address import normalised, same_place


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://prometheus:9090", "http://prometheus:9090"),
        ("http://prometheus:9090/", "http://prometheus:9090"),
        ("HTTP://Prometheus.Monitoring:80", "http://prometheus.monitoring"),
        ("https://prometheus:443/prom/", "https://prometheus/prom"),
        ("https://prometheus:80", "https://prometheus:80"),
        ("http://prometheus:", "http://prometheus"),
        ("http://[2001:DB8::1]:9090/", "http://[2001:db8::1]:9090"),
        ("http://prometheus/Prom", "http://prometheus/Prom"),
        ("http://prometheus/a/../b", "http://prometheus/a/../b"),
    ],
)
def test_one_spelling(text: str, expected: str) -> None:
    assert normalised(text) == expected
    assert normalised(expected) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "prometheus:9090",
        "http://",
        "http:///path",
        "ftp://prometheus",
        "file:///etc/passwd",
        "http://user:hunter2@prometheus",
        "http://hunter2@prometheus",
        "http://prometheus?token=hunter2",
        "http://prometheus/?",
        "http://prometheus#hunter2",
        "http://prometheus:99999",
        "http://prometheus:port",
        "http://prome\ntheus",
        "http://prometheus\t:9090",
        "http://prometheus /",
        "http://evil\\@prometheus",
        "http://[::1",
    ],
)
def test_what_is_no_address_is_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        normalised(text)
    assert "hunter2" not in str(caught.value)
    assert same_place(text) == ""
