import io
import os

import numpy as np
import pytest
from PIL import Image, ImageDraw

from cargan_tf.data import images
from cargan_tf.data.images import read_photo
from cargan_tf.errors import UserError


def saved(tmp_path, image, name="image.png", **options):
    image.save(tmp_path / name, **options)
    return tmp_path / name


def test_shape_and_colour(tmp_path):
    path = saved(tmp_path, Image.new("RGB", (90, 30), (200, 100, 50)))
    pixels = read_photo(path, 32)
    assert pixels.shape == (32, 32, 3)
    assert pixels.dtype == np.uint8
    assert (pixels == (200, 100, 50)).all()


def test_the_whole_image_is_stretched_to_the_square(tmp_path):
    wide = np.zeros((20, 80, 3), np.uint8)
    wide[:, :40] = 255
    pixels = read_photo(saved(tmp_path, Image.fromarray(wide)), 16)
    assert (pixels[:, :6] > 250).all()
    assert (pixels[:, 10:] < 5).all()


def test_fine_stripes_become_grey(tmp_path):
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255
    pixels = read_photo(saved(tmp_path, Image.fromarray(stripes)), 16)
    assert np.abs(pixels.astype(int) - 127).max() < 8


def detailed(size):
    """Gray and colored patches of all sizes, and a player's hard edges."""
    random = np.random.default_rng(0)
    image = Image.new("RGB", size, "gray")
    for side in (8, 40, 200):
        noise = Image.fromarray(random.integers(0, 256, (side, side, 3), np.uint8))
        image = Image.blend(image, noise.resize(size, Image.Resampling.BICUBIC), 0.2)
    ImageDraw.Draw(image).ellipse((*(s // 4 for s in size), *(s // 2 for s in size)), "brown")
    return image


@pytest.mark.parametrize("size", [64, 128, 256])
@pytest.mark.parametrize("sides", [(1920, 1080), (1919, 1077)], ids=str)
@pytest.mark.parametrize("strip", [(0, 1), (1, 2)], ids=["whole", "strip"])
def test_a_large_jpeg_is_decoded_smaller_and_gives_the_same_image(tmp_path, size, sides, strip):
    path = saved(tmp_path, detailed(sides), "frame.jpg", quality=92)
    with Image.open(path) as whole:
        left, right = strip[0] * sides[0] / strip[1], (strip[0] + 1) * sides[0] / strip[1]
        expected = whole.resize((size, size), Image.Resampling.LANCZOS, (left, 0, right, sides[1]))
    difference = np.abs(read_photo(path, size, strip).astype(int) - expected)
    assert difference.mean() < 0.5
    assert (difference <= 1).mean() > 0.95
    assert difference[:, -2:].mean() < 1  # where the smaller image's last column is half empty
    smaller = size * strip[1] <= 256  # otherwise a half is less than twice what is asked for
    assert bool(difference.any()) == smaller


def test_a_small_jpeg_is_decoded_as_it_is(tmp_path):
    path = saved(tmp_path, detailed((500, 400)), "small.jpg")
    with Image.open(path) as whole:
        expected = whole.resize((256, 256), Image.Resampling.LANCZOS)
    assert (read_photo(path, 256) == expected).all()


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.new("L", (8, 8), 100), (100, 100, 100)),
        (Image.new("1", (8, 8), 1), (255, 255, 255)),
        (Image.new("I;16", (8, 8), 32_896), (128, 128, 128)),
        (Image.new("RGBA", (8, 8), (10, 20, 30, 0)), (255, 255, 255)),
        (Image.new("RGBA", (8, 8), (10, 20, 30, 255)), (10, 20, 30)),
        (Image.new("LA", (8, 8), (0, 0)), (255, 255, 255)),
        (Image.new("RGB", (8, 8), (10, 200, 30)).quantize(4), (10, 200, 30)),
    ],
    ids=lambda value: getattr(value, "mode", ""),
)
def test_modes(tmp_path, image, expected):
    pixels = read_photo(saved(tmp_path, image), 16)
    assert pixels.shape == (16, 16, 3)
    assert (pixels == expected).all()


def test_a_transparent_palette(tmp_path):
    image = Image.new("P", (8, 8), 3)
    image.putpalette([0, 0, 0] * 256)
    path = saved(tmp_path, image, "image.gif", transparency=3)
    assert (read_photo(path, 16) == 255).all()


def test_cmyk(tmp_path):
    path = saved(tmp_path, Image.new("CMYK", (32, 32), (0, 255, 255, 0)), "image.jpg")
    red, green, blue = read_photo(path, 16)[8, 8].astype(int)
    assert red > 220
    assert max(green, blue) < 40


def test_the_exif_tag_turns_the_image(tmp_path):
    sideways = np.zeros((32, 32, 3), np.uint8)
    sideways[:, :16] = 255  # white at the left; turned clockwise it is white at the top
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path, Image.fromarray(sideways), "image.jpg", exif=exif, quality=95)
    pixels = read_photo(path, 32)
    assert pixels[:12].mean() > 240
    assert pixels[20:].mean() < 15


