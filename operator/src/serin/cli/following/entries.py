"""The ModelDeployments of a board as a list: in which order, and in which groups."""

from __future__ import annotations

from dataclasses import dataclass

from serin.cli.following.traces import ODD
from serin.cli.live.reading import URGENCIES as NAMES
from serin.cli.live.reading import Object, part, row_of, wait_of
from serin.cli.live.views import Row, Wait

SHOWN = {
    "": "All",
    "person": "Needs somebody",
    "trial": "On trial",
    "back": "Taken back",
    "owner": "Owner chooses",
    "stable": "Stable",
}
"""What may be asked for, by its word in the address."""
URGENCIES = list(NAMES.values())
BACK = frozenset({"RollingBack", "RolledBack"})


@dataclass(frozen=True, slots=True)
class Entry:
    """A ModelDeployment as the list shows it."""

    row: Row
    wait: Wait

    def is_in(self, group: str) -> bool:
        """Whether it belongs to a group of ``SHOWN``."""
        row = self.row
        return {
            "": True,
            "person": self.wait.needs_a_person,
            "trial": row.candidate is not None,
            "back": row.phase in BACK,
            "owner": self.wait.urgency == "Owner",
            "stable": row.phase == "Stable" and not row.down,
        }.get(group, False)

    @property
    def order(self) -> tuple[int, bool, str, str]:
        """The most urgent comes first: clients are hurt, nobody sees or it is stuck, a person, the owner, the rest."""
        rests = self.wait.urgency == URGENCIES[-1] and self.row.candidate is None
        return URGENCIES.index(self.wait.urgency), rests, self.row.namespace, self.row.name


def entry_of(obj: Object) -> Entry:
    """An object of the cluster as the list shows it; one of another version as far as it goes."""
    try:
        return Entry(row_of(obj), wait_of(obj))
    except ODD as error:
        told = f"this version of serin cannot read its status ({type(error).__name__})"
        named = {"metadata": part(obj, "metadata"), "status": {"message": told}}
        return Entry(row_of(named), wait_of(named))
