"""Parts that both tabs of the page use: the session (generator and recordings), and components."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gradio as gr
import numpy as np
from gradio.processing_utils import save_bytes_to_cache
from numpy.typing import NDArray

from cargan_tf.audio.clips import louder
from cargan_tf.audio.decode import decode_file
from cargan_tf.audio.mixdown import DecodedSound
from cargan_tf.demo.visitors import without_folders
from cargan_tf.errors import UserError
from cargan_tf.inference.generator import Generator
from cargan_tf.inference.image_io import encode_image
from cargan_tf.inference.interpolation import generate_mixes
from cargan_tf.inference.result import GenerationResult
from cargan_tf.inference.video import VideoResult, generate_video
from cargan_tf.synthetic.recording import record
from cargan_tf.synthetic.synthesizer import SAMPLE_RATE
from cargan_tf.synthetic.timbre import INSTRUMENTS
from cargan_tf.utils.arrays import ImageArray
from cargan_tf.utils.progress import Reporter, Task

#: Seconds of recordings held decoded, so that a moved slider does not read its file again.
HELD_SECONDS = 600
#: Of a sound that becomes a video on the page: longer ones keep others waiting.
MAX_VIDEO_SECONDS = 120
#: The synthesized samples: a recording that no data set made with defaults holds, by the players of
#: seed 0, whom the quickstart's model knows.
SAMPLE_RECORDING, SAMPLE_NOTES, SAMPLE_SEED = 100, 6, 0


GUESS = "recognize it"
#: Of events that generate: meanwhile the newest request waits and others are dropped.
LIVE: dict[str, Any] = {
    "trigger_mode": "always_last",
    "show_progress": "minimal",
    "api_visibility": "private",
}


@dataclass(frozen=True)
class Extent:
    """How far the slider for the start goes, and where it stands at first; seconds."""

    last: float
    loudest: float


@dataclass(frozen=True)
class Video:
    """A video of a sound.

    Attributes:
        content: of the mp4.
        result: what it was made from.
    """

    content: bytes
    result: VideoResult


class PageReporter:
    """Shows the progress of a task on the page."""

    def __init__(self, progress: gr.Progress) -> None:
        """``progress`` is the event's own."""
        self._progress = progress

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Task]:
        """A bar of ``total`` units."""
        yield _PageTask(self._progress, description, total)

    def message(self, text: str) -> None:
        """A note on the page."""
        gr.Info(text)


class _PageTask:
    def __init__(self, progress: gr.Progress, description: str, total: int) -> None:
        self._progress, self._description, self._total = progress, description, total
        self._done = 0

    def advance(self, count: int = 1, note: str = "") -> None:
        self._done += count
        self._progress((self._done, self._total), desc=note or self._description)


class HeldSounds:
    """The sounds in use most recently, decoded.

    The newest is held whatever its length, as one event asks for it several times; others only as
    long as all are of ``samples`` at most and their files are there.
    """

    def __init__(self, decode: Callable[[str], DecodedSound], samples: int) -> None:
        self._decode, self._samples = decode, samples
        self._sounds: OrderedDict[str, DecodedSound] = OrderedDict()
        self._lock = threading.Lock()  # events of several kinds run at once

    def __call__(self, file: str) -> DecodedSound:
        """The sound of a file; raises what ``decode`` raises."""
        with self._lock:
            sound = self._sounds.get(file)
        if sound is None:
            sound = self._decode(file)
        with self._lock:
            self._sounds[file] = sound
            self._sounds.move_to_end(file)
            for other in [held for held in self._sounds if not Path(held).exists()]:
                del self._sounds[other]
            while self.samples > self._samples and len(self._sounds) > 1:
                self._sounds.popitem(last=False)
        return sound

    @property
    def samples(self) -> int:
        """Of all sounds held."""
        return sum(len(sound.samples) for sound in self._sounds.values())


