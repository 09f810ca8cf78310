"""``model.player_photo``: what the generators paint on, from the data to the exported model."""

import numpy as np
import pytest

from cargan_tf.config import override
from cargan_tf.data.dataset import load_dataset
from cargan_tf.data.input_pipeline import evaluation_batches
from cargan_tf.errors import UserError
from cargan_tf.export.saved_model import export_model
from cargan_tf.inference.generator import Generator
from cargan_tf.models.base import to_pixels
from cargan_tf.training.distribution import make_strategy
from cargan_tf.training.networks import nearest_to_median, player_photos, read_run_weights
from cargan_tf.training.run import Run
from cargan_tf.training.trainer import Trainer

SOUND = np.sin(np.arange(4000) * 0.3).astype(np.float32)
PAINTING = ["model.players=2", "model.player_photo=true", "model.pose=true"]


@pytest.fixture(scope="module")
def painting(tiny_config):
    return override(tiny_config, [*PAINTING, "training.steps=1", "training.checkpoint_steps=1"])


def test_each_photo_is_the_median_of_one_player(tiny_data, painting):
    dataset = load_dataset(tiny_data)
    found: dict[tuple[str, str], list] = {}
    for batch in evaluation_batches(dataset, tiny_data, painting, "train", 7):
        for photo, label, player in zip(
            batch["photo"].numpy(), batch["label"].numpy(), batch["player"].numpy(), strict=True
        ):
            found.setdefault((dataset.labels[label.argmax()], player.decode()), []).append(photo)
    photos = player_photos(dataset, tiny_data, painting)
    expected = [
        np.median(found[label, player], axis=0)
        for label in dataset.labels
        for player in dataset.players[label]
    ]
    # A median of two may lie between two levels.
    np.testing.assert_allclose(photos / 127.5 - 1, expected, atol=0.51 / 127.5)


def test_a_photo_to_be_warped_is_the_one_nearest_to_the_median():
    levels = np.array([10, 20, 24, 200], np.uint8)[:, None, None, None]
    photos = np.broadcast_to(levels, (4, 2, 2, 3)).copy()
    photos[1, 0, 0] = 255  # its median is 22, as photo 2's without that pixel
    np.testing.assert_array_equal(nearest_to_median(photos), photos[2])


def test_a_model_that_warps_has_real_photos(tiny_data, painting):
    dataset = load_dataset(tiny_data)
    batches = evaluation_batches(dataset, tiny_data, painting, "train", 7)
    real = {to_pixels(photo).numpy().tobytes() for batch in batches for photo in batch["photo"]}
    photos = player_photos(dataset, tiny_data, override(painting, ["model.warp=true"]))
    assert len(photos) == 6
    assert {photo.tobytes() for photo in photos} <= real


def test_who_is_not_there_has_the_photo_of_the_label(tiny_data, painting):
    dataset = load_dataset(tiny_data)
    photos = player_photos(dataset, tiny_data, override(painting, ["model.players=3"]))
    assert len(photos) == 9
    for label in range(3):
        first, second, absent = photos[3 * label : 3 * label + 3]
        assert not np.array_equal(first, second)
        assert absent[0, 0].argmax() == first[0, 0].argmax()  # the color of the instrument


@pytest.mark.slow
@pytest.mark.parametrize("warped", ["false", "true"])
def test_a_model_that_paints_on_photos_trains_resumes_and_exports(
    tiny_data, tiny_classifier, painting, tmp_path, warped
):
    painting = override(painting, [f"model.warp={warped}"])
    run = Run(tmp_path / "run")
    Trainer(run, tiny_data, painting, make_strategy()).train()
    photos = player_photos(load_dataset(tiny_data), tiny_data, painting)
    longer = override(painting, ["training.steps=2"])
    resumed = Trainer(run, tiny_data, longer, make_strategy(), resume=True)
    np.testing.assert_array_equal(resumed.network.player_photos, photos)
    resumed.train()
    model = export_model(run, tmp_path / "model")
    trained, exported = Generator.load(run.path), Generator.load(model)
    images = []
    for player in (1, 2):
        generated = trained.with_player(player).generate(SOUND, 8000, "violin").astype(int)
        same = exported.with_player(player).generate(SOUND, 8000, "violin")
        assert np.abs(same - generated).max() <= 1
        images.append(generated)
    assert np.abs(images[0] - images[1]).mean() > 1  # levels


def test_a_model_without_photos_is_no_start_for_one_with(tiny_run, tiny_data, painting, tmp_path):
    with pytest.raises(UserError, match=r"has model\.player_photo=false, .* says true"):
        Trainer(
            Run(tmp_path / "run"),
            tiny_data,
            painting,
            make_strategy(),
            initial=read_run_weights(Run(tiny_run)),
        )
