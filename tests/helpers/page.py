"""The page in a real browser: Chromium without a screen, driven by Selenium."""

from __future__ import annotations

import io
import json
import math
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
from PIL import Image

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--hide-scrollbars",
    # A microphone without a device and without a question.
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
)
#: What that microphone hears, in Hz.
HEARD = 660.0
#: Seconds after which what had no effect is done again.
AGAIN = 15
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
        """The address of an <img>: it changes with the image."""
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


def choose(page, key, text):
    """Pick an entry of a list."""

    def picked():
        entries = page.all("ul[role=listbox] li")
        for entry in entries:
            if entry.text.strip().lstrip("✓").strip() == text:
                return entry.click() or True
        return False

    field = f"#{key} input"
    until_seen(page, "ul[role=listbox] li", lambda: focus_anew(page, field))
    page.wait(picked)


def focus_anew(page, selector):
    """Click on a field; one that has the focus already would not notice."""
    page.driver.execute_script("document.activeElement.blur()")
    page.wait(lambda: not page.all("ul[role=listbox]"))
    page.click(selector)


def until_seen(page, selector, act, text=""):
    """The elements with that text that are shown after ``act``."""
    return until(
        page,
        act,
        lambda: [one for one in page.all(selector) if one.is_displayed() and text in one.text],
    )


def set_slider(page, key, value):
    """Type a number beside the slider."""
    field = page.one(f"#{key} input[type=number]")
    page.driver.execute_script(
        "arguments[0].value = arguments[1];"
        "arguments[0].dispatchEvent(new Event('input', {bubbles: true}));"
        "arguments[0].dispatchEvent(new Event('change', {bubbles: true}));"
        "arguments[0].dispatchEvent(new Event('blur', {bubbles: true}));",
        field,
        str(value),
    )


def pixels(content):
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), np.int16)


def until(page, act, done):
    """``act``, and again every now and then until ``done()``: a part of the page that is just drawn
    anew may swallow what is typed."""
    acted = -math.inf

    def is_done():
        nonlocal acted
        if time.monotonic() - acted > AGAIN:
            act()
            acted = time.monotonic()
        return done()

    return page.wait(is_done)


def changed(page, selector, act):
    """The image after ``act``, once it is another."""
    before = page.source(selector)
    until(page, act, lambda: page.source(selector) != before)
    return pixels(page.image(selector))


def upload(page, file, key="one"):
    before = page.source("#refined") if page.all("#refined img") else ""
    page.click(f"#{key}-sound button[aria-label='Clear']")
    page.one(f"#{key}-sound input[type=file]").send_keys(str(file))
    page.wait(lambda: page.source("#refined") not in ("", before))


def open_tab(page, title):
    """Click on a tab of the page."""
    page.wait(
        lambda: [
            tab.click() or True for tab in page.all("button[role=tab]") if tab.text.strip() == title
        ]
    )


def press(page, text):
    """Click on the sound's button that is called so."""
    for button in page.all("#one-sound button"):
        if button.is_displayed() and button.text.strip() == text:
            button.click()


@pytest.fixture(scope="module")
def microphone_file(tmp_path_factory) -> Path:
    """What the microphone hears, over and over."""
    heard = tmp_path_factory.mktemp("microphone") / "heard.wav"
    times = np.arange(48_000) / 48_000
    soundfile.write(heard, 0.4 * np.sin(2 * np.pi * HEARD * times), 48_000)
    return heard


@pytest.fixture(scope="module")
def browser(tmp_path_factory, microphone_file) -> Iterator[Browser]:
    webdriver = pytest.importorskip("selenium.webdriver")
    from selenium.webdriver.chrome.service import Service

    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or chromedriver is None:
        pytest.skip("Chromium is not installed (apt-get install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (
        *FLAGS,
        f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
        f"--use-file-for-fake-audio-capture={microphone_file}",
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


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
def address(generator, visitors_files, free_port) -> Iterator[str]:
    """Where the page of the tiny model is shown."""
    pytest.importorskip("gradio")
    from cargan_tf.demo.page import application, build_page
    from cargan_tf.demo.server import served

    with served(port=free_port()) as server:
        server.show(application(build_page(generator, "tiny"), generator))
        yield server.address
