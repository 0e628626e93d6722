"""Decodes an answer of ``/api/v1/query``: series or values, or the error that fits the reaction. Pure.

Nothing found is an empty list and no error. What is doubtful (partial data, samples in disorder, another type than
asked for) is an error: missing data never passes and never fails.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar
from urllib.parse import urlsplit

from serin.errors import AnswerTooLarge, MalformedAnswer, MetricsUnavailable, QueryRejected
from serin.prometheus.series import NativeHistogram, Series
from serin.prometheus.server.redaction import Redactor

T = TypeVar("T")
OK, REDIRECTS, REQUEST_TIMEOUT, TOO_MANY, SERVER_ERRORS = 200, range(300, 400), 408, 429, 500
REMEDIES = {
    401: "check the credentials in SERIN_PROMETHEUS_CONFIG",
    403: "these credentials may not ask; grant it, or check the tenant",
    404: "there is no Prometheus API under this address; a path may be missing in it",
}
LONGEST_ERROR = 64 * 1024
"""Bytes of a body in which a named error is looked for."""
MOST_SERIES = 20_000
"""Of an answer: twice what a full query for 200 rollouts has behind three Envoys."""
OF_THE_QUERY = re.compile(r"PromQL warning|\d+ more (warning )?annotations omitted")
"""How Prometheus begins the warnings that its own evaluation of a query gives; any other is about missing data."""
PROMQL_INFO = "PromQL info"
SECONDS = re.compile(r"[0-9]{1,9}")
STATUSES = ("success", "error")
TYPES = ("matrix", "vector", "scalar", "string")
TRANSIENT = ("timeout", "canceled", "internal", "unavailable")
"""``errorType`` of errors that are not the query's fault."""
UNREADABLE = (KeyError, TypeError, ValueError, OverflowError, AttributeError)
"""What a JSON value of another shape than expected raises."""


class PartialAnswer(MetricsUnavailable):
    """Data may be missing in the answer. It cannot be judged, but the server works, so the breaker stays closed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over HTTP; ``redactor`` knows the secrets that were sent."""

    status: int
    body: bytes
    redactor: Redactor
    location: str = ""
    retry_after: str = ""
    is_cut: bool = False
    """Whether the body was larger than what is read."""

    @property
    def is_whole(self) -> bool:
        """Whether the body can be decoded; of all other answers only the beginning is read."""
        return self.status == OK and not self.is_cut

    @property
    def excerpt(self) -> str:
        """The error that the answer names, or the beginning of its body, fit for a message."""
        envelope = None
        if len(self.body) <= LONGEST_ERROR:  # parsing a whole answer for a few words would hold up all others
            with suppress(ValueError, RecursionError):
                envelope = json.loads(self.body)
        named = [envelope.get(key) for key in ("error", "message")] if isinstance(envelope, dict) else []
        return self.redactor.clean(next((words for words in named if isinstance(words, str)), self.body))


def matrix(answer: Answer) -> list[Series]:
    """The series of an answer to a range selector; samples that are no finite number are left out.

    A series that was a number and became a native histogram, or the other way round, is two.
    """
    _, result = _result(answer, "matrix")
    try:
        return [series for item in result for series in _series(item)]
    except UNREADABLE as error:
        raise _unreadable(answer, error) from None


def values(answer: Answer) -> list[float]:
    """The values of an answer to an expression, one per series; NaN and infinities are left out."""
    kind, result = _result(answer, "vector", "scalar")
    try:
        found = [_samples([result])[0][1]] if kind == "scalar" else [_value(item) for item in result]
    except UNREADABLE as error:
        raise _unreadable(answer, error) from None
    return [value for value in found if math.isfinite(value)]


def _result(answer: Answer, *kinds: str) -> tuple[str, list[Any]]:
    data = _data(answer)
    kind, result = data.get("resultType"), data.get("result")
    if kind not in kinds or not isinstance(result, list):
        found = f"a {kind}" if kind in TYPES and kind not in kinds else "something else"
        raise MalformedAnswer(f"a {kinds[0]} was asked for, {found} came back")
    if len(result) > MOST_SERIES:
        raise AnswerTooLarge(f"the answer has {len(result)} series, more than {MOST_SERIES}")
    return str(kind), result


def _data(answer: Answer) -> Mapping[str, Any]:
    """What a successful answer holds."""
    check_status(answer)
    if not answer.is_whole:
        raise AnswerTooLarge(f"the answer is larger than {len(answer.body)} bytes: {answer.excerpt}")
    try:
        envelope = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise MalformedAnswer(f"the answer is not JSON (a login page?): {answer.excerpt}") from None
    if not isinstance(envelope, dict) or envelope.get("status") not in STATUSES:
        raise MalformedAnswer(f"this is no answer of a Prometheus: {answer.excerpt}")
    if envelope["status"] == "error":
        kind = MetricsUnavailable if envelope.get("errorType") in TRANSIENT else QueryRejected
        raise kind(f"status {answer.status} with an error: {answer.excerpt}")
    if envelope.get("warnings"):
        _check_warnings(answer, envelope["warnings"])
    if not isinstance(envelope.get("data"), dict):
        raise MalformedAnswer(f"there is no data in the answer: {answer.excerpt}")
    data: Mapping[str, Any] = envelope["data"]
    return data


