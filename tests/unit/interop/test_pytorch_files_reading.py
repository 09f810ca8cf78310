import copy
import io
import os
import pickle
import struct
import time
import tracemalloc
import warnings
import zipfile
from collections import OrderedDict
from typing import ClassVar

import numpy as np
import pytest

from cargan_tf.errors import UserError
from cargan_tf.interop.pytorch_files import (
    LEGACY_MAGIC,
    LEGACY_PROTOCOL,
    read_state_dict,
    write_state_dict,
)
from cargan_tf.interop.pytorch_pickle import _KNOWN

KERNEL = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


class Global:
    """Pickled as the bare name of something that is not installed, such as torch's."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Storage:
    def __init__(self, values):
        self.values = values


class Tensor:
    """A look into a storage, pickled as PyTorch does."""

    def __init__(self, storage, shape, strides, offset=0):
        self.storage, self.shape, self.strides, self.offset = storage, shape, strides, offset


class TorchPickler(pickle._Pickler):
    """The standard library's pickler in Python, taught to write torch's names."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def persistent_id(self, obj):
        if not isinstance(obj, Storage):
            return None
        kind = {"f": "FloatStorage", "i": "LongStorage"}[obj.values.dtype.kind]
        key = str(id(obj))
        return ("storage", Global("torch", kind), key, "cpu", obj.values.size, *self.view)

    def save_global_by_name(self, obj):
        self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())

    def save_tensor(self, tensor):
        self.save(Global("torch._utils", "_rebuild_tensor_v2"))
        parts = (tensor.storage, tensor.offset, tensor.shape, tensor.strides, False, OrderedDict())
        self.save(parts)
        self.write(pickle.REDUCE)

    dispatch[Global] = save_global_by_name
    dispatch[Tensor] = save_tensor


def pickled(content, view=()):
    stream = io.BytesIO()
    pickler = TorchPickler(stream, protocol=2)
    pickler.view = view
    pickler.dump(content)
    return stream.getvalue()


def legacy_file(path, content, storages):
    """What ``torch.save`` wrote before version 1.6."""
    system = {"protocol_version": LEGACY_PROTOCOL, "little_endian": True, "type_sizes": {}}
    parts = [pickle.dumps(value, 2) for value in (LEGACY_MAGIC, LEGACY_PROTOCOL, system)]
    parts += [pickled(content, view=(None,)), pickle.dumps([str(id(s)) for s in storages], 2)]
    for storage in storages:
        parts += [struct.pack("<q", storage.values.size), storage.values.tobytes()]
    path.write_bytes(b"".join(parts))


def zip_file(path, content, storages=()):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled(content))
        for storage in storages:
            archive.writestr(f"archive/data/{id(storage)}", storage.values.tobytes())


@pytest.fixture(params=[legacy_file, zip_file], ids=["legacy", "zip"])
def write(request, tmp_path):
    def call(content, storages=()):
        request.param(tmp_path / "G1.pth", content, list(storages))
        return tmp_path / "G1.pth"

    return call


def test_both_layouts_are_read(write):
    flat, counter = Storage(KERNEL.ravel()), Storage(np.array([5]))
    state = OrderedDict(
        kernel=Tensor(flat, (2, 3, 4), (12, 4, 1)),
        turned=Tensor(flat, (4, 3), (1, 4), offset=12),  # shares the storage
        batches=Tensor(counter, (), ()),
    )
    state._metadata = OrderedDict({"": {"version": 1}})  # as every state dict of a module has
    found = read_state_dict(write(state, [flat, counter]))
    assert list(found) == ["kernel", "turned", "batches"]
    np.testing.assert_array_equal(found["kernel"], KERNEL)
    np.testing.assert_array_equal(found["turned"], KERNEL[1].T)
    assert found["batches"] == 5


class Harmful:
    def __reduce__(self):
        return (os.mkdir, ("made by the pickle",))


def test_a_foreign_name_is_refused_and_nothing_is_run(write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"G1\.pth is refused: it names (posix|nt)\.mkdir, which"):
        read_state_dict(write(OrderedDict(kernel=Harmful())))
    assert not (tmp_path / "made by the pickle").exists()


