"""``serin freeze``: nothing starts and nothing moves forward while it is in force; rollbacks go on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from serin.api import API_VERSION
from serin.cli.act import asking
from serin.cli.act.saying import confirm, tell
from serin.cli.console import Output, show
from serin.cli.live.reading import part, row_of
from serin.cli.live.session import Session
from serin.cli.live.views import Asked, as_document
from serin.cli.live.waiting import length_of
from serin.cli.shell.layout import lasting, time_of
from serin.cli.shell.telling import sentence, serin
from serin.cluster.resources import MODEL_DEPLOYMENTS, PROMOTION_FREEZES
from serin.errors import InvalidInput, NotFound
from serin.schema.printable import printable

MOST_NAMED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """What the command line asks for."""

    reason: str
    until: str | None
    begins: str | None
    labels: str
    yes: bool
    dry_run: bool
    output: Output


def check(wish: Freeze) -> None:
    """Reads the options, before a cluster is looked for; ``InvalidInput``."""
    _asked(wish, datetime.now(UTC))


def frozen(seen: Session, wish: Freeze) -> None:
    """Creates the freeze, or ends with a sentence that says why not."""
    now = seen.now()
    labels, begins, ends = _asked(wish, now)
    told = asking.may_not(seen, PROMOTION_FREEZES, "create")
    if told is not None:
        raise InvalidInput(f"{told}: nothing was changed")
    spec: dict[str, Any] = {"reason": wish.reason}
    spec |= {key: _written(at) for key, at in (("from", begins), ("until", ends)) if at is not None}
    if labels:
        spec["selector"] = {"matchLabels": labels}
    body = {
        "apiVersion": API_VERSION,
        "kind": "PromotionFreeze",
        "metadata": {"generateName": "freeze-", "namespace": seen.namespace},
        "spec": spec,
    }
    asking.check_accepted(seen, PROMOTION_FREEZES, body)
    effect = _effect(seen, labels, begins, ends)
    tell(wish.output, sentence(f"Freeze in namespace {seen.namespace}: {effect}"))
    name, outcome, message = "", "Checked", "checked only (--dry-run): you may, and the API server would take it"
    if not wish.dry_run:
        confirm(yes=wish.yes)
        name = seen.api.create(PROMOTION_FREEZES, seen.namespace, body)["metadata"]["name"]
        lift = serin("freeze --end", name, seen.namespace)
        outcome, message = "Accepted", f"PromotionFreeze {name} is made; {lift} lifts it"
    _told(wish.output, Asked(seen.namespace, "", "Freeze", name, "", effect, outcome, message))


def lifted(seen: Session, name: str, output: Output, *, yes: bool) -> None:
    """Deletes a freeze."""
    told = asking.may_not(seen, PROMOTION_FREEZES, "delete", name=name)
    if told is not None:
        raise InvalidInput(f"{told}: nothing was changed")
    try:
        freeze = seen.api.get(PROMOTION_FREEZES, seen.namespace, name)
    except NotFound:
        raise InvalidInput(
            f"PromotionFreeze {name} does not exist in namespace {seen.namespace}: see kubectl get pfreeze -A"
        ) from None
    held = part(freeze, "status", "holds") or []
    effect = f"{len(held)} ModelDeployments that it holds go on ({part(freeze, 'spec', 'reason')})"
    tell(output, sentence(f"Lift PromotionFreeze {seen.namespace}/{name}: {effect}"))
    confirm(yes=yes)
    seen.api.delete(PROMOTION_FREEZES, seen.namespace, name)
    asked = Asked(seen.namespace, "", "Lift", name, "", effect, "Accepted", f"PromotionFreeze {name} is deleted")
    _told(output, asked)


def _told(output: Output, asked: Asked) -> None:
    show(as_document(asked), output, [printable(f"{asked.outcome}: {asked.message}")])


def _effect(seen: Session, labels: dict[str, str], begins: datetime | None, ends: datetime | None) -> str:
    """What is held, and how long."""
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    rows = [row_of(obj) for obj in seen.api.list(MODEL_DEPLOYMENTS, seen.namespace, selector)]
    moving = [f"{row.name} at {row.weight} %" for row in rows if row.candidate is not None]
    more = f" and {len(moving) - MOST_NAMED} more" if len(moving) > MOST_NAMED else ""
    now = seen.now()
    start = f"in {lasting((begins - now).total_seconds())}" if begins is not None and begins > now else "from now on"
    end = (
        f"for {lasting((ends - max(begins or now, now)).total_seconds())}"
        if ends is not None
        else "until it is deleted"
    )
    under_way = (
        f"{len(moving)} of them under way ({', '.join(moving[:MOST_NAMED])}{more})" if moving else "none under way"
    )
    number = f"{len(rows)} ModelDeployment{'' if len(rows) == 1 else 's'}"
    return f"{number}, {under_way}: nothing starts or moves forward {start} {end}; rollbacks, holds and aborts go on"


def _asked(wish: Freeze, now: datetime) -> tuple[dict[str, str], datetime | None, datetime | None]:
    """The labels, the beginning and the end; ``InvalidInput``."""
    return _labels(wish.labels), _time(wish.begins, now, "--from"), _time(wish.until, now, "--until")


def _labels(text: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in text.split(",") if pair]
    if any(not key or not sign for key, sign, _ in pairs):
        raise InvalidInput(f"--selector {text}: expected labels such as team=fraud,tier=1")
    return {key: value for key, _, value in pairs}


def _time(text: str | None, now: datetime, option: str) -> datetime | None:
    """A time, or a length of time from now; ``InvalidInput``."""
    if text is None:
        return None
    at = time_of(text) if "T" in text or "-" in text else None
    if at is None:
        try:
            length: timedelta = length_of(text)
        except InvalidInput:
            raise InvalidInput(f"{option} {text}: expected 8h or a time such as 2026-12-24T18:00:00Z") from None
        at = now + length
    return at


def _written(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