def _check_warnings(answer: Answer, warnings: object) -> None:
    """``MetricsError`` for serious warnings. ``infos`` are harmless advice; earlier versions put them here, too."""
    texts = [str(one) for one in warnings] if isinstance(warnings, list) else [str(warnings)]
    serious = [text for text in texts if not text.startswith(PROMQL_INFO)]
    if any(not OF_THE_QUERY.match(text) for text in serious):
        raise PartialAnswer(f"the answer may be partial: {answer.redactor.clean(str(serious))}")
    if serious:
        raise QueryRejected(f"the query's result is doubtful: {answer.redactor.clean(str(serious))}")


def check_status(answer: Answer) -> None:
    """``MetricsError`` for a status that is not 200, by what to do about it."""
    status = answer.status
    if status == OK:
        return
    if status in REDIRECTS:
        where = _place(answer)
        raise QueryRejected(f"status {status}: a redirect to {where}, which is not followed: {answer.excerpt}")
    hint = f" ({REMEDIES[status]})" if status in REMEDIES else ""
    words = f"status {status}{hint}: {answer.excerpt}"
    if status in {REQUEST_TIMEOUT, TOO_MANY} or status >= SERVER_ERRORS:
        # A date would need a clock that both agree on; only seconds are understood.
        wish = float(answer.retry_after) if SECONDS.fullmatch(answer.retry_after) else None
        raise MetricsUnavailable(words, retry_after=wish)
    raise QueryRejected(words) if status >= REDIRECTS.stop else MalformedAnswer(words)


def _place(answer: Answer) -> str:
    """Where a redirect leads, without the query: login pages put what they know of the caller there."""
    try:
        parts = urlsplit(answer.location)
    except ValueError:
        return "nowhere"
    return answer.redactor.clean(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl())


def _unreadable(answer: Answer, error: Exception) -> MalformedAnswer:
    return MalformedAnswer(
        f"a series cannot be read: {answer.redactor.clean(str(error))}; the answer: {answer.excerpt}"
    )


def _series(item: Mapping[str, Any]) -> Iterator[Series]:
    labels = item["metric"]
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        raise TypeError("its labels are no names and values")
    if "values" in item or "histograms" not in item:
        kept = [(at, value) for at, value in _ordered(_samples(item["values"])) if math.isfinite(value)]
        yield Series(labels, [at for at, _ in kept], [value for _, value in kept])
    if "histograms" in item:
        found = _ordered([(_time(at), _histogram(value)) for at, value in item["histograms"]])
        whole = [(at, histogram) for at, histogram in found if math.isfinite(histogram.count)]
        histograms = [histogram for _, histogram in whole]
        yield Series(labels, [at for at, _ in whole], [histogram.count for histogram in histograms], histograms)


def _ordered(samples: list[tuple[float, T]]) -> list[tuple[float, T]]:
    # Samples are searched by time: in disorder, or twice, they would be counted wrong without anybody noticing.
    if not all(before < after for (before, _), (after, _) in pairwise(samples)):
        raise ValueError("its samples are not one after the other: ask one Prometheus, or one that deduplicates")
    return samples


def _histogram(value: Mapping[str, Any]) -> NativeHistogram:
    """Buckets without observations are not in an answer, nor is ``buckets`` if there are none."""
    bounds = [(_number(lower), _number(upper), _number(own)) for _, lower, upper, own in value.get("buckets", [])]
    if not all(lower <= upper and math.isfinite(own) for lower, upper, own in bounds):
        raise ValueError("a bucket's boundaries are not in order")
    return NativeHistogram(_number(value["count"]), tuple(bounds))


def _value(item: Mapping[str, Any]) -> float:
    if isinstance(item, dict) and "histogram" in item:
        raise QueryRejected("a native histogram came back, which is no value: put a function around it")
    return _samples([item["value"]])[0][1]


def _samples(raw: Iterable[Iterable[object]]) -> list[tuple[float, float]]:
    """Times in epoch seconds, and values, which Prometheus writes as strings."""
    return [(_time(at), _number(value)) for at, value in raw]


def _time(raw: object) -> float:
    if not isinstance(raw, int | float) or isinstance(raw, bool):
        raise TypeError("a sample is not a time and a number in quotes")
    if not math.isfinite(raw):
        raise ValueError("a sample's time is not finite")
    return float(raw)


def _number(raw: object) -> float:
    if not isinstance(raw, str):
        raise TypeError("a sample is not a time and a number in quotes")
    return float(raw)
