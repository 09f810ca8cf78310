"""The page without a server in Chromium: seconds until the first image, images a second live.

    make web && python -m benchmarks.web

One thread of WebAssembly, the shipped model on loopback, a file as the microphone.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from benchmarks.measuring import parse_and_report
from benchmarks.sub_urmp_like import RATE, sound

MODEL = "players-128"
#: Seconds to wait for the page at most; the machine may be busy.
PATIENCE = 300
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
)


def measure(seconds: int, repetitions: int, tiny: bool) -> dict[str, Any]:
    """Medians of pages opened anew; the speed of the last one, listening for ``seconds``."""
    first, again = [], []
    with tempfile.TemporaryDirectory() as folder:
        out, heard = Path(folder) / "out", Path(folder) / "heard.wav"
        command = (sys.executable, "-m", "cargan_cli.main", "web", str(out), "--model", MODEL)
        subprocess.run(command, check=True, capture_output=True)
        soundfile.write(heard, sound(np.random.default_rng(0)), RATE)
        with _served(out) as address:
            for _ in range(1 if tiny else repetitions):
                with _browser(Path(folder), heard) as page:
                    first.append(_first_image(page, address))
                    again.append(_first_image(page, address))
                    live = _live(page, 2 if tiny else seconds)
    return {
        "first_image_seconds": statistics.median(first),
        "again_seconds": statistics.median(again),
        **live,
        "processors": os.cpu_count(),
        "load": os.getloadavg()[0],
    }


def _first_image(page: Any, address: str) -> float:
    """Seconds from the call of the page to the image of its sample, its instrument recognized."""
    began = time.perf_counter()
    page.get(f"{address}?backend=wasm&threads=1")
    _wait(lambda: _fact(page, "label"))
    return time.perf_counter() - began


def _live(page: Any, seconds: int) -> dict[str, float]:
    """Medians of what the page says of its speed while it listens."""
    page.execute_script("document.getElementById('microphone').click()")
    _wait(lambda: _fact(page, "rate"))
    rates, latencies = [], []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        time.sleep(0.5)  # it measures itself twice a second
        rates.append(float(_fact(page, "rate")))
        latencies.append(float(_fact(page, "latency")))
    return {
        "images_per_second": statistics.median(rates),
        "latency_milliseconds": statistics.median(latencies),
    }


def _fact(page: Any, name: str) -> Any:
    return page.execute_script("return document.documentElement.dataset[arguments[0]]", name)


def _wait(condition: Callable[[], Any]) -> None:
    end = time.perf_counter() + PATIENCE
    while not condition():
        if time.perf_counter() > end:
            raise TimeoutError(f"waited {PATIENCE} s for the page")
        time.sleep(0.01)


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


@contextmanager
def _browser(folder: Path, heard: Path) -> Iterator[Any]:
    """A new Chromium, which has nothing of the page yet."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    profile = tempfile.mkdtemp(dir=folder)
    own = (f"--user-data-dir={profile}", f"--use-file-for-fake-audio-capture={heard}")
    for flag in (*FLAGS, *own):
        options.add_argument(flag)
    page = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        yield page
    finally:
        page.quit()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=int, default=20, help="of listening")
    parser.add_argument("--repetitions", type=int, default=3)
    parse_and_report(parser, measure)
