"""What does the model answer, in KServe's V1 and V2 protocols, and where does it come from?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeAlias

import joblib
from fastapi import HTTPException
from kserve import InferRequest, InferResponse, Model
from kserve.errors import InferenceError, ModelMissingError
from kserve.utils.utils import get_predict_input, get_predict_response

from .faults import Dice, Faults

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_SUFFIXES = frozenset({".joblib", ".pkl", ".pickle"})
Payload: TypeAlias = dict[str, Any]


class SandboxModel(Model):  # type: ignore[misc] # kserve publishes no types
    """A scikit-learn model from a folder, as KServe's own sklearn server loads it, with faults on demand."""

    def __init__(
        self, name: str, folder: Path, *, version: str, faults: Faults, on_request: Callable[[], None]
    ) -> None:
        """`on_request` is called at the start of each prediction."""
        super().__init__(name)
        self._folder = folder
        self._version = version
        self._faults = faults
        self._dice = Dice(faults)
        self._on_request = on_request
        self._estimator: Any = None

    def load(self) -> bool:
        """Load the model; ModelMissingError if the folder has none, any other error if it is no good."""
        if self._faults.fail_load:
            raise RuntimeError("FAIL_LOAD is set: the model cannot be loaded")
        files = sorted(file for file in self._folder.glob("*") if file.suffix in _SUFFIXES and file.is_file())
        if not files:
            raise ModelMissingError(self._folder)
        if len(files) > 1:
            raise RuntimeError(f"only one model file is allowed in {self._folder}, it has {files}")
        self._estimator = joblib.load(files[0])
        self.ready = True
        return True

    async def predict(
        self,
        payload: Payload | InferRequest,
        headers: dict[str, str] | None = None,  # noqa: ARG002 KServe's signature
        response_headers: dict[str, str] | None = None,  # noqa: ARG002 KServe's signature
    ) -> Payload | InferResponse:
        """Predict; an error by chance, as ERROR_RATE and ERROR_STATUS say; InferenceError if the input is no good."""
        self._on_request()
        if delay := self._dice.delay_s():
            await asyncio.sleep(delay)
        if self._dice.fails():
            words = "ERROR_RATE: this request was chosen to fail"
            if self._faults.error_status is not None:
                raise HTTPException(self._faults.error_status, words)
            raise InferenceError(words)
        try:
            result = self._estimator.predict(get_predict_input(payload))
            answer = get_predict_response(payload, result, self.name)
        except Exception as error:
            raise InferenceError(str(error)) from error
        if isinstance(answer, InferResponse):
            answer.model_version = self._version or None
        elif self._version:
            answer["model_version"] = self._version
        return answer
