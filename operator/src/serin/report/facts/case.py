"""One rollout as its objects tell it: the record with all its parts, what is wrong with them, and those before it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from serin.api.contact import contact_of
from serin.api.files.load import validated
from serin.api.promotion_record import PromotionRecord, RevisionSource
from serin.api.revision import Source
from serin.errors import InvalidInput
from serin.records.build import source_of, sources_of
from serin.records.chain import record_hash
from serin.records.chain_report import Item
from serin.records.parts import assembled
from serin.records.verify import verify


@dataclass(frozen=True, slots=True)
class Case:
    """A record, read."""

    namespace: str
    name: str
    record: PromotionRecord
    """With the timeline, the holds and the windows of all parts that are here."""
    pieces: tuple[PromotionRecord, ...]
    """The record and its parts as they are stored, in order."""
    hash_holds: bool | None
    """Whether the content of the record's object has the hash that it states; None where it states none."""
    findings: tuple[str, ...]
    """What is wrong with the record and its parts."""
    candidate_source: Source | None
    """What was written for the candidate: in the record, or in one before it; None if neither is here."""
    stable_source: Source | None
    """As ``candidate_source``, for stable."""
    before: PromotionRecord | None
    """The newest record before this one that has a policy, if one is here."""
    before_name: str | None
    contact: str
    """Whom to ask, as the ModelDeployment said when the rollout started; empty where it said nobody."""

    @property
    def parts(self) -> int:
        """How many objects the record names."""
        return self.record.status.parts or 1

    @property
    def lacks_parts(self) -> bool:
        """Whether parts that it names are not here."""
        return len(self.pieces) < self.parts


def newest(items: Iterable[Item]) -> str | None:
    """The name of the record with the highest attempt; None if there is no record."""
    mains = [item for item in items if not item.spec.get("continues")]
    return max(mains, key=lambda item: item.order).name if mains else None


def case_of(items: Sequence[Item], name: str) -> Case:
    """The case of one record; ``items`` may have others, of which those before it are used. ``InvalidInput``."""
    main = next((item for item in items if item.name == name), None)
    if main is None:
        raise InvalidInput(f"there is no PromotionRecord {name} here")
    continued = main.spec.get("continues")
    if continued:
        raise InvalidInput(f"{name} is a part of the record {continued}: ask for that one")
    further = [i for i in items if i.spec.get("continues") == name and i.namespace == main.namespace]
    own = [main, *sorted({item.name: item for item in further}.values(), key=lambda item: item.order)]
    pieces = tuple(validated(PromotionRecord, item.obj, item.name) for item in own)
    earlier = _earlier(items, main)
    readable = ((item.name, _read(item)) for item in earlier)
    before = next(((name, old) for name, old in readable if old is not None and old.spec.policy is not None), None)
    found = [one for one in verify(own).found if one.record in {item.name for item in own}]
    return Case(
        namespace=main.namespace,
        name=name,
        record=assembled(pieces[0], pieces[1:]),
        pieces=pieces,
        hash_holds=_hash_holds(main),
        findings=tuple(f"{one.finding}: {one.record}: {one.message}" for one in found),
        candidate_source=_source(pieces[0].spec.candidate, earlier),
        stable_source=_source(pieces[0].spec.stable, earlier),
        before=before[1] if before else None,
        before_name=before[0] if before else None,
        contact=contact_of(main.obj),
    )


def _earlier(items: Iterable[Item], main: Item) -> list[Item]:
    """The records of the same ModelDeployment before this one, the newest first."""
    same = (i for i in items if i.owner == main.owner and not i.spec.get("continues") and i.order < main.order)
    return sorted(same, key=lambda item: item.order, reverse=True)


def _read(item: Item) -> PromotionRecord | None:
    """An earlier record; None if this version cannot read it: it only helps."""
    try:
        return validated(PromotionRecord, item.obj, item.name)
    except InvalidInput:
        return None


def _hash_holds(item: Item) -> bool | None:
    if item.hash is None:
        return None
    try:
        return record_hash(item.obj) == item.hash
    except ValueError:
        return False


def _source(revision: RevisionSource | None, earlier: Sequence[Item]) -> Source | None:
    """What was written for a revision. A record has it only where no earlier one does."""
    if revision is None:
        return None
    if revision.model:
        return Source(revision.model, revision.predictor, revision.transformer)
    return source_of(revision.revision, revision.hash, sources_of([item.obj for item in earlier]))
