"""Files of a few bytes that claim to hold millions of parts."""

from __future__ import annotations

import struct

import av
import numpy as np
import pytest
from helpers.odd_sounds import mux_all, write_channels

from cargan_tf.audio.container_claims import check_claims
from cargan_tf.audio.decode import read_audio
from cargan_tf.data.video_reading import read_facts
from cargan_tf.errors import UserError


def write_mp4(path, codec="aac", options=None):
    with av.open(str(path), "w", format="mov", options=options or {}) as container:
        stream = container.add_stream(codec, rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 48_000), np.int16), "s16", "mono")
        frame.sample_rate, frame.pts = 48_000, 0
        mux_all(container, stream, frame)
    return path


def change(path, box, offset, *numbers):
    """Write ``numbers`` so many bytes after the version of the first such box."""
    content = bytearray(path.read_bytes())
    begin = content.index(box) + 4 + offset
    content[begin : begin + 4 * len(numbers)] = struct.pack(f">{len(numbers)}I", *numbers)
    path.write_bytes(content)


def refused(path):
    assert path.stat().st_size < 200_000
    for read in (lambda: read_audio(path, 48_000), lambda: read_facts(path)):
        with pytest.raises(UserError, match=r"a\.\w+ is damaged: its header claims [\d,]+ parts"):
            read()


def test_an_mp4_that_claims_millions_of_parts_is_refused(tmp_path):
    path = write_mp4(tmp_path / "a.mp4")
    check_claims(str(path).encode(), "mov", "a.mp4")
    change(path, b"stsz", 4, 1, 1 << 25)
    refused(path)


def test_chunks_of_plain_samples_that_are_not_there_are_refused(tmp_path):
    path = write_mp4(tmp_path / "a.mov", "pcm_s16le")
    assert len(read_audio(path, 48_000)) == 48_000
    change(path, b"stsc", 12, 1 << 31)
    refused(path)


def test_a_fragment_that_claims_millions_of_parts_is_refused(tmp_path):
    path = write_mp4(tmp_path / "a.mp4", options={"movflags": "frag_keyframe+empty_moov"})
    assert len(read_audio(path, 48_000)) >= 48_000
    change(path, b"trun", 0, 0, 1 << 25)
    refused(path)


@pytest.mark.parametrize("codec", ["aac", "pcm_s16le", "alac", "pcm_alaw"])
@pytest.mark.parametrize("left", [1.0, 0.5])
def test_what_is_whole_or_cut_off_claims_little(tmp_path, codec, left):
    path = write_mp4(tmp_path / "a.mov", codec, {"movflags": "faststart"})
    content = path.read_bytes()
    path.write_bytes(content[: round(left * len(content))])
    check_claims(str(path).encode(), "mov", "a.mov")


@pytest.mark.parametrize(("blocks", "read"), [(294_912, True), (1 << 26, False)])
def test_a_part_of_monkeys_audio_has_only_so_many_samples(tmp_path, blocks, read):
    """Silence, of which a part takes no bytes."""
    path = tmp_path / "a.ape"
    header = struct.pack("<4sHHIIIIIII16x", b"MAC ", 3990, 0, 52, 24, 4, 0, 100, 0, 0)
    header += struct.pack("<HHIIIHHI", 1_000, 0, blocks, blocks, 1, 16, 2, 44_100)
    path.write_bytes(header + struct.pack("<III", 80, 1 << 31, 3) + bytes(200))
    if read:
        assert len(read_audio(path, 44_100)) == blocks
    else:
        refused(path)


def test_containers_of_other_kinds_claim_nothing(tmp_path):
    path = write_channels(tmp_path / "a.mkv", "matroska", "flac", "stereo")
    check_claims(str(path).encode(), "matroska", "a.mkv")
