"""How are windows written down, and read back? One short text per block, the same bytes everywhere."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from serin.api.indicator import Indicator
from serin.evidence import Counts, Evaluation, Interval, Mean, MeanWindow, Window

NOT_READ = "the window could not be read when it was over"


def settle_time(window: timedelta) -> timedelta:
    """How long after a window's end its samples may still arrive."""
    return min(timedelta(seconds=5), max(timedelta(seconds=1), window / 3))


def kind_of(indicator: Indicator) -> type[Interval]:
    """What is measured in an interval of such an SLO."""
    if indicator.gauge is not None:
        return Evaluation
    return MeanWindow if indicator.query is not None else Window


def nothing(indicator: Indicator, start: datetime, length: timedelta, error: str = "") -> Interval:
    """An interval of such an SLO without data."""
    if indicator.gauge is not None:
        return Evaluation(start, length, None, error=error)
    if indicator.query is not None:
        return MeanWindow(start, length, None, error=error)
    return Window(start, length, None, error=error)


def encode(intervals: Iterable[Interval]) -> str:
    """Intervals as the record stores them, separated by blanks: ``candidate,stable``, or a gauge's value.

    An arm is ``bad/total`` (a ladder follows as further ``/count``) or ``mean:count``; a value is ``value@time`` (epoch
    seconds of its sample, if it has one) with the sizes behind a stability index as ``/n/m``. ``-`` stands for no data,
    alone for all of it, ``!`` for what could not be read.
    """
    return " ".join(map(_text, intervals))


def decode(text: str, *, start: datetime, length: timedelta, kind: type[Interval] = Window) -> list[Interval]:
    """The intervals of one stored block; ``ValueError`` if the text is not one."""
    begun = start.astimezone(UTC)
    return [_interval(kind, part, begun + index * length, length) for index, part in enumerate(text.split())]


def _text(interval: Interval) -> str:
    if isinstance(interval, Evaluation):
        return "!" if interval.error else _value(interval)
    if isinstance(interval, Window):
        own, stable = _arm(interval.candidate), _arm(interval.stable)
    elif isinstance(interval, MeanWindow):
        own, stable = _mean(interval.candidate), _mean(interval.stable)
    else:
        message = f"{type(interval).__name__} cannot be written down"
        raise TypeError(message)
    own = "!" if interval.error else own
    return own if own in {"-", "!"} and stable == "-" else f"{own},{stable}"


def _arm(counts: Counts | None) -> str:
    return "/".join(map(str, (counts.bad, counts.total, *counts.ladder))) if counts else "-"


def _mean(mean: Mean | None) -> str:
    return f"{mean.value!r}:{mean.count}" if mean else "-"


def _value(evaluation: Evaluation) -> str:
    if evaluation.value is None:
        return "-"
    at = f"@{evaluation.sampled_at.timestamp()!r}" if evaluation.sampled_at else ""
    sizes = "".join(f"/{size}" for size in evaluation.sizes or ())
    return f"{evaluation.value!r}{at}{sizes}"


def _interval(kind: type[Interval], part: str, start: datetime, length: timedelta) -> Interval:
    own, _, stable = part.partition(",")
    error = NOT_READ if own == "!" else ""
    own, stable = ("-" if error else own), stable or "-"
    if kind is Evaluation:
        return Evaluation(start, length, *_evaluated(own), error=error)
    if kind is MeanWindow:
        return MeanWindow(start, length, _mean_of(own), _mean_of(stable), error=error)
    return Window(start, length, _counts(own), _counts(stable), error=error)


def _counts(text: str) -> Counts | None:
    if text == "-":
        return None
    bad, total, *ladder = map(int, text.split("/"))
    return Counts(bad, total, tuple(ladder))


def _mean_of(text: str) -> Mean | None:
    if text == "-":
        return None
    value, count = text.split(":")
    return Mean(float(value), int(count))


def _evaluated(text: str) -> tuple[float | None, datetime | None, tuple[int, int] | None]:
    if text == "-":
        return None, None, None
    measured, *sizes = text.split("/")
    value, _, at = measured.partition("@")
    pair = (int(sizes[0]), int(sizes[1])) if sizes else None
    return float(value), datetime.fromtimestamp(float(at), UTC) if at else None, pair
