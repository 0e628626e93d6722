"""The argument or variable that gives a model server its served name, which must be the same for every revision.

By default KServe's runtimes serve under the InferenceService's name, which contains the revision: clients would get
404 from each new one. A server refuses to start with an argument that it does not know. So the argument depends on the
runtime that spec names, or on the one that KServe 0.20 chooses for the format and protocol if spec names none.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from serin.api.predictor.served_name import MODEL_NAME_FLAG, SERVED_NAME_FLAG, named_by

MLSERVER_NAME = "MLSERVER_MODEL_NAME"


class Server(Enum):
    """A kind of model server, by the argument or variable of its served name."""

    PYTHON = MODEL_NAME_FLAG
    """KServe's Python servers; TensorFlow Serving and OpenVINO have the same flag."""
    VLLM = SERVED_NAME_FLAG
    MLSERVER = MLSERVER_NAME
    NAMELESS = ""
    """Takes the name from its model repository, and refuses unknown arguments: Triton, TorchServe."""


# Part of a runtime's name; it also matches custom runtimes.
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
"""Formats for which KServe chooses MLServer with protocol v2, and its own servers otherwise."""
KSERVE_RUNTIMES = frozenset(
    f"kserve-{name}"
    for name in (
        *("autogluonserver", "huggingfaceserver", "lgbserver", "mlserver", "openvino", "paddleserver", "pmmlserver"),
        *("predictiveserver", "sklearnserver", "tensorflow-serving", "torchserve", "tritonserver", "vllmserver"),
        "xgbserver",
    )
)
"""The runtimes that KServe 0.20 ships."""


def server_of(section: Mapping[str, Any]) -> Server:
    """The kind of server behind ``predictor.model``; an unknown one counts as KServe's own."""
    runtime = section.get("runtime")
    if runtime:
        return next((server for part, server in BY_RUNTIME if part in runtime), Server.PYTHON)
    model_format = section.get("modelFormat") or {}
    name, is_v2 = str(model_format.get("name", "")), str(section.get("protocolVersion", "v1")).endswith("v2")
    if is_v2 and name in MLSERVERS_IN_V2:
        return Server.MLSERVER
    if is_v2 and name == "tensorflow" and str(model_format.get("version", "")) == "2":
        return Server.NAMELESS  # only Triton serves it
    return BY_FORMAT.get(name, Server.PYTHON)


def served_name_fields(section: Mapping[str, Any], model_deployment: str, served_name: str | None) -> dict[str, Any]:
    """The fields of ``predictor.model`` that set the served name; empty if it is set already or cannot be set.

    A runtime of the user's own that has no known server's name gets no argument if ``servedName`` is set: it may refuse
    one.
    """
    runtime, server = section.get("runtime"), server_of(section)
    if served_name and runtime and runtime not in KSERVE_RUNTIMES and server is Server.PYTHON:
        return {}
    name = served_name or model_deployment
    variables, arguments = section.get("env", []), section.get("args", [])
    if server is Server.MLSERVER:
        already_set = any(variable.get("name") == MLSERVER_NAME for variable in variables)
        return {} if already_set else {"env": [*variables, {"name": MLSERVER_NAME, "value": name}]}
    if server is Server.NAMELESS or named_by([str(argument) for argument in arguments], server.value) is not None:
        return {}
    return {"args": [*arguments, f"{server.value}={name}"]}


def name_told(section: Mapping[str, Any]) -> str:
    """The served name that ``predictor.model`` itself gives its server; empty if it gives none."""
    server = server_of(section)
    if server is Server.MLSERVER:
        return next((str(v.get("value", "")) for v in section.get("env") or [] if v.get("name") == MLSERVER_NAME), "")
    arguments = [str(argument) for argument in section.get("args") or []]
    given = [a.partition("=")[2] for a in arguments if server.value and a.startswith(f"{server.value}=")]
    return given[-1] if given else ""  # the last one counts


def without_served_name(section: Mapping[str, Any]) -> dict[str, Any]:
    """``predictor.model`` without what gives its server a name."""
    server, rest = server_of(section), dict(section)
    if server is Server.MLSERVER:
        rest["env"] = [v for v in section.get("env") or [] if v.get("name") != MLSERVER_NAME]
    elif server.value:
        rest["args"] = [a for a in section.get("args") or [] if not str(a).startswith(f"{server.value}=")]
    return rest
