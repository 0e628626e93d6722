"""Which workloads of a ModelDeployment's names are Serin's: what Serin did not make gets no traffic and is not changed.

Whoever may create InferenceServices chooses their names, labels, annotations and owner references. So a workload counts
as Serin's in two cases only:

* the status knew its revision before the workload existed, it has the owner reference, and its content hash, if it has
  one, is the revision's;
* it is, field by field, what the API server makes of Serin's own rendering of what spec or the records say, apart from
  scaling: the ModelDeployment was deleted with ``--cascade=orphan``, or a backup was restored.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from serin.api import names
from serin.api.model_deployment import ModelDeployment
from serin.api.revision import Source
from serin.api.status import RevisionRef, WriteFailure
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.errors import ClusterError, NotLeader
from serin.records import build
from serin.rollout.observation import Problem
from serin.schema.reasons import Reason
from serin.traffic.backend import Backend
from serin.traffic.owner import owner_of, stated_hash
from serin.traffic.registry import backend_of

MOST_PROOFS = 8
"""Workloads per pass that are compared with a rendering; those that a decision needs come first."""


@dataclass(frozen=True, slots=True)
class Adopted:
    """The workloads that count as arms."""

    workloads: tuple[Object, ...]
    doubts: Mapping[str, Problem] = field(default_factory=dict)
    """By revision, those that serve although they are not what Serin made."""
    foreign: frozenset[str] = frozenset()
    """Revisions of workloads that are not Serin's and nevertheless serve: nothing is written to them."""
    existing: frozenset[str] = frozenset()
    """Those of them that ``spec.adopt`` names: they may serve."""

    @property
    def own(self) -> dict[str, Object]:
        """Serin's workloads by revision."""
        named = {_revision(workload): workload for workload in self.workloads}
        return {revision: workload for revision, workload in named.items() if revision not in self.foreign}

    def with_existing(self, workload: Object | None) -> Adopted:
        """The same with the workload of somebody else that ``spec.adopt`` names, unless Serin's serves the revision."""
        if workload is None or _revision(workload) in self.own:
            return self
        revision = _revision(workload)
        others = tuple(w for w in self.workloads if _revision(w) != revision)
        return Adopted((*others, workload), self.doubts, self.foreign | {revision}, self.existing | {revision})


