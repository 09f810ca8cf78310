"""The live tab: images a second, and milliseconds from a sound to its image.

    python -m benchmarks.live

A client plays to the server in real time, in chunks of 20 ms as the page does. Where Chromium and
its driver are installed, it then shows the page itself, with a file as its microphone, and the
values are those that the page shows. Chromium shares the processor with the server.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import socket
import statistics
import struct
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import requests
import soundfile
import websocket

from benchmarks.measuring import parse_and_report
from cargan_tf.audio.clips import to_int16
from cargan_tf.demo.page import application, build_page
from cargan_tf.demo.server import PageServer, served
from cargan_tf.export.model_registry import exported_version
from cargan_tf.inference.generator import Generator
from cargan_tf.synthetic.recording import record
from cargan_tf.synthetic.synthesizer import SAMPLE_RATE
from cargan_tf.utils.arrays import FloatArray

MODEL = Path("players-128")
LABEL = "violin"
CHUNK_SECONDS = 0.02
#: Notes with rests between them: from an onset on the player must move.
NOTE_SECONDS, REST_SECONDS = 0.7, 0.8
_SPEED = re.compile(r"(\d+) images/s, (\d+) ms")


@dataclass(frozen=True)
class Shown:
    """An image at the client.

    Attributes:
        at: when it came, in seconds since the sound began.
        heard: the end of the newest sound in it, likewise.
        resting: whether nothing sounds.
    """

    at: float
    heard: float
    resting: bool


def measure(seconds: float, tiny: bool) -> dict[str, Any]:
    """Values for a sound of so many seconds; ``load`` is that of the machine before."""
    seconds = 3.0 if tiny else seconds
    found: dict[str, Any] = {"load": os.getloadavg()[0]}
    generator = Generator.load(exported_version(MODEL))
    with served(port=_free_port()) as server:
        server.show(application(build_page(generator, generator.name), generator))
        began = time.process_time()
        images = _play(server, _music(seconds), LABEL)
        found["cpu_ms_per_image"] = 1e3 * (time.process_time() - began) / len(images)
        playing = [image for image in images if not image.resting and image.at > 1]
        found["images_per_second"] = len(playing) / (seconds - 1)
        found["latency_ms"] = 1e3 * statistics.median(one.at - one.heard for one in playing)
        found["onset_ms"] = 1e3 * statistics.median(_onsets(server, seconds))
        recognized = _play(server, _music(seconds), "")
        found["recognized_images_per_second"] = len(recognized) / seconds
        if not tiny and shutil.which("chromium") and shutil.which("chromedriver"):
            found |= _in_chromium(server, seconds)
    return found


def _music(seconds: float) -> FloatArray:
    """[samples] of a tune without rests."""
    tune = record(LABEL, 1, 40, 0)
    tune = tune[np.abs(tune).argmax() :]
    return np.resize(tune, round(seconds * SAMPLE_RATE)).astype(np.float32)


def _onsets(server: PageServer, seconds: float) -> Iterator[float]:
    """Seconds from each note's onset to the first image of it."""
    period = NOTE_SECONDS + REST_SECONDS
    begins = [1 + period * index for index in range(max(1, round(seconds / period)))]
    times = np.arange(round((begins[-1] + period) * SAMPLE_RATE)) / SAMPLE_RATE
    sounding = np.zeros(len(times), bool)
    for begin in begins:
        sounding |= (begin <= times) & (times < begin + NOTE_SECONDS)
    tone = (0.3 * np.sin(2 * np.pi * 440 * times) * sounding).astype(np.float32)
    images = _play(server, tone, LABEL)
    for begin in begins:
        shown = (one.at for one in images if not one.resting and one.heard > begin)
        yield min(shown, default=begin + period) - begin


def _play(server: PageServer, sound: FloatArray, label: str) -> list[Shown]:
    """What a client that opened the page is shown of a sound."""
    cookie = requests.get(server.address, timeout=60).headers["set-cookie"].partition(";")[0]
    address = server.address.replace("http", "ws") + "live/socket"
    images: list[Shown] = []
    with closing(websocket.create_connection(address, cookie=cookie, timeout=60)) as client:
        client.send(f'{{"rate": {SAMPLE_RATE}, "label": "{label}"}}')
        began = time.perf_counter()

        def receive() -> None:
            while True:
                try:
                    message = client.recv()
                except (OSError, websocket.WebSocketException):
                    return
                if not isinstance(message, bytes) or not message:
                    return
                at = time.perf_counter() - began
                (heard,) = struct.unpack(">d", message[:8])
                images.append(Shown(at, heard, b'"resting": true' in message[:200]))
                client.send('{"shown": true}')

        receiving = threading.Thread(target=receive)
        receiving.start()
        length = round(CHUNK_SECONDS * SAMPLE_RATE)
        for begin in range(0, len(sound), length):
            chunk = to_int16(sound[begin : begin + length])
            end = (begin + len(chunk)) / SAMPLE_RATE
            time.sleep(max(0.0, began + end - time.perf_counter()))
            client.send_binary(struct.pack(">d", end) + chunk.astype("<i2").tobytes())
        time.sleep(0.5)
    receiving.join()
    return images


def _in_chromium(server: PageServer, seconds: float) -> dict[str, float]:
    """The medians over a second each that the page shows."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.select import Select
    from selenium.webdriver.support.wait import WebDriverWait

    with tempfile.TemporaryDirectory() as folder:
        heard = Path(folder) / "heard.wav"
        soundfile.write(heard, _music(seconds), SAMPLE_RATE)
        options = webdriver.ChromeOptions()
        options.binary_location = str(shutil.which("chromium"))
        for flag in (
            *("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile"),
            *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
            f"--use-file-for-fake-audio-capture={heard}",
        ):
            options.add_argument(flag)
        driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
        try:
            wait = WebDriverWait(driver, 60)
            driver.get(server.address)
            tab = "//button[@role='tab'][normalize-space()='Live']"
            wait.until(lambda _: driver.find_element(By.XPATH, tab)).click()
            button = wait.until(lambda _: driver.find_element(By.ID, "live-start"))
            wait.until(lambda _: button.is_enabled())
            Select(driver.find_element(By.ID, "live-label")).select_by_value(LABEL)
            button.click()
            speeds = []
            time.sleep(2)
            for _ in range(round(seconds)):
                time.sleep(1)
                said = _SPEED.match(driver.find_element(By.ID, "live-speed").text)
                if said:
                    speeds.append([float(value) for value in said.groups()])
        finally:
            driver.quit()
    rates, latencies = zip(*speeds, strict=True)
    return {
        "chromium_images_per_second": statistics.median(rates),
        "chromium_latency_ms": statistics.median(latencies),
    }


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=15.0)
    parse_and_report(parser, measure)
