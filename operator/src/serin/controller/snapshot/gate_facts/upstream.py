"""Reads for a gate ``upstream`` what is stable in the other ModelDeployment, if that one allows it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pydantic import ValidationError

from serin.api import names
from serin.api.conditions import ConditionType
from serin.api.model_deployment import ModelDeployment
from serin.api.model_digest import digest_to_read, known_digest
from serin.api.promotion_policy import PromotionPolicy
from serin.api.revision import Source
from serin.api.status import RevisionRef
from serin.cluster import resources
from serin.cluster.client import Cluster, Object
from serin.controller.snapshot.gate_facts.attestation import Question, read_attestation
from serin.controller.snapshot.gate_facts.reader import FactRequest
from serin.controller.snapshot.rollout_records import get_or_none
from serin.errors import ClusterError, NotLeader, Refused
from serin.policy_gates.answer import Fact, Unknown
from serin.policy_gates.upstream import NotSo, StableThere, Upstream
from serin.records.build import parse
from serin.schema.types import format_time

MOST_LINKS = 8
"""ModelDeployments that are asked whom they wait for themselves."""
LONGEST_WHY = 200
Place = tuple[str, str]


async def read_upstream(request: FactRequest) -> Fact:
    """Whether the candidate's artefact is stable there; ``Unknown`` if that cannot be read."""
    gate, snapshot = request.gate, request.snapshot
    candidate = snapshot.status.candidate
    source = snapshot.source_of(candidate) if candidate is not None else None
    if not isinstance(gate, Upstream) or source is None:
        return Unknown("what the candidate was made of is not known")
    if gate.attestation is not None:
        question = Question(snapshot.owner.namespace, known_digest(source.model, source.predictor), request.now)
        return await read_attestation(request.cluster, gate, question)
    own, there = (snapshot.owner.namespace, snapshot.owner.name), (str(gate.namespace), str(gate.name))
    if there == own:
        return NotSo("it points at this ModelDeployment itself; name the one before it", needs_person=True)
    try:
        found = await _allowing(request.cluster, there, own[0])
        if found is None:
            return _not_allowed(there, own[0])
        path = await _path_to(request.cluster, own, there, found)
        if path is not None:
            message = f"it points in a circle: {' → '.join('/'.join(place) for place in (own, *path))}; break it"
            return NotSo(message, needs_person=True)
        return await _compared(request.cluster, there, found, source)
    except NotLeader:
        raise
    except ValidationError:  # it would quote what belongs to others
        return Unknown("it is not one that this version of Serin can read", needs_person=True)
    except ClusterError as error:
        return Unknown(str(error)[:LONGEST_WHY], needs_person=isinstance(error, Refused))


def _not_allowed(there: Place, namespace: str) -> NotSo:
    """The same words whether it exists or not: who may not ask learns nothing."""
    return NotSo(
        f"ModelDeployment {there[0]}/{there[1]} is not there, or does not allow it: its "
        f"spec.downstream.namespaces has to name {namespace}",
        needs_person=True,
    )


async def _allowing(cluster: Cluster, place: Place, namespace: str) -> Object | None:
    """The ModelDeployment there, if it lets ``namespace`` follow it; ``ValidationError``, ``ClusterError``."""
    obj = await get_or_none(cluster, resources.MODEL_DEPLOYMENTS, *place)
    if obj is None or "deletionTimestamp" in obj["metadata"]:
        return None
    downstream = (obj["spec"].get("downstream") or {}).get("namespaces") or []
    return obj if place[0] == namespace or namespace in downstream else None


async def _path_to(cluster: Cluster, own: Place, there: Place, found: Object) -> tuple[Place, ...] | None:
    """The way from ``there`` back to ``own`` by the gates of the policies on it; None if there is none.

    A link that is not allowed, or not there, ends the way: its own gate says so.
    """
    waiting: list[tuple[tuple[Place, ...], Object]] = [((there,), found)]
    seen = {there}
    for _ in range(MOST_LINKS):
        if not waiting:
            return None
        path, obj = waiting.pop(0)
        for link in await _awaited(cluster, path[-1][0], obj):
            if link == own:
                return (*path, own)
            if link in seen:
                continue
            seen.add(link)
            further = await _allowing(cluster, link, path[-1][0])
            if further is not None:
                waiting.append(((*path, link), further))
    return None


