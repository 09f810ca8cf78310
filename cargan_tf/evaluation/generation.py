"""Generate the images of a split with a run's newest checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cargan_tf.data.dataset import DATASET_FILE, check_fits, load_dataset
from cargan_tf.data.input_pipeline import evaluation_batches
from cargan_tf.data.sampling import stratified_sample
from cargan_tf.errors import UserError
from cargan_tf.evaluation.training_photos import (
    PoseReader,
    Still,
    StillPhotos,
    TrainingPhotos,
    read_training_photos,
)
from cargan_tf.models.registry import new_network
from cargan_tf.training.checkpoints import newest_checkpoint, restore_network
from cargan_tf.training.conditioning_metrics import permute_within_class, shifted_labels
from cargan_tf.training.run import Run, data_of
from cargan_tf.training.validation import (
    BatchGenerator,
    class_mean_photos,
    class_means,
    gather,
    kept_class_means,
    names_of,
)
from cargan_tf.utils.arrays import BoolArray, FloatArray
from cargan_tf.utils.files import file_hash

#: Batch size; affects memory only.
GENERATION_BATCH = 16


@dataclass(frozen=True, eq=False)
class GeneratedSplit:
    """Pairs of a split and the images that a run's newest checkpoint generates from their sounds.

    Attributes:
        split: ``train``, ``validation`` or ``test``.
        labels: names of the K classes, in the order of the one-hot labels.
        keys: id of each pair, such as ``violin/violin01/500``, [N].
        recordings: the recording each pair is from, [N].
        players: the player of each pair, [N]; empty if the data names none.
        silent: clips below ``audio.silence_rms_db``, [N].
        pitch: MIDI key of each clip, [N]; NaN where the data does not say.
        loudness: RMS of each clip, dB of full scale, [N].
        noise_like: other clips above ``audio.noise_flatness``, [N].
        spectrograms: what the networks see of the sound, [N, S, S, C] in [-1, 1].
        label: one-hot, [N, K].
        photos: the real images, [N, S, S, 3] in [-1, 1], as are all images here.
        coarse: I', [N, S, S, 3].
        refined: I'', [N, S, S, 3]; equals ``coarse`` where the run has one stage.
        other_sound: refined images of other sounds of the same class, under the same labels.
        other_label: refined images of the same sounds under other labels.
        stills: rows of still training photos by their names.
        missing_stills: the reason for each one that there is not.
    """

    split: str
    labels: tuple[str, ...]
    keys: tuple[str, ...]
    recordings: tuple[str, ...]
    players: tuple[str, ...]
    silent: BoolArray
    noise_like: BoolArray
    pitch: FloatArray
    loudness: FloatArray
    spectrograms: FloatArray
    label: FloatArray
    photos: FloatArray
    coarse: FloatArray
    refined: FloatArray
    other_sound: FloatArray
    other_label: FloatArray
    stills: Mapping[str, Still]
    missing_stills: Mapping[str, str]

    @cached_property
    def has_two_stages(self) -> bool:
        """Whether coarse and refined images differ."""
        return not np.array_equal(self.coarse, self.refined)

    @property
    def classes(self) -> NDArray[np.int64]:
        """The class of each pair as an index into ``labels``, [N]."""
        return np.argmax(self.label, axis=1)


class SplitGenerator:
    """The networks of a run's newest checkpoint over the splits of a data set.

    Attributes:
        network: the image generator; it contains C if it has one.
        checkpoint: that its weights are of; a run that trains on has newer ones later.
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
        # The networks hear and show what they learned: sound scaled as in their training, and
        # players by their numbers there.
        known: dict[str, object] = {"statistics": self.info.statistics}
        if self.info.config.model.players:
            known["players"] = self.info.players
        self.dataset = dataset.model_copy(update=known)
        check_fits(self.dataset, self.info.config)
        self.network = new_network(self.info.config, len(self.info.labels))
        self.checkpoint = newest_checkpoint(run.checkpoints)
        self.step = restore_network(self.checkpoint, self.network)
        self._run, self._data = run, data
        self._batch_generator = BatchGenerator(self.network, GENERATION_BATCH)

    def generate(self, split: str, limit: int, seed: int) -> GeneratedSplit:
        """Generate images for at most ``limit`` pairs of ``split``, balanced over the classes.

        Raises:
            UserError: the data set has no pair in ``split``.
        """
        config, dataset = self.info.config, self.dataset
        chosen = stratified_sample(dataset, self._data, split, limit, seed)
        batches = evaluation_batches(
            dataset, self._data, config, split, GENERATION_BATCH, chosen=chosen
        )
        pairs = gather(batches)
        random = np.random.default_rng(seed)
        label = pairs["label"]
        other = permute_within_class(np.argmax(label, axis=1), random)
        other_label = shifted_labels(label, random)
        who = np.maximum(pairs["player_index"], 0)  # the first where it is nobody the run knows
        coarse, refined = self._batch_generator(pairs["spectrogram"], label, who)
        players = names_of(pairs["player"])
        players = players if all(players) else ()
        stills, missing_stills = self._still_photos.rows(np.argmax(label, axis=1), players)
        silent = pairs["rms_db"] < config.audio.silence_rms_db
        return GeneratedSplit(
            split=split,
            labels=dataset.labels,
            keys=names_of(pairs["id"]),
            recordings=names_of(pairs["recording"]),
            players=players,
            silent=silent,
            pitch=pairs["midi"],
            loudness=pairs["rms_db"],
            noise_like=~silent & (pairs["flatness"] > config.audio.noise_flatness),
            spectrograms=pairs["spectrogram"],
            label=label,
            photos=pairs["photo"],
            coarse=coarse,
            refined=refined,
            other_sound=self._batch_generator(pairs["spectrogram"][other], label, who)[1],
            other_label=self._batch_generator(pairs["spectrogram"], other_label, who)[1],
            stills=stills,
            missing_stills=missing_stills,
        )

    @property
    def training_data(self) -> Path:
        """Where photos to train and fit on are: the data set, or the run's own if it has none.

        Raises:
            UserError: the run's own data set is missing.
        """
        return self._data if self.dataset.records("train") else data_of(self._run)

    @cached_property
    def pose_reader(self) -> PoseReader:
        """Reads pitch and loudness; fitted on training photos."""
        training = self._training_photos
        return PoseReader(training.photos, training.classes, training.pitch, training.loudness)

    @cached_property
    def _training_photos(self) -> TrainingPhotos:
        data = self.training_data
        return read_training_photos(load_dataset(data), data, self.info.config)

    @cached_property
    def _still_photos(self) -> StillPhotos:
        return StillPhotos(self._training_photos, self.dataset.labels, self._class_means())

    def _class_means(self) -> FloatArray:
        """Kept in the run where they are of the data that it was trained on."""
        if file_hash(self._data / DATASET_FILE) == self.info.data_hash:
            return class_means(self._run, self.dataset, self._data, self.info.config)
        if not self.dataset.records("train"):
            kept = kept_class_means(self._run)
            if kept is not None:
                return kept
            own = data_of(self._run)
            return class_means(self._run, load_dataset(own), own, self.info.config)
        return class_mean_photos(
            evaluation_batches(
                self.dataset, self._data, self.info.config, "train", GENERATION_BATCH
            )
        )
