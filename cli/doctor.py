"""`cargan doctor`: check versions, devices, packages, models and one test image."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final, Literal, TypeAlias

import click
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from cargan_tf.errors import first_line, install_hint

PACKAGE: Final = "cargan-tf"
#: What the extras are for; those of developers are not looked at.
EXTRAS: Final = {
    "gpu": "NVIDIA GPUs",
    "soundfont": "sample data played by a SoundFont",
    "video": "videos, in and out; it brings its own FFmpeg",
    "page": "cargan demo",
    "serve": "cargan serve",
    "beam": "cargan preprocess --runner",
}
#: So many packages that an extra lacks are named.
NAMED: Final = 3
#: Free space below which training is warned of: a few checkpoints of the paper's size are 2 GB.
ENOUGH_DISK: Final = 2 * 1024**3
#: The sound of the self-test is the beginning of this recording of the sample data.
NOTES, RECORDING, SEED = 2, 0, 0

#: ``missing`` is optional, ``failed`` is required.
State: TypeAlias = Literal["ok", "missing", "failed"]


#: How a state is written for people.
STATES = {"ok": "OK", "missing": "missing", "failed": "FAILED"}


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes:
        subject: what it is.
        state: ``ok``, ``missing`` (it can be done without) or ``failed``.
        detail: what was found.
        remedy: what to do about it; empty where nothing need be done.
    """

    subject: str
    state: State
    detail: str
    remedy: str = ""


def examine_installation() -> Iterator[Finding]:
    """Versions and what is installed, against what the package asks for; loads none of it."""
    known = metadata.metadata(PACKAGE)
    python = platform.python_version()
    fits = SpecifierSet(known["Requires-Python"]).contains(python)
    remedy = "" if fits else f"install Python {known['Requires-Python']}"
    where = f"{python}, {platform.platform()}"
    yield Finding("python", "ok" if fits else "failed", where, remedy)
    yield Finding("cargan", "ok", f"{known['Version']}, {Path(__file__).parent}")
    for requirement in _requirements(PACKAGE, extra=""):
        yield _package(requirement)
    for extra, purpose in EXTRAS.items():
        yield _extra(extra, purpose)


def examine_machine() -> Iterator[Finding]:
    """Devices, disk, models, and an image of a synthesized sound; loads TensorFlow."""
    parts = (
        ("tensorflow", _devices),
        ("disk", _disk),
        ("models", _models),
        ("generating", _generating),
    )
    for subject, part in parts:
        yield from _reported(subject, part)