@pytest.mark.parametrize("name", ["builtins.eval", "torch.load", "torch.nn.Module", "os.system"])
def test_only_known_names_mean_anything(write, name):
    module, _, last = name.rpartition(".")
    with pytest.raises(UserError, match=rf"it names {name}"):
        read_state_dict(write({"kernel": Global(module, last)}))
    assert (module, last) not in _KNOWN


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9, 0.999])
def test_a_file_cut_short_is_named(write, fraction):
    flat = Storage(np.zeros(4000, np.float32))
    path = write(OrderedDict(kernel=Tensor(flat, (4000,), (1,))), [flat])
    whole = path.read_bytes()
    path.write_bytes(whole[: int(fraction * len(whole))])
    with pytest.raises(UserError, match=r"G1\.pth is damaged or cut short") as caught:
        read_state_dict(path)
    assert "\n" not in str(caught.value)


def test_a_changed_byte_in_an_archive_is_noticed(tmp_path):
    path = tmp_path / "G1.pth"
    write_state_dict(path, {"bias": np.full(64, 1.5, np.float32)})
    content = bytearray(path.read_bytes())
    content[content.index(np.full(64, 1.5, np.float32).tobytes()) + 9] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="damaged"):
        read_state_dict(path)


@pytest.mark.parametrize(
    "tensor",
    [
        {"shape": (25,), "strides": (1,)},
        {"shape": (2,), "strides": (1,), "offset": 23},
        {"shape": (2, 2), "strides": (100, 1)},
        {"shape": (2,), "strides": (-1,), "offset": 3},
        {"shape": (-1,), "strides": (1,)},
        {"shape": (1,), "strides": (1,), "offset": -1},
        {"shape": (2, 2), "strides": (1,)},
    ],
)
def test_a_tensor_cannot_look_beyond_its_storage(write, tensor):
    flat = Storage(KERNEL.ravel())
    with pytest.raises(UserError, match="damaged"):
        read_state_dict(write(OrderedDict(kernel=Tensor(flat, **tensor)), [flat]))


@pytest.mark.parametrize(
    ("content", "said"),
    [([1, 2], "no state dict"), ({}, "no state dict"), ({"epoch": 3}, "'epoch' is no tensor")],
)
def test_another_content_is_refused(write, content, said):
    with pytest.raises(UserError, match=f"refused.*{said}"):
        read_state_dict(write(content))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no file of PyTorch weights"),
        (b"\x89PNG", "no file of PyTorch weights"),
        (pickle.dumps({"a": 1}, 2), "not of PyTorch weights"),
    ],
)
def test_another_file_is_refused(tmp_path, content, said):
    (tmp_path / "G1.pth").write_bytes(content)
    with pytest.raises(UserError, match=said):
        read_state_dict(tmp_path / "G1.pth")


def test_another_archive_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "G1.pth", "w") as archive:
        archive.writestr("readme", "hello")
    with pytest.raises(UserError, match="not of PyTorch weights"):
        read_state_dict(tmp_path / "G1.pth")


@pytest.mark.parametrize("made", [False, True], ids=["missing", "folder"])
def test_a_missing_file_and_a_folder_are_named(tmp_path, made):
    if made:
        (tmp_path / "G1.pth").mkdir()
    with pytest.raises(UserError, match=r"G1\.pth cannot be read"):
        read_state_dict(tmp_path / "G1.pth")


@pytest.mark.parametrize(
    ("how", "said"),
    [("compressed", "a zip archive that is comp"), ("larger than the file may be", "larger")],
)
def test_an_archive_that_is_made_to_be_unpacked_to_gigabytes_is_refused(
    tmp_path, monkeypatch, how, said
):
    zip_file(tmp_path / "a.pth", {"a": Tensor(Storage(KERNEL.ravel()), (4,), (1,))})
    path = tmp_path / "G1.pth"
    packing = zipfile.ZIP_DEFLATED if how == "compressed" else zipfile.ZIP_STORED
    with zipfile.ZipFile(tmp_path / "a.pth") as old, zipfile.ZipFile(path, "w", packing) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
        new.writestr("archive/zeros", bytes(1 << 16))
    if how != "compressed":
        monkeypatch.setattr("cargan_tf.interop.pytorch_files.MAX_BYTES", 1 << 15)
    with pytest.raises(UserError, match=f"is refused: it is {said}"):
        read_state_dict(path)


