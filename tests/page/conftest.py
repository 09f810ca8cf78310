"""The page in a real browser: Chromium without a screen, driven by Selenium."""

from __future__ import annotations

import json
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import numpy as np
import pytest
import soundfile

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--hide-scrollbars",
    # A microphone without a device and without a question.
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
)
#: What that microphone hears, in Hz.
HEARD = 660.0
#: Seconds until what is waited for must be there; the machine may be busy.
PATIENCE = 120


class Browser:
    """One tab."""

    def __init__(self, driver: Any, downloads: Path) -> None:
        self.driver = driver
        self.downloads = downloads  # what is saved lands there

    def resize(self, width: int, height: int) -> None:
        """Pixels of the window, as small as a phone's if need be."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
        )

    def all(self, selector: str) -> list[Any]:
        """Elements by CSS selector."""
        return self.driver.find_elements("css selector", selector)

    def wait(self, condition: Callable[[], Any]) -> Any:
        """What ``condition()`` gives as soon as it is true."""
        from selenium.common.exceptions import WebDriverException

        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                if found := condition():
                    return found
            except WebDriverException:  # the element was just replaced, or is being covered
                pass
            time.sleep(0.1)
        raise AssertionError(f"waited {PATIENCE} s in vain")

    def one(self, selector: str) -> Any:
        """The element, once it is there."""
        return self.wait(lambda: self.all(selector))[0]

    def click(self, selector: str) -> None:
        """Click on it once nothing covers it."""
        self.wait(lambda: self.one(selector).click() or True)

    def image(self, selector: str) -> bytes:
        """The content of an <img>."""
        source = self.one(f"{selector} img").get_attribute("src")
        content = self.driver.execute_async_script(
            "const [url, done] = arguments; fetch(url).then(r => r.arrayBuffer())"
            ".then(b => done(Array.from(new Uint8Array(b))))",
            source,
        )
        return bytes(content)

    def source(self, selector: str) -> str:
        """The address of an <img>: it changes with the picture."""
        return str(self.one(f"{selector} img").get_attribute("src"))

    def hosts(self) -> set[str]:
        """Of all requests since the last call; those of the browser's own pages left out."""
        asked = set()
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] in ("Network.requestWillBeSent", "Network.webSocketCreated"):
                values = message["params"]
                url = urlparse(values.get("url") or values["request"]["url"])
                if url.scheme not in ("chrome", "data", "blob", "chrome-untrusted"):
                    asked.add(url.netloc)
        return asked


@pytest.fixture(scope="session")
def browser(tmp_path_factory) -> Iterator[Browser]:
    webdriver = pytest.importorskip("selenium.webdriver")
    from selenium.webdriver.chrome.service import Service

    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or chromedriver is None:
        pytest.skip("Chromium is not installed (apt-get install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    heard = tmp_path_factory.mktemp("microphone") / "heard.wav"
    times = np.arange(48_000) / 48_000
    soundfile.write(heard, 0.4 * np.sin(2 * np.pi * HEARD * times), 48_000)
    for flag in (
        *FLAGS,
        f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
        f"--use-file-for-fake-audio-capture={heard}",
    ):
        options.add_argument(flag)
    downloads = tmp_path_factory.mktemp("downloads")
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(chromedriver))
    driver.set_script_timeout(PATIENCE)
    driver.set_page_load_timeout(PATIENCE)
    try:
        yield Browser(driver, downloads)
    finally:
        driver.quit()


@pytest.fixture(scope="session")
def generator(tiny_model):
    from cargan_tf.inference import Generator

    return Generator.load(tiny_model)


@pytest.fixture(scope="session")
def visitors_files(tmp_path_factory) -> Iterator[Path]:
    """Where the page keeps what was uploaded, recorded and drawn."""
    folder = tmp_path_factory.mktemp("visitors")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        yield folder


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Finds a port that nobody listens on."""

    def find() -> int:
        with socket.create_server(("127.0.0.1", 0)) as free:
            return int(free.getsockname()[1])

    return find


@pytest.fixture(scope="session")
def address(generator, visitors_files, free_port) -> Iterator[str]:
    """Where the page of the tiny model is shown."""
    pytest.importorskip("gradio")
    from cargan_tf.page.serve import build_page, served

    with served(build_page(generator, "tiny"), port=free_port()) as url:
        yield url