@dataclass(frozen=True)
class Adoption:
    """Sorts the workloads that carry the ModelDeployment's labels."""

    cluster: Cluster
    obj: Object
    parsed: ModelDeployment
    records: Sequence[Object]
    """The complete records that were read in this pass."""
    suspects: Collection[str] = ()
    """Names under which Serin could not create its own object, since there was one already."""

    async def sort(self, found: Sequence[Object], routed: str | None) -> Adopted:
        """The arms among ``found``; ``routed`` is the stable revision that the route names.

        Raises ``ClusterError`` if what is stable or candidate cannot be compared now.
        """
        serving = self._serving(routed)
        own = await self._own(found, serving)
        arms, doubts, foreign = list[Object](), dict[str, Problem](), set[str]()
        for workload in found:
            revision, ours = _revision(workload), workload["metadata"]["name"] in own
            doubt = self._changed(workload) if ours else self._stays(workload, serving)
            hidden = doubt is not None and self._not_exposed(revision) if ours else doubt is None
            if hidden:  # it gets no traffic
                continue
            arms.append(workload)
            if doubt is not None and (revision == serving or not ours):
                doubts[revision] = doubt
            if not ours:
                foreign.add(revision)
        return Adopted(tuple(arms), doubts, frozenset(foreign))

    async def _own(self, found: Sequence[Object], serving: str | None) -> set[str]:
        """Names of the workloads that are Serin's; of the others the first ``MOST_PROOFS`` may prove it."""
        known = {workload["metadata"]["name"] for workload in found if self._is_known(workload)}
        others = [workload for workload in found if workload["metadata"]["name"] not in known]
        others.sort(key=lambda workload: not self._matters(_revision(workload), serving))
        proven = {w["metadata"]["name"] for w in others[:MOST_PROOFS] if await self._is_proven(w, serving)}
        return known | proven

    def _stays(self, workload: Object, serving: str | None) -> Problem | None:
        """Why a workload that is not Serin's counts as an arm all the same; None if it does not.

        What is stable keeps its traffic. While the status is lost, a revision that nobody explains is a reason not to
        begin anew.
        """
        revision = _revision(workload)
        if revision == serving:
            return _taken(workload, "it keeps the traffic that it has, and is not changed")
        if self.parsed.status.phase is None and revision != self._spec.revision:
            return _taken(workload, "it is not touched")
        return None

    @cached_property
    def _spec(self) -> Source:
        return Source.of(self.obj["spec"])

    @cached_property
    def _spec_hash(self) -> str:
        return self._spec.hash

    @property
    def _backend(self) -> Backend:
        return backend_of(self.parsed.spec)

    def _serving(self, routed: str | None) -> str | None:
        """The revision whose traffic is not cut: stable, by the status or, if that is lost, by the route."""
        status = self.parsed.status
        return status.stable.revision if status.stable is not None else routed

    def _matters(self, revision: str, serving: str | None) -> bool:
        return revision in {serving, self._spec.revision} or self._ref(revision) is not None

    def _ref(self, revision: str) -> RevisionRef | None:
        """The revision in the status."""
        return self._served(revision) or _named(revision, self.parsed.status.previous)

    def _served(self, revision: str) -> RevisionRef | None:
        """The revision in the status, if it has a workload by what the status says."""
        status = self.parsed.status
        return _named(revision, status.stable, status.candidate, *status.draining)

    def _is_known(self, workload: Object) -> bool:
        """Whether the status knew it before it was there. Only Serin writes the status; a race is a suspect."""
        ref, stated = self._served(_revision(workload)), stated_hash(workload)
        if ref is None or workload["metadata"]["name"] in self.suspects:
            return False
        return owner_of(self.obj).owns(workload) and (stated is None or ref.hash in {None, stated})

    async def _is_proven(self, workload: Object, serving: str | None) -> bool:
        """Whether it is what the API server makes of our rendering, apart from scaling."""
        revision = _revision(workload)
        try:
            source = await self._source(workload)
            return source is not None and await self._is_rendered(workload, source)
        except NotLeader:
            raise
        except ClusterError:
            candidate = self.parsed.status.candidate
            if revision == serving or self.parsed.status.phase is None:
                raise
            if candidate is not None and candidate.revision == revision:
                raise
            return False

    async def _source(self, workload: Object) -> Source | None:
        """What was written for the content that the workload must have, from spec or from a record."""
        revision, stated = _revision(workload), stated_hash(workload)
        ref = self._ref(revision)
        whole = (ref.hash if ref is not None else None) or stated
        if stated not in {None, whole}:
            return None
        if whole == self._spec_hash:
            return self._spec
        found = build.source_of(revision, whole, build.sources_of(self.records))
        if found is None:
            metadata = self.obj["metadata"]
            selector = f"{names.MODEL_DEPLOYMENT}={metadata['name']},{names.REVISION}={revision}"
            listed = await self.cluster.list(resources.PROMOTION_RECORDS, metadata["namespace"], selector)
            found = build.source_of(revision, whole, build.sources_of(listed))
        if found is None and whole is None and self._spec_hash.startswith(revision):
            found = self._spec
        return found

    async def _is_rendered(self, workload: Object, source: Source) -> bool:
        rendered = self._render(workload, source)
        if rendered is None:
            return False
        # Another name, which nobody can know and take: the answer to a name that exists is Conflict.
        rendered["metadata"]["name"] = f"{self.obj['metadata']['name']}-{secrets.token_hex(4)}"
        namespace = self.obj["metadata"]["namespace"]
        answer = await self.cluster.create(self._backend.kind, namespace, rendered, dry_run=True)
        return self._backend.has_same_content(workload, answer)

    def _render(self, workload: Object, source: Source) -> Object | None:
        revision, owner = _revision(workload), owner_of(self.obj)
        version = workload["metadata"]["labels"].get(names.VERSION, "?")
        workload_of = self._backend.workload(owner.namespace, owner.name, revision, source)
        ref = RevisionRef(revision=revision, version=version, workload=workload_of)
        try:
            return self._backend.render(owner, ref, source)
        except (TypeError, AttributeError, LookupError):
            return None

    def _not_exposed(self, revision: str) -> bool:
        """Whether it is a candidate that has had no request yet."""
        status = self.parsed.status
        candidate = status.candidate is not None and status.candidate.revision == revision
        return candidate and status.rollout is not None and not status.rollout.exposed

    def _changed(self, workload: Object) -> Problem | None:
        """That its model is not the one that is recorded, as far as spec and the records at hand say what that is."""
        ref = self._ref(_revision(workload))
        if ref is None or ref.hash is None:
            return None
        recorded = (
            self._spec
            if ref.hash == self._spec_hash
            else build.source_of(ref.revision, ref.hash, build.sources_of(self.records))
        )
        rendered = self._render(workload, recorded) if recorded is not None else None
        if rendered is None:
            return None
        if self._backend.storage_uri(workload) == self._backend.storage_uri(rendered):
            return None
        # The URIs are not told: some hold a token.
        message = (
            f"{self._backend.kind.kind} {workload['metadata']['name']} was edited: its storage URI is not that of "
            f"revision {ref.revision}; put it back, or roll out another revision"
        )
        return Problem(Reason.TEMPLATE_DRIFT, message)


def _named(revision: str, *refs: RevisionRef | None) -> RevisionRef | None:
    return next((ref for ref in refs if ref is not None and ref.revision == revision), None)


def _revision(workload: Object) -> str:
    return str(workload["metadata"]["labels"].get(names.REVISION, ""))


def _taken(workload: Object, what: str) -> Problem:
    kind, metadata = workload.get("kind", "InferenceService"), workload["metadata"]
    message = (
        f"{kind} {metadata['name']} exists and is not as Serin made it for revision {_revision(workload)} (owner "
        f"reference, annotation {names.CONTENT_HASH} or spec); {what}; delete it, and Serin makes it again, or roll "
        f"out another revision"
    )
    return Problem(Reason.NAME_TAKEN, message)


def names_taken(failures: Iterable[WriteFailure]) -> frozenset[str]:
    """Names of workloads and records that could not be created since another object has the name."""
    return frozenset(f.name for f in failures if f.reason is Reason.NAME_TAKEN)
