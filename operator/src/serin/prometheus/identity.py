"""Who is compared in a rollout: both arms, and the values of the variables in a policy's queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from serin.api.names import PREDICTOR_SUFFIX
from serin.prometheus.variables import VARIABLES


@dataclass(frozen=True, slots=True)
class RolloutIdentity:
    """Both arms of a rollout, and what variables in a policy's queries stand for."""

    namespace: str
    candidate: str
    """InferenceService; in mode Knative the Knative revision."""
    stable: str
    """As ``candidate``."""
    revision: str = ""
    version: str = ""
    service_suffix: str = PREDICTOR_SUFFIX
    """What the name of an arm's Service has beside the arm's own: a gateway's metrics name the Service."""
    stable_revision: str = ""
    stable_version: str = ""
    candidate_service: str = ""
    """The Service that takes the candidate's requests; empty: by its name and ``service_suffix``."""
    stable_service: str = ""
    grpc: bool = False
    """Whether clients speak gRPC: which of their calls failed stands in the grpc-status."""

    def service(self, arm: str) -> str:
        """The Service that takes the requests of an arm."""
        known = self.candidate_service if arm == self.candidate else self.stable_service
        return known or f"{arm}{self.service_suffix}"

    def words(self, arm: str) -> Mapping[str, str]:
        """What a label may say of an arm, by its name in a preset; empty where it is not known."""
        own = (self.revision, self.version) if arm == self.candidate else (self.stable_revision, self.stable_version)
        names = ("namespace", "service", "arm", "revision", "version")
        return dict(zip(names, (self.namespace, self.service(arm), arm, *own), strict=True))

    @property
    def variables(self) -> Mapping[str, str]:
        """Values of ``$(…)``: those of the candidate."""
        values = (self.namespace, self.candidate, self.revision, self.version)
        return dict(zip(VARIABLES, values, strict=True))
