"""Names of variables and options as model servers have them: which of them hold a secret?"""

from __future__ import annotations

import pytest

from serin.schema.secret_names import has_credential, is_harmless, names_secret
from tests.literal_secrets import (
    HARMLESS_NAMES,
    HARMLESS_VALUES,
    OTHER_VALUES,
    PLAIN_URIS,
    SECRET_NAMES,
    SECRET_URIS,
)


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_names_that_hold_secrets(name: str) -> None:
    assert names_secret(name)


@pytest.mark.parametrize("name", HARMLESS_NAMES)
def test_names_that_hold_none(name: str) -> None:
    assert not names_secret(name)


@pytest.mark.parametrize("value", HARMLESS_VALUES)
def test_a_switch_or_a_reference_is_no_secret(value: str) -> None:
    assert is_harmless(value)


@pytest.mark.parametrize("value", ["", *OTHER_VALUES])
def test_anything_else_may_be_one(value: str) -> None:
    assert not is_harmless(value)


@pytest.mark.parametrize("uri", SECRET_URIS)
def test_a_uri_with_a_credential(uri: str) -> None:
    assert has_credential(uri)


@pytest.mark.parametrize("uri", PLAIN_URIS)
def test_a_uri_without_one(uri: str) -> None:
    assert not has_credential(uri)
