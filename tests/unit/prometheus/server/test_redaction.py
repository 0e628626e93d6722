"""What came back, in one line, without a secret."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serin.prometheus.server.redaction import LOOKED_AT, SHOWN, Redactor, one_line
from tests.fuzz import fuzzed

secrets = st.text(st.characters(min_codepoint=32, max_codepoint=0x17F), min_size=6, max_size=40).filter(str.strip)
ways: list[Callable[[str], str]] = [str, quote, quote_plus, html.escape, lambda text: json.dumps(text)[1:-1]]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "nothing"),
        ("  \n ", "nothing"),
        ("a\n\tb\x1b[31mc", "a b [31mc"),
        (b"\xff\xfe!", "\ufffd\ufffd!"),
        (b"a\0b", "binary data"),
        ("x" * 300, "x" * (SHOWN - 1) + "…"),
    ],
)
def test_one_bounded_line(text: str | bytes, told: str) -> None:
    assert Redactor().clean(text) == told


def test_a_query_that_fits_is_whole() -> None:
    assert one_line("x" * SHOWN) == "x" * SHOWN


@fuzzed()
@given(secrets, st.sampled_from(ways), st.text(max_size=20), st.text(max_size=20))
def test_a_secret_is_hidden_however_it_is_spelt(
    secret: str, way: Callable[[str], str], before: str, after: str
) -> None:
    told = Redactor([secret]).clean(before + way(secret) + after)
    if told in {"nothing", "binary data"}:
        return  # words of ours
    assert way(secret) not in told
    assert secret not in told


def test_a_secret_across_the_end_of_a_line() -> None:
    assert Redactor(["correct horse"]).clean("is correct\n   horse?") == "is ***?"


def test_a_long_secret_is_hidden_before_a_short_one_that_it_contains() -> None:
    assert Redactor(["abc", "abcdef"]).clean("x abcdef y") == "x *** y"


@pytest.mark.parametrize("shift", range(0, 60, 7))
def test_half_a_secret_where_the_text_is_cut_is_not_told(shift: int) -> None:
    """Many secrets shrink to little: the place where reading stopped would come into sight."""
    secret = "0123456789" * 8
    told = Redactor([secret]).clean(" " * shift + secret * (2 * LOOKED_AT // len(secret)))
    assert not any(char.isdigit() for char in told)


DUPLICATES = (
    'found duplicate series for the match group {secret="stripe-live"} on the right hand-side: '
    '[{__name__="kube_secret_info", secret="stripe-live"}, {secret="pg-admin"}];many-to-many'
)


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (DUPLICATES, "found duplicate series for the match group {…} on the right hand-side: [{…}, {…}];many-to-many"),
        ('x{a="}pg-admin"} is wrong', "x{…} is wrong"),
        (r'x{a="\"}pg-admin"} is wrong', "x{…} is wrong"),
        ("x{a='}pg-admin'} is wrong", "x{…} is wrong"),
        ("x{a=`}pg-admin`} is wrong", "x{…} is wrong"),
        ('a series {secret="pg-admin', "a series {…}"),
        ('a series {secret=\\"pg-admin}\\"} more', "a series {…}"),
        ('{"metric":{"secret":"pg-admin"}} {x}', "{…} {…}"),
        ("unexpected } here", "unexpected } here"),
    ],
)
def test_labels_of_series_are_hidden(sent: str, told: str) -> None:
    """Whoever wrote the expression may learn what is wrong with it, and not which series there are."""
    assert Redactor().clean(sent) == told
    assert "pg-admin" not in Redactor().clean(sent.encode())


@fuzzed()
@given(st.lists(st.text(), max_size=3), st.text(max_size=20))
def test_no_value_of_a_label_set_is_told_however_it_is_written(before: list[str], value: str) -> None:
    """As Go writes label sets."""
    secret = "s3cr3t-name"
    labels = "{a=" + json.dumps(value + secret) + ', b="' + secret + '"}'
    words = [text.replace("{", "").replace(secret, "") for text in before]
    assert secret not in Redactor().clean(" ".join([*words, labels, labels]))
