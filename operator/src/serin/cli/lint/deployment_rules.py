"""What of a ModelDeployment, a PromotionFreeze and a PromotionAction only code can say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from serin.api.model_deployment import OLDER_SPELLINGS
from serin.api.predictor.naming import unnameable
from serin.cli.lint.definitions import ANY_NAME, kserve_fields
from serin.cli.lint.findings import Finding, Level
from serin.cli.lint.source import Document, Path
from serin.cli.lint.structure import nearest, type_problem
from serin.cli.shell.layout import time_of
from serin.rollout.spec.literal_secrets import literal_secret
from serin.rollout.spec.rules import problem_of
from serin.traffic.knative import limits

MOVING = frozenset(("latest", "main", "master", "stable", "production", "prod", "current"))


def deployment(document: Document) -> Iterator[Finding]:
    """Names, the predictor, secrets, and what a version stands for."""
    spec = _mapping(document.value.get("spec"))
    model, predictor = _mapping(spec.get("model")), _mapping(spec.get("predictor"))
    why = (
        limits.unnameable(document.namespace, document.name)
        if spec.get("mode") == "Knative"
        else unnameable(document.namespace, document.name, has_transformer=spec.get("transformer") is not None)
    )
    if why is not None:
        yield document.finding("names", ("metadata", "name"), why, "choose shorter ones")
    try:
        found = problem_of(spec, document.name)
    except (TypeError, AttributeError, LookupError):
        found = None  # of another form than KServe's: that is told by itself
    if found is not None:
        yield document.finding("predictor", ("spec", "predictor"), found.message)
    try:
        secret = literal_secret(model, predictor, spec.get("transformer"))
    except (TypeError, AttributeError, LookupError):
        secret = None
    if secret is not None:
        yield document.finding("secret", ("spec",), secret.message, "put it into a Secret, and change what was seen")
    for component, form in kserve_fields().items():
        yield from _kserve(document, spec.get(component), form, ("spec", component))
    yield from _version(document, model)
    yield from _replicas(document, predictor)
    if spec.get("mode") == "Knative":
        yield from _timeout(document, _mapping(spec.get("route")), predictor)


OWN_FIELDS = frozenset((*OLDER_SPELLINGS, "workerSpec"))
"""They are refused with a sentence of their own."""


def _kserve(doc: Document, value: object, form: Any, path: Path) -> Iterator[Finding]:  # noqa: ANN401 - see kserve_fields
    """Fields that KServe does not have, and values of another type than its own."""
    if form is None or value is None:
        return
    wanted = form if isinstance(form, str) else "array" if isinstance(form, list) else "object"
    if (wrong := type_problem({"type": wanted}, value, doc.written(path))) is not None:
        message, remedy = wrong
        named = isinstance(form, Mapping) and ANY_NAME not in form
        yield doc.finding("type", path, message, f"{remedy} with {' or '.join(list(form)[:6])}" if named else remedy)
    elif isinstance(form, list) and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _kserve(doc, item, form[0], (*path, index))
    elif isinstance(form, Mapping) and isinstance(value, Mapping):
        for name, part in value.items():
            if name in form or ANY_NAME in form:
                yield from _kserve(doc, part, form.get(name, form.get(ANY_NAME)), (*path, name))
            elif name not in OWN_FIELDS:
                yield _unknown(doc, str(name), form, path)


def _unknown(doc: Document, name: str, form: Mapping[str, Any], path: Path) -> Finding:
    """A field that KServe does not have. Its API server drops it without a word, whatever was meant."""
    close = nearest(name, form, 0.75)
    level = Level.ERROR if close else Level.WARNING
    remedy = f"write {close}" if close else "remove it, or look whether the KServe of your cluster has it"
    words = f"KServe 0.20 has no field {name} here: it is dropped without a word"
    return doc.finding("unknown-field", (*path, name), words, remedy, level)


def _version(doc: Document, model: Mapping[str, Any]) -> Iterator[Finding]:
    if str(model.get("version", "")).lower() in MOVING:
        yield doc.finding(
            "names",
            ("spec", "model", "version"),
            f"{model['version']} names no version: the next one would have the same name",
            "write the number or the hash of the version",
            Level.WARNING,
        )
    uri = str(model.get("uri", ""))
    if uri.rstrip("/").rsplit("/", 1)[-1].lower() in MOVING or uri.endswith(":latest"):
        yield doc.finding(
            "names",
            ("spec", "model", "uri"),
            f"{uri} can stand for another model tomorrow: a pod that starts anew would serve it, unjudged",
            "name the version in the URI, or a digest (oci://…@sha256:…)",
            Level.WARNING,
        )


def _replicas(doc: Document, predictor: Mapping[str, Any]) -> Iterator[Finding]:
    least, most = predictor.get("minReplicas"), predictor.get("maxReplicas")
    if isinstance(least, int) and isinstance(most, int) and 0 < most < least:
        yield doc.finding(
            "predictor",
            ("spec", "predictor", "maxReplicas"),
            f"maxReplicas {most} is below minReplicas {least}",
            f"write at least {least}",
        )


def _timeout(doc: Document, route: Mapping[str, Any], predictor: Mapping[str, Any]) -> Iterator[Finding]:
    if route.get("timeout") is not None and predictor.get("timeout") is None:
        yield doc.finding(
            "predictor",
            ("spec", "route", "timeout"),
            "in mode Knative the route is Knative's, which takes no timeout from here",
            "write spec.predictor.timeout, in whole seconds: that is part of the revision",
            Level.WARNING,
        )


def freeze(document: Document, now: datetime) -> Iterator[Finding]:
    """A freeze that is over."""
    until = time_of(str(_mapping(document.value.get("spec")).get("until") or ""))
    if until is not None and until.tzinfo is not None and until <= now:
        yield document.finding(
            "time",
            ("spec", "until"),
            "it is over: it holds nothing",
            "remove the freeze, or write a later time",
            Level.WARNING,
        )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
