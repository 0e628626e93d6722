"""The model server and the storage initializer as they really run, each as a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from e2e.deploy.process import free_port
from e2e.sandbox.images.catalogue import MODEL_SERVER, STORAGE_INITIALIZERS, Catalogue, Image
from e2e.sandbox.images.models import models_dir
from e2e.sandbox.images.store import ModelStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    subprocess.run([sys.executable, "-m", "e2e.sandbox.images.train", str(models_dir(folder))], check=True)
    return folder


def image(cache: Path, name: str) -> Image:
    found = Catalogue(cache).find(name)
    assert found is not None
    return found


def start(cache: Path, *arguments: str, log: Path, **env: str) -> subprocess.Popen[bytes]:
    server = image(cache, MODEL_SERVER)
    with log.open("wb") as output:
        return subprocess.Popen(
            [*server.command, *arguments],
            env={"PATH": os.environ["PATH"], **server.env, **env},
            stdout=output,
            stderr=output,
        )


@pytest.fixture(scope="module")
def server(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port, log = free_port(), tmp_path_factory.mktemp("server") / "log"
    arguments = ("--model_name=ignored", f"--http_port={port}", "--model_name=fraud")
    env = {"MODEL_SOURCE": "builtin", "MODEL_VERSION": "7", "ERROR_RATE": "0.5", "FAULT_SEED": "1"}
    process = start(cache, *arguments, "--model_dir=/mnt/no-models", log=log, **env)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(1200):
            assert process.poll() is None, log.read_text()
            try:
                if httpx.get(f"{url}/v2/models/fraud/ready").is_success:
                    break
            except httpx.TransportError:
                pass
            process_wait(process)
        yield url
    finally:
        process.terminate()
        assert process.wait(20) == 0, log.read_text()


def process_wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(0.05)
    except subprocess.TimeoutExpired:
        return


def test_both_protocols_say_who_answered_also_in_errors(server: str, cache: Path) -> None:
    sample = json.loads((models_dir(cache) / "sample.json").read_text())["instances"]
    tensor = {"name": "x", "shape": [len(sample), len(sample[0])], "datatype": "FP64", "data": sample}
    seen = set()
    for _ in range(20):
        for path, body in (
            ("v1/models/fraud:predict", {"instances": sample}),
            ("v2/models/fraud/infer", {"inputs": [tensor]}),
        ):
            response = httpx.post(f"{server}/{path}", json=body)
            assert response.headers["x-model-version"] == "7"
            seen.add((path[:2], response.status_code))
            if response.is_success:
                assert response.json()["model_version"] == "7"
            else:
                assert "ERROR_RATE" in response.json()["error"]
    assert seen == {("v1", 200), ("v1", 500), ("v2", 200), ("v2", 500)}


def test_metrics_are_kserves_own(server: str) -> None:
    text = httpx.get(f"{server}/metrics").text
    assert 'request_predict_seconds_count{model_name="fraud"}' in text


def test_a_model_that_cannot_be_loaded_ends_the_server(cache: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = start(cache, f"--model_dir={models_dir(cache) / 'fraud/1'}", log=log, FAIL_LOAD="1")
    assert process.wait(60) == 1
    assert "FAIL_LOAD is set" in log.read_text()


def test_a_wrong_fault_ends_the_server(cache: Path, tmp_path: Path) -> None:
    process = start(cache, log=tmp_path / "log", ERROR_RATE="many")
    assert process.wait(60) == 2
    assert (tmp_path / "log").read_text() == "ERROR_RATE='many' is not a number\n"


async def initialize(cache: Path, name: str, target: Path) -> tuple[int, str]:
    """Run the real storage initializer against the model store."""
    runner = await ModelStore(cache).start("127.0.0.1", 0)
    program = image(cache, STORAGE_INITIALIZERS[0])
    process = await asyncio.create_subprocess_exec(
        *(*program.command, f"http://127.0.0.1:{runner.addresses[0][1]}/{name}", str(target)),
        env={"PATH": os.environ["PATH"], **program.env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    await runner.cleanup()
    return process.returncode or 0, output.decode()


async def test_a_model_is_fetched_and_unpacked(cache: Path, tmp_path: Path) -> None:
    code, output = await initialize(cache, "fraud/2.tar.gz", tmp_path / "models")
    assert code == 0, output
    assert [file.name for file in (tmp_path / "models").iterdir()] == ["model.joblib"]


async def test_a_missing_model_is_told_in_the_last_line(cache: Path, tmp_path: Path) -> None:
    code, output = await initialize(cache, "fraud/99.tar.gz", tmp_path / "models")
    assert code == 1
    assert "Storage initialization failed: HTTP resource not found" in output.splitlines()[-1]
