import pickletools
import zipfile

import numpy as np
import pytest

from cargan_tf.interop.pytorch_files import read_state_dict, write_state_dict


def test_what_is_written_is_read(tmp_path):
    random = np.random.default_rng(0)
    state = {
        "kernel": random.normal(size=(3, 2, 4, 4)).astype(np.float32),
        "bias": random.normal(size=3).astype(np.float64),
        "empty": np.zeros((0, 2), np.float16),
        "batches": np.array(7, np.int64),
        "turned": random.normal(size=(2, 5)).astype(np.float32).T,
    }
    write_state_dict(tmp_path / "new" / "state.pth", state)
    found = read_state_dict(tmp_path / "new" / "state.pth")
    assert list(found) == list(state)
    for name, values in state.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_array_equal(found[name], values)


def test_the_pickle_names_what_pytorch_s_own_names(tmp_path):
    """Checked by hand with torch 2.13, ``torch.load(weights_only=True)``; here by its opcodes."""
    write_state_dict(tmp_path / "state.pth", {"bias": np.ones(2, np.float32)})
    with zipfile.ZipFile(tmp_path / "state.pth") as archive:
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        assert archive.read("weights/version") == b"3\n"
        pickled = archive.read("weights/data.pkl")
    named = {argument for code, argument, _ in pickletools.genops(pickled) if code.name == "GLOBAL"}
    assert named == {
        "collections OrderedDict",
        "torch._utils _rebuild_tensor_v2",
        "torch FloatStorage",
    }


def test_an_unknown_type_is_refused(tmp_path):
    with pytest.raises(ValueError, match="complex64"):
        write_state_dict(tmp_path / "state.pth", {"x": np.zeros(1, np.complex64)})
    assert not (tmp_path / "state.pth").exists()