def test_a_tensor_that_repeats_a_number_without_end_is_refused(write):
    flat = Storage(KERNEL.ravel())
    with pytest.raises(UserError, match="larger than its storage"):
        read_state_dict(write({"a": Tensor(flat, (10**4, 10**4), (0, 0))}, [flat]))


def test_a_place_far_out_in_the_memo_takes_no_memory(tmp_path):
    """The unpickler written in C makes a table of all places up to it, 64 GB."""
    path = tmp_path / "G1.pth"
    far = pickle.LONG_BINPUT + struct.pack("<I", 2**32 - 2)
    path.write_bytes(pickle.PROTO + b"\x02" + pickle.NONE + far + pickle.STOP)
    with pytest.raises(UserError, match="not of PyTorch weights"):
        read_state_dict(path)


def test_a_pickle_cannot_change_the_functions_it_names(tmp_path):
    """BUILD would set attributes of what was named, for all that is read later."""
    path = tmp_path / "G1.pth"
    state = pickle.NONE + pickle.EMPTY_DICT + b"U\x0c__defaults__" + pickle.EMPTY_TUPLE
    state += pickle.SETITEM + pickle.TUPLE2
    named = pickle.GLOBAL + b"torch._utils\n_rebuild_tensor_v2\n"
    path.write_bytes(pickle.PROTO + b"\x02" + named + state + pickle.BUILD + pickle.STOP)
    function = _KNOWN["torch._utils", "_rebuild_tensor_v2"]
    before = function.__defaults__
    with pytest.raises(UserError, match="not of PyTorch weights"):
        read_state_dict(path)
    assert function.__defaults__ is before


def framed(*parts):
    return b"".join((pickle.PROTO, b"\x02", *parts, pickle.STOP))


#: Tuple in tuple, each twice in the next one: small in memory, but with 2^60 leaves.
TOWER = pickle.NONE + (pickle.BINPUT + b"\x00" + pickle.BINGET + b"\x00" + pickle.TUPLE2) * 60
NAMED_DICT = pickle.GLOBAL + b"collections\nOrderedDict\n"
REBUILD = pickle.GLOBAL + b"torch._utils\n_rebuild_tensor_v2\n"
FLOATS = pickle.GLOBAL + b"torch\nFloatStorage\n"


def storage(key=b"U\x010", count=b"K\x01"):
    words = (b"(", b"U\x07storage", FLOATS, key, b"U\x03cpu", count, b"t", pickle.BINPERSID)
    return b"".join(words)


def copies():
    """A list of 100 pairs, of which 100,000 dictionaries are to be made."""
    pairs = b"".join(pickle.BININT + struct.pack("<i", key) + b"K\x01\x86a" for key in range(100))
    copy = NAMED_DICT + b"h\x00" + pickle.TUPLE1 + pickle.REDUCE + pickle.APPEND
    return b"]q\x00" + pairs + b"]" + copy * 100_000


