"""Records the spans of one pass, and finds the recording of the pass that is under way.

What a pass was worth is known at its end, so its spans are kept until then, and dropped where nothing happened: a
ModelDeployment without a rollout is looked at for ever. Without a recording every function here does nothing.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypeVar, cast

from serin.schema.masking import masked
from serin.schema.printable import shortened
from serin.tracing.span import Attribute, Place, Span, anywhere, within

F = TypeVar("F", bound=Callable[..., Any])
MOST_SPANS = 256
"""Of one pass; a catch-up after an outage asks hundreds of queries."""
LONGEST_TEXT = 500
"""Characters of an attribute or an error."""


@dataclass(slots=True)
class Recording:
    """The spans of one pass. Its own span is the first one."""

    clock: Callable[[], int] = time.time_ns
    kept: bool = False
    """Whether it is worth to be looked at: a rollout is under way, something was decided, or something failed."""
    omitted: int = 0
    """Spans beyond ``MOST_SPANS``."""
    over: bool = False
    spans: list[Span] = field(default_factory=list)

    @classmethod
    def begin(cls, name: str, clock: Callable[[], int] = time.time_ns) -> Recording:
        """A recording that begins now, in a trace of its own."""
        made = cls(clock)
        made.spans.append(Span(name, anywhere(), None, clock(), 0))
        return made

    @property
    def whole(self) -> Span:
        """The span of the whole pass."""
        return self.spans[0]

    def add(self, span: Span) -> None:
        """Takes a span, unless there are too many or the pass is over."""
        if self.over:  # a query that the pass has not waited for
            return
        if len(self.spans) < MOST_SPANS:
            self.spans.append(span)
        else:
            self.omitted += 1

    def end(self) -> None:
        """The pass is over, and with it every span that has no end of its own."""
        self.over, now = True, self.clock()
        for span in self.spans:
            span.ended = span.ended or now
        if self.omitted:
            self.whole.attributes["serin.spans_omitted"] = self.omitted


_HERE: ContextVar[tuple[Recording, Place] | None] = ContextVar("serin_span", default=None)
_NOTHING: AbstractContextManager[None] = nullcontext()


@contextmanager
def recording(made: Recording) -> Iterator[Recording]:
    """Makes ``made`` the recording of everything that is called in the block."""
    token = _HERE.set((made, made.whole.place))
    try:
        yield made
    finally:
        _HERE.reset(token)
        made.end()


def current() -> Recording | None:
    """The recording of the pass that is under way; None without one."""
    here = _HERE.get()
    return here[0] if here is not None and not here[0].over else None


def step(name: str) -> AbstractContextManager[None]:
    """A part of a pass: what happens in the block stands below it."""
    here = _HERE.get()
    return _step(*here, name) if here is not None else _NOTHING


@contextmanager
def _step(made: Recording, parent: Place, name: str) -> Iterator[None]:
    span = Span(name, within(parent), parent, made.clock(), 0)
    token = _HERE.set((made, span.place))
    try:
        yield
    except BaseException as error:
        span.error = told(f"{type(error).__name__}: {error}")
        raise
    finally:
        _HERE.reset(token)
        span.ended = made.clock()
        made.add(span)


def steps(name: str) -> Callable[[F], F]:
    """Makes each call of a function, or coroutine function, a part of the pass."""

    def decorate(function: F) -> F:
        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def timed_coroutine(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - as what it stands for
                with step(name):
                    return await function(*args, **options)

            return cast("F", timed_coroutine)

        @wraps(function)
        def timed(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - as what it stands for
            with step(name):
                return function(*args, **options)

        return cast("F", timed)

    return decorate


def happened(name: str, seconds: float, attributes: dict[str, Attribute], error: str = "") -> None:
    """Notes a request to another process that has just ended."""
    here = _HERE.get()
    if here is None:
        return
    made, parent = here
    now = made.clock()
    texts = {key: told(value) if isinstance(value, str) else value for key, value in attributes.items()}
    span = Span(name, within(parent), parent, now - round(seconds * 1e9), now, texts, told(error), outward=True)
    made.add(span)


def told(text: str) -> str:
    """A text of others as it may stand in a trace: without credentials, in one line, and not too long."""
    return shortened(masked(text), LONGEST_TEXT)


def exemplar() -> dict[str, str] | None:
    """The labels that lead from a metric to the trace of the pass under way; None if it will not be sent."""
    here = current()
    return {"trace_id": here.whole.place.trace_id} if here is not None and here.kept else None