class DemoSession:
    """A generator and the most recent recordings; it does not depend on the page."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self._read = HeldSounds(
            lambda file: decode_file(file, generator.sample_rate),
            HELD_SECONDS * generator.sample_rate,
        )

    @property
    def samples(self) -> list[str]:
        """Labels of which there is a sample to listen to."""
        return [label for label in self.generator.labels if label in INSTRUMENTS]

    def sample(self, label: str) -> tuple[int, NDArray[np.int16]]:
        """Rate and [samples] of an instrument, synthesized."""
        sound = record(label, SAMPLE_RECORDING, SAMPLE_NOTES, SAMPLE_SEED)
        return SAMPLE_RATE, np.round(sound * 32767).astype(np.int16)

    def waveform(self, file: str) -> NDArray[np.float32]:
        """[samples] of a sound file at the generator's rate; errors as of ``sound``."""
        return self.sound(file).samples

    def sound(self, file: str) -> DecodedSound:
        """A sound file decoded at the generator's rate.

        Raises:
            UserError: it cannot be read; the message names no path of this machine.
        """
        try:
            return self._read(file)
        except UserError as error:
            raise UserError(str(error).replace(file, Path(file).name)) from error

    def extent(self, file: str) -> Extent:
        """Where clips of a sound file may begin."""
        waveform, rate = self.waveform(file), self.generator.sample_rate
        loudest = self.generator.cut(self.sound(file)).start
        return Extent(self._last(waveform), loudest / rate)

    def generate(
        self, file: str, label: str | None, start: float, decibels: float
    ) -> GenerationResult:
        """Generate from a clip of a sound file; ``start`` is limited to the last clip."""
        waveform = self.waveform(file)
        start = min(start, self._last(waveform))
        clip = louder(self.generator.cut(self.sound(file), start), decibels)
        recognition = None if label else self.generator.recognize_recording(waveform)
        return self.generator.generate_clips([clip], [label], recognition)[0]

    def video(self, file: str, label: str | None, reporter: Reporter) -> Video:
        """An mp4 of a whole sound file.

        Raises:
            UserError: it cannot be read, or is longer than ``MAX_VIDEO_SECONDS``.
        """
        seconds = len(self.waveform(file)) / self.generator.sample_rate
        if seconds > MAX_VIDEO_SECONDS:
            raise UserError(
                f"the sound lasts {seconds:.0f} s; a video is made here of {MAX_VIDEO_SECONDS} s at"
                " most: cut the sound, or use cargan generate --video."
            )
        with TemporaryDirectory() as folder:
            made = Path(folder) / "video.mp4"
            result = generate_video(self.generator, Path(file), made, label, reporter=reporter)
            return Video(made.read_bytes(), result)

    def interpolate(
        self, files: tuple[str, str], labels: tuple[str | None, str | None], alphas: list[float]
    ) -> list[GenerationResult]:
        """Mix the loudest half seconds of two sound files, with each weight in ``alphas``."""
        first, second = (self.generator.cut(self.sound(file)) for file in files)
        return generate_mixes(self.generator, (first, second), labels, alphas)

    def _last(self, waveform: NDArray[np.float32]) -> float:
        """Seconds at which the last clip of a waveform begins."""
        samples = max(0, len(waveform) - self.generator.clip_samples)
        return samples / self.generator.sample_rate


