"""Checks the chain of one ModelDeployment's finished PromotionRecords, wherever they were kept.

What it can show: that none was changed, left out, put in another place or added, as long as one hash of the chain, its
head at best, is known from elsewhere. Whoever can write every copy can also write a chain that is whole in itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from serin.records.chain import canonical, record_hash
from serin.records.chain_report import ChainReport, Finding, Item
from serin.records.parts import part_name

MOST_PARTS = 100_000


def verify(items: Sequence[Item], *, heads: Iterable[str] = (), report: ChainReport | None = None) -> ChainReport:
    """The report on the records of one ModelDeployment; ``heads`` are hashes that are known from elsewhere.

    The items may come from several places, an export and the cluster for example: what one lacks the other has.
    """
    report = report or ChainReport()
    own = _of_one_owner(items, report)
    _check_order(own, report)
    unique = _unique(own, report)
    for item in unique:
        _check_content(item, report)
    mains = [item for item in unique if not item.spec.get("continues")]
    finished = sorted((item for item in mains if item.finished), key=lambda item: item.order)
    for item in mains:
        if not item.finished:
            report.notes.append(f"{item.name} is not finished: it is not part of the chain yet")
    _check_parts(finished, [item for item in unique if item.spec.get("continues")], mains, report)
    _check_links(finished, report)
    _check_attempts(mains, report)
    _check_heads(finished, heads, report)
    report.records = len(finished)
    if finished:
        report.first_attempt, report.last_attempt = finished[0].order[0], finished[-1].order[0]
    return report


def _of_one_owner(items: Sequence[Item], report: ChainReport) -> list[Item]:
    """The items of the ModelDeployment that most are of."""
    if not items:
        report.add(Finding.MISSING, "", "there is no record")
        return []
    owner = Counter(item.owner for item in items).most_common(1)[0][0]
    for item in items:
        if item.owner != owner:
            of, expected = "/".join(item.owner), "/".join(owner)
            report.add(Finding.FOREIGN, item.name, f"it is of ModelDeployment {of}, the others are of {expected}")
    return [item for item in items if item.owner == owner]


def _check_order(items: Sequence[Item], report: ChainReport) -> None:
    before: dict[str, Item] = {}
    for item in items:
        last = before.get(item.source)
        if item.line and last is not None and item.order < last.order:
            message = f"line {item.line} stands after {last.name} of line {last.line}, and was written before it"
            report.add(Finding.REORDERED, item.name, message)
        before[item.source] = item


def _unique(items: Sequence[Item], report: ChainReport) -> list[Item]:
    """One item a name. Of an open and a finished one the finished one counts; two finished ones have to be equal."""
    found: dict[str, Item] = {}
    for item in items:
        known = found.setdefault(item.name, item)
        if known is item:
            continue
        if known.source == item.source:
            message = f"it stands in line {known.line} and again in line {item.line} of {item.source}"
            report.add(Finding.DUPLICATE, item.name, message)
        if known.finished and item.finished and _differ(known, item):
            message = f"it says something else in {item.source} than in {known.source}"
            report.add(Finding.CHANGED, item.name, message)
        if item.finished and not known.finished:
            found[item.name] = item
    return list(found.values())


def _differ(one: Item, other: Item) -> bool:
    return canonical([one.spec, one.status]) != canonical([other.spec, other.status])


def _check_content(item: Item, report: ChainReport) -> None:
    if not item.finished or item.hash is None:
        return
    try:
        actual = record_hash(item.obj)
    except ValueError as error:
        report.add(Finding.UNREADABLE, item.name, f"it has no canonical JSON: {error}")
        return
    if actual != item.hash:
        report.add(Finding.CHANGED, item.name, f"its content has the hash {actual}, and it states {item.hash}")


def _check_parts(finished: Sequence[Item], pieces: Sequence[Item], mains: Sequence[Item], report: ChainReport) -> None:
    by_name, done = {item.name: item for item in pieces}, {item.name for item in finished}
    for item in finished:
        named = item.status.get("parts", 1)
        count = named if isinstance(named, int) and 1 <= named <= MOST_PARTS else 1
        own = {number: by_name.pop(part_name(item.name, number), None) for number in range(2, count + 1)}
        missing = [number for number, piece in own.items() if piece is None]
        if missing:
            message = f"of its {count} parts {len(missing)} are not there, the first of them part {missing[0]}"
            report.add(Finding.MISSING, item.name, message)
        _check_part_links(item, own, report)
    for piece in by_name.values():
        continues = str(piece.spec.get("continues"))
        if continues in done:
            report.add(Finding.FORGED, piece.name, f"{continues} does not name it as a part")
        elif continues not in {item.name for item in mains}:
            report.add(Finding.MISSING, continues, f"{piece.name} continues it, and it is not there")


def _check_part_links(item: Item, own: Mapping[int, Item | None], report: ChainReport) -> None:
    """Whether each part follows the one before it, and the record names the last one."""
    before: Item | None = None
    for number, piece in own.items():
        if piece is not None and (not piece.finished or piece.hash is None):
            report.add(Finding.CHANGED, piece.name, "a part of a finished record is finished, and this one is not")
        if piece is not None and before is not None and piece.spec.get("previousPartHash") != before.hash:
            report.add(Finding.CHANGED, piece.name, f"it does not follow part {number - 1} as that is now")
        before = piece
    if own and before is not None and before.hash != item.status.get("lastPartHash"):
        report.add(Finding.CHANGED, before.name, f"it is not the last part that {item.name} names")


def _check_links(finished: Sequence[Item], report: ChainReport) -> None:
    hashed = [item for item in finished if item.hash is not None]
    by_hash, followers = {item.hash: item for item in hashed}, dict[str, Item]()
    for item in finished:
        if item.hash is None:
            _check_without_hash(item, hashed, report)
    begins = [item for item in hashed if item.status.get("previousHash") not in by_hash]
    for item in begins:
        _check_begin(item, report, first=item is begins[0])
    for item in hashed:
        previous = item.status.get("previousHash")
        known = followers.setdefault(str(previous), item) if previous else item
        if known is not item:
            message = f"it and {known.name} both follow the same record: one of them is not Serin's"
            report.add(Finding.FORGED, item.name, message)
    ends = [item for item in hashed if item.hash not in followers]
    report.head = ends[-1].hash if ends else None


def _check_without_hash(item: Item, hashed: Sequence[Item], report: ChainReport) -> None:
    if not hashed or item.order < hashed[0].order:
        report.notes.append(f"{item.name} has no hash: an earlier Serin finished it, and nothing shows a change")
    else:
        message = f"it is finished without a hash, and {hashed[0].name} before it has one"
        report.add(Finding.FORGED, item.name, message)


def _check_begin(item: Item, report: ChainReport, *, first: bool) -> None:
    """A record that follows none that is there: right for the first one only, and if it says why."""
    previous, start = item.status.get("previousHash"), item.status.get("chainStart")
    words = f"{start.get('reason')}: {start.get('message')}" if isinstance(start, Mapping) else ""
    if previous is None and not words:
        report.add(Finding.FORGED, item.name, "it names neither the record before it nor why there is none")
    elif previous is None and not first:
        report.add(Finding.FORGED, item.name, f"it begins a chain ({words}), and records before it are there")
    elif not first:
        message = f"the record that was finished before it (hash {previous}) is not there, or was changed"
        report.add(Finding.MISSING, item.name, message)
    elif previous is not None:
        report.notes.append(f"what was finished before {item.name} is not here: its hash was {previous}")
    elif isinstance(start, Mapping) and start.get("reason") != "FirstRecord":
        report.notes.append(f"the chain begins with {item.name}. {words}")


def _check_attempts(mains: Sequence[Item], report: ChainReport) -> None:
    attempts = Counter(item.order[0] for item in mains)
    for attempt, count in attempts.items():
        if count > 1:
            same = ", ".join(sorted(item.name for item in mains if item.order[0] == attempt))
            report.add(Finding.FORGED, same, f"attempt {attempt} is there {count} times")
    if not attempts:
        return
    for attempt in sorted(set(range(min(attempts), max(attempts))) - attempts.keys()):
        message = f"attempt {attempt} is not there: the retention rule or somebody deleted it, or it was left out"
        report.add(Finding.MISSING, "", message)


def _check_heads(finished: Sequence[Item], heads: Iterable[str], report: ChainReport) -> None:
    by_hash = {item.hash: item for item in finished if item.hash is not None}
    for head in heads:
        item = by_hash.get(head)
        if item is None:
            message = f"no record has the known hash {head}: the end of the chain was cut off, or written anew"
            report.add(Finding.TRUNCATED, "", message)
        else:
            report.notes.append(f"all up to {item.name} is as it was when the hash {head} was noted elsewhere")
