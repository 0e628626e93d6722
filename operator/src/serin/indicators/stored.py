"""How an interval of both arms is written into a record: ``candidate,stable``, the same bytes everywhere.

``-`` stands for an arm without data, and alone for both; ``!`` in the candidate's place for what could not be read.
"""

from __future__ import annotations

NO_DATA, UNREADABLE = "-", "!"
NOT_READ = "the window could not be read when it was over"


def join_arms(candidate: str, stable: str, error: str) -> str:
    """One interval's text from those of its arms, which are ``NO_DATA`` where there is none."""
    own = UNREADABLE if error else candidate
    return own if own in {NO_DATA, UNREADABLE} and stable == NO_DATA else f"{own},{stable}"


def split_arms(text: str) -> tuple[str, str, str]:
    """The texts of candidate and stable, and the error."""
    own, _, stable = text.partition(",")
    error = NOT_READ if own == UNREADABLE else ""
    return NO_DATA if error else own, stable or NO_DATA, error
