"""How a panel is made: a title, a unit, queries, and what to think of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import dashboard as dashboards
from grafana_foundation_sdk.builders import prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models.dashboard import DataSourceRef, VariableRefresh

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
OF = 'namespace=~"$namespace",model_deployment=~"$model_deployment"'
WIDTH, HEIGHT = 24, 8


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel and the legend of its series."""

    expr: str
    legend: str
    instant: bool = False

    def target(self, number: int) -> prometheus.Dataquery:
        """The query as Grafana stores it."""
        made = prometheus.Dataquery().expr(self.expr).legend_format(self.legend).ref_id(chr(ord("A") + number))
        return made.datasource(SOURCE).instant() if self.instant else made.datasource(SOURCE).range()


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel."""

    kind: str
    """``timeseries``, ``stat``, ``table`` or ``statetimeline``."""
    title: str
    unit: str
    about: str
    queries: tuple[Query, ...]
    span: int = 12

    def built(self) -> Any:  # noqa: ANN401 - the builders have no common type
        """The builder of Grafana's panel."""
        kinds = {"timeseries": timeseries, "stat": stat, "table": table, "statetimeline": statetimeline}
        panel = kinds[self.kind].Panel().title(self.title).description(self.about).unit(self.unit)
        panel = panel.datasource(SOURCE).span(self.span).height(HEIGHT)
        for number, query in enumerate(self.queries):
            panel = panel.with_target(query.target(number))
        return panel


def variable(name: str, metric: str, *, of: str = "") -> dashboards.QueryVariable:
    """A variable with the values that a label has."""
    within = f"{{{of}}}" if of else ""
    made = dashboards.QueryVariable(name).datasource(SOURCE).multi(multi=True).include_all(include_all=True)
    return (
        made.query(f"label_values({metric}{within}, {name})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .all_value(".*")
    )
