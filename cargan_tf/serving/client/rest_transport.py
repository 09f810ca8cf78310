"""To a server by TensorFlow Serving's REST interface."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import requests
from numpy.typing import NDArray
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ReadTimeoutError
from urllib3.util import Retry

from cargan_tf.errors import UserError, plain_message
from cargan_tf.serving.address import Address
from cargan_tf.serving.client.client import (
    busy,
    no_model,
    no_server,
    not_serving,
    refused,
    too_late,
)

#: Sent again: too busy, or a proxy that did not reach its server.
_AGAIN: Final = (429, 502, 503)
_BACKOFF_SECONDS: Final = 0.2
#: Of the model's outputs; JSON only knows numbers.
_TYPES: Final = {
    "image": np.uint8,
    "coarse": np.uint8,
    "refined": np.uint8,
    "label_scores": np.float32,
    "residue": np.float32,
    "spectrogram": np.float32,
    "label_probabilities": np.float32,
    "none_probability": np.float32,
}
#: Connecting takes less time than an image.
_CONNECT_SECONDS: Final = 5.0


class RestTransport:
    """One session of HTTP; requests keeps the connection and urllib3 sends again."""

    def __init__(self, address: Address, timeout: float, retries: int) -> None:
        self._address = address
        self._timeout = (min(_CONNECT_SECONDS, timeout), timeout)
        self._url = f"{address.scheme}://{address.endpoint}/v1/models/{address.model}:predict"
        retry = Retry(
            total=retries,
            read=min(1, retries),  # a connection that was kept and has broken since
            backoff_factor=_BACKOFF_SECONDS,
            status_forcelist=_AGAIN,
            allowed_methods=None,  # POST as well: generating an image twice does no harm
            raise_on_status=False,
        )
        self._session = requests.Session()
        self._session.mount(f"{address.scheme}://", HTTPAdapter(max_retries=retry))

    def close(self) -> None:
        """Give the connection up."""
        self._session.close()

    def predict(
        self, signature: str, inputs: Mapping[str, NDArray[Any]], outputs: Sequence[str]
    ) -> dict[str, NDArray[Any]]:
        """Call a signature by columns; raises ``UserError``, see ``Client.predict``."""
        columns = {name: _to_json(value) for name, value in inputs.items()}
        body = json.dumps({"signature_name": signature, "inputs": columns})
        try:
            reply = self._session.post(
                self._url,
                data=body,
                headers={"Content-Type": "application/json"},
                timeout=self._timeout,
            )
        except requests.RequestException as error:
            raise self._no_answer(error) from error
        values = _json_of(reply)
        if reply.status_code != 200 or not isinstance(values, dict) or "outputs" not in values:
            raise self._failure(reply.status_code, values)
        found = values["outputs"]
        if not isinstance(found, dict):  # the only output goes without its name
            found = {outputs[0]: found}
        try:
            return {name: _from_json(name, found[name]) for name in outputs}
        except (LookupError, TypeError, ValueError) as error:
            raise not_serving(self._address) from error

    def _no_answer(self, error: requests.RequestException) -> UserError:
        # After the last try requests reports a time-out as urllib3's error, under another name.
        reason = getattr(next(iter(error.args), None), "reason", None)
        if isinstance(error, requests.ReadTimeout) or isinstance(reason, ReadTimeoutError):
            return too_late(self._address, self._timeout[1])
        return no_server(self._address)

    def _failure(self, status: int, values: Any) -> UserError:
        message = values.get("error") if isinstance(values, dict) else None
        if not isinstance(message, str):
            return not_serving(self._address)
        full_message = plain_message(message)
        if status == 404:
            return no_model(self._address, full_message)
        if status in _AGAIN:
            return busy(self._address)
        return refused(self._address, full_message)


def _json_of(reply: requests.Response) -> Any:
    try:
        return reply.json()
    except ValueError:
        return None


def _to_json(value: NDArray[Any]) -> Any:
    if value.dtype.kind not in "OSU":
        return value.tolist()
    return [
        {"b64": base64.b64encode(item).decode()} if isinstance(item, bytes) else str(item)
        for item in value
    ]


def _from_json(name: str, values: list[Any]) -> NDArray[Any]:
    if values and isinstance(values[0], dict):
        return np.array([base64.b64decode(item["b64"]) for item in values], object)
    if values and isinstance(values[0], str):
        return np.array(values, object)
    return np.asarray(values, _TYPES.get(name))
