"""Finding exported models and their versions. Without TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from cargan_tf.config import Config
from cargan_tf.errors import UserError, did_you_mean
from cargan_tf.export.metadata import read_metadata
from cargan_tf.training.run import Run
from cargan_tf.utils.arrays import height_width

if TYPE_CHECKING:
    from cargan_tf.data.preprocessing.plan import Normalization

#: Folder of exported models, below the working directory.
FOLDER = Path("saved_models")
_SHIPPED = "cargan_tf.saved_models"


@dataclass(frozen=True)
class ExportedModel:
    """A model that is found by its name.

    Attributes:
        name: of its folder.
        version: folder of its newest version.
        shipped: whether it came with the package.
        size: height and width of its images in pixels; 0 where its metadata cannot be read.
    """

    name: str
    version: Path
    shipped: bool
    size: tuple[int, int] = (0, 0)

    def describe(self) -> str:
        """Such as ``players-128 version 1 (128×128, shipped)``."""
        facts = ["{}×{}".format(*self.size)] if all(self.size) else []
        facts += ["shipped"] if self.shipped else []
        return f"{self.name} version {self.version.name}" + (
            f" ({', '.join(facts)})" if facts else ""
        )


def shipped_folder() -> Path:
    """Where the models lie that came with the package; in a checkout it is ``saved_models``."""
    return Path(str(resources.files(_SHIPPED)))


def exported_models(folder: Path = FOLDER) -> list[ExportedModel]:
    """Each model below ``folder`` and each shipped one, the best first.

    That is the one with the largest images; of equals one's own before a shipped one, and the one
    exported last. A local model hides a shipped one of the same name.
    """
    own = _models_in(folder, shipped=False)
    names = {model.name for model in own}
    shipped = _models_in(shipped_folder(), shipped=True)
    found = own + [model for model in shipped if model.name not in names]
    return sorted(found, key=lambda model: -math.prod(model.size))


def default_model(folder: Path = FOLDER) -> ExportedModel:
    """The best model, the first of ``exported_models``.

    Raises:
        UserError: there is none.
    """
    found = exported_models(folder)
    if not found:
        raise UserError(
            f"no trained model in {folder.resolve()}. Make one with 'cargan quickstart', or name"
            " one with --model (an exported model or a run)."
        )
    return found[0]


def existing_model(named: Path, folder: Path = FOLDER) -> Path:
    """Where the model is that is named by its path, or by its name below ``folder`` or among the
    shipped ones (``players-128``, ``players-128/2``); a run is named by its path.

    Raises:
        UserError: there is none.
    """
    if newest_version(named) is not None or Run(named).exists():
        return named
    found = _by_name(named, folder)
    if found is None:
        raise UserError(
            f"no model at {named}: expected an exported model (a folder with numbered versions), a"
            f" run made by 'cargan train', or a model's name.{_hint(named, folder)}"
        )
    return found


def exported_version(named: Path, folder: Path = FOLDER) -> Path:
    """As ``existing_model``, but an exported one: the folder of its highest version.

    Raises:
        UserError: there is none.
    """
    version = newest_version(named) or newest_version(_by_name(named, folder) or named)
    if version is None:
        raise UserError(
            f"no exported model at {named}: name a folder with numbered versions, as"
            f" 'cargan export' writes it, or a model's name.{_hint(named, folder)}"
        )
    return version


def normalization_of(named: Path, folder: Path = FOLDER) -> tuple[Config, Normalization]:
    """What data must share with a run or model, named as for ``existing_model``, to measure it:
    configuration, labels and band statistics.

    Raises:
        UserError: there is none.
    """
    # Imported late: generating must not load preprocessing.
    from cargan_tf.data.preprocessing.plan import Normalization

    path = existing_model(named, folder)
    version = newest_version(path)
    known = Run(path).read_info() if version is None else read_metadata(version)
    return known.config, Normalization(str(named), known.labels, known.statistics)


def check_same_labels(folder: Path, labels: Sequence[str]) -> None:
    """Check that the newest version in ``folder``, if there is one, knows these labels.

    A server that watches the folder would swap one model for the other.

    Raises:
        UserError: it knows others.
    """
    versions = versions_in(folder)
    if not versions:
        return
    try:
        before = read_metadata(folder / str(versions[-1])).labels
    except UserError:  # not one that this version can compare with, or serve
        return
    if before != tuple(labels):
        raise UserError(
            f"{folder} holds version {versions[-1]} of a model with the labels"
            f" {', '.join(before)}; this one has {', '.join(labels)}, and a server would swap one"
            " for the other: export it to another folder, or add --other-labels."
        )


def export_folder(name: str, labels: Sequence[str], folder: Path = FOLDER) -> Path:
    """Where to export a model of that name: ``name``, ``name-2``, ... below ``folder``, the first
    that is free or holds a model with these labels."""
    path = folder / name
    for number in count(2):
        try:
            check_same_labels(path, labels)
            break
        except UserError:
            path = folder / f"{name}-{number}"
    return path


def versions_in(folder: Path) -> list[int]:
    """The versions of an exported model, ascending."""
    if not folder.is_dir():
        return []
    return sorted(
        int(entry.name)
        for entry in folder.iterdir()
        if _is_number(entry.name) and (entry / "saved_model.pb").is_file()
    )


def _is_number(name: str) -> bool:
    """Whether it is a whole number as this project writes it: ``007`` would be another folder's."""
    return name.isdecimal() and str(int(name)) == name


def newest_version(folder: Path) -> Path | None:
    """``folder`` if it is an exported version, else the highest version in it, if there is one."""
    versions = versions_in(folder)
    if versions:
        folder = folder / str(versions[-1])
    return folder if (folder / "saved_model.pb").is_file() else None


def _models_in(folder: Path, shipped: bool) -> list[ExportedModel]:
    entries = [entry for entry in folder.iterdir() if versions_in(entry)] if folder.is_dir() else []
    newest = [entry / str(versions_in(entry)[-1]) for entry in entries]
    found = [
        ExportedModel(version.parent.name, version, shipped, _image_size(version))
        for version in newest
    ]
    return sorted(found, key=lambda model: (-_exported_at(model.version), model.name))


def name_and_version(folder: Path) -> str:
    """``players-128/1`` for an exported model; the path of a run."""
    version = newest_version(folder)
    if version is None:
        return str(folder)
    version = version.absolute()
    return f"{version.parent.name}/{version.name}"


def _image_size(version: Path) -> tuple[int, int]:
    try:
        return height_width(read_metadata(version).config.data.image_size)
    except UserError:
        return 0, 0


def _exported_at(version: Path) -> float:
    return (version / "saved_model.pb").stat().st_mtime


def _by_name(named: Path, folder: Path) -> Path | None:
    if named.is_absolute() or ".." in named.parts:
        return None
    folders = (folder / named, shipped_folder() / named)
    return next((path for path in folders if newest_version(path) is not None), None)


def _hint(named: Path, folder: Path) -> str:
    known = [model.name for model in exported_models(folder)]
    there = f" 'cargan models' lists what is there: {', '.join(known)}." if known else ""
    return did_you_mean(named.name, known) + there
