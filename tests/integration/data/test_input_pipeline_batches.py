from collections import Counter

import numpy as np
import pytest
import tensorflow as tf

from cargan_tf.config.loading import override
from cargan_tf.data.dataset import load_dataset
from cargan_tf.data.input_pipeline import evaluation_batches, training_batches
from cargan_tf.errors import UserError

STEPS = 4  # an epoch: 24 pairs, 5 a batch, 4 left over
KINDS = {
    "memory": ["data.cache=true"],
    "disk": ["data.cache=false"],
    "small buffer": ["data.cache=false", "data.shuffle_buffer=7"],
    "masks": ["data.cache=true", "data.freq_mask=4", "data.time_mask=3"],
    "disk, masks": ["data.cache=false", "data.freq_mask=4"],
    "augmented": ["augmentation.generator_fraction=0.7"],
    "disk, augmented": ["data.cache=false", "augmentation.generator_fraction=0.7"],
    "shuffled sounds": ["data.shuffle_sounds=true"],
    "disk, shuffled sounds": ["data.cache=false", "data.shuffle_sounds=true"],
}


@pytest.fixture(params=KINDS.values(), ids=KINDS.keys())
def settings(request, config):
    return override(config, ["training.batch_size=5", *request.param])


@pytest.fixture
def in_memory(config):
    return override(config, ["training.batch_size=5"])


def batches(dataset, path, config, count, **options):
    stream = training_batches(dataset, path, config, **{"seed": 7, **options})
    return list(stream.take(count).as_numpy_iterator())


def assert_equal(one, other):
    assert len(one) == len(other)
    for left, right in zip(one, other, strict=True):
        assert left.keys() == right.keys()
        for name in left:
            np.testing.assert_array_equal(left[name], right[name])


def epochs_of(found):
    return [found[start : start + STEPS] for start in range(0, len(found), STEPS)]


def ids_of(found):
    return [name for batch in found for name in batch["id"]]


def test_shapes_types_and_ranges(dataset, dataset_path, settings):
    stream = training_batches(dataset, dataset_path, settings, seed=0)
    assert {
        name: (tuple(spec.shape), spec.dtype) for name, spec in stream.element_spec.items()
    } == {
        "spectrogram": ((5, 32, 32, 1), tf.float32),
        "photo": ((5, 32, 32, 3), tf.float32),
        "label": ((5, 3), tf.float32),
        "player_index": ((5,), tf.int64),
        "id": ((5,), tf.string),
    }
    (batch,) = stream.take(1).as_numpy_iterator()
    assert np.abs(batch["spectrogram"]).max() <= 1
    assert np.abs(batch["photo"]).max() <= 1
    assert batch["photo"].min() < -0.8
    for name, label in zip(batch["id"], batch["label"], strict=True):
        assert dataset.labels[int(label.argmax())] == name.decode().split("/")[0]
        assert label.sum() == 1


def test_each_record_once_an_epoch_in_an_order_of_its_own(dataset, dataset_path, settings):
    epochs = epochs_of(batches(dataset, dataset_path, settings, 5 * STEPS))
    for epoch in epochs:
        assert len(set(ids_of(epoch))) == STEPS * 5
    orders = {tuple(ids_of(epoch)) for epoch in epochs}
    assert len(orders) == 5
    # the remainder is another one each time: nothing is never seen
    assert len({name for epoch in epochs for name in ids_of(epoch)}) == 24


def test_one_seed_one_stream(dataset, dataset_path, settings):
    tf.random.set_seed(1)
    first = batches(dataset, dataset_path, settings, 10)
    tf.random.set_seed(2)
    assert_equal(batches(dataset, dataset_path, settings, 10), first)
    other = batches(dataset, dataset_path, settings, 10, seed=8)
    assert ids_of(other) != ids_of(first)


@pytest.mark.parametrize("start_step", [1, STEPS, 2 * STEPS + 3])
def test_taken_up_it_goes_on_bit_for_bit(dataset, dataset_path, settings, start_step):
    straight = batches(dataset, dataset_path, settings, 3 * STEPS + 1)
    resumed = batches(
        dataset, dataset_path, settings, 3 * STEPS + 1 - start_step, start_step=start_step
    )
    assert_equal(resumed, straight[start_step:])


