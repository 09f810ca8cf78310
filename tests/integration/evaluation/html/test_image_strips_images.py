import base64
import io

import numpy as np
from PIL import Image

from cargan_tf.evaluation.html.image_strips import StripMaker, colored, data_uri, sound_image


def decoded(uri):
    kind, _, content = uri.partition(";base64,")
    assert kind == "data:image/webp"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))).convert("RGB"))


def pixels(image):
    return np.rint((image + 1) * 127.5)


def test_small_images_are_inlined_as_they_are():
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    np.testing.assert_array_equal(decoded(data_uri(Image.fromarray(image))), image)


def test_large_images_are_small_files_and_look_the_same():
    waves = np.sin(np.arange(256) / 20)
    image = (127 + 60 * waves[:, None, None] * waves[None, :, None] * np.ones(3)).astype(np.uint8)
    uri = data_uri(Image.fromarray(image))
    assert len(uri) < 20_000
    assert np.abs(decoded(uri).astype(int) - image).mean() < 2


def test_low_notes_are_at_the_bottom_and_loud_is_bright():
    spectrogram = np.full((8, 8, 1), -1, np.float32)
    spectrogram[0] = 1  # the lowest band
    shown = np.asarray(sound_image(spectrogram)).astype(int).sum(-1)
    assert (shown[-1] > 500).all()
    assert (shown[:-1] < 100).all()


def test_colours_of_the_authors_stay():
    colors = np.random.default_rng(0).uniform(-1, 1, (8, 8, 3)).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(sound_image(colors)), pixels(colors))


def test_a_strip_shows_the_clips_own_images(report, generated):
    example = report.split("test").examples[4]
    strip = StripMaker(generated["test"]).retrieval(example)
    shown = {image.title: decoded(image.uri) for image in strip.images}
    assert list(shown) == ["sound", "coarse", "refined", "real photo", "nearest"]
    split = generated["test"]
    np.testing.assert_array_equal(shown["coarse"], pixels(split.coarse[4]))
    np.testing.assert_array_equal(shown["refined"], pixels(split.refined[4]))
    np.testing.assert_array_equal(shown["real photo"], pixels(split.photos[4]))
    np.testing.assert_array_equal(shown["nearest"], pixels(split.photos[5]))
    assert all(example.key in image.alt for image in strip.images)


def test_movement_is_the_difference_that_the_sound_makes(report, generated):
    split = generated["test"]
    strip = StripMaker(split).sensitivity(report.split("test").examples[4])
    shown = {image.title: decoded(image.uri) for image in strip.images}
    np.testing.assert_array_equal(shown["other label"], pixels(split.other_label[4]))
    moved = np.abs(split.other_sound[4] - split.refined[4]).mean(-1)
    np.testing.assert_array_equal(shown["moved by"], np.asarray(colored(moved)))


def test_a_run_of_one_stage_has_no_coarse_image(report, generated):
    from dataclasses import replace

    one_stage = replace(generated["test"], coarse=generated["test"].refined)
    strip = StripMaker(one_stage).strip(report.split("test").examples[0])
    assert [image.title for image in strip.images] == ["sound", "refined", "real photo"]
