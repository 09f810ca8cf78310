"""The page without a server in a real browser, with the shipped model."""

import re
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers.page import HEARD, pixels
from helpers.web import WEB, fact, hosted, shown_pixels

from cargan_tf.inference.generator import Generator

pytestmark = pytest.mark.slow

SAMPLES = sorted((WEB.parent / "samples").glob("*.wav"))
DESKTOP, PHONE = (1280, 900), (390, 844)
#: What has no name that a screen reader could say.
NAMELESS = """
return Array.from(document.querySelectorAll("button, input, select, canvas, audio, progress"))
  .filter(one => !(one.labels?.length || one.ariaLabel || one.textContent.trim()))
  .map(one => one.id);
"""


@pytest.fixture(scope="module")
def library():
    return Generator.load("players-128", backend="onnxruntime")


@pytest.fixture(scope="module")
def folder(cargan, built_site, tmp_path_factory):
    out = tmp_path_factory.mktemp("web") / "out"
    done = cargan("web", out, "--model", "players-128")
    assert done.status == 0, done.err
    return out


@pytest.fixture(scope="module")
def host(folder):
    with hosted(folder) as host:
        yield host


@pytest.fixture(scope="module")
def page(browser, host):
    """The page as it is after it was opened for the first time."""
    browser.resize(*DESKTOP)
    browser.hosts()
    browser.driver.get(host.address)
    browser.wait(lambda: fact(browser, "label") or text(browser, "error"))
    return browser


def text(page, key):
    return page.driver.execute_script(
        "return document.getElementById(arguments[0]).textContent", key
    )


def bring(page, file):
    """Choose a file; waits until its image or an error is shown."""
    page.driver.execute_script(
        "delete document.documentElement.dataset.label;"
        "for (const id of ['status', 'error', 'caption'])"
        " document.getElementById(id).textContent = ''"
    )
    page.driver.find_element("id", "file").send_keys(str(file))
    page.wait(lambda: fact(page, "label") or text(page, "error"))


def test_it_opens_with_the_image_of_a_sample(page, library, folder):
    assert page.driver.title == "cargan"
    assert text(page, "error") == ""
    chosen = page.driver.execute_script("return document.getElementById('sample').value")
    assert_same(page, library, folder / chosen)
    # Nobody isolated the page at its first visit: one thread does.
    assert fact(page, "threads") == "1"
    assert fact(page, "backend") == "WebAssembly"
    assert float(fact(page, "loaded")) > 0


def test_it_asks_no_other_machine(page, host):
    assert page.hosts() == {host.address.removeprefix("http://").rstrip("/")}
    assert not [line for line in page.driver.get_log("browser") if line["level"] == "SEVERE"]
    models = [path for path in host.asked if path.endswith(".onnx")]
    assert len(models) == len(set(models)) == 2, "each file of the model is loaded once"
    assert not [path for path in host.asked if "jspi" in path and path.endswith(".wasm")]


def test_its_policy_allows_what_it_needs_and_no_more(folder):
    (policy,) = re.findall(
        r'Content-Security-Policy"\s+content="(.*?)"', (folder / "index.html").read_text("utf-8")
    )
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'self' 'wasm-unsafe-eval'"
    assert rules["connect-src"] == rules["worker-src"] == rules["style-src"] == "'self'"
    assert "http" not in policy
    assert "unsafe-inline" not in policy


def assert_same(page, library, sound, label=None):
    """The page shows what the library generates, and says what it recognizes."""
    ((_, expected),) = library.generate_files([sound], [label])
    assert fact(page, "label") == expected.label
    assert np.abs(shown_pixels(page) - expected.image.astype(np.int16)).max() <= 2
    if expected.recognition is not None:
        assert text(page, "caption") == f"Sounds like {expected.recognition.describe()}."
    said = text(page, "status").lower()
    assert all(warning.lower() in said for warning in expected.warnings())


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_images_and_labels_are_the_librarys(page, library, sample):
    bring(page, sample)
    assert_same(page, library, sample)


@pytest.mark.parametrize(
    ("name", "rate", "seconds"),
    [("a.flac", 48_000, 1.2), ("short.wav", 44_100, 0.3), ("a.ogg", 44_100, 1.2)],
)
def test_other_formats_rates_and_lengths_are_the_librarys(
    page, library, tmp_path, name, rate, seconds
):
    times = np.arange(round(rate * seconds)) / rate
    tone = sum(np.sin(2 * np.pi * 294 * k * times) / k for k in range(1, 12))
    stereo = np.stack([0.2 * tone * np.exp(-times), 0.1 * tone], axis=1)
    soundfile.write(tmp_path / name, stereo, rate)
    bring(page, tmp_path / name)
    assert_same(page, library, tmp_path / name)


def test_silence_is_named_in_the_librarys_words(page, library, tmp_path):
    soundfile.write(tmp_path / "silence.wav", np.zeros(22_050), 22_050)
    bring(page, tmp_path / "silence.wav")
    assert "Silent: no instrument can be recognized; " in text(page, "status")
    ((_, expected),) = library.generate_files([tmp_path / "silence.wav"], [None])
    assert np.abs(shown_pixels(page) - expected.image.astype(np.int16)).max() <= 2