@pytest.mark.parametrize("kind", ["memory", "disk"])
def test_the_shuffle_is_even(dataset, dataset_path, config, kind):
    """Every record is about equally often first: 400 epochs, 24 records, 16.7 expected."""
    settings = override(config, ["training.batch_size=24", *KINDS[kind]])
    found = batches(dataset, dataset_path, settings, 400)
    counts = Counter(batch["id"][0] for batch in found)
    expected = 400 / 24
    chi_square = sum((counts[name] - expected) ** 2 / expected for name in set(found[0]["id"]))
    assert chi_square < 49.7  # 23 degrees of freedom, p = 0.001; the seed is fixed


def test_in_memory_the_files_are_read_once(dataset, dataset_path, in_memory, tmp_path):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(dataset_path, copy)
    stream = training_batches(dataset, copy, in_memory, seed=7)
    shutil.rmtree(copy)
    expected = batches(dataset, dataset_path, in_memory, 3 * STEPS)
    assert_equal(list(stream.take(3 * STEPS).as_numpy_iterator()), expected)


def test_masks_differ_between_epochs_and_hide_by_the_mean(dataset, dataset_path, in_memory):
    masked = override(in_memory, KINDS["masks"])
    plain = batches(dataset, dataset_path, in_memory, 3 * STEPS)
    hidden = batches(dataset, dataset_path, masked, 3 * STEPS)
    assert ids_of(plain) == ids_of(hidden)
    seen = {}
    for batch, original in zip(hidden, plain, strict=True):
        np.testing.assert_array_equal(batch["photo"], original["photo"])
        pairs = zip(batch["id"], batch["spectrogram"], strict=True)
        for name, spectrogram in pairs:
            seen.setdefault(name, set()).add(spectrogram.tobytes())
    assert sum(len(versions) > 1 for versions in seen.values()) > 15
    change = np.concatenate([a["spectrogram"] for a in hidden]) - np.concatenate(
        [b["spectrogram"] for b in plain]
    )
    assert (change != 0).mean() > 0.05
    # 16 bands become 32 rows: where the whole neighborhood is hidden, exactly the mean is left
    assert any((np.abs(batch["spectrogram"]) < 1e-6).any() for batch in hidden)


@pytest.mark.parametrize("kind", ["shuffled sounds", "disk, shuffled sounds"])
def test_shuffled_sounds_are_of_another_record_of_the_class(dataset, dataset_path, config, kind):
    settings = override(config, ["training.batch_size=6"])
    shuffled = override(settings, KINDS[kind])
    plain = batches(dataset, dataset_path, settings, STEPS)
    own = {row["id"]: row for batch in plain for row in rows_of(batch)}
    found = batches(dataset, dataset_path, shuffled, 2 * STEPS)
    heard = [{row["id"]: row for batch in part for row in rows_of(batch)} for part in halves(found)]
    assert heard[0].keys() == heard[1].keys() == own.keys()
    owner = {row["spectrogram"].tobytes(): name for name, row in own.items()}
    assert len(owner) == 24
    donor = {name: owner[row["spectrogram"].tobytes()] for name, row in heard[0].items()}
    assert len(set(donor.values())) == 24  # a permutation: no sound is lost or heard twice
    for name, row in heard[0].items():
        np.testing.assert_array_equal(row["photo"], own[name]["photo"])
        np.testing.assert_array_equal(row["label"], own[name]["label"])
        np.testing.assert_array_equal(row["label"], own[donor[name]]["label"])
        np.testing.assert_array_equal(row["spectrogram"], heard[1][name]["spectrogram"])
        assert donor[name] != name


def rows_of(batch):
    return [dict(zip(batch, row, strict=True)) for row in zip(*batch.values(), strict=True)]


def halves(found):
    return found[:STEPS], found[STEPS:]


def test_settings_are_checked(dataset, dataset_path, config):
    for text, message in (
        ("training.batch_size=25", "24 pairs, fewer than one batch of 25"),
        ("audio.n_mels=20", "n_mels = 16, the configuration says 20"),
        ("data.freq_mask=16", "could hide all 16"),
    ):
        with pytest.raises(UserError, match=message):
            training_batches(dataset, dataset_path, override(config, [text]), seed=0)


