"""The page as a visitor meets it."""

import time
import urllib.error
import urllib.request

import av
import numpy as np
import pytest
import soundfile
from helpers.page import (
    HEARD,
    changed,
    choose,
    open_tab,
    pixels,
    press,
    set_slider,
    until,
    until_seen,
    upload,
)
from PIL import Image

pytestmark = pytest.mark.slow

RATE = 8_000
DESKTOP, PHONE = (1280, 900), (390, 844)

#: What is seen beyond the right edge, by its class; scrolled or hidden parts do not count.
STICKING_OUT = """
const edge = document.documentElement.clientWidth;
if (document.documentElement.scrollWidth <= edge) return [];
return Array.from(document.querySelectorAll("body *"))
  .filter(one => one.getBoundingClientRect().right > edge)
  .map(one => one.tagName + "#" + one.id + "." + one.className);
"""


@pytest.fixture(scope="module")
def tune(tmp_path_factory):
    """Two seconds of a tone that rises, loudest in the middle."""
    times = np.arange(2 * RATE) / RATE
    samples = 0.4 * np.sin(2 * np.pi * (300 + 100 * times) * times) * np.sin(np.pi * times / 2)
    path = tmp_path_factory.mktemp("sounds") / "tune.wav"
    soundfile.write(path, samples, RATE)
    return path


@pytest.fixture(scope="module")
def page(browser, address):
    """The page as it is after it was opened; the sample is drawn."""
    browser.resize(*DESKTOP)
    browser.driver.get(address)
    browser.one("#refined img")
    browser.wait(lambda: "recognized" in browser.one("#caption").text)
    return browser


def test_an_own_sound_can_be_brought_while_a_sample_is_there(page, tmp_path, generator):
    low = tmp_path / "low.wav"
    soundfile.write(low, 0.3 * np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE), RATE)
    assert page.one("#one-sample input").get_attribute("value")
    assert page.one("#one-record").is_displayed()
    button = page.one("#one-upload")
    assert button.is_displayed()
    before = page.source("#refined")
    # A click opens the system's dialog; what is chosen there arrives in the field beside it.
    button.find_element("xpath", "preceding-sibling::input[@type='file']").send_keys(str(low))
    page.wait(lambda: page.source("#refined") != before)
    assert page.one("#one-sample input").get_attribute("value") == ""
    label = page.one("#caption strong").text
    start = float(page.one("#start input[type=number]").get_attribute("value"))
    shown = pixels(page.image("#refined"))
    assert np.abs(shown - expected(generator, low, label, start)).max() <= 1


@pytest.fixture(scope="module")
def uploaded(page, tune):
    """The page with the visitor's own sound."""
    upload(page, tune)
    return page


def expected(generator, tune, label, start):
    waveform, rate = soundfile.read(tune)
    return generator.generate(waveform, rate, label, start=start)


def test_it_opens_with_a_sample_drawn_and_explained(page):
    assert page.driver.title == "cargan"
    for step in ("waveform", "spectrogram", "residue"):
        assert page.all(f"#{step} svg")
    assert {"cello", "flute", "violin"} <= set(page.one("#residue").text.split())
    assert pixels(page.image("#coarse")).shape == (64, 64, 3)


def test_it_asks_no_other_machine(page, address):
    assert page.hosts() == {address.removeprefix("http://").rstrip("/")}
    assert not [line for line in page.driver.get_log("browser") if line["level"] == "SEVERE"]


def test_it_is_shown_on_this_machine_alone_with_a_policy(address):
    assert address.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(address) as answer:
        policy = answer.headers["content-security-policy"]
        content = answer.read().decode()
    assert "default-src 'self'" in policy
    assert "http" not in policy
    assert "fonts.googleapis" not in content