def test_instrument_and_moment_are_chosen_and_the_image_downloaded(page, library):
    sample = SAMPLES[-1]
    bring(page, sample)
    other = next(label for label in library.labels if label != fact(page, "label"))
    page.driver.execute_script(
        "const list = document.getElementById('label');"
        "list.selectedIndex = 1 + arguments[0];"
        "list.dispatchEvent(new Event('change'))",
        library.labels.index(other),
    )
    page.wait(lambda: fact(page, "label") == other)
    page.driver.execute_script(
        "const slider = document.getElementById('start');"
        "slider.value = 0.3; slider.dispatchEvent(new Event('input'))"
    )
    page.wait(lambda: text(page, "start-text").startswith("0.30 s"))
    waveform, rate = soundfile.read(sample)
    expected = library.generate(waveform, rate, other, start=0.3).astype(np.int16)
    assert np.abs(shown_pixels(page) - expected).max() <= 2
    page.click("#download")
    (file,) = page.wait(lambda: list(page.downloads.glob("*.png")))
    np.testing.assert_array_equal(pixels(file.read_bytes()), shown_pixels(page))
    page.driver.execute_script(
        "const list = document.getElementById('label');"
        "list.selectedIndex = 0; list.dispatchEvent(new Event('change'))"
    )


def test_what_is_no_sound_is_named_in_one_line(page, tmp_path):
    (tmp_path / "words.wav").write_text("these are words, not music")
    bring(page, tmp_path / "words.wav")
    assert text(page, "error") == (
        "words.wav cannot be read as sound by this browser; expected a wav, flac, ogg, mp3 or m4a"
        " file: check that it is one."
    )


def test_an_hour_of_sound_is_refused_in_one_line(page, tmp_path):
    with wave.open(str(tmp_path / "hour.wav"), "wb") as hour:
        hour.setparams((1, 1, 8_000, 0, "NONE", ""))
        hour.writeframes(bytes(3_600 * 8_000))
    bring(page, tmp_path / "hour.wav")
    assert text(page, "error") == (
        "hour.wav lasts 3600 s; expected at most 600 s: cut it into parts first."
    )


def test_a_refused_microphone_is_named_in_one_line(page):
    page.driver.execute_script(
        "window.asked = navigator.mediaDevices.getUserMedia;"
        "navigator.mediaDevices.getUserMedia = () =>"
        " Promise.reject(new DOMException('Permission denied', 'NotAllowedError'))"
    )
    page.click("#microphone")
    page.wait(lambda: text(page, "error"))
    assert text(page, "error") == (
        "The microphone was refused: allow it for this page in the browser's settings, then try"
        " again."
    )
    page.driver.execute_script("navigator.mediaDevices.getUserMedia = window.asked")


def test_what_a_microphone_hears_is_shown_live_and_not_kept(page, library):
    page.driver.execute_script(
        "const media = navigator.mediaDevices, ask = media.getUserMedia.bind(media);"
        "media.getUserMedia = async options => window.heard = await ask(options)"
    )
    page.click("#microphone")
    page.wait(lambda: fact(page, "rate"))
    assert text(page, "error") == ""
    assert re.fullmatch(r"\d+\.\d images a second, \d+ ms from sound to image", text(page, "speed"))
    label = fact(page, "label")
    times = np.arange(11_025) / 22_050
    tone = 0.4 * np.sin(2 * np.pi * HEARD * times)
    expected = library.generate(tone, 22_050, label).astype(np.int16)
    assert np.abs(shown_pixels(page) - expected).mean() < 8, "it is that tone, in some phase"
    page.click("#microphone")
    page.wait(lambda: text(page, "status") == "Stopped. The sound was not kept.")
    assert page.driver.execute_script(
        "return window.heard.getTracks().every(track => track.readyState === 'ended')"
    )
    assert fact(page, "rate") is None


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_it_fits_and_everything_has_a_name(page, size):
    page.resize(*size)
    assert page.driver.execute_script(
        "return document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )
    assert page.driver.execute_script(NAMELESS) == []
    roles = {one.get_attribute("role") for one in page.all("#status, #error")}
    assert roles == {"status", "alert"}
    image = page.one("#image").rect
    assert image["width"] == pytest.approx(image["height"], abs=2)
    assert image["width"] >= 300


def opened_again(page, host, condition, query=""):
    page.driver.get(f"{host.address}{query}")
    page.wait(condition)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("missing", "The model players-128 cannot be loaded (status 404): the page's owner must"),
        ("damaged", "The model players-128 is damaged: it is not the file that models.json names"),
    ],
)
def test_a_missing_or_damaged_model_is_named_in_one_line(page, host, kind, said):
    page.driver.execute_async_script("caches.delete('cargan-models').then(arguments[0])")
    getattr(host, kind).add("/model.onnx")
    opened_again(page, host, lambda: text(page, "error").startswith(said))
    getattr(host, kind).clear()


def test_it_works_without_a_network_once_it_was_loaded(page, folder, library):
    """With two threads, which the page has from its second visit on. The last test of the host."""
    with hosted(folder) as host:
        opened_again(page, host, lambda: fact(page, "label"))
    opened_again(page, host, lambda: fact(page, "label"), "?threads=2&backend=wasm")
    assert fact(page, "threads") == "2"
    assert page.driver.execute_script("return window.crossOriginIsolated")
    bring(page, SAMPLES[0])
    assert_same(page, library, SAMPLES[0])


def test_everything_under_the_folder_is_small_enough_for_any_host(folder):
    sizes = {path.name: path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()}
    assert max(sizes.values()) < 25 * 2**20, "the least limit of the well-known hosts"
