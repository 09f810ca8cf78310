import numpy as np

from cargan_tf.data.inspection import (
    CAPTION,
    CELL,
    MARGIN,
    NAME_WIDTH,
    Example,
    contact_sheet_image,
)


def example(label, name, low_band=0.0):
    log_mel = np.full((16, 20), -60, np.float32)
    log_mel[:8] = low_band
    return Example(label, name, log_mel, np.full((32, 32, 3), (10, 200, 30), np.uint8))


def test_a_row_for_each_class_with_sound_beside_image():
    examples = [example("cello", "train/a"), example("cello", "train/b"), example("tuba", "test/c")]
    sheet = contact_sheet_image(examples)
    assert sheet.size == (
        NAME_WIDTH + 2 * (2 * CELL + 3 * MARGIN),
        MARGIN + 2 * (CELL + CAPTION + MARGIN),
    )
    pixels = np.asarray(sheet)
    top, left = MARGIN, NAME_WIDTH
    assert tuple(pixels[top + 10, left + CELL + MARGIN + 10]) == (10, 200, 30)
    # low notes, loud here and so dark red, stand at the bottom
    assert tuple(pixels[top + 10, left + 10]) == (0, 0, 127)
    assert tuple(pixels[top + CELL - 10, left + 10]) == (127, 0, 0)
    second = pixels[top + CELL + CAPTION + MARGIN :]
    assert (second[:CELL, left + 2 * CELL + 3 * MARGIN :] == 255).all()  # tuba has one example


def test_silence_is_drawn_too():
    assert contact_sheet_image([example("cello", "train/a", low_band=-60)]).width > CELL


def test_nothing_to_show():
    assert contact_sheet_image([]).size[0] == NAME_WIDTH