def test_too_many_pixels_are_refused_before_decoding(tmp_path, monkeypatch):
    path = saved(tmp_path, Image.new("RGB", (40, 30)))
    monkeypatch.setattr(images, "MAX_PIXELS", 1000)
    with pytest.raises(UserError, match="40×30 pixels; at most 1,000"):
        read_photo(path, 16)


def test_damaged_and_foreign_files(tmp_path):
    content = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(content, "JPEG")
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(content.getvalue()[:1000])
    text = tmp_path / "text.jpg"
    text.write_text("not an image")
    (tmp_path / "empty.jpg").touch()
    for name, reason in (
        ("cut.jpg", "is a damaged image"),
        ("text.jpg", "is not an image"),
        ("empty.jpg", "is not an image"),
        ("gone.jpg", "no image"),
    ):
        with pytest.raises(UserError, match=reason) as caught:
            read_photo(tmp_path / name, 16)
        assert "\n" not in str(caught.value)


def test_floating_point_pixels_are_refused(tmp_path):
    path = saved(tmp_path, Image.new("F", (8, 8), 0.5), "image.tiff")
    with pytest.raises(UserError, match="floating-point"):
        read_photo(path, 16)


def test_a_strip_of_an_image(tmp_path):
    wide = np.zeros((20, 90, 3), np.uint8)
    wide[:, :30, 0] = wide[:, 30:60, 1] = wide[:, 60:, 2] = 200
    path = saved(tmp_path, Image.fromarray(wide))
    for position in range(3):
        pixels = read_photo(path, 16, (position, 3))
        assert pixels.shape == (16, 16, 3)
        expected = np.zeros(3)
        expected[position] = 200
        np.testing.assert_allclose(pixels.mean(axis=(0, 1)), expected, atol=3)


def test_a_file_that_would_be_run_is_refused(tmp_path):
    """Pillow hands PostScript over to Ghostscript."""
    path = saved(tmp_path, Image.new("RGB", (8, 8)), "a.eps")
    path.rename(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"a\.png is not an image that can be read"):
        read_photo(tmp_path / "a.png", 8)


def test_too_many_bytes_and_what_is_no_file_are_refused_unopened(tmp_path, monkeypatch):
    path = saved(tmp_path, Image.new("RGB", (8, 8)))
    os.mkfifo(tmp_path / "pipe.png")
    monkeypatch.setattr(images, "MAX_BYTES", path.stat().st_size - 1)
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("opened"))
    with pytest.raises(UserError, match="MB are read"):
        read_photo(path, 8)
    with pytest.raises(UserError, match=r"pipe\.png is no file"):
        read_photo(tmp_path / "pipe.png", 8)


def iso_media(brand, *compatible):
    """The first box of an ISO media file, as phones and cameras write it."""
    brands = "".join((brand, "\0\0\0\0", *compatible)).encode()
    return (8 + len(brands)).to_bytes(4, "big") + b"ftyp" + brands + bytes(100)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (iso_media("heic", "mif1", "heic"), "a HEIC photo"),
        (iso_media("mif1", "heic"), "a HEIC photo"),
        (iso_media("crx ", "crx ", "isom"), r"a camera's raw file \(CR3\)"),
        (iso_media("isom", "mp42"), "a video or sound"),
        (b"FUJIFILMCCD-RAW 0201" + bytes(100), "a camera's raw file"),
        (b"IIRO\x08\0\0\0" + bytes(100), "a camera's raw file"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"%!PS-Adobe-3.0", "PostScript"),
        (b'<?xml version="1.0"?>\n<!-- a -->\n<svg xmlns="x"/>', "an SVG drawing"),
        (b"<!DOCTYPE html>\n<HTML><body>404", "a web page"),
        (b"8BPS\0\1", "a Photoshop file"),
        (b"PK\x03\x04" + bytes(30), "a zip archive"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1", "a pointer of Git LFS"),
        (b"", "an empty file"),
    ],
)
def test_what_is_no_image_is_named_by_its_content(tmp_path, content, kind):
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"is not an image that can be read: it is {kind}") as one:
        read_photo(path, 16)
    assert str(one.value).endswith("Save it as JPEG or PNG.")


def test_a_raw_file_is_not_taken_for_its_thumbnail(tmp_path):
    thumbnail = Image.new("RGB", (160, 120), "white")
    for name, tags in (("a.dng", {50706: b"\1\4\0\0", 254: 1}), ("b.nef", {254: 1, 330: 8})):
        path = saved(tmp_path, thumbnail, "raw.tiff", tiffinfo=tags)
        path.rename(tmp_path / name)
        with pytest.raises(UserError, match="it is a camera's raw file with a small preview"):
            read_photo(tmp_path / name, 16)
    assert read_photo(saved(tmp_path, thumbnail, "scan.tiff"), 16).shape == (16, 16, 3)


def test_avif_is_read(tmp_path):
    path = saved(tmp_path, Image.new("RGB", (64, 64), (200, 100, 50)), "a.avif")
    np.testing.assert_allclose(read_photo(path, 16), np.full((16, 16, 3), (200, 100, 50)), atol=4)
