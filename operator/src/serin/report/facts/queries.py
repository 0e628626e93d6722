"""The queries of a policy, as Serin asks them for the arms of one rollout: to be pasted into Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from serin.api.names import PREDICTOR_SUFFIX
from serin.api.policy.slo import Slo
from serin.api.promotion_policy import PromotionPolicySpec
from serin.api.promotion_record import PromotionRecordSpec, RevisionSource
from serin.api.workload import INFERENCE_SERVICE
from serin.errors import QueryRejected
from serin.indicators.measurements import Counters, Mean, Value
from serin.prometheus import promql
from serin.prometheus.grid import Grid
from serin.prometheus.identity import RolloutIdentity
from serin.prometheus.presets import preset
from serin.prometheus.readers.arm_query import ArmQuery
from serin.prometheus.readers.counter_groups import CounterGroup, groups_of
from serin.prometheus.series_request import query
from serin.report.facts.bundle import Asked
from serin.report.facts.words import Words
from serin.schema.choices import Arms

COUNTERS = "counters of both arms, told apart by {label}; raw samples, window by window"
VALUE = "one value at the end of each window"
GATE = "asked when the gate is"


def asked(
    spec: PromotionRecordSpec, policy: PromotionPolicySpec, namespace: str, words: Words, longest: int
) -> Iterator[Asked]:
    """The queries of each SLO and each gate; what cannot be asked is told in their place."""
    if spec.stable is None:
        return
    identity = _identity(namespace, spec.candidate, spec.stable)
    grid = Grid(spec.started_at, policy.analysis.window, 1)
    for slo in policy.slos:
        try:
            found = list(_of_slo(slo, policy.arms_of(slo), identity, grid))
        except QueryRejected as error:
            found = [("it cannot be asked", str(error))]
        for what, text in found:
            yield Asked(of=slo.name, what=what, text=words.name(text, longest) or "")
    for gate in policy.gates:
        for text in gate.chosen.queries:
            yield Asked(of=f"gate {gate.name}", what=GATE, text=words.name(_filled(text, identity), longest) or "")


def _identity(namespace: str, candidate: RevisionSource, stable: RevisionSource) -> RolloutIdentity:
    """Both arms, as the back end that served them names them."""
    suffix = PREDICTOR_SUFFIX if candidate.workload.kind == INFERENCE_SERVICE else ""
    return RolloutIdentity(
        namespace,
        candidate.workload.name,
        stable.workload.name,
        candidate.revision,
        candidate.version,
        service_suffix=suffix,
        stable_revision=stable.revision,
        stable_version=stable.version,
        candidate_service=candidate.workload.service or "",
        stable_service=stable.workload.service or "",
    )


def _of_slo(slo: Slo, arms: Arms, identity: RolloutIdentity, grid: Grid) -> Iterator[tuple[str, str]]:
    measurement = slo.indicator.chosen.measurement(arms)
    match measurement:
        case Value():
            yield VALUE, promql.query(measurement.query, identity.variables, grid.length, new=False)
            for size in measurement.sizes:
                yield "rows behind it", promql.query(size, identity.variables, grid.length, new=False)
        case Counters() | Mean():
            source = preset(measurement.arms)
            if measurement.arm_label is not None:
                source = source.labelled(measurement.arm_label)
            found = ArmQuery(source, identity, grid)
            for group in groups_of(source, measurement.groups, identity.namespace):
                yield COUNTERS.format(label=source.arm_label), _selector(found, group)


def _selector(found: ArmQuery, group: CounterGroup) -> str:
    """The selector without its range: so it can be drawn."""
    text, _ = query([found.request(group)])
    return text.rpartition("[")[0]


def _filled(text: str, identity: RolloutIdentity) -> str:
    try:
        return promql.query(text, identity.variables, timedelta(), new=False)
    except QueryRejected:
        return text
