"""How long do commands take to start? Measured in new processes, with an API server that answers at once.

``python -m tests.simulation.command_start [RUNS]`` prints the median and the longest of processor and wall-clock time.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMANDS = (["--help"], ["version"], ["list"], ["list", "-o", "json"], ["get", "fraud"], ["history", "fraud"])
OBJECT = {
    "metadata": {"namespace": "prod", "name": "fraud", "generation": 1, "resourceVersion": "1"},
    "spec": {"model": {"version": "42"}},
    "status": {"phase": "Stable", "observedGeneration": 1, "reason": "Serving", "message": "version 42 serves"},
}


class Answer(BaseHTTPRequestHandler):
    """Answers a list, a table or an object."""

    def do_GET(self) -> None:
        """Answers at once."""
        listed = not self.path.split("?")[0].endswith("fraud")
        data = json.dumps({"items": [OBJECT], "rows": []} if listed else OBJECT).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def kubeconfig(directory: Path, port: int) -> Path:
    """A kubeconfig for the server."""
    path = directory / "config"
    cluster = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "prod"}}
    user = {"name": "u", "user": {"token": "made-up"}}
    path.write_text(json.dumps({"current-context": "c", "clusters": [cluster], "contexts": [context], "users": [user]}))
    return path


def spent() -> float:
    """Processor time of all processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> int:
    """Measures and prints."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as directory:
        env = {**os.environ, "KUBECONFIG": str(kubeconfig(Path(directory), server.server_port))}
        print(f"{'command':<20}{'processor ms, median / most':>30}{'wall ms, median / most':>28}")
        for command in COMMANDS:
            processor, wall = [], []
            for _ in range(runs):
                before, began = spent(), time.perf_counter()
                subprocess.run([sys.executable, "-m", "serin.cli", *command], env=env, capture_output=True, check=True)
                wall.append(time.perf_counter() - began)
                processor.append(spent() - before)
            told = [f"{1000 * statistics.median(x):.0f} / {1000 * max(x):.0f}" for x in (processor, wall)]
            print(f"{' '.join(command):<20}{told[0]:>30}{told[1]:>28}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