HOSTILE = {
    "a tower as a key": b"}" + TOWER + b"K\x01s",
    "a tower as one of several keys": b"}(" + TOWER + b"K\x01u",
    "a tower as a key of protocol 0": b"(" + TOWER + b"K\x01d",
    "a tower as a key of an OrderedDict": (
        NAMED_DICT + b"](" + TOWER + b"K\x01\x86e" + pickle.TUPLE1 + pickle.REDUCE
    ),
    "a tower as the name of a storage": storage(key=TOWER),
    "a tower as a size": storage(count=TOWER),
    "a tower as a shape": REBUILD + b"(" + storage() + b"K\x00" + TOWER + b")tR",
    "a tower in a set": b"\x8f(" + TOWER + b"\x90",
    "a frozen set": b"(" + TOWER + b"\x91",
    "a dictionary copied again and again": copies(),
    "bytes as a shape": REBUILD + b"(" + storage() + b"K\x00B\x00\x00\x10\x00" + bytes(1 << 20),
    "a shape of a thousand sizes": (
        REBUILD + b"(" + storage() + b"K\x00(" + b"K\x01" * 1000 + b"t)tR"
    ),
    "an integer of a megabyte": storage(count=b"\x8b\x00\x00\x10\x00" + b"\x7f" * (1 << 20)),
    "an array of 64 GB": b"\x96" + struct.pack("<Q", 1 << 36),
    "bytes of 64 GB": b"\x8e" + struct.pack("<Q", 1 << 36),
    "text of 64 GB": b"\x8d" + struct.pack("<Q", 1 << 36),
    "a frame of 64 GB": pickle.FRAME + struct.pack("<Q", 1 << 36),
    "a pickle of many megabytes": b"]" * (1 << 21),
    "an instance made by name": b"(icollections\nOrderedDict\n",
    "an object made by name": b"(" + NAMED_DICT + pickle.OBJ,
    "a new object": NAMED_DICT + b")" + pickle.NEWOBJ,
    "an extension": pickle.EXT1 + b"\x01",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_small_pickle_takes_neither_long_nor_much_memory(tmp_path, what):
    path = tmp_path / "G1.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", framed(HOSTILE[what]))
        archive.writestr("archive/data/0", bytes(4))
    began, _ = time.process_time(), tracemalloc.start()
    try:
        with pytest.raises(UserError, match=r"is (refused|damaged)") as caught:
            read_state_dict(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100 * 2**20 + 20 * path.stat().st_size
    assert time.process_time() - began < 30
    assert len(str(caught.value)) < 1_000


def entries(path, *named):
    with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for name, content in named:
            archive.writestr(name, content)


def test_an_archive_with_two_entries_of_one_name_is_refused(tmp_path):
    """Another program could read the other one."""
    path = tmp_path / "G1.pth"
    content = framed(b"}")
    entries(path, ("a/data.pkl", content), ("a/data/0", b"1"), ("a/data/0", b"2"))
    with pytest.raises(UserError, match="two entries of one name"):
        read_state_dict(path)


def test_entries_that_lie_on_top_of_each_other_are_refused(tmp_path):
    """A megabyte that a thousand entries share would be a gigabyte in memory."""
    path = tmp_path / "G1.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", framed(b"}"))
        archive.writestr("a/data/0", bytes(1 << 20))
        shared = archive.getinfo("a/data/0")
        for number in range(1, 1000):
            again = copy.copy(shared)
            again.filename = again.orig_filename = f"a/data/{number}"
            archive.filelist.append(again)
    with pytest.raises(UserError, match="claims to hold more than its size"):
        read_state_dict(path)


def test_an_archive_of_a_million_entries_is_refused_before_they_are_listed(tmp_path):
    path = tmp_path / "G1.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", b"")
        entry = archive.getinfo("a")
        archive.filelist.extend([entry] * 100_000)
    with pytest.raises(UserError, match="too many entries"):
        read_state_dict(path)


def test_tensors_that_share_their_numbers_without_end_are_refused(write):
    flat = Storage(np.zeros(10_000, np.float32))
    state = {f"view {number}": Tensor(flat, (10_000,), (1,)) for number in range(100)}
    with pytest.raises(UserError, match="its tensors claim 4,000,000 bytes"):
        read_state_dict(write(state, [flat]))


def test_entries_as_python_2_pickled_them_are_read(tmp_path):
    path = tmp_path / "G1.pth"
    tensor = REBUILD + b"(" + storage() + b"K\x00(K\x01t(K\x01t\x89" + NAMED_DICT + b")RtR"
    pairs = b"](](U\x04biase" + tensor + b"ae"  # [["bias", tensor]]
    content = framed(NAMED_DICT + pairs + pickle.TUPLE1 + pickle.REDUCE)
    number = np.array([2.5], np.float32).tobytes()
    entries(path, ("a/data.pkl", content), ("a/data/0", number))
    assert read_state_dict(path)["bias"].tolist() == [2.5]


def test_a_pipe_is_refused_unread(tmp_path):
    os.mkfifo(tmp_path / "G1.pth")
    with pytest.raises(UserError, match="a pipe or a device"):
        read_state_dict(tmp_path / "G1.pth")
