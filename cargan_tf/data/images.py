"""Read image files as square RGB arrays of the configured size.

Images are scaled down with Lanczos' filter as matrix products, three times as fast as Pillow, which
weighs pixel by pixel; the products use the processor's vectors
(docs/explanation/performance.md). The filter is Pillow's own. Pillow rounds and clips once more in
between, so results differ by 1 of 255, and by more where the filter overshoots black or
white: 2 numbers in 100,000.
"""

from __future__ import annotations

import math
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from cargan_tf.errors import UserError, full_message
from cargan_tf.utils.arrays import ImageSize, height_width
from cargan_tf.utils.banded_matrix import BandedMatrix, Row
from cargan_tf.utils.files import openable

#: Lobes of the sinc on each side.
_LOBES = 3
#: Rows and columns of the result that are computed at once: what was fastest from 960×540 pixels to
#: 256×256 (docs/explanation/performance.md).
_ROWS, _COLUMNS = 4, 6
#: Resize matrices kept in the cache: a data set has images of a few sizes.
_KEPT = 32


#: Refused before decoding: 50 million pixels are six times 4K, and already 150 MB as RGB.
MAX_PIXELS = 50_000_000
#: A file without compression of so many pixels in four channels of 16 bits; some formats are read
#: into memory whole when they are opened.
MAX_BYTES = 8 * MAX_PIXELS
#: What cameras, scanners and the web have, as Pillow names it. It knows thirty more, among them
#: EPS, which it hands over to Ghostscript, a program that runs what is in the file.
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "JPEG2000", "TIFF", "BMP", "GIF", "PPM")
#: Images of other kinds, by the first bytes; they are refused by their name.
_OTHER_KINDS: Final = (
    (b"%PDF-", "a PDF"),
    (b"%!PS", "PostScript"),
    (b"8BPS", "a Photoshop file"),
    (b"gimp xcf", "a GIMP file"),
    (b"FUJIFILMCCD-RAW", "a camera's raw file (RAF)"),
    (b"IIU\0", "a camera's raw file (RW2)"),
    (b"IIRO", "a camera's raw file (ORF)"),
    (b"IIRS", "a camera's raw file (ORF)"),
    (b"MMOR", "a camera's raw file (ORF)"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL image"),
    (b"PK\x03\x04", "a zip archive or an office document"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the file itself (git lfs pull)"),
)
#: Brands of ISO media files (``ftyp``) that photos come in.
_BRANDS: Final = {
    **dict.fromkeys(
        ("heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"), "a HEIC photo"
    ),
    **dict.fromkeys(("avif", "avis"), "an AVIF image"),
    "crx ": "a camera's raw file (CR3)",
}
#: Text is searched for these in so many bytes, after declarations and comments.
_TEXT_KINDS: Final = (("<svg", "an SVG drawing"), ("<html", "a web page"))
_TEXT_BYTES: Final = 1024
#: Tags of TIFF that a camera's raw file has: DNG's version, or a reduced image beside others.
_DNG_VERSION, _SUB_IFDS, _REDUCED = 50706, 330, 254
#: What shows through where an image is transparent, as on a page.
BACKGROUND = (255, 255, 255)
#: A JPEG is decoded at a half, a quarter or an eighth of its size as long as that leaves so many
#: times the pixels asked for, each way: several times faster, and off by 0.2 to 0.4 of 255 on
#: average from what the whole image gives. At 1 it would be 0.3 to 0.7
#: (docs/explanation/performance.md).
_DECODED_SIDES = 2
#: 16-bit values fall on the 8-bit scale by this factor: 65,535 becomes 255.
_PER_BYTE = 257


#: Left, upper, right and lower edge of a part of an image; fractions count.
Box: TypeAlias = tuple[float, float, float, float]
#: How an image is brought to another shape; see :func:`to_size`.
Fit: TypeAlias = Literal["squeeze", "crop", "letterbox"]


def resize_lanczos(
    pixels: NDArray[np.uint8], size: ImageSize, box: tuple[float, float, float, float]
) -> NDArray[np.uint8]:
    """Stretch a part of an image to another size.

    Args:
        pixels: [H, W, 3].
        size: in pixels, each way no more than the part has.
        box: left, upper, right and lower edge of the part; fractions count.

    Returns:
        [H, W, 3], as ``Image.resize`` with ``Resampling.LANCZOS`` and that ``box`` gives it,
        but for rounding.
    """
    height, width, colors = pixels.shape
    left, upper, right, lower = box
    new_height, new_width = height_width(size)
    rows = _vertical(height, new_height, upper, lower)
    columns = _horizontal(width, new_width, left, right, colors)
    scaled = columns.of_rows(rows.times(pixels.reshape(height, width * colors)))
    np.rint(scaled, out=scaled)
    np.clip(scaled, 0, 255, out=scaled)  # the filter overshoots at edges
    return scaled.astype(np.uint8).reshape(new_height, new_width, colors)


@lru_cache(_KEPT)
def _vertical(height: int, size: int, upper: float, lower: float) -> BandedMatrix:
    """[size, height]."""
    return BandedMatrix(_bands(height, size, upper, lower), _ROWS, np.float32)


@lru_cache(_KEPT)
def _horizontal(width: int, size: int, left: float, right: float, colors: int) -> BandedMatrix:
    """[size · colors, width · colors]: colors stand side by side and do not mix."""
    rows: list[Row] = []
    for first, band in _bands(width, size, left, right):
        for color in range(colors):
            spaced = np.zeros((len(band) - 1) * colors + 1, np.float32)
            spaced[::colors] = band
            rows.append((first * colors + color, spaced))
    return BandedMatrix(rows, _COLUMNS * colors, np.float32)


def _bands(length: int, size: int, start: float, stop: float) -> Iterator[Row]:
    """Weights of ``length`` pixels in each of ``size``, which lie between ``start`` and ``stop``.

    Where the filter reaches beyond the image, the weights within make up for it.
    """
    scale = (stop - start) / size
    reach = _LOBES * scale
    for position in range(size):
        center = start + (position + 0.5) * scale
        first = max(0, math.floor(center - reach + 0.5))
        last = min(length, math.floor(center + reach + 0.5))
        distances = (np.arange(first, last) - center + 0.5) / scale
        band = np.where(
            np.abs(distances) < _LOBES, np.sinc(distances) * np.sinc(distances / _LOBES), 0.0
        )
        yield first, band / band.sum()


def read_photo(
    path: Path, size: ImageSize, strip: tuple[int, int] = (0, 1), fit: Fit = "squeeze"
) -> np.ndarray:
    """The image at ``path`` as uint8 [H, W, 3], RGB.

    It is turned as its EXIF tag says, cut down to ``strip`` and brought to ``size`` as ``fit``
    says (:func:`to_size`). Gray, palette, CMYK and 16-bit images become RGB; transparent parts
    become white.

    Raises:
        UserError: not an image, cut short, or of more than :data:`MAX_PIXELS` pixels or
            :data:`MAX_BYTES` bytes.
    """
    with open_image(path) as image:
        if image.width * image.height > MAX_PIXELS:
            raise UserError(
                f"{path} has {image.width}×{image.height} pixels; at most {MAX_PIXELS:,} are read:"
                " scale it down."
            )
        height, width = height_width(size)
        extent = _draft(image, (width * strip[1], height))
        if extent is None:
            return to_size(_rgb(ImageOps.exif_transpose(image)), size, strip, fit)
        box, inner = _fitted(_box(extent, strip), size, fit)
        return _framed(resize_lanczos(np.asarray(_rgb(image)), inner, box), size)


@contextmanager
def open_image(path: Path) -> Iterator[Image.Image]:
    """An image of one of :data:`FORMATS`, of which the header alone has been read.

    Raises:
        UserError: no such file, more than :data:`MAX_BYTES`, not an image; whatever reading
            meets within the context is said of the image, too.
    """
    try:
        _check_file(path)
        with warnings.catch_warnings():
            # Of pixels, of which the caller knows how many there may be, and of damaged EXIF tags.
            warnings.filterwarnings("ignore", module=r"PIL\.")
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(openable(path), formats=FORMATS) as image:
                if _is_raw(image):
                    raise UserError(
                        f"{path} is not an image that can be read: it is a camera's raw file with a"
                        " small preview. Save it as JPEG or PNG."
                    )
                yield image
    except UserError:
        raise
    except FileNotFoundError as error:
        raise UserError(f"no image {path}.") from error
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        kind = _other_kind(path)
        if kind is not None:
            raise UserError(
                f"{path} is not an image that can be read: it is {kind}. Save it as JPEG or PNG."
            ) from error
        raise UserError(f"{path} is not an image that can be read: {error}.") from error
    # At damaged files Pillow's decoders raise whatever their arithmetic comes to: struct.error,
    # KeyError, ZeroDivisionError, MemoryError, ...
    except Exception as error:
        raise UserError(f"{path} is a damaged image: {full_message(error)}.") from error


def _check_file(path: Path) -> None:
    """Check that it is a regular file (opening a pipe would block) and not too large."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise UserError(f"{path} is no file: an image is expected.")
    if status.st_size > MAX_BYTES:
        raise UserError(
            f"{path} has {status.st_size >> 20} MB; at most {MAX_BYTES >> 20} MB are read: save it"
            " with compression."
        )


def _other_kind(path: Path) -> str | None:
    """What a file is, by its content, that is no image of :data:`FORMATS`."""
    try:
        with path.open("rb") as stream:
            head = stream.read(_TEXT_BYTES)
    except OSError:
        return None
    if not head:
        return "an empty file"
    for start, kind in _OTHER_KINDS:
        if head.startswith(start):
            return kind
    if head[4:8] == b"ftyp":
        # The major brand, then a version, then those it is compatible with.
        length = int.from_bytes(head[:4], "big")
        brands = [head[at : at + 4].decode("latin-1") for at in (8, *range(16, length, 4))]
        return next((_BRANDS[brand] for brand in brands if brand in _BRANDS), "a video or sound")
    text = head.decode("utf-8", "ignore").lower()
    return next((kind for start, kind in _TEXT_KINDS if start in text), None)


def _is_raw(image: Image.Image) -> bool:
    """Whether a TIFF is a camera's raw file, whose first image is a thumbnail."""
    if image.format != "TIFF":
        return False
    tags = image.getexif()
    return _DNG_VERSION in tags or (_SUB_IFDS in tags and tags.get(_REDUCED, 0) & 1 == 1)


def to_size(
    image: Image.Image, size: ImageSize, strip: tuple[int, int] = (0, 1), fit: Fit = "squeeze"
) -> np.ndarray:
    """An RGB image as uint8 [H, W, 3], by Lanczos' antialiased filter.

    Args:
        image: of any size.
        size: in pixels.
        strip: (k, n): only the k-th, from 0, of n equal vertical strips of the image is taken.
        fit: ``squeeze`` stretches it, as the authors' code does (their frames are 16:9, so players
            look narrow in a square); ``crop`` takes the largest part of the new shape from its
            center; ``letterbox`` keeps all of it, with black bars at two sides.
    """
    box, (height, width) = _fitted(_box(image.size, strip), size, fit)
    resized = image.resize((width, height), Image.Resampling.LANCZOS, box=box)
    return _framed(np.asarray(resized, np.uint8), size)


def _fitted(box: Box, size: ImageSize, fit: Fit) -> tuple[Box, tuple[int, int]]:
    """The part of ``box`` that is shown, and the height and width that it gets."""
    left, upper, right, lower = box
    height, width = height_width(size)
    wide = (right - left) * height / ((lower - upper) * width)  # above 1: wider than the new shape
    if fit == "crop":
        across, down = (right - left) / max(1.0, wide), (lower - upper) * min(1.0, wide)
        middle, center = (left + right) / 2, (upper + lower) / 2
        box = middle - across / 2, center - down / 2, middle + across / 2, center + down / 2
    elif fit == "letterbox":
        height = max(1, round(height / max(1.0, wide)))
        width = max(1, round(width * min(1.0, wide)))
    return box, (height, width)


def _framed(pixels: NDArray[np.uint8], size: ImageSize) -> NDArray[np.uint8]:
    """[h, w, 3] in the middle of [H, W, 3]; what is left is black."""
    height, width = height_width(size)
    if pixels.shape[:2] == (height, width):
        return pixels
    framed = np.zeros((height, width, 3), np.uint8)
    top, left = (height - pixels.shape[0]) // 2, (width - pixels.shape[1]) // 2
    framed[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return framed


def _box(extent: tuple[float, float], strip: tuple[int, int]) -> Box:
    """Left, upper, right and lower edge of a strip of an image of that width and height."""
    position, count = strip
    width, height = extent
    return position * width / count, 0.0, (position + 1) * width / count, height


def _draft(image: Image.Image, size: tuple[int, int]) -> tuple[float, float] | None:
    """Have a large JPEG decoded smaller, if its image is to have that width and height.

    Gives the image's width and height in pixels of the smaller one, which are no whole numbers
    where its last row and column are partly filling; ``None`` if it is decoded as it is.
    """
    if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
        return None  # turned, that row would be the first
    whole = image.size
    drafted = image.draft(None, (_DECODED_SIDES * size[0], _DECODED_SIDES * size[1]))
    return None if drafted is None or image.size == whole else drafted[1][2:]


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit gray, also under the name of 32-bit
        gray = np.asarray(image.convert("I"), np.int32).clip(0, 65_535)  # 200 MB at the most
        gray //= _PER_BYTE
        return Image.fromarray(gray.astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers of unknown range")
    if image.has_transparency_data:
        opaque = Image.new("RGBA", image.size, (*BACKGROUND, 255))
        return Image.alpha_composite(opaque, image.convert("RGBA")).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")
