"""From commit to production through dev and staging, with the example's files; a bad version dies in staging."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e.deploy import ClusterApi
from e2e.deploy.cluster import Person
from e2e.environments.files import DEV, ENVIRONMENTS, PRODUCTION, STAGING
from e2e.environments.pipeline import MODEL, Pipeline
from e2e.environments.story import SLOW, TICKET, play
from e2e.load.analysis import by_version, failures_except
from e2e.scenarios.history import History

if TYPE_CHECKING:
    from e2e.scenarios.provider import Installation, Provider

pytestmark = pytest.mark.matrix
RITA = Person("rita@example.com", ("risk",))


@pytest.mark.timeout(900)
def test_from_commit_to_production_and_a_bad_version_that_dies_in_staging(
    provider: Provider, api: ClusterApi, operator: Installation, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("environments")
    pipeline = Pipeline(api, provider.gateway_url, folder, print, operator.last_words)
    try:
        with History(api, PRODUCTION) as history, ClusterApi(provider.kubeconfig, person=RITA) as rita:
            play(pipeline, rita)
            assert not history.contradictions()
        outcomes = {
            name: [(r["spec"]["candidate"]["version"], r["status"].get("outcome")) for r in pipeline.records(name)]
            for name in ENVIRONMENTS
        }
        assert outcomes[DEV] == [("1", "Promoted"), ("2", "Promoted"), ("3", "Promoted"), ("2", "Promoted")]
        assert outcomes[STAGING] == [("1", "Promoted"), ("2", "Promoted"), ("3", "RolledBack")]
        assert outcomes[PRODUCTION] == [("1", "Promoted"), ("2", "Promoted"), ("3", "Superseded")]
        record = pipeline.records(PRODUCTION)[1]["status"]
        gates = {gate["name"]: gate for gate in record["gates"]}
        assert (gates["staging"]["kind"], gates["staging"]["state"]) == ("upstream", "Open")
        assert "digest sha256:" in gates["staging"]["message"]
        assert (gates["change"]["by"], gates["change"]["state"]) == ("rita@example.com", "Open")
        assert [(a["ticket"], a["by"]) for a in record["actions"]] == [(TICKET, "rita@example.com")]
        assert {"WaitingForUpstream", "Frozen", "WaitingForApproval"} <= {h["reason"] for h in record["holds"]}
        seen = by_version(pipeline.answers(PRODUCTION))
        assert set(seen) == {"1", "2"}, "no client of production ever met version 3"
        assert not failures_except(pipeline.answers(PRODUCTION), "")
        assert not failures_except(pipeline.answers(STAGING), SLOW.version)
        assert by_version(pipeline.answers(STAGING))[SLOW.version].total > 0
        assert api.get("gateway.networking.k8s.io/v1", "HTTPRoute", MODEL, PRODUCTION) is not None
    finally:
        pipeline.tear_down()
