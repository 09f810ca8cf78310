import pytest

from cargan_tf.errors import plain_message

GRAPH = """Graph execution error:

Detected at node Assert/Assert defined at (most recent call last):
<stack traces unavailable>
assertion failed: [unknown label: [x]. Known labels: cello.]
\t [[{{node Assert/Assert}}]] [Op:__inference_signature_wrapper__serve_3999]"""

DECODING = (
    "{{function_node __wrapped__DecodeWav_device_/job:localhost/replica:0/task:0/device:CPU:0}}"
    " Can only read 16-bit WAV files, but received 24 [Op:DecodeWav]"
)

TWO_ERRORS = """Graph execution error:

Detected at node map/while/DecodeWav defined at (most recent call last):
  File "/home/somebody/model.py", line 3, in draw

2 root error(s) found.
  (0) INVALID_ARGUMENT:  Header mismatch: Expected RIFF but found PK
\t [[{{node map/while/DecodeWav}}]]
  (1) CANCELLED:  Function was canceled
0 successful operations."""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (GRAPH, "unknown label: [x]. Known labels: cello."),
        ('assertion failed: [it\\\'s \\"odd\\"]', 'it\'s "odd"'),
        (DECODING, "Can only read 16-bit WAV files, but received 24"),
        ("no model here", "no model here"),
        ("", ""),
    ],
)
def test_the_reason_alone_is_left(text, line):
    assert plain_message(text) == line


def test_no_path_of_the_machine_is_left():
    line = plain_message(TWO_ERRORS)
    assert "Expected RIFF but found PK" in line
    assert "/" not in line
    assert "\n" not in line
