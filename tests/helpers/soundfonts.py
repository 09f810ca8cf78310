"""A SoundFont of one sine at all keys, written by hand: RIFF chunks of the SoundFont 2 format."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

RATE = 22_050


def write_soundfont(path: Path, programs: tuple[int, ...], key: int = 69) -> Path:
    """Presets of the General MIDI ``programs``, each a looped sine of ``key`` (A4, 440 Hz)."""
    period = RATE / (440 * 2 ** ((key - 69) / 12))
    cycles = 40
    count = round(period * cycles)
    wave = np.sin(2 * np.pi * cycles * np.arange(count) / count) * 20_000
    samples = np.concatenate([wave, np.zeros(46)]).astype("<i2").tobytes()

    def name(text: str) -> bytes:
        return text.encode().ljust(20, b"\0")

    def chunk(kind: bytes, content: bytes) -> bytes:
        return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)

    presets, bags, gens = b"", b"", b""
    for index, program in enumerate(programs):
        presets += name(f"p{program}") + struct.pack("<HHHIII", program, 0, index, 0, 0, 0)
        bags += struct.pack("<HH", index, 0)
        gens += struct.pack("<HH", 41, 0)  # generator "instrument" 0
    count_of = len(programs)
    presets += name("EOP") + struct.pack("<HHHIII", 0, 0, count_of, 0, 0, 0)
    bags += struct.pack("<HH", count_of, 0)
    gens += struct.pack("<HH", 0, 0)
    sample = struct.pack("<IIIIIBbHH", 0, count, 0, count, RATE, key, 0, 0, 1)
    parts = {
        b"phdr": presets,
        b"pbag": bags,
        b"pmod": bytes(10),
        b"pgen": gens,
        b"inst": name("sine") + struct.pack("<H", 0) + name("EOI") + struct.pack("<H", 1),
        b"ibag": struct.pack("<HHHH", 0, 0, 2, 0),
        b"imod": bytes(10),
        b"igen": struct.pack("<HHHHHH", 54, 1, 53, 0, 0, 0),  # looped; sample 0
        b"shdr": name("sine") + sample + name("EOS") + bytes(26),
    }
    info = chunk(b"ifil", struct.pack("<HH", 2, 1)) + chunk(b"isng", b"EMU8000\0")
    info += chunk(b"INAM", b"sine\0\0")
    lists = chunk(b"LIST", b"INFO" + info)
    lists += chunk(b"LIST", b"sdta" + chunk(b"smpl", samples))
    lists += chunk(b"LIST", b"pdta" + b"".join(chunk(kind, part) for kind, part in parts.items()))
    path.write_bytes(b"RIFF" + struct.pack("<I", len(lists) + 4) + b"sfbk" + lists)
    return path
