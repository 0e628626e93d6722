"""Plain scalars become what kubectl 1.32 makes of them (``kubectl annotate --local -f … -o json``)."""

from __future__ import annotations

import pytest

from serin.cli.lint.source import read

KUBECTL: list[tuple[str, object]] = [
    # Numbers that PyYAML takes for texts.
    ("1234e5", 123400000),
    ("1e3", 1000),
    ("0o17", 15),
    ("-0o7", -7),
    ("0O17", 15),
    ("0X1f", 31),
    ("0B11", 3),
    (".5e1", 5),
    ("+.5e-3", 0.0005),
    ("08", 8),
    ("1e-400", 0),
    # Numbers of both.
    ("017", 15),
    ("-017", -15),
    ("0x1F", 31),
    ("-0b11", -3),
    ("1_000", 1000),
    ("1_", 1),
    ("0x_1", 1),
    (".5_0", 0.5),
    ("1_0.5", 10.5),
    ("+5", 5),
    ("1.", 1),
    ("1.10", 1.1),
    ("99999999999999999999", 1e20),
    # Booleans and null.
    *((word, True) for word in ("y", "Y", "yes", "Yes", "On", "TRUE")),
    *((word, False) for word in ("n", "N", "no", "off", "OFF", "False")),
    ("~", None),
    ("Null", None),
    # Texts.
    *(
        (text, text)
        for text in (
            *("1:30", "190:20:30", "2027-01-04", "2027-01-04T00:00:00Z", "=", "tRUE", "yEs", "12e", "1e5.5"),
            *("0x1p4", "0o8", "0b2", ".", ".e1", "+-5", "++5", "._5", "1e400", "0x1FFFFFFFFFFFFFFFFF"),
        )
    ),
    # What has quotes or a tag is what it says.
    ('"y"', "y"),
    ("'1e3'", "1e3"),
    ("!!str 1e3", "1e3"),
]


@pytest.mark.parametrize(("text", "value"), KUBECTL)
def test_a_plain_scalar_is_read_as_kubectl_reads_it(text: str, value: object) -> None:
    [document] = read(f"a: {text}\n", "a.yaml").documents
    found = document.value["a"]
    assert (found, isinstance(found, bool)) == (value, isinstance(value, bool))
    assert isinstance(found, str) == isinstance(value, str)


@pytest.mark.parametrize("text", [".inf", "-.Inf", "+.INF", ".nan", ".NaN"])
def test_a_number_that_json_does_not_have_is_told(text: str) -> None:
    source = read(f"a: {text}\n", "a.yaml")
    assert [each.message for each in source.findings] == [
        f"{text} is a number that JSON does not have: kubectl refuses the file"
    ]
    assert not source.is_whole


@pytest.mark.parametrize("text", ["1.10", "042", "1e3", "on", "~"])
def test_what_the_file_says_is_kept_beside_the_value(text: str) -> None:
    [document] = read(f"kind: List\nitems:\n- a: [x, {text}]\n", "a.yaml").documents
    assert [document.written(("a", index)) for index in range(2)] == [None, text]
