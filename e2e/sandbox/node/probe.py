"""Does a container answer its probe, and what do several answers in a row mean?"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import httpx

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from .api import Json
    from .process import Process

# Before its first success a probe is asked this often, since people wait; failures count once per period.
EARLY_LOOK_S = 0.25

_FIRST_BAD_STATUS = 400


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One answer; the reason says in a kubelet's words why it is bad."""

    ok: bool
    reason: str = ""


Check: TypeAlias = "Callable[[], Awaitable[ProbeResult]]"
OnChange: TypeAlias = "Callable[[ProbeResult], Awaitable[None]]"


@dataclass(frozen=True, slots=True)
class ProbeTiming:
    """When to ask and how many answers in a row count; times in seconds."""

    initial_delay: float
    period: float
    timeout: float
    successes: int
    failures: int

    @staticmethod
    def of(spec: Json) -> ProbeTiming:
        """Read the timing of a probe, with Kubernetes's defaults for what is not said."""
        return ProbeTiming(
            initial_delay=spec.get("initialDelaySeconds") or 0,
            period=spec.get("periodSeconds") or 10,
            timeout=spec.get("timeoutSeconds") or 1,
            successes=spec.get("successThreshold") or 1,
            failures=spec.get("failureThreshold") or 3,
        )


class Streak:
    """Turns single answers into a state: it changes only after enough equal answers in a row."""

    def __init__(self, timing: ProbeTiming) -> None:
        self._timing = timing
        self._last: bool | None = None
        self._length = 0
        self.state: bool | None = None

    def add(self, *, ok: bool) -> bool:
        """Take one answer; True if the state has changed by it."""
        self._length = self._length + 1 if ok is self._last else 1
        self._last = ok
        needed = self._timing.successes if ok else self._timing.failures
        if self._length < needed or ok is self.state:
            return False
        self.state = ok
        return True


class Prober:
    """Asks one probe for as long as the container runs."""

    def __init__(self, timing: ProbeTiming, check: Check, *, eager: bool) -> None:
        """`eager`: before the first success, look more often than the period says."""
        self._timing = timing
        self._check = check
        self._eager = eager

    async def run(
        self,
        on_change: OnChange,
        on_failure: Callable[[str], None],
    ) -> None:
        """Ask until cancelled; report changes of the state, and the reason of every failure that counts."""
        await asyncio.sleep(self._timing.initial_delay)
        loop = asyncio.get_running_loop()
        streak = Streak(self._timing)
        due, seen_good = loop.time(), False
        while True:
            result = await self._ask()
            seen_good = seen_good or result.ok
            if result.ok or loop.time() >= due:
                due = max(due + self._timing.period, loop.time())
                if not result.ok:
                    on_failure(result.reason)
                if streak.add(ok=result.ok):
                    await on_change(result)
            early = self._eager and not seen_good
            await asyncio.sleep(min(EARLY_LOOK_S, self._timing.period) if early else self._timing.period)

    async def _ask(self) -> ProbeResult:
        try:
            async with asyncio.timeout(self._timing.timeout):
                return await self._check()
        except TimeoutError:
            return ProbeResult(ok=False, reason=f"no answer within {self._timing.timeout:g} s")


class Checks:
    """Makes the checks of one container from what its probes say."""

    def __init__(self, client: httpx.AsyncClient, ip: str, ports: Mapping[str, int]) -> None:
        self._client = client
        self._ip = ip
        self._ports = ports

    def of(self, spec: Json, process: Process, timeout_s: float) -> Check:
        """Give the check of a probe or hook: httpGet, tcpSocket or exec."""
        if "httpGet" in spec:
            return lambda: self._http(spec["httpGet"])
        if "tcpSocket" in spec:
            return lambda: self._tcp(spec["tcpSocket"])
        return lambda: _execute(process, tuple(spec["exec"]["command"]), timeout_s)

    async def _http(self, get: Json) -> ProbeResult:
        scheme, path = get.get("scheme", "HTTP").lower(), get.get("path") or "/"
        url = f"{scheme}://{get.get('host') or self._ip}:{self._port(get['port'])}{path}"
        headers = {"User-Agent": "kube-probe/serin", "Connection": "close"}
        headers |= {header["name"]: header["value"] for header in get.get("httpHeaders") or []}
        try:
            response = await self._client.get(url, headers=headers)
        except httpx.HTTPError as error:
            return ProbeResult(ok=False, reason=f"Get {url}: {str(error) or repr(error)}")
        if response.status_code < _FIRST_BAD_STATUS:
            return ProbeResult(ok=True)
        return ProbeResult(ok=False, reason=f"HTTP probe failed with statuscode: {response.status_code}")

    async def _tcp(self, socket: Json) -> ProbeResult:
        address = (socket.get("host") or self._ip, self._port(socket["port"]))
        try:
            _, writer = await asyncio.open_connection(*address)
        except OSError as error:
            return ProbeResult(ok=False, reason=f"dial tcp {address[0]}:{address[1]}: {error.strerror}")
        writer.close()
        return ProbeResult(ok=True)

    def _port(self, port: int | str) -> int:
        return port if isinstance(port, int) else self._ports.get(port) or int(port)


def http_client() -> httpx.AsyncClient:
    """Make the client for all HTTP probes: as a kubelet, it checks no certificate and keeps no connection."""
    return httpx.AsyncClient(
        verify=False,  # noqa: S501
        trust_env=False,
        timeout=None,  # noqa: S113 each probe is bounded by its own timeoutSeconds
        limits=httpx.Limits(max_keepalive_connections=0),
    )


async def _execute(process: Process, argv: tuple[str, ...], timeout_s: float) -> ProbeResult:
    try:
        code, output = await process.execute(argv, timeout_s)
    except TimeoutError:
        return ProbeResult(ok=False, reason=f"command timed out after {timeout_s:g} s")
    return ProbeResult(ok=code == 0, reason=output or f"exit code {code}")
