"""The live tab as a visitor meets it; a file stands for the microphone."""

import re
import time

import numpy as np
import pytest
import soundfile
from helpers.page import open_tab

from cargan_tf.demo.page import application, build_page
from cargan_tf.demo.server import served

pytestmark = pytest.mark.slow

RATE = 48_000
DESKTOP, PHONE = (1280, 900), (390, 844)
#: All that the canvas shows.
PIXELS = "return document.querySelector('#live-image').toDataURL()"


def tune(notes):
    """Notes of 0.4 s each, in Hz."""
    times = np.arange(round(0.4 * RATE)) / RATE
    return np.concatenate([0.4 * np.sin(2 * np.pi * note * times) for note in notes])


@pytest.fixture(scope="module")
def microphone_file(tmp_path_factory):
    """Never silent, and never the same for long."""
    file = tmp_path_factory.mktemp("microphone") / "tune.wav"
    soundfile.write(file, tune([300, 900, 500, 1500]), RATE)
    return file


@pytest.fixture
def live(browser, address):
    browser.resize(*DESKTOP)
    browser.driver.get(address)
    open_tab(browser, "Live")
    browser.wait(lambda: browser.one("#live-start").is_enabled())
    choose(browser, "cello")
    return browser


def choose(page, label):
    from selenium.webdriver.support.select import Select

    Select(page.one("#live-label")).select_by_value(label)


def images(page, count):
    """So many different images that are shown one after another."""
    shown = [page.driver.execute_script(PIXELS)]

    def another():
        now = page.driver.execute_script(PIXELS)
        if now != shown[-1]:
            shown.append(now)
        return len(shown) > count

    page.wait(another)
    return shown[1:]


def stays(page):
    before = page.driver.execute_script(PIXELS)
    time.sleep(0.7)  # more than a note
    return page.driver.execute_script(PIXELS) == before


def start(page):
    page.click("#live-start")
    page.wait(lambda: page.one("#live-start").text == "Stop")


def is_stopped(page):
    return page.one("#live-start").text == "Start"


def test_the_player_moves_while_one_plays_until_it_is_stopped(live, visitors_files):
    start(live)
    assert len(set(images(live, 4))) > 1
    assert live.one("#live-caption").text == "cello"
    said = live.wait(lambda: "ms" in live.one("#live-speed").text and live.one("#live-speed").text)
    assert re.fullmatch(r"\d+ images/s, \d+ ms from sound to image", said)
    choose(live, "flute")
    live.wait(lambda: live.one("#live-caption").text == "flute")
    live.click("#live-start")
    live.wait(lambda: is_stopped(live))
    assert stays(live)
    assert live.one("#live-message").text == ""
    # The samples of the other tabs; of this one nothing is kept.
    assert len(list(visitors_files.rglob("*.wav"))) <= 3
    severe = [line for line in live.driver.get_log("browser") if line["level"] == "SEVERE"]
    assert severe == []


def test_it_stops_when_its_tab_is_left_and_can_be_started_again(live):
    start(live)
    images(live, 1)
    open_tab(live, "One sound")
    live.wait(lambda: not live.one("#live-start").is_displayed())
    open_tab(live, "Live")
    live.wait(lambda: is_stopped(live))
    assert stays(live)
    start(live)
    images(live, 1)


def test_it_asks_no_other_machine(live, address):
    live.hosts()
    start(live)
    images(live, 1)
    assert live.hosts() == {address.removeprefix("http://").rstrip("/")}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("NotAllowedError", "The microphone was refused: allow it for this page"),
        ("NotFoundError", "There is no microphone"),
    ],
)
def test_a_microphone_that_is_refused_is_one_line(live, error, said):
    live.driver.execute_script(
        "navigator.mediaDevices.getUserMedia ="
        f" () => Promise.reject(new DOMException('', '{error}'))"
    )
    live.click("#live-start")
    live.wait(lambda: said in live.one("#live-message").text)
    assert is_stopped(live)


def test_where_browsers_give_no_microphone_it_is_said(live):
    live.driver.execute_script(
        "Object.defineProperty(navigator, 'mediaDevices', {value: undefined})"
    )
    live.click("#live-start")
    live.wait(lambda: "over HTTPS" in live.one("#live-message").text)


def test_nothing_is_drawn_if_it_is_stopped_while_it_starts(live):
    live.driver.execute_script(
        "const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);"
        "navigator.mediaDevices.getUserMedia = async (wanted) => {"
        " await new Promise((done) => setTimeout(done, 500)); return ask(wanted); }"
    )
    live.click("#live-start")
    open_tab(live, "One sound")
    open_tab(live, "Live")
    live.wait(lambda: is_stopped(live))
    time.sleep(1)
    assert is_stopped(live)
    assert stays(live)


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_nothing_sticks_out_at_any_width(live, size):
    live.resize(*size)
    box = live.wait(lambda: live.one("#live-image").rect)
    assert box["width"] == pytest.approx(box["height"], abs=2)
    assert box["width"] >= 280
    assert box["x"] + box["width"] <= size[0]
    assert live.driver.execute_script(
        "return document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )


def test_a_file_is_played_instead_of_the_microphone(
    browser, generator, visitors_files, free_port, tmp_path
):
    soundfile.write(tmp_path / "sound.wav", 0.5 * tune([300, 900, 500]), RATE)
    page = build_page(generator, "tiny", "mine.flac")
    with served(port=free_port()) as server:
        server.show(application(page, generator, tmp_path / "sound.wav"))
        browser.resize(*DESKTOP)
        browser.driver.get(server.address)
        browser.wait(lambda: browser.one("#live-start").is_enabled())
        assert browser.one("#live-source option").text == "mine.flac"
        choose(browser, "cello")
        start(browser)
        images(browser, 1)
        browser.wait(lambda: is_stopped(browser))  # at its end
        assert browser.one("#live-message").text == ""
        browser.driver.get("about:blank")
