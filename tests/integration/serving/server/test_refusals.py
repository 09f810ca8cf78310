import pytest
import tensorflow as tf
from grpc import StatusCode

from cargan_tf.serving.server.refusals import HTTP_STATUS, Refusal, refusal_of, too_large

INSIDE = "/home/somebody/lib/kernel.cc: 12 [[{{node a/b}}]]"


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (tf.errors.InvalidArgumentError, "INVALID_ARGUMENT", "too short"),
        (tf.errors.ResourceExhaustedError, "RESOURCE_EXHAUSTED", "not enough memory"),
        (tf.errors.InternalError, "INTERNAL", "the model failed"),
        (tf.errors.UnknownError, "INTERNAL", "the model failed"),
    ],
)
def test_the_graphs_errors_become_refusals_without_its_insides(error, code, said):
    refusal = refusal_of(error(None, None, f"too short {INSIDE}"))
    assert refusal.code.name == code
    assert said in str(refusal)
    assert "somebody" not in str(refusal)
    assert "node" not in str(refusal)
    assert refusal.http_status == HTTP_STATUS[refusal.code]


def test_what_a_client_sent_does_not_come_back_at_length():
    assert len(str(Refusal(StatusCode.NOT_FOUND, "x" * 10**6))) == 1_000


def test_http_says_of_what_is_too_large_more_than_grpc():
    refusal = too_large(1000)
    assert (refusal.code, refusal.http_status) == (StatusCode.RESOURCE_EXHAUSTED, 413)
