"""What became of one request, and how is that kept in the load log?

The log is CSV with a header line, one row per request in the order of the answers, written as they come.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

COLUMNS = ("sent", "seconds", "status", "version", "error")
FLUSH_EVERY = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """One request as the client saw it."""

    sent: float
    """When it was sent; seconds since the epoch."""
    seconds: float
    """Until the whole answer was read, or until it failed."""
    status: int
    """HTTP status; 0 if there was no answer."""
    version: str = ""
    """The model version that says it answered; empty if nobody said so."""
    error: str = ""
    """Class of the failure when ``status`` is 0."""

    @property
    def failed(self) -> bool:
        """No answer, or not a 2xx one."""
        return not 200 <= self.status < 300  # noqa: PLR2004 - HTTP's success class

    @property
    def at(self) -> float:
        """When the answer was complete; seconds since the epoch."""
        return self.sent + self.seconds


class AnswerLog:
    """Writes answers to a CSV file as they come. Not safe for use by several threads."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="ascii", newline="")
        self._rows = csv.writer(self._file)
        self._rows.writerow(COLUMNS)
        self._unflushed = 0

    def write(self, answer: Answer) -> None:
        """Append one row; at most ``FLUSH_EVERY`` rows are lost if the process is killed."""
        self._rows.writerow(
            (f"{answer.sent:.6f}", f"{answer.seconds:.6f}", answer.status, answer.version, answer.error)
        )
        self._unflushed += 1
        if self._unflushed >= FLUSH_EVERY:
            self._file.flush()
            self._unflushed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def read_log(path: Path) -> Iterator[Answer]:
    """The answers of a log; a last row that was cut off is left out."""
    with path.open(encoding="ascii", newline="") as file:
        rows = csv.reader(file)
        next(rows, None)
        for row in rows:
            if len(row) != len(COLUMNS):
                return
            yield Answer(float(row[0]), float(row[1]), int(row[2]), row[3], row[4])
