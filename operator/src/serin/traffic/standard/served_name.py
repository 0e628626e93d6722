"""How is a model server told the name that clients ask for? It must be the same for every revision.

Without a word KServe's runtimes serve under the InferenceService's name, which holds the revision: clients would get
404 from each new one. With a word that it does not know a server does not start. So it is told only in its own words:
by the runtime that spec names, or by the one that KServe 0.20 chooses for a format and protocol if spec names none.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

MODEL_NAME_FLAG = "--model_name"
SERVED_NAME_FLAG = "--served-model-name"
MLSERVER_NAME = "MLSERVER_MODEL_NAME"


class Server(Enum):
    """A kind of model server, by how it is told a name."""

    PYTHON = MODEL_NAME_FLAG
    """KServe's Python servers; TensorFlow Serving and OpenVINO have the same flag."""
    VLLM = SERVED_NAME_FLAG
    MLSERVER = MLSERVER_NAME
    NAMELESS = ""
    """Serves what its model repository says, and refuses a flag that it does not know: Triton, TorchServe."""


# Part of a runtime's name; a runtime of one's own that is called so is taken for one of this kind.
BY_RUNTIME = (
    ("mlserver", Server.MLSERVER),
    ("vllm", Server.VLLM),
    ("triton", Server.NAMELESS),
    ("torchserve", Server.NAMELESS),
)
BY_FORMAT = {
    "pytorch": Server.NAMELESS,
    "tensorrt": Server.NAMELESS,
    "triton": Server.NAMELESS,
    "vLLM": Server.VLLM,
    "mlflow": Server.MLSERVER,
}
MLSERVERS_IN_V2 = frozenset({"sklearn", "xgboost", "lightgbm"})
"""Formats that KServe gives to MLServer if the protocol is v2, and to its own servers otherwise."""
KSERVES = frozenset(
    f"kserve-{name}"
    for name in (
        *("autogluonserver", "huggingfaceserver", "lgbserver", "mlserver", "openvino", "paddleserver", "pmmlserver"),
        *("predictiveserver", "sklearnserver", "tensorflow-serving", "torchserve", "tritonserver", "vllmserver"),
        "xgbserver",
    )
)
"""The runtimes that KServe 0.20 ships."""


def server_of(section: Mapping[str, Any]) -> Server:
    """The server behind ``predictor.model``, as far as spec tells; an unknown one is taken to be like KServe's own."""
    runtime = section.get("runtime")
    if runtime:
        return next((server for part, server in BY_RUNTIME if part in runtime), Server.PYTHON)
    model_format = section.get("modelFormat") or {}
    name, second = str(model_format.get("name", "")), str(section.get("protocolVersion", "v1")).endswith("v2")
    if second and name in MLSERVERS_IN_V2:
        return Server.MLSERVER
    if second and name == "tensorflow" and str(model_format.get("version", "")) == "2":
        return Server.NAMELESS  # Triton is the only one that takes it
    return BY_FORMAT.get(name, Server.PYTHON)


def told_name(section: Mapping[str, Any], model_deployment: str, served_name: str | None) -> dict[str, Any]:
    """The fields of ``predictor.model`` that tell the server its name; none where it cannot or need not be told.

    With ``servedName`` a runtime of one's own is told nothing: that is how to keep a flag from one that refuses it.
    """
    runtime, server = section.get("runtime"), server_of(section)
    if served_name and runtime and runtime not in KSERVES:
        return {}
    name = served_name or model_deployment
    variables, arguments = section.get("env", []), section.get("args", [])
    if server is Server.MLSERVER:
        given = any(variable.get("name") == MLSERVER_NAME for variable in variables)
        return {} if given else {"env": [*variables, {"name": MLSERVER_NAME, "value": name}]}
    if server is Server.NAMELESS or any(str(argument).startswith(server.value) for argument in arguments):
        return {}
    return {"args": [*arguments, f"{server.value}={name}"]}
