"""How does a load run beside a program that does something else meanwhile?

In a thread with an event loop of its own: a slow screen or a blocking call elsewhere does not touch the pace.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Self

from e2e.load.answer import Answer, AnswerLog
from e2e.load.generator import LoadPlan, LoadReport, drive
from e2e.load.live import LiveCounts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType


class BackgroundLoad:
    """A load from ``with`` to the end of the block; its log is complete afterwards."""

    def __init__(self, plan: LoadPlan, log: Path) -> None:
        self.plan = plan
        self.log = log
        self.live = LiveCounts()
        self.report = LoadReport()
        self._failure: BaseException | None = None
        self._running = threading.Event()
        self._ask_to_stop: Callable[[], None] = lambda: None
        self._break_off: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    def check(self) -> None:
        """Raise what ended the load early, if anything did (a full disk, a bug)."""
        if self._failure is not None:
            raise RuntimeError("the load generator failed") from self._failure

    def stop(self) -> None:
        """Stop sending and wait for what is in flight (bounded by the plan's timeout); idempotent."""
        if self._thread.is_alive():
            self._ask_to_stop()
            self._thread.join()

    def _run(self) -> None:
        try:
            with AnswerLog(self.log) as log:
                asyncio.run(self._drive(log))
        except asyncio.CancelledError:
            pass  # broken off: whoever did that knows why
        except Exception as error:  # noqa: BLE001 - handed to the thread that asks
            self._failure = error
        finally:
            self._running.set()

    async def _drive(self, log: AnswerLog) -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        work = asyncio.ensure_future(drive(self.plan, lambda answer: self._take(answer, log), stop, self.report))

        def from_outside(call: Callable[[], object]) -> None:
            # The loop may close between the caller's look at the thread and this call: nothing to stop.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(call)

        self._ask_to_stop = lambda: from_outside(stop.set)
        self._break_off = lambda: from_outside(work.cancel)
        self._running.set()
        await work

    def _take(self, answer: Answer, log: AnswerLog) -> None:
        self.live.add(answer)
        log.write(answer)

    def __enter__(self) -> Self:
        self._thread.start()
        self._running.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            # Nobody will read the log of a story that failed: do not wait for what is in flight.
            self._break_off()
        self.stop()
        if kind is None:
            self.check()
