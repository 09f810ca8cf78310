import grpc
import pytest
from tensorflow_serving.apis.predict_pb2 import PredictResponse

from cargan_tf.errors import UserError
from cargan_tf.serving.address import parse_address
from cargan_tf.serving.client.grpc_transport import GrpcTransport


class _Error(grpc.RpcError):
    def __init__(self, code, details):
        self._code, self._details = code, details

    def code(self):
        return self._code

    def details(self):
        return self._details


@pytest.mark.parametrize(
    ("code", "details", "said"),
    [
        ("INVALID_ARGUMENT", "assertion failed: [no]\n [[{{node}}]]", "refused: no"),
        ("FAILED_PRECONDITION", 'Serving signature key "x" not found.', "refused: Serving sig"),
        ("NOT_FOUND", "Servable not found for request: Latest(cargan)", "no model 'cargan'"),
        ("DEADLINE_EXCEEDED", "Deadline Exceeded", "did not answer within 7 s"),
        ("RESOURCE_EXHAUSTED", "the server is busy", "is too busy"),
        ("RESOURCE_EXHAUSTED", "SERVER: Received message larger than max (9 vs. 4)", "refused: "),
        ("UNAVAILABLE", "failed to connect", "no server answers"),
        ("UNIMPLEMENTED", "Method not found!", "is no TensorFlow Serving"),
        ("UNKNOWN", None, "is no TensorFlow Serving"),
    ],
)
def test_every_status_is_one_line(monkeypatch, code, details, said):
    transport = GrpcTransport(parse_address("grpc://127.0.0.1:9"), timeout=7, retries=0)

    def fail(request, timeout):
        assert timeout == 7
        raise _Error(grpc.StatusCode[code], details)

    monkeypatch.setattr(transport._stub, "Predict", fail)
    with pytest.raises(Exception, match=said) as caught:
        transport.predict("metadata", {}, ["json"])
    assert type(caught.value).__name__ == "UserError"
    assert "\n" not in str(caught.value)
    assert "node" not in str(caught.value)
    transport.close()


def test_an_answer_without_what_was_asked_for_is_one_line(monkeypatch):
    transport = GrpcTransport(parse_address("grpc://127.0.0.1:9"), timeout=7, retries=0)
    monkeypatch.setattr(transport._stub, "Predict", lambda request, timeout: PredictResponse())
    with pytest.raises(UserError, match="is no TensorFlow Serving"):
        transport.predict("metadata", {}, ["json"])
    transport.close()
