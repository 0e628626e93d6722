"""Which server runs, as far as a spec tells, and in which words it learns the name that clients ask for."""

from __future__ import annotations

from typing import Any

import pytest

from serin.traffic.kserve.served_name import Server, served_name_fields, server_of


def section(name: str, **fields: Any) -> dict[str, Any]:
    return {"modelFormat": {"name": name}, **fields}


# What KServe 0.20 chooses by itself, from its own runtimes: autoSelect, protocolVersions and priority.
CHOSEN: tuple[tuple[str, str | None, Server], ...] = (
    ("sklearn", None, Server.PYTHON),
    ("sklearn", "v1", Server.PYTHON),
    ("sklearn", "v2", Server.MLSERVER),
    ("xgboost", None, Server.PYTHON),
    ("xgboost", "v2", Server.MLSERVER),
    ("lightgbm", None, Server.PYTHON),
    ("lightgbm", "v2", Server.MLSERVER),
    ("mlflow", "v2", Server.MLSERVER),
    ("paddle", "v2", Server.PYTHON),
    ("pmml", None, Server.PYTHON),
    ("autogluon", "v2", Server.PYTHON),
    ("huggingface", None, Server.PYTHON),
    ("huggingface", "v2", Server.PYTHON),
    ("vLLM", None, Server.VLLM),
    ("pytorch", None, Server.NAMELESS),
    ("pytorch", "v2", Server.NAMELESS),
    ("triton", None, Server.NAMELESS),
    ("tensorrt", "v2", Server.NAMELESS),
    ("tensorflow", None, Server.PYTHON),
    ("tensorflow", "v2", Server.PYTHON),
    ("onnx", "v2", Server.PYTHON),
    ("openvino", "grpc-v2", Server.PYTHON),
)


@pytest.mark.parametrize(("name", "protocol", "server"), CHOSEN)
def test_the_server_that_kserve_chooses(name: str, protocol: str | None, server: Server) -> None:
    assert server_of(section(name, **({"protocolVersion": protocol} if protocol else {}))) is server


def test_a_version_may_leave_only_one() -> None:
    given = {"modelFormat": {"name": "tensorflow", "version": "2"}, "protocolVersion": "v2"}
    assert server_of(given) is Server.NAMELESS
    assert server_of({**given, "protocolVersion": "v1"}) is Server.PYTHON


@pytest.mark.parametrize(
    ("runtime", "server"),
    [
        ("kserve-sklearnserver", Server.PYTHON),
        ("kserve-tensorflow-serving", Server.PYTHON),
        ("kserve-mlserver", Server.MLSERVER),
        ("our-mlserver-1.7", Server.MLSERVER),
        ("kserve-vllmserver", Server.VLLM),
        ("kserve-tritonserver", Server.NAMELESS),
        ("kserve-torchserve", Server.NAMELESS),
        ("our-server", Server.PYTHON),
    ],
)
def test_a_runtime_is_known_by_its_name_whatever_the_protocol(runtime: str, server: Server) -> None:
    assert server_of(section("sklearn", protocolVersion="v2", runtime=runtime)) is server


MLSERVER = {"name": "MLSERVER_MODEL_NAME", "value": "iris"}


@pytest.mark.parametrize(
    ("given", "served_name", "told"),
    [
        pytest.param(section("sklearn"), None, {"args": ["--model_name=fraud"]}, id="KServe's server"),
        pytest.param(section("huggingface"), "llama3", {"args": ["--model_name=llama3"]}, id="by the user's name"),
        pytest.param(
            section("vLLM", args=["--x"]),
            None,
            {"args": ["--x", "--served-model-name=fraud"]},
            id="vLLM, after users' args",
        ),
        pytest.param(
            section("vLLM", args=["--served-model-name=a"]), None, {}, id="vLLM that the user has told a name already"
        ),
        pytest.param(section("sklearn", runtime="kserve-mlserver"), "iris", {"env": [MLSERVER]}, id="MLServer"),
        pytest.param(
            section("sklearn", protocolVersion="v2", env=[MLSERVER]), None, {}, id="MLServer that is told already"
        ),
        pytest.param(section("pytorch"), None, {}, id="TorchServe refuses flags that it does not know"),
        pytest.param(section("triton", runtime="kserve-tritonserver"), "x", {}, id="Triton"),
        pytest.param(section("sklearn", runtime="our-server"), None, {"args": ["--model_name=fraud"]}, id="one's own"),
        pytest.param(section("sklearn", runtime="our-server"), "x", {}, id="one's own that has its name"),
        pytest.param(
            section("sklearn", runtime="our-mlserver"), "iris", {"env": [MLSERVER]}, id="one's own that is MLServer"
        ),
        pytest.param(
            section("vLLM", runtime="vllm-h100"),
            "llama3",
            {"args": ["--served-model-name=llama3"]},
            id="one's own that is vLLM",
        ),
        pytest.param(
            section("huggingface", args=["--model_name", "llama3"]),
            None,
            {},
            id="a name that the user wrote in two words",
        ),
        pytest.param(
            section("huggingface", args=["--model_name_or_path=m"]),
            "llama3",
            {"args": ["--model_name_or_path=m", "--model_name=llama3"]},
            id="an argument that only begins like it",
        ),
    ],
)
def test_in_which_words_it_is_told(given: dict[str, Any], served_name: str | None, told: dict[str, Any]) -> None:
    assert served_name_fields(given, "fraud", served_name) == told
