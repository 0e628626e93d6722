"""Says what the arms export instead of a selector that matches nothing: metrics of a near name, labels, their values.

Only series of the arms themselves are looked at: what others export is nobody's business here. What is told is bounded,
and masked as words of others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from difflib import get_close_matches

from serin.api.policy.slo import Slo
from serin.api.promotion_policy import PromotionPolicySpec
from serin.indicators.measurements import Value
from serin.prometheus.grid import Grid
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.metrics import Metrics
from serin.prometheus.readers.arm_query import ArmQuery
from serin.prometheus.readers.counter_groups import CounterGroup, groups_of
from serin.prometheus.reading import measurement
from serin.prometheus.variables import quoted
from serin.schema.masking import masked
from serin.schema.printable import shortened

MINUTE, MINUTES = timedelta(minutes=1), 15
"""What is read of the time before the question."""
MOST_SHOWN, LONGEST_SHOWN = 5, 60
LONGEST = 400
"""Characters of all that is told."""
NEAR = 0.5
"""How alike two names are of which one may be meant for the other, 0 to 1."""
_NEVER_TOLD = frozenset({"__name__", "le"})
_MATCHER = re.compile(r"(\w+)(?:=~|!~|!=|=)")


def lately(
    metrics: Metrics, policy: PromotionPolicySpec, slo: Slo, identity: RolloutIdentity, at: datetime
) -> tuple[ArmQuery, list[CounterGroup]]:
    """How the last minutes of an SLO are asked for, and its counters; none for a value; ``QueryRejected``."""
    wanted = measurement(policy, slo)
    of_arms = policy.arms_of(slo) if isinstance(wanted, Value) else wanted
    query = ArmQuery.of(metrics, of_arms, identity, Grid(at - MINUTES * MINUTE, MINUTE, MINUTES))
    groups = () if isinstance(wanted, Value) else wanted.groups
    return query, groups_of(query.source, groups, identity.namespace)


async def exported_instead(
    metrics: Metrics, policy: PromotionPolicySpec, slo: Slo, identity: RolloutIdentity, at: datetime
) -> str:
    """What there is instead of the first selector that matches nothing; empty if all match; ``MetricsError``."""
    query, groups = lately(metrics, policy, slo, identity, at)
    for group in groups:
        metric = f"__name__=~{quoted('|'.join(sorted({term.metric for term in group.terms})))}"
        of_arms = [*query.matchers(CounterGroup(group.terms)), _arms(query)]
        if group.selector and not await values_of(metrics, "__name__", [metric, *of_arms, *group.matchers], at):
            return shortened(await _instead(metrics, group, metric, of_arms, at), LONGEST)
    return ""


async def _instead(metrics: Metrics, group: CounterGroup, metric: str, of_arms: Sequence[str], at: datetime) -> str:
    name = group.terms[0].metric
    labels = await _labels_of(metrics, [metric, *of_arms], at)
    if labels:
        own = dict.fromkeys(found[1] for matcher in group.matchers if (found := _MATCHER.match(matcher)))
        told = [await _told_of(metrics, label, labels, [metric, *of_arms], at) for label in list(own)[:MOST_SHOWN]]
        return f"{name} is there, and {'; '.join(told)}"
    names = await values_of(metrics, "__name__", of_arms, at)
    if not names:
        return f"no series at all has {', '.join(of_arms)}: are the arms scraped, and is this their label?"
    near = get_close_matches(name, names, MOST_SHOWN, NEAR)
    return f"there is no {name}; the arms export {_shown(near or names)}"


async def _told_of(metrics: Metrics, label: str, labels: Sequence[str], matchers: Sequence[str], at: datetime) -> str:
    """What there is of one label that the selector asks for."""
    values = await values_of(metrics, label, matchers, at)
    if values:
        return f"its {label} is {_shown(values)}"
    return f"has no label {label}, its labels are {_shown(labels)}"


async def _labels_of(metrics: Metrics, matchers: Sequence[str], at: datetime) -> list[str]:
    """The names of the labels of a few of the series; none if there is no series."""
    found = await metrics.counted(f"(topk(3, last_over_time({{{','.join(matchers)}}}[5m])))[1s:1s]", at, own=True)
    return sorted({label for series in found for label in series.labels} - _NEVER_TOLD)


async def values_of(metrics: Metrics, label: str, matchers: Sequence[str], at: datetime) -> list[str]:
    """The values of a label among the series of the last five minutes. The outer range makes a matrix of a vector."""
    found = await metrics.counted(
        f"(group by ({label}) (last_over_time({{{','.join(matchers)}}}[5m])))[1s:1s]", at, own=True
    )
    return sorted({series.labels.get(label, "") for series in found} - {""})


def _arms(query: ArmQuery) -> str:
    return f"{query.patterns.label}=~{quoted('|'.join(sorted(query.patterns.both)))}"


def _shown(values: Iterable[str]) -> str:
    ordered = [shortened(masked(value), LONGEST_SHOWN) for value in values]
    return ", ".join(ordered[:MOST_SHOWN]) + (", …" if len(ordered) > MOST_SHOWN else "")
