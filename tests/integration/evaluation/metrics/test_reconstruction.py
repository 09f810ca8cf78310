from dataclasses import replace

import numpy as np
import pytest

from cargan_tf.evaluation.metrics.inputs import NotMeasured
from cargan_tf.evaluation.metrics.reconstruction import l1, psnr, ssim
from cargan_tf.evaluation.training_photos import Still


@pytest.fixture
def row(inputs, split):
    def of(change):
        return inputs([0, 1], split([0, 1]).photos + change)

    return of


def test_l1_and_psnr_by_hand(row):
    assert l1(row(0.5)).value == pytest.approx(0.5)
    # 10 log10(range² / mean square), of values two apart at most.
    assert psnr(row(0.5)).value == pytest.approx(10 * np.log10(4 / 0.25), rel=1e-5)


def test_psnr_is_the_mean_over_images(row):
    changes = np.array([0.5, 0.1], np.float32).reshape(2, 1, 1, 1)
    expected = np.mean([10 * np.log10(4 / change**2) for change in (0.5, 0.1)])
    assert psnr(row(changes)).value == pytest.approx(expected, rel=1e-5)


def test_images_that_equal_their_photos_have_no_psnr(row):
    with pytest.raises(NotMeasured, match="2 images equal their photos"):
        psnr(row(0))


def ssim_by_hand(x, y):
    """Wang et al. 2004 on the one place where a 7×7 window of 8×8 pixels fits... four of them."""
    first, second = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    values = []
    for top in range(2):
        for left in range(2):
            a, b = (part[top : top + 7, left : left + 7].ravel() for part in (x, y))
            std = np.cov(a, b)
            values.append(
                (2 * a.mean() * b.mean() + first)
                * (2 * std[0, 1] + second)
                / (a.mean() ** 2 + b.mean() ** 2 + first)
                / (std[0, 0] + std[1, 1] + second)
            )
    return np.mean(values)


def test_ssim_by_hand(row):
    change = np.random.default_rng(1).normal(0, 0.3, (2, 8, 8, 3))
    found = row(change.astype(np.float32))
    expected = [
        ssim_by_hand(found.photos[index, ..., channel], found.images[index, ..., channel])
        for index in range(2)
        for channel in range(3)
    ]
    assert ssim(found).value == pytest.approx(np.mean(expected), rel=1e-4)
    assert ssim(row(0)).value == pytest.approx(1)


def test_l1_stands_beside_that_of_the_class_median(row, split):
    given = row(0.5)
    assert l1(given).class_median is None
    photos = split([0, 1]).photos
    still = Still(np.stack([photos[0] + 0.25, photos[1] - 0.35]), np.array([0, 1]))
    given = replace(given, class_median=still)
    assert l1(given).class_median == pytest.approx(0.3)
    assert l1(given.only(np.array([1]))).class_median == pytest.approx(0.35)
