"""What the digest of a model is, and its label, which the API server has to take."""

from __future__ import annotations

import re
from typing import Any

import pytest

from serin.api.model_deployment import LABEL_VALUE
from serin.api.model_digest import digest_label, digest_to_read, known_digest

HEX = "0123456789abcdef" * 4
PINNED = f"oci://registry.example.com/models/fraud:42@sha256:{HEX}"


@pytest.mark.parametrize(
    ("model", "digest"),
    [
        pytest.param({"uri": "s3://models/42"}, None, id="nobody knows"),
        pytest.param({"uri": "s3://models/42", "digest": f"sha256:{HEX}"}, f"sha256:{HEX}", id="declared"),
        pytest.param({"uri": PINNED}, f"sha256:{HEX}", id="pinned"),
        pytest.param({"uri": PINNED, "digest": f"sha256:{'f' * 64}"}, f"sha256:{HEX}", id="what is served counts"),
        pytest.param({"uri": "oci://r/fraud:42"}, None, id="a tag pins nothing"),
        pytest.param({"uri": f"oci://r/fraud@sha256:{HEX[:16]}"}, None, id="half a digest pins nothing"),
        pytest.param({"uri": f"s3://models/x@sha256:{HEX}"}, None, id="a key of a bucket pins nothing"),
        pytest.param({"uri": "s3://m", "digest": f"sha512:{HEX * 2}"}, f"sha512:{HEX * 2}", id="sha512"),
        pytest.param({"uri": None, "digest": None}, None, id="empty"),
        pytest.param({}, None, id="a record without its source"),
    ],
)
def test_a_digest_is_known_if_it_is_pinned_or_declared(model: dict[str, Any], digest: str | None) -> None:
    assert known_digest(model) == digest
    label = digest_label(model)
    assert (label is None) is (digest is None)
    assert label is None or re.fullmatch(LABEL_VALUE, label)


def test_one_content_has_one_label_however_it_is_known() -> None:
    declared = {"uri": "s3://models/42", "digest": f"sha256:{HEX}"}
    assert digest_label(declared) == digest_label({"uri": PINNED}) == f"sha256-{HEX[:32]}"
    assert digest_label({"digest": f"sha512:{HEX}"}) == f"sha512-{HEX[:32]}"


def test_people_read_its_beginning() -> None:
    assert digest_to_read(f"sha256:{HEX}") == "sha256:0123456789ab…"


IMAGE = f"registry.example.com/fraud@sha256:{HEX}"
SERVED: list[tuple[dict[str, Any], str | None]] = [
    ({"containers": [{"name": "kserve-container", "image": IMAGE}]}, f"sha256:{HEX}"),
    ({"model": {"modelFormat": {"name": "custom"}, "image": IMAGE}}, f"sha256:{HEX}"),
    ({"containers": [{"image": "registry.example.com/fraud:1"}]}, None),
    ({"containers": [{"image": IMAGE, "args": ["--model_id=org/other"]}]}, None),
    ({"model": {"image": IMAGE, "storage": {"path": "m/1"}}}, None),
    ({"containers": [{"image": IMAGE}], "storageUris": [{"uri": "hf://o/m"}]}, None),
    ({"containers": "x"}, None),
]


@pytest.mark.parametrize(("predictor", "digest"), SERVED)
def test_the_digest_of_an_image_counts_where_the_model_is_part_of_it(
    predictor: dict[str, Any], digest: str | None
) -> None:
    assert known_digest({"version": "1"}, predictor) == digest
    assert known_digest({"version": "1", "uri": "s3://m/1"}, predictor) is None, "the URI says what is served"
