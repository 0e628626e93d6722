"""``serin preflight``: can the next rollout of a ModelDeployment be judged, and how fast?"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from serin.analysis.preflight import FAULTS, NAMED_FAULT
from serin.cli.forecasts import as_fields
from serin.cli.live.views import DOCUMENT_VERSION
from serin.cli.servers import chosen
from serin.cli.survey_target import survey_target
from serin.cli.where import Where
from serin.cluster.connection import connect
from serin.errors import InvalidInput
from serin.prometheus.figures import ArmFigures, SloFigures, readiness_of
from serin.prometheus.server.client import Prometheus
from serin.prometheus.sharing.shared import Shared
from serin.prometheus.survey import TOO_YOUNG, survey

VARIABLE = "PROMETHEUS_URL"
"""Of the environment: as the playground and the sandbox set it."""
MODEL_DEPLOYMENT = ("mdep", "modeldeployment", "modeldeployments")


@dataclass(frozen=True, slots=True)
class Source:
    """Where Prometheus is, as the options say; see ``serin.cli.servers.chosen``."""

    address: str | None
    servers: Path | None
    arms: str | None


def gathered(target: str, where: Where, source: Source, tell: Callable[[str], None]) -> list[SloFigures]:
    """The figures of ``mdep/NAME``; ``InvalidInput`` if the cluster has no such rollout to survey, ``ClusterError``.

    ``tell`` hears which Prometheus was taken where neither the options nor the policy name one.
    """
    return asyncio.run(_gathered(_name(target), where, source, tell))


def _name(target: str) -> str:
    kind, slash, name = target.rpartition("/")
    if slash and kind.split(".")[0].lower() not in MODEL_DEPLOYMENT:
        raise InvalidInput(f"{target}: expected mdep/NAME")
    return name


async def _gathered(name: str, where: Where, source: Source, tell: Callable[[str], None]) -> list[SloFigures]:
    namespace = where.namespace
    async with connect(where.context) as (cluster, _):
        target = await survey_target(cluster, namespace, name)
    own = target.policy.prometheus.address if target.policy.prometheus else None
    if source.address is None and own is None and source.servers is None and os.environ.get(VARIABLE):
        source = replace(source, address=os.environ[VARIABLE])
        tell(f"the policy names no Prometheus: that of {VARIABLE} in the environment is asked")
    server = chosen(own, source.address, source.servers, namespace, source.arms)
    prometheus = Prometheus(server)
    try:
        return await survey(Shared(prometheus, server).of(namespace), target, datetime.now(UTC))
    finally:
        prometheus.close()


def ready(figures: list[SloFigures]) -> bool:
    """Whether a rollout could be judged, as the operator sees it before the first weight; what is unknown is not."""
    found = readiness_of(figures, datetime.now(UTC))
    return found.ready and not found.unknown and all(f.total_rps for f in figures if f.decides and f.stable is not None)


def as_fields_of(figures: list[SloFigures]) -> dict[str, Any]:
    """All figures as one document."""
    head = {"apiVersion": DOCUMENT_VERSION, "kind": "PreflightReport"}
    return {**head, "ready": ready(figures), "slos": [_slo(f) for f in figures]}


def as_json(figures: list[SloFigures]) -> str:
    """All figures as one JSON object."""
    return json.dumps(as_fields_of(figures), indent=2)


def _slo(figures: SloFigures) -> dict[str, Any]:
    steps = [
        {
            "weight": forecast.weight,
            **as_fields(forecast),
            "problem": forecast.problem,
        }
        for forecast in figures.forecasts
    ]
    return {
        "name": figures.name,
        "severity": figures.severity,
        "arms": figures.arms,
        "meaning": figures.meaning,
        "unproven": figures.unproven,
        "warning": figures.warning,
        "stable": _arm(figures.stable),
        "candidate": _arm(figures.candidate),
        "dispersion": round(figures.excess, 3),
        "boundaries": figures.boundaries,
        "problem": figures.problem,
        "steps": steps,
    }


def _arm(arm: ArmFigures | None) -> dict[str, Any] | None:
    if arm is None:
        return None
    age = None if arm.sample_age is None else round(arm.sample_age, 1)
    share = round(arm.bad_share, 6)
    return {"rps": round(arm.rps, 3), "badShare": share, "minutes": arm.minutes, "sampleAgeSeconds": age}


def show(figures: list[SloFigures], console: Console) -> None:
    """Prints a table of the arms, a table of the steps, and the problems."""
    now = _table("SLO", "severity", "arms", "arm", "req/s", "bad", "bursts", "sample age")
    for f in figures:
        for side, arm in (("stable", f.stable), ("candidate", f.candidate)):
            if arm is not None:
                age = "-" if arm.sample_age is None else f"{arm.sample_age:.0f} s"
                bursts = f"{f.excess:.2f}" if side == "stable" else ""
                now.add_row(f.name, f.severity, f.arms, side, f"{arm.rps:.1f}", f"{arm.bad_share:.3%}", bursts, age)
    console.print(now)
    steps = _table("SLO", "weight", f"fault of {FAULTS[NAMED_FAULT]:g}x found in", "as good as stable passes in")
    for forecast in (forecast for f in figures if not _idle(f) for forecast in f.forecasts):
        late, passing = forecast.detect[NAMED_FAULT], forecast.passing
        steps.add_row(forecast.slo, f"{forecast.weight} %", _seconds(late), _seconds(passing))
    if steps.row_count:
        console.print(steps)
    for line in _lines(figures):
        console.print(line, soft_wrap=True, markup=False)  # a server's message may look like markup
    console.print("ready" if ready(figures) else "not ready")


def _table(*heads: str) -> Table:
    """Lines of which no word is cut: what has no room goes on below."""
    columns = [Column(head, no_wrap=head in {"SLO", "arm"}, overflow="fold") for head in heads]
    return Table(*columns, box=None, pad_edge=False, padding=(0, 2, 0, 0))


def _idle(figures: SloFigures) -> bool:
    """Whether its forecasts say nothing but that no request is counted."""
    return bool(figures.forecasts) and not figures.total_rps


def _lines(figures: list[SloFigures]) -> Iterator[str]:
    """Per kind of arms the meaning of the counts, and per SLO its problems and doubts."""
    for arms, meaning in {f.arms: f.meaning for f in figures if f.meaning}.items():
        yield f"arms {arms}: {meaning}"
    for arms, warning in {f.arms: f.warning for f in figures if f.warning}.items():
        yield f"arms {arms}: {warning}"
    if idle := [f.name for f in figures if _idle(f)]:
        yield (
            f"{', '.join(idle)}: no request is counted yet, so no step would prove anything, and how long one takes "
            "is not known: send requests, and ask again in a minute"
        )
    for f in figures:
        if f.boundaries:
            yield f"{f.name}: bucket boundaries for threshold and ladder: le={', '.join(f.boundaries)}"
        own = "" if _idle(f) and f.problem == TOO_YOUNG else f.problem
        later = [] if _idle(f) else [forecast.problem for forecast in f.forecasts]
        for problem in filter(None, (own, *later)):
            yield f"{f.name}: {problem.removeprefix(f'{f.name}: ')}"
        if f.unproven:
            yield f"{f.name}: arms {f.arms} were never tried on real parts by Serin's own tests"


def _seconds(value: float) -> str:
    return "never" if value == float("inf") else f"{value:.0f} s"
