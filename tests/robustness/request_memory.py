"""Does the memory of `cargan serve` stay flat? Thousands of requests, and what it holds meanwhile.

    python -m tests.robustness.request_memory --requests 5000

Starts the server of the shipped model. Of ten requests one is right, of three clips; the others are
wrong in nine ways, from JSON that is cut off to a chunked body without end.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import requests

SHIPPED = Path(__file__).parents[2] / "saved_models" / "players-128"
WARM_UP, PARTS = 300, 10
#: More would be a leak of 10 kB a request.
ALLOWED_MB = 50


def bodies() -> list[tuple[bytes | Callable[[], Iterator[bytes]], dict[str, str]]]:
    """A right request, and wrong ones."""
    row = {"waveform": [0.1, -0.1] * 5_000, "label": "violin"}
    right = json.dumps({"instances": [row] * 3}).encode()

    def endless() -> Iterator[bytes]:
        for _ in range(300):  # of which the server reads 16 MB
            yield bytes(1 << 16)

    return [
        (right, {}),
        (right[:-10], {}),
        (b"[" * 9_000, {}),
        (json.dumps({"instances": [{**row, "label": "kazoo"}]}).encode(), {}),
        (json.dumps({"instances": [{**row, "waveform": "loud"}]}).encode(), {}),
        (json.dumps({"inputs": {"label": ["violin"] * 65}}).encode(), {}),
        (gzip.compress(b" " * (64 << 20), 1), {"Content-Encoding": "gzip"}),
        (b"RIFF" + bytes(1_000_000), {}),
        (b"{}", {"Host": "evil.example"}),
        (endless, {}),
    ]


def resident_mb(process: int) -> float:
    """What a process holds in memory."""
    status = Path(f"/proc/{process}/status").read_text("ascii")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


def main() -> None:
    """Print a table; the status is 1 if more than ``ALLOWED_MB`` were added."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=5_000)
    count = parser.parse_args().requests
    command = [sys.executable, "-m", "cargan_cli.main", "serve", str(SHIPPED)]
    command += ["--rest-port", "0", "--grpc-port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        welcome = "".join(server.stderr.readline() for _ in range(4))
        url = re.findall(r"http://\S+", welcome)[0]
        statuses: Counter[int] = Counter()
        began, given, session = time.monotonic(), bodies(), requests.Session()

        def ask(number: int) -> None:
            body, headers = given[number % len(given)]
            data = body() if callable(body) else body
            try:
                reply = session.post(url, data=data, headers=headers, timeout=120)
                statuses[reply.status_code] += 1
            except requests.ConnectionError:  # closed while it was still sending
                statuses[413] += 1

        for number in range(WARM_UP):
            ask(number)
        statuses.clear()
        first = resident_mb(server.pid)
        print("| requests | resident |\n| --- | --- |")
        print(f"| {WARM_UP} to warm up | {first:.0f} MB |")
        most = first
        for part in range(PARTS):
            for number in range(count // PARTS):
                ask(number)
            held = resident_mb(server.pid)
            most = max(most, held)
            print(f"| {count // PARTS * (part + 1):,} | {held:.0f} MB |", flush=True)
        print(f"\nstatuses {dict(sorted(statuses.items()))}, {time.monotonic() - began:.0f} s")
        server.send_signal(signal.SIGTERM)
    sys.exit(1 if most - first > ALLOWED_MB else 0)


if __name__ == "__main__":
    main()
