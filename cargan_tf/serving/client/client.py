"""Generate with a model on a server: TensorFlow Serving, or `cargan serve`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from cargan_tf.errors import UserError
from cargan_tf.export.metadata import PARTS, ModelMetadata
from cargan_tf.inference.generator import BATCH_SIZE, Generator, Label, Source
from cargan_tf.inference.result import GenerationResult
from cargan_tf.serving.address import GRPC_PORT, REST_PORT, Address, parse_address
from cargan_tf.utils.arrays import ImageArray
from cargan_tf.utils.stderr_filter import import_tensorflow

#: Samples in one request: some 6 MB as JSON, below what servers and proxies let in.
REQUEST_SAMPLES: Final = 300_000
Tensors = dict[str, NDArray[Any]]


def no_server(address: Address) -> UserError:
    """Nobody listens, or not to this."""
    return UserError(
        f"no server answers at {address.scheme}://{address.endpoint}. Is it running ('cargan serve'"
        f" starts one), and is the port right? REST is usually on {REST_PORT}, gRPC on {GRPC_PORT}."
    )


def not_serving(address: Address) -> UserError:
    """Something else listens."""
    return UserError(
        f"what answers at {address.scheme}://{address.endpoint} is no TensorFlow Serving of this"
        " interface: check host and port, and write grpc:// before a gRPC port."
    )


def no_model(address: Address, full_message: str) -> UserError:
    """The server has another one."""
    return UserError(
        f"no model {address.model!r} at {address.endpoint} ({full_message}). Write its name"
        f" after the address: {address.scheme}://{address.endpoint}/NAME."
    )


def no_metadata(address: Address) -> UserError:
    """The model has no metadata that this version reads."""
    return UserError(
        f"the model {address.model!r} at {address.endpoint} was not exported by this version of"
        " cargan_tf: export the run again with 'cargan export', and serve that."
    )


def too_late(address: Address, seconds: float) -> UserError:
    """It takes longer than the client waits."""
    return UserError(
        f"the server at {address.endpoint} did not answer within {seconds:g} s: it is"
        " overloaded, or the model is large. Try again, with a longer time-out or fewer sounds at"
        " once."
    )


def busy(address: Address) -> UserError:
    """It turned the request away, again and again."""
    return UserError(f"the server at {address.endpoint} is too busy: try again later.")


def refused(address: Address, full_message: str) -> UserError:
    """The request is invalid for the model there, or not permitted."""
    return UserError(f"the server at {address.endpoint} refused: {full_message}")


class Transport(Protocol):
    """One of the two ways to a server."""

    def predict(
        self, signature: str, inputs: Mapping[str, NDArray[Any]], outputs: Sequence[str]
    ) -> Tensors:
        """Call a signature; ``outputs`` are the names of those wanted."""

    def close(self) -> None:
        """Give the connection up."""


class Client:
    """A ``Generator`` whose model is elsewhere.

    What a label may be called, cutting and resampling are the same; the sound is sent at the
    model's rate, so the image equals the one of the exported model run locally.
    """

    def __init__(self, address: str, timeout: float = 60.0, retries: int = 3) -> None:
        """Prepare; nothing is sent yet.

        Args:
            address: ``host:port`` for REST, ``grpc://host:port`` for gRPC, with ``/NAME`` behind it
                where the model is not called ``cargan``; ``https`` and ``grpcs`` are encrypted.
            timeout: seconds to wait for an answer; over REST, for each time it is asked for.
            retries: how often a request is sent again that a server was too busy for, or that
                reached none; the pause doubles from 0.2 s.

        Raises:
            UserError: it is no address.
        """
        self.address = parse_address(address)
        self._transport = _transport(self.address, timeout, retries)
        self._generator: Generator | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connection up."""
        self._transport.close()

    def predict(
        self, signature: str, inputs: Mapping[str, NDArray[Any]], outputs: Sequence[str]
    ) -> Tensors:
        """Call a signature of the model as it is (docs/how-to/serving.md lists them).

        Args:
            signature: such as ``serving_wav``.
            inputs: arrays by name, each [B, ...].
            outputs: names of those wanted.

        Raises:
            UserError: no server or no such model there, no answer in time, or a refusal.
        """
        return self._transport.predict(signature, inputs, outputs)

    @property
    def generator(self) -> Generator:
        """A generator that runs on the server; the model's metadata is requested once."""
        if self._generator is None:
            metadata = self._metadata()
            self._generator = Generator(
                _Remote(self._transport, metadata),
                metadata,
                backend="server",
                origin=str(self.address),
            )
        return self._generator

    def _metadata(self) -> ModelMetadata:
        try:
            values = self._metadata_parts(*PARTS)
            if values["config"]["model"].get("players"):
                values |= self._metadata_parts("players")
            return ModelMetadata.from_json(values, f"the model at {self.address}")
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise no_metadata(self.address) from error

    def _metadata_parts(self, *parts: str) -> dict[str, Any]:
        try:
            answers = self.predict("metadata", {"part": np.array(parts, object)}, ["json"])["json"]
        except UserError as error:
            # Only a refusal names a signature; both servers do if the model lacks this one.
            if "signature" in str(error):
                raise no_metadata(self.address) from error
            raise
        return {part: json.loads(text) for part, text in zip(parts, answers, strict=True)}

    @property
    def labels(self) -> tuple[str, ...]:
        """The instruments it knows."""
        return self.generator.labels

    @property
    def sample_rate(self) -> int:
        """Hz of the sound it was trained on; other rates are converted before they are sent."""
        return self.generator.sample_rate

    @property
    def clip_seconds(self) -> float:
        """Seconds of sound it listens to."""
        return self.generator.clip_seconds

    def generate(
        self, waveform: NDArray[Any], rate: int, label: Label = None, start: float | None = None
    ) -> ImageArray:
        """``Generator.generate`` on the server; raises ``UserError`` as ``predict``."""
        return self.generator.generate(waveform, rate, label, start)

    def generate_files(
        self, sources: Sequence[Source], labels: Sequence[Label], start: float | None = None
    ) -> Iterator[tuple[Source, GenerationResult | UserError]]:
        """``Generator.generate_files`` on the server; raises ``UserError`` as ``predict``."""
        return self.generator.generate_files(sources, labels, start)


