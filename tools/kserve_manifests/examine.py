"""What Serin makes of one InferenceService: the whole of it, a part, or a refusal."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import ValidationError

from serin.api.model_deployment import ModelDeployment
from serin.api.revision import Source
from serin.api.status import RevisionRef
from serin.rollout.spec.literal_secrets import literal_secret
from serin.rollout.spec.rules import problem_of
from serin.traffic.owner import Owner
from serin.traffic.registry import backend_of
from tools.kserve_manifests.advice import asked_for, followed
from tools.kserve_manifests.collect import Manifest
from tools.kserve_manifests.compare import missing
from tools.kserve_manifests.wrap import wrapped

Refusal = Callable[[dict[str, Any]], str | None]
"""Why the API server would not take an object; None if it would."""
PREFIX = re.compile(r"^(PATCH [^:]*: )?(failed to create typed patch object \([^)]*\): )?(\S+ \S+ is invalid: )?")
PARTICULAR = re.compile(r"\"[^\"]*\"|\b[0-9]+\b")
LONGEST_KIND = 160
MOST_REFUSALS = 4
"""Changes that one manifest may need."""


class Result(StrEnum):
    """What became of a manifest."""

    WHOLE = "accepted, and all that it asks for is rendered"
    PARTLY = "accepted, and something that it asks for is not rendered"
    MENDED = "refused with a sentence, and accepted as a whole once that is done"
    REFUSED = "refused with a sentence that a person has to act on"
    BROKEN = "refused by KServe's own schema, with or without Serin"


@dataclass(frozen=True, slots=True)
class Examined:
    """A manifest, what became of it, and in which words."""

    manifest: Manifest
    result: Result
    words: str = ""


def examined(manifest: Manifest, namespace: str, *, serin: Refusal, kserve: Refusal) -> Examined:
    """``serin`` asks for ModelDeployments, ``kserve`` for InferenceServices."""
    own = {**manifest.body, "metadata": {**manifest.body["metadata"], "namespace": namespace}}
    broken = kserve(own)
    if broken is not None:
        return Examined(manifest, Result.BROKEN, broken)
    asked, obj, told = manifest.body, wrapped(manifest.body, namespace), ""
    for _ in range(MOST_REFUSALS):
        refusal = serin(obj) or refusal_of(obj)
        if refusal is None:
            break
        told, asked = told or refusal, asked_for(asked)
        mended = followed(obj, _of_server(refusal))
        if mended is None:
            return Examined(manifest, Result.REFUSED, refusal)
        obj = mended
    made = rendered(obj)
    refusal = kserve(made)
    if refusal is not None:
        return Examined(manifest, Result.REFUSED, f"the rendered InferenceService: {refusal}")
    lost = missing(asked, made)
    if lost:
        return Examined(manifest, Result.PARTLY, ", ".join(lost))
    return Examined(manifest, Result.MENDED, told) if told else Examined(manifest, Result.WHOLE)


def _of_server(refusal: str) -> str:
    """The sentence in the words of the API server."""
    return PREFIX.sub("", refusal)


def refusal_of(obj: dict[str, Any]) -> str | None:
    """Why Serin refuses what the API server would take."""
    try:
        spec = ModelDeployment.model_validate(obj).spec
    except ValidationError as error:
        return f"the API's models refuse it: {error.errors()[0]['loc']}: {error.errors()[0]['msg']}"
    metadata, source, backend = obj["metadata"], Source.of(obj["spec"]), backend_of(spec)
    unsupported = backend.unsupported(spec) or backend.unnameable(metadata["namespace"], metadata["name"], spec)
    if unsupported is not None:
        return unsupported
    secret = literal_secret(source.model, source.predictor, source.transformer)
    problem = problem_of(obj["spec"], metadata["name"]) or secret
    return problem.message if problem is not None else None


def rendered(obj: dict[str, Any]) -> dict[str, Any]:
    """The InferenceService that Serin would create for a ModelDeployment."""
    spec = ModelDeployment.model_validate(obj).spec
    backend, source = backend_of(spec), Source.of(obj["spec"])
    namespace, name = obj["metadata"]["namespace"], obj["metadata"]["name"]
    workload = backend.workload(namespace, name, source.revision, source)
    ref = RevisionRef(revision=source.revision, version=spec.model.version, hash=source.hash, workload=workload)
    return dict(backend.render(Owner(name, namespace, "0"), ref, source))


def report(results: Iterable[Examined], *, places: bool = False) -> str:
    """A table of how many, by result and by the first words; what is quoted in them counts as the same."""
    results = list(results)
    lines = [f"{len(results)} InferenceServices"]
    for result in Result:
        of_result = [one for one in results if one.result is result]
        lines.append(f"\n{len(of_result)} {result.value}")
        kinds = Counter(_kind(one.words) for one in of_result)
        for words, count in kinds.most_common():
            if words:
                lines.append(f"  {count:3} {words}")
            if places and result is not Result.WHOLE:
                lines += [
                    f"        {one.manifest.place} {one.manifest.body['metadata']['name']}: {one.words}"
                    for one in of_result
                    if _kind(one.words) == words
                ]
    return "\n".join(lines)


def _kind(words: str) -> str:
    first = " ".join(PREFIX.sub("", words).split()).lstrip("[").partition("; ")[0]
    return PARTICULAR.sub("…", first)[:LONGEST_KIND]
