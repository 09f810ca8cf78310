"""A short run of the fuzzer; a long one is in docs/explanation/reliability.md."""

import pytest
from robustness.fuzz_decoders import NAMES, fuzz


@pytest.mark.parametrize("name", NAMES)
def test_changed_files_are_read_or_refused_without_a_word_of_a_decoder(tmp_path, name):
    counts = fuzz(name, 3.0, 1, tmp_path)
    assert counts["inputs"] == counts["read"] + counts["refused"] > 0