class _Remote:
    """Stands in for a loaded model; splits its batches into requests of limited size."""

    def __init__(self, transport: Transport, metadata: ModelMetadata) -> None:
        self._transport = transport
        residue = ["residue"] if metadata.config.model.kind == "cargan" else []
        self._generated = ["image", "coarse", "spectrogram", *residue]

    def generate_soft_labels(
        self,
        waveform: NDArray[np.float32],
        label_weights: NDArray[np.float32],
        player: NDArray[np.int64] | None = None,
    ) -> Tensors:
        """[B, samples], [B, K] and [B] to what ``ServingModule.generate_soft_labels`` returns."""
        inputs: dict[str, NDArray[Any]] = {"waveform": waveform, "label_weights": label_weights}
        if player is not None:
            inputs["player"] = player
        return self._predict("soft_labels", inputs, self._generated)

    def recognize(self, waveform: NDArray[np.float32]) -> Tensors:
        """[B, samples] to ``label_probabilities`` [B, K] and ``none_probability`` [B]."""
        outputs = ["label_probabilities", "none_probability"]
        return self._predict("recognize", {"waveform": waveform}, outputs)

    def _predict(self, signature: str, inputs: Tensors, outputs: Sequence[str]) -> Tensors:
        count, samples = inputs["waveform"].shape
        rows = max(1, min(BATCH_SIZE, REQUEST_SAMPLES // samples))
        answers = [
            self._transport.predict(
                signature,
                {name: value[at : at + rows] for name, value in inputs.items()},
                outputs,
            )
            for at in range(0, count, rows)
        ]
        return {name: np.concatenate([answer[name] for answer in answers]) for name in outputs}


def _transport(address: Address, timeout: float, retries: int) -> Transport:
    if address.speaks_grpc:
        import_tensorflow()  # the stubs are of its messages
        from cargan_tf.serving.client.grpc_transport import GrpcTransport

        return GrpcTransport(address, timeout, retries)
    from cargan_tf.serving.client.rest_transport import RestTransport

    return RestTransport(address, timeout, retries)
