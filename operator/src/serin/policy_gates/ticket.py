"""Patterns for tickets: regular expressions whose cost is bounded before they are used.

Python's ``re`` backtracks, and a policy's author is not trusted with the operator's time. So a pattern is made of
single characters, classes and groups; only single characters and classes may repeat; and the number of ways in which a
text can be tried is counted beforehand.
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache

LONGEST_PATTERN = 128
LONGEST_TICKET = 128
MOST_WAYS = 20_000
"""Ways to try a text: the product of what each repetition and each choice can vary. A text of 128 characters then takes
about a millisecond."""
_TOKEN = re.compile(
    r"""(?: \\[dwsDWS.\\\-/\[\](){}?*+|^$\#_:]      # a class, or a character that is one
          | \[\^?\]?(?:\\.|[^\]\\])*\]           # a set
          | [^\\\[\](){}?*+|^$]                 # any other character, and the dot
        )(?P<repeat>\{(?P<least>\d{1,3})(?P<range>,(?P<most>\d{0,3}))?\}|[?*+])?
      | [\^$]
      | \((?!\?)
      | \)(?![?*+{])
      | (?P<choice>\|)
    """,
    re.VERBOSE,
)


def pattern_problem(pattern: str) -> str | None:
    """Why a pattern is not used, in words; None if it is."""
    if len(pattern) > LONGEST_PATTERN:
        return f"it has {len(pattern)} characters of at most {LONGEST_PATTERN}"
    ways, at = 1, 0
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        if token is None:
            return (
                f"what begins at {pattern[at : at + 10]!r} is not supported: a pattern has characters, sets such as "
                f"[0-9], groups that do not repeat, and repetitions such as {{7}} of single characters and sets"
            )
        at = token.end()
        ways *= 2 if token["choice"] else _variants(token)
        if ways > MOST_WAYS:
            return "it can be tried in too many ways: give counts such as {7} in place of * and +, and fewer choices"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)  # a set that a later Python would read in another way: [[a]
            re.compile(pattern)
    except FutureWarning as warning:
        return f"it has two meanings ({warning}): put a backslash before a bracket or sign that stands for itself"
    except (re.error, RecursionError, OverflowError) as error:
        return f"it is no regular expression: {error}"
    return None


def _variants(token: re.Match[str]) -> int:
    """In how many lengths a token can be tried."""
    if token["least"] is None:
        return {None: 1, "?": 2}.get(token["repeat"], LONGEST_TICKET)
    least = int(token["least"])
    most = least if token["range"] is None else int(token["most"] or LONGEST_TICKET)
    return max(1, min(most, LONGEST_TICKET) - least + 1)


def matches(pattern: str, ticket: str) -> bool:
    """Whether the whole ticket is of the pattern; False for a pattern that is not used."""
    return _usable(pattern) and len(ticket) <= LONGEST_TICKET and re.fullmatch(pattern, ticket) is not None


@lru_cache(maxsize=256)
def _usable(pattern: str) -> bool:
    return pattern_problem(pattern) is None