def test_evaluation_is_in_stored_order_and_whole(dataset, dataset_path, config):
    def read(**options):
        stream = evaluation_batches(dataset, dataset_path, config, "test", 5, **options)
        return list(stream.as_numpy_iterator())

    found = read()
    assert [len(batch["id"]) for batch in found] == [5, 5, 2]
    assert len(set(ids_of(found))) == 12
    assert set(found[0]) == {
        *("spectrogram", "photo", "label", "id", "recording", "player", "player_index"),
        *("rms_db", "flatness", "midi"),
    }
    assert found[0]["recording"][0].decode() == found[0]["id"][0].decode().split("/")[1]
    assert ids_of(read()) == ids_of(found)
    assert ids_of(read(limit=7)) == ids_of(found)[:7]


def test_unnamed_players_are_the_first_and_unknown_ones_nobody(dataset, dataset_path, config):
    def indices(players):
        described = dataset.model_copy(update={"players": players})
        stream = evaluation_batches(described, dataset_path, config, "test", 12)
        (batch,) = stream.as_numpy_iterator()
        return batch["label"].argmax(axis=1), batch["player_index"]

    assert set(indices({})[1]) == {0}
    labels, found = indices({dataset.labels[1]: ("nobody in the data",)})
    np.testing.assert_array_equal(found, np.where(labels == 1, -1, 0))


def test_a_split_that_is_not_there(dataset, dataset_path, config):
    with pytest.raises(UserError, match=r"no pair in split 'dev'; it has train, validation, test"):
        evaluation_batches(dataset, dataset_path, config, "dev", 5)


@pytest.mark.parametrize("kind", ["memory", "disk", "masks"])
def test_replicas_share_the_global_batch(dataset, dataset_path, config, kind):
    settings = override(config, ["training.batch_size=4", *KINDS[kind]])
    devices = [device.name for device in tf.config.list_logical_devices("CPU")]
    strategy = tf.distribute.MirroredStrategy(devices)
    stream = training_batches(dataset, dataset_path, settings, seed=7)
    distributed = iter(strategy.experimental_distribute_dataset(stream))
    for batch in batches(dataset, dataset_path, settings, 7):
        parts = strategy.experimental_local_results(next(distributed))
        for name, whole in batch.items():
            joined = np.concatenate([part[name].numpy() for part in parts])
            np.testing.assert_array_equal(joined, whole)


def test_chosen_records_alone_are_read(dataset, dataset_path, config):
    def read(**options):
        return ids_of(list(evaluation_batches(dataset, dataset_path, config, "test", 5, **options)))

    everything = read()
    assert read(chosen=[1, 4, 11]) == [everything[position] for position in (1, 4, 11)]
    assert read(chosen=[1, 4, 11], limit=2) == [everything[1], everything[4]]


@pytest.mark.parametrize("cache", ["true", "false"])
def test_workers_parts_are_the_batches_of_one(tiny_data, tiny_config, cache):
    """Masks and exchanged sounds included."""
    config = override(tiny_config, [f"data.cache={cache}", "data.shuffle_sounds=true"])
    dataset = load_dataset(tiny_data)

    def batches(part):
        stream = training_batches(dataset, tiny_data, config, seed=3, start_step=4, part=part)
        return list(stream.take(4).as_numpy_iterator())

    whole, *parts = (batches(part) for part in ((0, 1), (0, 2), (1, 2)))
    for batch, first, second in zip(whole, *parts, strict=True):
        for name, values in batch.items():
            np.testing.assert_array_equal(np.concatenate([first[name], second[name]]), values)


def test_the_configured_fraction_of_sounds_is_augmented(dataset, dataset_path, in_memory):
    changed = override(in_memory, ["augmentation.generator_fraction=0.5"])
    plain = batches(dataset, dataset_path, in_memory, 5 * STEPS)
    other = batches(dataset, dataset_path, changed, 5 * STEPS)
    assert ids_of(plain) == ids_of(other)
    differs = [
        np.abs(one - two).max() > 0.05
        for left, right in zip(plain, other, strict=True)
        for one, two in zip(left["spectrogram"], right["spectrogram"], strict=True)
    ]
    assert 0.3 < np.mean(differs) < 0.7
