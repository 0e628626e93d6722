"""What is told of a text: no credential, no payload, no personal data; names of those who took part."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serin.report.facts.words import Words
from tests.fuzz import fuzzed

CARD, ACCOUNT = "4111 1111 1111 1111", "ES91 2100 0418 4502 0005 1332"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("5 of 100 bad (5.00%)", None),
        ("sha256:" + "9f" * 32, None),
        ("revision 7c9f2a1b is refused until 2026-11-18T10:00:00Z", None),
        ("1763460000123457 requests", None),
        ("s3://models/fraud/42 does not exist", None),
        ("postgres://ana:hunter2@db is down", "postgres://***@db is down"),
        ('answered 422 to {"card": "x", "amount": [1, 2]}', "answered 422 to {…}"),
        ('answered {"a": {"b": {"c": 1}}} twice', "answered {…} twice"),
        ('cut off {"a": {"b": 1', "cut off {…}"),
        ('no series matches my_total{tenant="acme"}', "no series matches my_total{…}"),
        ("instances [0.11, 0.12, 0.13, 0.14, 0.15, 0.16, 0.17, 0.18]", "instances […]"),
        ("ports [80, 443]", None),
        (f"card {CARD} was declined", "card *** was declined"),
        ("card 4111-1111-1111-1111", "card ***"),
        ("number 4111 1111 1111 1112", None),
        (f"to {ACCOUNT}", "to ***"),
        ("to ES91 2100 0418 4502 0005 1333", None),
        ("ask maria@example.com", "ask ***@***"),
        ("token AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEf==", "token ***"),
        ("two\nlines\x1b[31m", "two lines [31m"),
        ("", ""),
        (None, ""),
    ],
)
def test_a_text(text: str | None, told: str | None) -> None:
    assert Words().told(text, 300) == (text if told is None else told)


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("s3://models/fraud/42", "s3://models/fraud/42"),
        ("https://ana:hunter2@host/m?sig=abc#part", "https://host/m"),
        ("https://ana@host:8443/m", "https://host:8443/m"),
        ("pvc://models/42?token=x", "pvc://models/42"),
        ("https://[broken/m", "https://[broken/m"),
        (42, None),
        ("", None),
    ],
)
def test_a_location_has_no_credentials(uri: object, told: str | None) -> None:
    assert Words().location(uri, 300) == told


def test_who_took_part_is_named_in_sentences_too() -> None:
    words = Words()
    assert words.who("luis@example.com", 300) == "luis@example.com"
    assert words.told("approved by luis@example.com, not by eve@example.com", 300) == (
        "approved by luis@example.com, not by ***@***"
    )


def test_without_people_the_same_person_has_the_same_number_everywhere() -> None:
    words = Words(anonymous=True)
    assert [words.who(user, 300) for user in ("ana", "luis@example.com", "ana")] == ["person-1", "person-2", "person-1"]
    assert words.told("approved by luis@example.com and ana; banana stays", 300) == (
        "approved by person-2 and person-1; banana stays"
    )


def test_texts_in_which_something_was_hidden_are_counted() -> None:
    words = Words()
    words.told("fine", 300)
    words.told("password=hunter2", 300)
    words.location("https://ana:hunter2@host/m", 300)
    words.name("fraud", 300)
    assert (words.texts, words.hidden) == (4, 2)


@fuzzed(200)
@given(st.text(), st.integers(10, 400))
def test_any_text_is_one_short_printable_line(text: str, longest: int) -> None:
    for told in (Words().told(text, longest), Words().name(text, longest) or "", Words().location(text, longest) or ""):
        assert len(told) <= longest
        assert told.isprintable()