def test_an_upload_is_drawn_from_its_loudest_part(uploaded, generator, tune):
    start = float(uploaded.one("#start input[type=number]").get_attribute("value"))
    assert start == pytest.approx(0.75, abs=0.05)
    label = uploaded.one("#caption strong").text
    shown = pixels(uploaded.image("#refined"))
    assert np.abs(shown - expected(generator, tune, label, start)).max() <= 1


def test_the_whole_sound_becomes_a_video(uploaded, tmp_path):
    uploaded.wait(lambda: uploaded.one("#render").is_enabled())
    until(uploaded, lambda: uploaded.click("#render"), lambda: uploaded.all("#video video"))
    source = uploaded.wait(lambda: uploaded.one("#video video").get_attribute("src"))
    with urllib.request.urlopen(source) as answer:
        (tmp_path / "shown.mp4").write_bytes(answer.read())
    with av.open(tmp_path / "shown.mp4") as container:
        assert {stream.type for stream in container.streams} == {"video", "audio"}
        assert container.duration / av.time_base == pytest.approx(2, abs=0.2)
    # It is decoded by the browser, too.
    uploaded.wait(
        lambda: uploaded.driver.execute_script(
            "return document.querySelector('#video video').readyState >= 1"
        )
    )
    assert "%" in uploaded.one("#video-caption").text, "how sure the instrument was recognized"


def test_the_image_follows_label_and_start(uploaded, generator, tune):
    heard = uploaded.one("#caption strong").text
    others = [label for label in generator.labels if label != heard]
    for label in (*others, heard):  # drawn so already, it would be no other image
        shown = changed(
            uploaded, "#refined", lambda label=label: choose(uploaded, "one-label", label)
        )
        start = float(uploaded.one("#start input[type=number]").get_attribute("value"))
        assert np.abs(shown - expected(generator, tune, label, start)).max() <= 1
        assert uploaded.one("#caption").text == f"{label}."
    shown = changed(uploaded, "#refined", lambda: set_slider(uploaded, "start", 0.2))
    assert np.abs(shown - expected(generator, tune, heard, 0.2)).max() <= 1


def test_the_image_follows_loudness(uploaded):
    before = pixels(uploaded.image("#refined"))
    shown = changed(uploaded, "#refined", lambda: set_slider(uploaded, "loudness", -20))
    assert np.abs(shown - before).max() > 1
    changed(uploaded, "#refined", lambda: set_slider(uploaded, "loudness", 0))


def test_the_image_is_downloaded_as_it_is(uploaded):
    shown = pixels(uploaded.image("#refined"))
    uploaded.click("#download")
    (file,) = uploaded.wait(lambda: list(uploaded.downloads.glob("*.png")))
    np.testing.assert_array_equal(pixels(file.read_bytes()), shown)


def test_a_file_that_is_no_sound_is_refused_on_the_page(uploaded, tmp_path, tune):
    (tmp_path / "words.wav").write_text("these are words")
    uploaded.click("#one-sound button[aria-label='Clear']")
    uploaded.one("#one-sound input[type=file]").send_keys(str(tmp_path / "words.wav"))
    told = uploaded.wait(
        lambda: [toast for toast in uploaded.all(".toast-body") if "words.wav" in toast.text]
    )
    assert "cannot be read as sound" in told[0].text
    assert str(tmp_path) not in told[0].text
    uploaded.click(".toast-close")


def test_what_a_microphone_hears_is_drawn(uploaded, generator, visitors_files):
    page, known = uploaded, set(visitors_files.rglob("*.wav"))
    page.click("#one-sound button[aria-label='Clear']")
    page.wait(lambda: not page.all("#refined img"))
    page.click("#one-sound button[aria-label='Record audio']")
    (stop,) = until_seen(page, "#one-sound button", lambda: press(page, "Record"), "Stop")
    began = time.monotonic()
    page.wait(lambda: time.monotonic() - began > 1.5)
    stop.click()
    page.one("#refined img")
    heard = page.one("#caption strong").text
    (recorded,) = set(visitors_files.rglob("*.wav")) - known
    samples, rate = soundfile.read(recorded, always_2d=True)
    assert len(samples) / rate > 0.5
    spectrum = np.abs(np.fft.rfft(samples[:, 0]))
    loudest = np.fft.rfftfreq(len(samples), 1 / rate)[spectrum.argmax()]
    assert loudest == pytest.approx(HEARD, abs=5)
    start = float(page.one("#start input[type=number]").get_attribute("value"))
    shown = pixels(page.image("#refined"))
    assert np.abs(shown - expected(generator, recorded, heard, start)).max() <= 1


