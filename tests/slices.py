"""Which rows of a long table does ``make test`` play? ``make matrix`` plays the others too."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pytest
from _pytest.mark import ParameterSet

PARTS = 4
"""Into so many parts are stories divided that die at each of their writes; ``make test`` plays the first."""


def sliced(rows: Iterable[Any], always: Callable[[int], bool]) -> list[ParameterSet]:
    """Each row for ``pytest.mark.parametrize``; ``always`` chooses by number those of every run."""
    return [
        pytest.param(*(row if isinstance(row, tuple) else (row,)), marks=[] if always(at) else [pytest.mark.matrix])
        for at, row in enumerate(rows)
    ]


def parts() -> list[ParameterSet]:
    """The parts of a story that dies at each of its writes, by number."""
    return sliced(range(PARTS), lambda part: part == 0)


def of_part(part: int) -> Iterator[int]:
    """The numbers that belong to a part: one of each four, not always the same one (writes come in fours, too)."""
    return (number for number in itertools.count() if (number + number // PARTS) % PARTS == part)


def pairs(first: Sequence[Any], second: Sequence[Any], third: Sequence[Any]) -> list[ParameterSet]:
    """Three of a kind combined: each pair of the first two in every run, spread evenly over the third."""
    rows = list(itertools.product(range(len(first)), range(len(second)), range(len(third))))
    return sliced([(first[i], second[j], third[k]) for i, j, k in rows], lambda at: sum(rows[at]) % len(third) == 0)
