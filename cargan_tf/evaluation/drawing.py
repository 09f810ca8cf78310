"""Drawing a split with a run's newest checkpoint, as one draws before anything is measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cargan_tf.data.choice import even_choice
from cargan_tf.data.dataset import DATASET_FILE, check_fits, load_dataset
from cargan_tf.data.pipeline import evaluation_batches
from cargan_tf.errors import UserError
from cargan_tf.evaluation.drawn import DrawnSplit, Floats
from cargan_tf.files import file_hash
from cargan_tf.models.kinds import new_network
from cargan_tf.training.checkpoints import restore_network
from cargan_tf.training.class_means import class_mean_photos, class_means
from cargan_tf.training.gallery import Drawer, gather, names_of
from cargan_tf.training.listening import permuted_within, shifted_labels
from cargan_tf.training.run import Run

#: Sounds drawn at a time; only memory depends on it.
DRAWING_BATCH = 16


class RunDrawer:
    """The networks of a run's newest checkpoint over the splits of a data set.

    Attributes:
        network: what draws; C is inside it where it has one.
        step: of the checkpoint.
        info: the run's own description.
        dataset: the data set's, with the statistics that the run was trained with.
    """

    def __init__(self, run: Run, data: Path) -> None:
        """Load both.

        Raises:
            UserError: no run, no checkpoint, no data set, or they do not fit each other.
        """
        self.info = run.read_info()
        dataset = load_dataset(data)
        if dataset.labels != self.info.labels:
            raise UserError(
                f"{run.path} knows the labels {', '.join(self.info.labels)}; the data set {data}"
                f" has {', '.join(dataset.labels)}. Name the data that it was trained on, or other"
                " data of the same labels, with --data."
            )
        check_fits(dataset, self.info.config)
        # The networks hear what they learned to hear: the sound scaled as in their training.
        self.dataset = dataset.model_copy(update={"statistics": self.info.statistics})
        self.network = new_network(self.info.config, len(self.info.labels))
        self.step = restore_network(run.checkpoints, self.network)
        self._run, self._data = run, data
        self._draw = Drawer(self.network, DRAWING_BATCH)

    def draw(self, split: str, limit: int, seed: int) -> DrawnSplit:
        """Draw at most ``limit`` pairs of ``split``, chosen evenly over the classes by ``seed``.

        Raises:
            UserError: the data set has no pair in ``split``.
        """
        config, dataset = self.info.config, self.dataset
        chosen = even_choice(dataset, self._data, split, limit, seed)
        batches = evaluation_batches(
            dataset, self._data, config, split, DRAWING_BATCH, chosen=chosen
        )
        pairs = gather(batches)
        random = np.random.default_rng(seed)
        label = pairs["label"]
        other = permuted_within(np.argmax(label, axis=1), random)
        other_label = shifted_labels(label, random)
        coarse, refined = self._draw(pairs["spectrogram"], label)
        players = names_of(pairs["player"])
        silent = pairs["rms_db"] < config.audio.silence_rms_db
        return DrawnSplit(
            split=split,
            labels=dataset.labels,
            keys=names_of(pairs["id"]),
            recordings=names_of(pairs["recording"]),
            players=players if all(players) else (),
            silent=silent,
            noise_like=~silent & (pairs["flatness"] > config.audio.noise_flatness),
            spectrograms=pairs["spectrogram"],
            label=label,
            photos=pairs["photo"],
            coarse=coarse,
            refined=refined,
            other_sound=self._draw(pairs["spectrogram"][other], label)[1],
            other_label=self._draw(pairs["spectrogram"], other_label)[1],
            class_means=self._class_means(),
        )

    def _class_means(self) -> Floats:
        """Kept in the run where they are of the data that it was trained on."""
        if file_hash(self._data / DATASET_FILE) == self.info.data_hash:
            return class_means(self._run, self.dataset, self._data, self.info.config)
        return class_mean_photos(
            evaluation_batches(self.dataset, self._data, self.info.config, "train", DRAWING_BATCH)
        )
