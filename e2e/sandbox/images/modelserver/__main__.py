"""How is the model server started? As KServe's sklearn server is: --model_name, --model_dir, --http_port.

With MODEL_SOURCE=builtin the model that the sandbox trained is used if --model_dir has none.
MODEL_VERSION is told in every answer. With GRPC=1 it also listens on --grpc_port (8081).
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from .faults import FaultError, Faults
from .mishaps import Mishaps

if TYPE_CHECKING:
    from .model import SandboxModel

log = logging.getLogger("kserve")


def serve(faults: Faults) -> None:
    """Load the model and serve until SIGTERM; an error of loading ends the program, as in KServe."""
    # Late: importing kserve takes a second and more, which a start that is to be late need not spend twice.
    import kserve
    from kserve import model_server
    from kserve.errors import ModelMissingError
    from kserve.logging import configure_logging

    from .identity import VersionHeader
    from .model import SandboxModel

    parser = argparse.ArgumentParser(parents=[model_server.parser])
    parser.add_argument("--model_dir", default="/mnt/models", type=Path)
    arguments, _ = parser.parse_known_args()
    # Parsed by KServe when it was imported, which may have been long before this program's arguments were known.
    model_server.args = arguments
    configure_logging(arguments.log_config_file)
    quieten()
    version, mishaps = os.environ.get("MODEL_VERSION", ""), Mishaps(faults)
    folder = _model_folder(arguments.model_dir)
    model = SandboxModel(arguments.model_name, folder, version=version, faults=faults, on_request=mishaps.count_request)
    if version:
        model_server.app.add_middleware(VersionHeader, version=version)
    server = kserve.ModelServer(
        http_port=arguments.http_port,
        grpc_port=arguments.grpc_port,
        workers=1,
        enable_grpc=os.environ.get("GRPC") == "1",
    )
    models: list[SandboxModel] = []
    try:
        model.load()
        models.append(model)
    except ModelMissingError as error:
        # KServe's sklearn server, too, starts without any model then, and answers 404.
        log.error("%s: serving without a model", error)  # noqa: TRY400
    mishaps.start()
    server.start(models)


def _model_folder(wanted: Path) -> Path:
    builtin = os.environ.get("BUILTIN_MODEL_DIR")
    has_files = wanted.is_dir() and any(wanted.iterdir())
    if os.environ.get("MODEL_SOURCE") == "builtin" and builtin and not has_files:
        return Path(builtin)
    return wanted


def quieten() -> None:
    """Keep the log to what somebody reads."""
    # Several lines per request, which nobody reads in the sandbox, would cost more than the prediction.
    for name in ("kserve.trace", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # KServe's to mend; FastAPI says it again for every endpoint, and it would drown the cause of a crash.
    warnings.filterwarnings("ignore", message="ORJSONResponse is deprecated")


def main() -> int:
    """Read the faults, wait as long as they say, serve; the exit status."""
    try:
        faults = Faults.read(os.environ)
    except FaultError as error:
        print(error, file=sys.stderr)
        return 2
    time.sleep(faults.start_delay_s)
    serve(faults)
    return 0


if __name__ == "__main__":
    sys.exit(main())
