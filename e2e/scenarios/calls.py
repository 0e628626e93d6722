"""Clients that speak gRPC: the Open Inference Protocol's ModelInfer, at a steady rate, with what came of each call."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import grpc

from e2e.demo.objects import FEATURES

if TYPE_CHECKING:
    from types import TracebackType

OK = grpc.StatusCode.OK.name
SECONDS = 5.0


class CallLoad:
    """Calls from one thread while the block lasts; a call that is late makes the next one late, too."""

    def __init__(self, gateway: str, host: str, model: str, rate: float) -> None:
        # The protocol's messages come with KServe, whose import takes seconds.
        from kserve.protocol.grpc import grpc_predict_v2_pb2 as messages
        from kserve.protocol.grpc import grpc_predict_v2_pb2_grpc as services

        self._pause = 1 / rate
        self._channel = grpc.insecure_channel(urlsplit(gateway).netloc, options=[("grpc.default_authority", host)])
        self._stub: Any = services.GRPCInferenceServiceStub(self._channel)
        tensor = messages.ModelInferRequest.InferInputTensor(
            name="input-0",
            shape=[1, len(FEATURES)],
            datatype="FP64",
            contents=messages.InferTensorContents(fp64_contents=FEATURES),
        )
        self._request = messages.ModelInferRequest(model_name=model, inputs=[tensor])
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.answers: Counter[tuple[str, str]] = Counter()
        """By status and version; who failed says no version."""

    def _run(self) -> None:
        while not self._stop.is_set():
            begun = time.monotonic()
            try:
                answer = self._stub.ModelInfer(self._request, timeout=SECONDS)
                self.answers[OK, answer.model_version] += 1
            except grpc.RpcError as error:
                self.answers[error.code().name, ""] += 1
            self._stop.wait(max(0.0, self._pause - (time.monotonic() - begun)))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(2 * SECONDS)
        self._channel.close()

    def count(self, status: str, version: str = "") -> int:
        """How many calls ended so."""
        return self.answers[status, version]
