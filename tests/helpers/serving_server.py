"""`cargan serve` in a process of its own, and curl."""

from __future__ import annotations

import base64
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest


class Live:
    """A server process."""

    def __init__(self, model):
        command = [sys.executable, "-m", "cargan_cli.main", "serve", str(model)]
        self.process = subprocess.Popen(
            [*command, "--rest-port", "0", "--grpc-port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.welcome = [self.process.stderr.readline() for _ in range(4)]
        self.rest, self.grpc = re.findall(r"127\.0\.0\.1:\d+", "".join(self.welcome))
        self.url = f"http://{self.rest}/v1/models/cargan"

    @property
    def peak_bytes(self):
        """The most memory it ever held."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024

    def stop(self, by):
        """Signal it; returns its status and what else it said."""
        self.process.send_signal(by)
        out, err = self.process.communicate(timeout=120)
        return self.process.returncode, out + err


@pytest.fixture(scope="module")
def live(tiny_model):
    server = Live(tiny_model)
    yield server
    if server.process.poll() is None:
        server.stop(signal.SIGKILL)


def curl(*words, **options):
    """Status and body of an answer."""
    command = ["curl", "--silent", "--max-time", "120", "--write-out", "\n%{http_code}", *words]
    done = subprocess.run([str(word) for word in command], capture_output=True, **options)
    body, _, status = done.stdout.decode().rpartition("\n")
    return int(status), json.loads(body)


def b64(content):
    return {"b64": base64.b64encode(content).decode()}