def _reported(subject: str, part: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from part()
    except Exception as error:  # whatever is broken, the rest is still looked at
        remedy = "pip install --force-reinstall . in the checkout of cargan_tf"
        yield Finding(subject, "failed", f"{type(error).__name__}: {first_line(error)}", remedy)


def _requirements(package: str, extra: str) -> Iterator[Requirement]:
    """What ``package`` needs here; with ``extra``, what that adds."""
    for text in metadata.requires(package) or []:
        requirement = Requirement(text)
        marker = requirement.marker
        always = marker is None or marker.evaluate({"extra": ""})
        chosen = marker is None or marker.evaluate({"extra": extra})
        if chosen and not (extra and always):
            yield requirement


def _package(requirement: Requirement) -> Finding:
    asked = f"{requirement.name}{requirement.specifier}"
    try:
        found = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return Finding(requirement.name, "failed", "not installed", f"pip install '{asked}'")
    if not requirement.specifier.contains(found, prereleases=True):
        detail = f"{found}, but {requirement.specifier} is needed"
        return Finding(requirement.name, "failed", detail, f"pip install '{asked}'")
    return Finding(requirement.name, "ok", found)


def _extra(extra: str, purpose: str) -> Finding:
    lacking = [
        finding.subject
        for requirement in _with_nested(PACKAGE, extra)
        if (finding := _package(requirement)).state != "ok"
    ]
    if not lacking:
        return Finding(f"extra {extra}", "ok", f"for {purpose}")
    more = f" and {len(lacking) - NAMED} more" if len(lacking) > NAMED else ""
    detail = f"for {purpose}; lacks {', '.join(lacking[:NAMED])}{more}"
    return Finding(f"extra {extra}", "missing", detail, install_hint(extra))


def _with_nested(package: str, extra: str) -> Iterator[Requirement]:
    """Also what the extras of those packages add, such as ``tensorflow[and-cuda]``."""
    for requirement in _requirements(package, extra):
        yield requirement
        for nested in requirement.extras:
            yield from _requirements(requirement.name, nested)


def _devices() -> Iterator[Finding]:
    import tensorflow as tf

    onednn = os.environ.get("TF_ENABLE_ONEDNN_OPTS", "not set, TensorFlow's default")
    cores = f"{os.cpu_count()} cores, {platform.machine()}"
    yield Finding("cpu", "ok", f"{cores}; TF_ENABLE_ONEDNN_OPTS (oneDNN): {onednn}")
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
        names = [str(detail.get("device_name", "GPU")) for detail in details]
        yield Finding("gpu", "ok", f"{len(gpus)}: {', '.join(names)}")
    elif shutil.which("nvidia-smi"):
        remedy = f"{install_hint('gpu')}, and see that nvidia-smi lists the GPU"
        yield Finding("gpu", "missing", "NVIDIA's driver is here; TensorFlow sees no GPU", remedy)
    else:
        yield Finding("gpu", "ok", "none; generating and the quickstart do not need one")


def _disk() -> Iterator[Finding]:
    free = shutil.disk_usage(Path.cwd()).free
    detail = f"{free / 1024**3:.1f} GB free in {Path.cwd()}"
    if free >= ENOUGH_DISK:
        yield Finding("disk", "ok", detail)
    else:
        remedy = f"free {ENOUGH_DISK / 1024**3:.0f} GB before training"
        yield Finding("disk", "missing", detail, remedy)


def _models() -> Iterator[Finding]:
    from cargan_tf.export.model_registry import exported_models

    found = exported_models()
    if not found:
        yield Finding("models", "missing", "none", "make one: cargan quickstart")
    for model in found:
        yield Finding(f"model {model.name}", "ok", str(model.version))


def _generating() -> Iterator[Finding]:
    from cargan_tf.export.model_registry import exported_models
    from cargan_tf.inference.generator import Generator
    from cargan_tf.synthetic.recording import record
    from cargan_tf.synthetic.synthesizer import SAMPLE_RATE
    from cargan_tf.synthetic.timbre import INSTRUMENTS

    for model in exported_models()[:1]:  # the one that draws by default
        generator = Generator.load(model.version)
        sound = record(next(iter(INSTRUMENTS)), RECORDING, NOTES, SEED)
        image = generator.generate(sound, SAMPLE_RATE, generator.labels[0])
        width, height = image.shape[1], image.shape[0]
        detail = f"{model.name} generated an image at {width}×{height} by {generator.backend}"
        if image.min() == image.max():
            remedy = f"export {model.name} again, or name another model"
            yield Finding("generating", "failed", f"{detail}, all of one color", remedy)
        else:
            yield Finding("generating", "ok", detail)


@click.command("doctor", short_help="Check the installation.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for programs.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Check versions, devices, disk and models, and generate an image of a synthesized sound.

    A line says OK, missing (it can be done without) or FAILED, and what to do. The status is 1 if
    something failed.
    """
    from cargan_cli.tensorflow_import import import_tensorflow

    installed = _report(examine_installation(), as_json)
    with contextlib.suppress(Exception):  # the examination says what is wrong with it
        import_tensorflow()
    works = _report(examine_machine(), as_json)
    if not (installed and works):
        context.exit(1)


def _report(findings: Iterator[Finding], as_json: bool) -> bool:
    """Print each as it is found; whether none failed."""
    fine = True
    for finding in findings:
        fine &= finding.state != "failed"
        if as_json:
            click.echo(json.dumps(dataclasses.asdict(finding), ensure_ascii=False))
            continue
        remedy = f"\n{'':9}{finding.remedy}" if finding.remedy else ""
        click.echo(f"{STATES[finding.state]:8} {finding.subject}: {finding.detail}{remedy}")
    return fine
