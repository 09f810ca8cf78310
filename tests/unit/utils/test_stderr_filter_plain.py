import io
import json

import pytest

from cargan_tf.utils.stderr_filter import KNOWN_LINES, as_event, useful


def kept(text):
    return b"".join(useful(io.BytesIO(text)))


@pytest.mark.parametrize("known", KNOWN_LINES)
def test_known_lines_are_dropped_and_others_stay(known):
    assert kept(b"before\nW0000 a.cc:1] " + known + b" and more\nafter\nlast") == (
        b"before\nafter\nlast"
    )


def test_with_a_message_goes_what_continues_it():
    known, other = KNOWN_LINES[-1], b"E0000 a.cc:1] it failed\n"
    nodes = b"\t [[{{node IteratorGetNext}}]]\n"
    assert kept(known + b"\n" + nodes + nodes + other + nodes) == other + nodes


def test_grpc_s_words_about_a_lost_peer_go_with_the_message():
    """As TensorFlow 2.21 words them."""
    lost = (
        b"E0000 00:00:1.5   23 base_collective_executor.cc:252] BaseCollectiveExecutor::StartAbort"
        b" UNAVAILABLE: recvmsg:Connection reset by peer\n"
        b"Additional GRPC error information from remote target /job:worker/replica:0/task:1 while"
        b" calling /tensorflow.WorkerService/RecvBuf:\n"
        b':UNKNOWN:Error received from peer  {grpc_message:"recvmsg:Connection reset by peer"}\n'
        b"The error could be from a previous operation. Restart your program to reset.\n"
    )
    assert kept(b"before\n" + lost + b"after\n") == b"before\nafter\n"


def test_a_brace_makes_no_event():
    for line in (b"{{function_node __inference}} it failed\n", b"{'a': 1}\n", b"{\xff\n", b"{1}\n"):
        assert json.loads(as_event(line))["event"] == "log"


def test_an_event_that_quotes_a_known_line_is_no_such_line():
    event = json.dumps({"event": "error", "message": KNOWN_LINES[-1].decode()}).encode() + b"\n"
    assert kept(event) == event
    assert as_event(event) == event


def test_an_empty_line_is_no_event():
    assert as_event(b" \n") == b""


def test_bytes_that_are_no_text_make_an_event_too():
    assert "\ufffd" in json.loads(as_event(b"\xff\xfe\n"))["message"]
