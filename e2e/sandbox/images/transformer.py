"""How is the transformer started? As KServe's own are: --model_name, --predictor_host, --http_port.

It passes requests on to its predictor as they are, and compares: an answer of a predictor with another version than
its own is an error. ERROR_RATE makes it fail by itself, after the predictor has answered.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

from .modelserver.faults import FaultError, Faults

if TYPE_CHECKING:
    from kserve import InferRequest, InferResponse


def serve(faults: Faults) -> None:
    """Serve until SIGTERM."""
    # Late, as in the model server: the import takes a second and more.
    import httpx
    import kserve
    from kserve import model_server
    from kserve.errors import InferenceError
    from kserve.logging import configure_logging
    from kserve.predictor_config import PredictorConfig

    from .modelserver.__main__ import quieten
    from .modelserver.faults import Dice
    from .modelserver.identity import HEADER, VersionHeader

    version, dice = os.environ.get("MODEL_VERSION", ""), Dice(faults)

    class Transformer(kserve.Model):  # type: ignore[misc] # kserve publishes no types
        """Fails by chance, and if another revision's predictor has answered."""

        async def predict(
            self,
            payload: dict[str, Any] | InferRequest,
            headers: dict[str, str] | None = None,
            response_headers: dict[str, str] | None = None,  # noqa: ARG002 KServe's signature
        ) -> dict[str, Any] | InferResponse:
            """The predictor's answer. Its own header says of which version it is."""
            of_predictor: dict[str, str] = {}
            try:
                answer = await super().predict(payload, headers, of_predictor)
            except httpx.HTTPStatusError as error:
                # KServe would answer past the middleware that says which version this is.
                raise InferenceError(str(error)) from error
            found = of_predictor.get(HEADER, "")
            if found != version:
                raise InferenceError(f"the predictor of version {found} has answered to version {version}")
            if dice.fails():
                raise InferenceError("ERROR_RATE: this request was chosen to fail")
            return answer

    parser = argparse.ArgumentParser(parents=[model_server.parser])
    arguments, _ = parser.parse_known_args()
    model_server.args = arguments
    configure_logging(arguments.log_config_file)
    quieten()
    if version:
        model_server.app.add_middleware(VersionHeader, version=version)
    predictor = PredictorConfig(arguments.predictor_host, arguments.predictor_protocol)
    server = kserve.ModelServer(http_port=arguments.http_port, workers=1, enable_grpc=False, predictor_config=predictor)
    model = Transformer(arguments.model_name)
    model.ready = True
    server.start([model])


def main() -> int:
    """Read the faults and serve; the exit status."""
    try:
        faults = Faults.read(os.environ)
    except FaultError as error:
        print(error, file=sys.stderr)
        return 2
    serve(faults)
    return 0


if __name__ == "__main__":
    sys.exit(main())