async def _awaited(cluster: Cluster, namespace: str, obj: Object) -> list[Place]:
    """The ModelDeployments that the policy of this one makes it wait for."""
    name = str(obj["spec"]["policyRef"]["name"])
    policy = await get_or_none(cluster, resources.PROMOTION_POLICIES, namespace, name)
    if policy is None:
        return []
    gates = (gate.chosen for gate in PromotionPolicy.model_validate(policy).spec.gates)
    return [(str(g.namespace), str(g.name)) for g in gates if isinstance(g, Upstream) and g.attestation is None]


async def _compared(cluster: Cluster, there: Place, obj: Object, source: Source) -> Fact:
    """What is stable there, against what the candidate was made of."""
    parsed, place = ModelDeployment.model_validate(obj), f"{there[0]}/{there[1]}"
    status = parsed.status
    stable = status.stable
    if stable is None:
        return NotSo(f"nothing is stable in {place} yet")
    leaving = next(_leaving(parsed, obj), None)
    if leaving is not None:
        return NotSo(f"version {stable.version} is stable in {place}, but {leaving}")
    theirs = await _source_of(cluster, there, obj, stable)
    if theirs is None:
        return Unknown(f"what stable version {stable.version} was made of is neither in spec nor in a record")
    same, by = is_same_artefact(source, theirs)
    if not same:
        return NotSo(f"stable version {stable.version} of {place} is another artefact ({by})")
    since = _since(parsed, stable)
    if since is None:
        return Unknown(f"since when version {stable.version} has been stable there is not known")
    return StableThere(since, f"version {stable.version} has been stable in {place} ({by})")


def is_same_artefact(ours: Source, theirs: Source) -> tuple[bool, str]:
    """Whether two models are one artefact, and by what that is known."""
    own, other = known_digest(ours.model, ours.predictor), known_digest(theirs.model, theirs.predictor)
    if own is not None and other is not None and own.partition(":")[0] == other.partition(":")[0]:
        return own == other, f"digest {digest_to_read(other)}"
    if ours.model.get("uri") is None and theirs.model.get("uri") is None:  # it is in the image, or named by an argument
        return ours.hash == theirs.hash, "compared by all that spec says, which is weaker than a digest"
    same = all(ours.model.get(field) == theirs.model.get(field) for field in ("uri", "version"))
    return same, "compared by uri and version, which is weaker than a digest"


def _leaving(parsed: ModelDeployment, obj: Object) -> Iterator[str]:
    """Why what is stable does not count as such."""
    status = parsed.status
    previous = status.previous
    wanted = Source.of(obj["spec"]).hash
    if (status.rollout is not None and status.rollout.returning) or (previous is not None and previous.hash == wanted):
        yield f"somebody goes back to version {parsed.spec.model.version} there"
    if status.stable_down_since is not None:
        yield f"it has had no ready endpoint since {format_time(status.stable_down_since)}"


def _since(parsed: ModelDeployment, stable: RevisionRef) -> datetime | None:
    """Since when it has been stable, and something has served without a break."""
    served = (c for c in parsed.status.conditions if c.type == ConditionType.AVAILABLE.value and c.status == "True")
    available = next((c.last_transition_time for c in served), None)
    if stable.since is None or available is None:
        return None
    return max(stable.since, available)


async def _source_of(cluster: Cluster, there: Place, obj: Object, stable: RevisionRef) -> Source | None:
    """What the stable version there was made of: from spec if it asks for it, otherwise from its record."""
    source = Source.of(obj["spec"])
    if stable.hash == source.hash:
        return source
    namespace, name = there
    selector = f"{names.MODEL_DEPLOYMENT}={name},{names.OWNED_SELECTOR}"
    rows = await cluster.list_rows(resources.PROMOTION_RECORDS, namespace, selector)
    own = [row for row in rows if stable.hash and row["columns"].get("Hash") == stable.hash]
    for row in own:
        whole = await get_or_none(cluster, resources.PROMOTION_RECORDS, namespace, row["metadata"]["name"])
        record = parse(whole) if whole is not None else None
        if record is not None and record.spec.candidate.hash == stable.hash:
            made = record.spec.candidate
            return Source(made.model, made.predictor, made.transformer)
    return None