def sound_controls(
    page: gr.Blocks, session: DemoSession, title: str, sample: str | None, key: str
) -> tuple[gr.Audio, gr.Dropdown]:
    """A sound to record, upload or pick, and its instrument.

    Args:
        page: loads ``sample`` when it is opened.
        session: knows samples and labels.
        title: of the sound.
        sample: the label of the sample that is there at first, if any.
        key: begins the names by which elements are found.
    """
    sound = gr.Audio(
        label=title,
        type="filepath",
        sources=["upload", "microphone"],
        editable=False,
        buttons=[],
        elem_id=f"{key}-sound",
    )
    with gr.Row():
        samples = gr.Dropdown(
            [(_words(label), label) for label in session.samples],
            value=sample,
            label="Or a sample",
            elem_id=f"{key}-sample",
            min_width=140,
            visible=bool(session.samples),
        )
        guess = [(GUESS, "")] if session.generator.recognizes else []
        names = [(_words(label), label) for label in session.generator.labels]
        label = gr.Dropdown(
            guess + names,
            value=(guess + names)[0][1],
            label="Instrument",
            elem_id=f"{key}-label",
            min_width=140,
        )
    picked: dict[str, Any] = {"fn": session.sample, "inputs": samples, "outputs": sound}
    with gr.Row():
        # A sample fills the place where one records or drops a file.
        upload = gr.UploadButton(
            "Upload a sound",
            file_types=["audio", "video"],
            size="md",
            min_width=140,
            elem_id=f"{key}-upload",
        )
        record = gr.Button("Record a sound", size="md", min_width=140, elem_id=f"{key}-record")
    upload.upload(
        lambda file: (file, None),
        upload,
        [sound, samples],
        show_progress="hidden",
        api_visibility="private",
    )
    record.click(
        lambda: (gr.Audio(value=None, sources=["microphone", "upload"]), None),
        outputs=[sound, samples],
        show_progress="hidden",
        api_visibility="private",
        queue=False,
    )
    samples.input(**picked, show_progress="hidden", api_visibility="private")
    # The visitor's own sound, or none: no sample is playing, and each can be picked again.
    sound.input(
        lambda: None, outputs=samples, show_progress="hidden", api_visibility="private", queue=False
    )
    if sample is not None:
        page.load(**picked, show_progress="hidden", api_visibility="private")
    return sound, label


def image(title: str, key: str) -> gr.Image:
    """Where an image is shown."""
    return gr.Image(
        label=title,
        show_label=False,
        format="png",
        interactive=False,
        buttons=[],
        elem_id=key,
        elem_classes="image",
    )


def shown(image: ImageArray | None, description: str = "") -> Any:
    """An image component; ``description`` is its alternative text."""
    return gr.Image(value=image, alt_text=description)


def step(title: str, key: str) -> gr.HTML:
    """A component that shows or explains a step from sound to image."""
    return gr.HTML(heading(title), elem_classes="step", elem_id=key)


def download_button(key: str) -> gr.DownloadButton:
    """A button that has nothing to give yet."""
    return gr.DownloadButton("Download PNG", interactive=False, size="md", elem_id=key)


def download(button: gr.DownloadButton, generated: GenerationResult) -> Any:
    """The button with the image as a file; it is deleted with the visitor's other files."""
    name = f"{'-'.join(generated.label_weights)}.png"
    file = save_bytes_to_cache(encode_image(generated.image), name, button.GRADIO_CACHE)
    return gr.DownloadButton(value=file, interactive=True)


def shown_video(component: gr.Video, video: Video) -> Any:
    """The component with the video; its file is deleted with the visitor's other files."""
    name = f"{'-'.join(video.result.label_weights)}.mp4"
    return gr.Video(
        value=save_bytes_to_cache(video.content, name, component.GRADIO_CACHE), visible=True
    )


def caption(generated: GenerationResult | VideoResult) -> str:
    """The caption of a result, as Markdown."""
    names = " and ".join(f"**{_words(label)}**" for label in generated.label_weights)
    if len(generated.label_weights) > 1:
        names += ", " + " to ".join(
            f"{fraction:.0%}" for fraction in generated.label_weights.values()
        )
    if generated.recognition is not None:
        names += f", recognized: {generated.recognition.describe()}"
    return "\n".join([f"{names}.", *(f"- {warning}" for warning in generated.warnings())])


def heading(title: str) -> str:
    """The content of a step before there is a result."""
    return f"<h3>{title}</h3>"


def diagram(title: str, svg: str, meaning: str) -> str:
    """The content of a step: its title, its diagram, and what it shows."""
    return f"{heading(title)}{svg}<p>{meaning}</p>"


def chosen(label: str) -> str | None:
    """The label of a list's entry; ``None`` if it is to be guessed."""
    return label or None


def show_errors(answer: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``answer`` to show a ``UserError`` on the page, without folders of this machine."""

    @wraps(answer)
    def answer_or_error(*inputs: Any) -> Any:
        try:
            return answer(*inputs)
        except UserError as error:
            said = without_folders(str(error))
            raise gr.Error(said, title="Not generated", print_exception=False) from error

    return answer_or_error


def _words(label: str) -> str:
    return label.replace("_", " ")