def test_a_sample_can_be_picked_again_after_an_own_sound(uploaded):
    sample = "#one-sample input"
    assert uploaded.one(sample).get_attribute("value") == "", "an own sound is no sample"
    changed(uploaded, "#refined", lambda: choose(uploaded, "one-sample", "violin"))
    assert uploaded.one(sample).get_attribute("value") == "violin"


def test_without_a_sound_the_steps_keep_their_names(uploaded):
    uploaded.click("#one-sound button[aria-label='Clear']")
    uploaded.wait(lambda: not uploaded.all("#refined img"))
    names = ("waveform", "spectrogram", "coarse-title", "residue")
    said = [uploaded.one(f"#{name} h3").text for name in names]
    assert said == ["1. Waveform", "2. Spectrogram", "3. Coarse image", "4. Residue"]
    assert not uploaded.all(".step svg")
    assert uploaded.one("#download").get_attribute("disabled")


@pytest.fixture(scope="module")
def mixing(page):
    page.driver.refresh()
    page.wait(lambda: "recognized" in page.one("#caption").text)
    open_tab(page, "Two sounds")
    page.wait(lambda: len(page.all("#interpolation img")) == 6)
    page.wait(lambda: "recognized" in page.one("#mixed-caption").text)
    return page


def test_two_sounds_are_mixed_by_weight(mixing):
    half = pixels(mixing.image("#mixed"))
    last = mixing.all("#interpolation img")[-1].get_attribute("src")
    with urllib.request.urlopen(last) as answer:
        most = pixels(answer.read())
    assert np.abs(half - most).max() > 1
    # Not just another image: the half may still be drawn for the second of the two samples.
    until(
        mixing,
        lambda: set_slider(mixing, "alpha", 1),
        lambda: np.abs(pixels(mixing.image("#mixed")) - most).max() <= 1,
    )


def test_labels_of_both_sounds_count(mixing):
    for key, label in (("first", "flute"), ("second", "violin")):
        choose(mixing, f"{key}-label", label)
    until(
        mixing,
        lambda: set_slider(mixing, "alpha", 0.25),
        lambda: mixing.one("#mixed-caption").text == "flute and violin, 75% to 25%.",
    )


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
@pytest.mark.parametrize("tab", ["One sound", "Two sounds"])
def test_nothing_sticks_out_at_any_width(page, size, tab, tmp_path):
    page.resize(*size)
    open_tab(page, tab)
    key = "#refined" if tab == "One sound" else "#mixed"
    box = page.wait(lambda: _box_of_an_image(page, key))
    assert box["width"] == pytest.approx(box["height"], abs=2)
    assert box["width"] >= 300
    assert box["x"] + box["width"] <= size[0]
    assert page.driver.execute_script(STICKING_OUT) == []
    page.driver.save_screenshot(str(tmp_path / "page.png"))
    with Image.open(tmp_path / "page.png") as image:
        assert image.width == size[0]


def _box_of_an_image(page, key):
    rectangle = page.one(f"{key} img").rect
    return rectangle if rectangle["width"] > 0 else None


def test_a_file_that_is_too_large_is_not_taken(address):
    body = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\n'
    body += bytes(21 * 10**6) + b"\r\n--x--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    request = urllib.request.Request(f"{address}gradio_api/upload", body, headers)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 413
    assert "/" not in refused.value.read().decode()
