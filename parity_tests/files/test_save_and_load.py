"""The two functions themselves: their arguments, kinds of file, devices, mapped memory, errors."""

from __future__ import annotations

import inspect
import io
import pickle
import subprocess
import sys
import types
import zipfile
from collections import OrderedDict, defaultdict
from fractions import Fraction
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import pytest
import torch

import minigrad as mg
from minigrad.serialization import FileFormatError
from parity_tests.both import attempt
from parity_tests.files.trees import facts, loaded, saved

STREAM = {"_use_new_zipfile_serialization": False}


@pytest.mark.parametrize("name", ["save", "load"])
def test_arguments_and_defaults_are_torchs(name: str) -> None:
    mine, theirs = (inspect.signature(getattr(lib, name)) for lib in (mg, torch))
    rows = [[(p.name, p.kind, p.default) for p in s.parameters.values()] for s in (mine, theirs)]
    assert rows[0] == rows[1]


def test_paths_open_files_and_buffers(tmp_path: Path) -> None:
    obj = {"a": [1, mg.arange(3)]}
    expected = facts(obj)
    mg.save(obj, tmp_path / "a.pt")
    mg.save(obj, str(tmp_path / "b"))
    with open(tmp_path / "c", "wb") as file:
        mg.save(obj, file)
    with open(tmp_path / "d", "wb", buffering=0) as raw:
        mg.save(obj, raw)
    for name in ("a.pt", "b", "c", "d"):
        assert facts(mg.load(tmp_path / name)) == expected
        assert facts(torch.load(tmp_path / name)) == expected
        with open(tmp_path / name, "rb") as file:
            assert facts(mg.load(file)) == expected
        with open(tmp_path / name, "rb", buffering=0) as raw:
            assert facts(mg.load(raw)) == expected


def test_several_older_files_in_one() -> None:
    for lib in (mg, torch):
        file = io.BytesIO()
        lib.save([1, lib.ones(2)], file, **STREAM)
        lib.save([2], file, **STREAM)
        for reader in (mg, torch):
            file.seek(0)
            assert reader.load(file)[0] == 1
            assert reader.load(file) == [2]


def test_an_archive_that_does_not_begin_where_the_file_does() -> None:
    for lib in (mg, torch):
        file = io.BytesIO(b"something before")
        file.seek(16)
        lib.save(lib.arange(3), file)
        file.seek(16)
        assert mg.load(file).tolist() == [0, 1, 2]


def test_a_file_that_only_goes_forward() -> None:
    class Pipe(io.RawIOBase):
        def readable(self) -> bool:
            return True

    for broken in (Pipe(), 3, None, types.SimpleNamespace(read=bytes)):
        kinds = {attempt(lambda lib=lib, broken=broken: lib.load(broken)) for lib in (mg, torch)}
        assert len(kinds) == 1 and "no error" not in kinds
        with pytest.raises(Exception, match=r"only torch\.load from a file that is seekable"):
            mg.load(broken)
    with pytest.raises(AttributeError, match="a 'write' attribute"):
        mg.save(1, 3)  # type: ignore[arg-type]


def test_saving_needs_no_more_than_write() -> None:
    class Sink:
        content = b""

        def write(self, content: Any) -> None:
            self.content += content

    sink = Sink()
    mg.save(mg.arange(3), sink)  # type: ignore[arg-type]
    assert loaded(torch, sink.content).tolist() == [0, 1, 2]


def test_a_text_file_is_not_taken_for_one_of_ours(tmp_path: Path) -> None:
    (tmp_path / "w.pt").write_text("hello")
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(UnpicklingError, match="Weights only load failed"):
        mg.load(tmp_path / "w.pt")
    with pytest.raises(EOFError, match="Ran out of input"):
        mg.load(tmp_path / "empty")
    with pytest.raises(FileNotFoundError):
        mg.load(tmp_path / "absent.pt")


def test_the_format_before_torchs_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w", "w") as archive:
        archive.writestr("data.json", '{"format": "minigrad.1", "object": 1}')
    with pytest.raises(FileFormatError, match="format that minigrad wrote before"):
        mg.load(tmp_path / "w")


@pytest.mark.parametrize("options", [{}, STREAM], ids=["archive", "stream"])
def test_places_of_tensors(options: dict[str, Any]) -> None:
    content = saved(torch, [torch.ones(2), torch.zeros(3)], **options)
    moved = content.replace(b"X\x03\0\0\0cpu", b"X\x06\0\0\0cuda:0")
    if not options:
        moved = repacked(content, lambda d: d.replace(b"X\x03\0\0\0cpu", b"X\x06\0\0\0cuda:0"))
    for lib in (mg, torch):
        with pytest.raises(RuntimeError, match="Attempting to deserialize object on a CUDA device"):
            loaded(lib, moved)
        for place in ("cpu", lib.device("cpu"), {"cuda:0": "cpu"}, lambda storage, where: storage):
            found = loaded(lib, moved, map_location=place)
            assert found[0].tolist() == [1.0, 1.0] and found[1].tolist() == [0.0] * 3
        with pytest.raises(RuntimeError, match="CUDA device"):
            loaded(lib, moved, map_location=lambda storage, where: None)
        with pytest.raises(RuntimeError, match="CUDA device"):
            loaded(lib, content, map_location={"cpu": "cuda:1"})
        with pytest.raises(RuntimeError, match="don't know how to restore data location"):
            loaded(lib, content, map_location="tpu")
        asked: list[Any] = []
        loaded(
            lib, moved, map_location=lambda s, w, asked=asked: asked.append((s.nbytes(), w)) or s
        )
        assert sorted(asked) == [(8, "cuda:0"), (12, "cuda:0")]
    with pytest.raises(TypeError, match="map_location"):
        loaded(mg, content, map_location=3)
    with pytest.raises(TypeError, match="map_location"):
        loaded(mg, content, map_location=lambda storage, where: 3)


def repacked(content: bytes, change: Any) -> bytes:
    """The archive with another pickle."""
    old, new = zipfile.ZipFile(io.BytesIO(content)), io.BytesIO()
    with zipfile.ZipFile(new, "w") as archive:
        for name in old.namelist():
            data = old.read(name)
            archive.writestr(name, change(data) if name.endswith("data.pkl") else data)
    return new.getvalue()


def test_mapped_memory_is_not_copied_and_the_file_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    for lib in (mg, torch):
        lib.save({"w": lib.arange(1000.0), "v": lib.ones(3), "none": lib.zeros(0)}, path)
        before = path.read_bytes()
        found = mg.load(path, mmap=True)
        assert found["w"].tolist() == list(range(1000)) and found["none"].shape == (0,)
        assert found["w"]._array.base is not None and not found["w"]._array.flags.owndata
        assert found["w"].untyped_storage().nbytes() == 4000
        assert found["w"].data_ptr() % 64 == 0
        found["w"][0] = 7.0
        assert found["w"][0] == 7.0 and path.read_bytes() == before
        again = saved(mg, found)
        assert loaded(mg, again)["w"][0] == 7.0
        path.unlink()  # what is mapped stays
        assert found["v"].tolist() == [1.0] * 3


def test_what_can_be_mapped(tmp_path: Path) -> None:
    mg.save(mg.ones(1), tmp_path / "a", **STREAM)
    for lib in (mg, torch):
        with pytest.raises(ValueError, match="f must be a file path in order to use the mmap"):
            loaded(lib, saved(lib, lib.ones(1)), mmap=True)
        with pytest.raises(RuntimeError, match="mmap can only be used with files saved with"):
            lib.load(tmp_path / "a", mmap=True)


def test_mapped_files_are_held_against_their_length_too(tmp_path: Path) -> None:
    content = saved(mg, mg.arange(100.0))
    for length in range(0, len(content), 7):
        (tmp_path / "w").write_bytes(content[:length])
        with pytest.raises((RuntimeError, EOFError)):
            mg.load(tmp_path / "w", mmap=True)


class Settings:
    """A class of the user's."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and other.value == self.value


class Slotted:
    """One whose state is not a dict."""

    __slots__ = ("value",)


class Labelled(mg.Tensor):
    """A kind of tensor of the user's."""


def test_classes_of_the_users_are_allowed_by_name() -> None:
    slotted = Slotted()
    slotted.value = 3  # type: ignore[attr-defined]
    for obj in (
        Settings([1, 2]),
        {"a": Settings(None)},
        slotted,
        Fraction(1, 3),
        defaultdict(list),
    ):
        content = saved(mg, obj)
        kind = type(obj["a"]) if type(obj) is dict else type(obj)
        with pytest.raises(UnpicklingError) as caught:
            loaded(mg, content)
        path = f"{kind.__module__}.{kind.__qualname__}"
        assert f"GLOBAL {path} was not an allowed global" in str(caught.value)
        assert f"add_safe_globals([{path}])" in str(caught.value)
        assert mg.serialization.get_unsafe_globals_in_checkpoint(io.BytesIO(content))[0] == path
        with mg.serialization.safe_globals([kind, list]):
            found = loaded(mg, content)
            assert mg.serialization.get_unsafe_globals_in_checkpoint(io.BytesIO(content)) == []
        assert type(found) is type(obj)
        if kind is Slotted:
            assert found.value == 3
        else:
            assert found == obj
        assert mg.serialization.get_safe_globals() == []


def test_the_list_of_the_users() -> None:
    serialization = mg.serialization
    serialization.add_safe_globals([Settings, (Settings, "old.place.Settings")])
    try:
        assert serialization.get_safe_globals() == [Settings, (Settings, "old.place.Settings")]
        content = repacked(
            saved(mg, Settings(1)),
            lambda d: d.replace(f"c{__name__}\n".encode(), b"cold.place\n"),
        )
        assert loaded(mg, content) == Settings(1)
    finally:
        serialization.clear_safe_globals()
    assert serialization.get_safe_globals() == []
    with serialization.safe_globals([(Settings, 3)]), pytest.raises(TypeError, match="be str"):
        loaded(mg, saved(mg, 1))
    with serialization.safe_globals([(Settings,)]), pytest.raises(ValueError, match="length 2"):
        loaded(mg, saved(mg, 1))


def test_numpy_arrays_are_refused_and_allowed_as_in_torch() -> None:
    obj = {"a": np.arange(3), "b": np.float64(2.5)}
    for lib in (mg, torch):
        content = saved(lib, obj)
        with pytest.raises(UnpicklingError, match=r"GLOBAL numpy\S+ was not an allowed global"):
            loaded(lib, content)
        found = loaded(mg, content, weights_only=False)
        assert found["a"].tolist() == [0, 1, 2] and found["b"] == 2.5
        names = [np._core.multiarray._reconstruct, np._core.multiarray.scalar, np.ndarray, np.dtype]
        with mg.serialization.safe_globals([*names, type(np.dtype("i8")), type(np.dtype("f8"))]):
            assert loaded(mg, content)["a"].tolist() == [0, 1, 2]


def test_kinds_of_tensors() -> None:
    for lib in (mg, torch):
        made = lib.ones(2)
        made.note, made.more = "x", [lib.zeros(1)]
        parameter = lib.nn.Parameter(made)
        parameter.tag = 7
        content = saved(lib, [made, parameter, lib.nn.Buffer(lib.ones(1), persistent=False)])
        for reader in (mg, torch):
            first, second, third = loaded(reader, content)
            assert first.note == "x" and first.more[0].tolist() == [0.0]
            assert isinstance(second, reader.nn.Parameter) and second.tag == 7
            assert isinstance(third, reader.nn.Buffer) and third.persistent is False
    labelled = mg.ones(2).as_subclass(Labelled) if hasattr(mg.Tensor, "as_subclass") else None
    if labelled is not None:
        content = saved(mg, labelled)
        with mg.serialization.safe_globals([Labelled]):
            assert type(loaded(mg, content)) is Labelled


def test_a_pickle_module_of_the_users() -> None:
    class Pickler(pickle.Pickler):
        """What cloudpickle and its like offer: written in C, with rules of its own."""

    module = types.ModuleType("other_pickle")
    module.Pickler, module.Unpickler = Pickler, pickle.Unpickler  # type: ignore[attr-defined]
    module.dumps = pickle.dumps  # type: ignore[attr-defined]
    obj = {"w": mg.arange(4.0).view(2, 2).t(), "u": mg.ones(2, dtype=mg.uint16), "s": Settings(1)}
    for options in ({}, STREAM):
        content = saved(mg, obj, pickle_module=module, **options)
        found = loaded(mg, content, pickle_module=module)
        assert facts(found["w"]) == facts(obj["w"]) and found["s"] == Settings(1)
        assert facts(found["u"]) == facts(obj["u"])
        content = saved(mg, obj, pickle_module=pickle, **options)
        assert loaded(mg, content, pickle_module=pickle)["s"] == Settings(1)
    for lib in (mg, torch):
        with pytest.raises(RuntimeError, match="Can not safely load weights when explicit pickle"):
            loaded(lib, content, pickle_module=pickle, weights_only=True)
        with pytest.warns(UserWarning, match="pickle_load_args only works if"):
            loaded(lib, saved(lib, 1), encoding="latin1")


def test_texts_of_python_2() -> None:
    content = repacked(saved(mg, "x"), lambda d: b"\x80\x02U\x02\xc3\xa4.")
    assert loaded(mg, content) == "ä"
    assert loaded(mg, content, weights_only=False) == "ä"
    assert loaded(mg, content, weights_only=False, encoding="latin1") == "\xc3\xa4"
    assert loaded(mg, content, weights_only=False, encoding="bytes") == b"\xc3\xa4"


def test_no_byteorder_record() -> None:
    content = saved(mg, mg.arange(3), _disable_byteorder_record=True)
    assert "archive/byteorder" not in zipfile.ZipFile(io.BytesIO(content)).namelist()
    assert loaded(torch, content).tolist() == loaded(mg, content).tolist() == [0, 1, 2]


def test_an_object_that_contains_itself() -> None:
    knot: list[Any] = [mg.ones(1)]
    knot.append(knot)
    ring: OrderedDict[str, Any] = OrderedDict()
    ring["me"] = ring
    for obj in (knot, ring):
        for lib in (mg, torch):
            found = loaded(lib, saved(mg, obj))
            assert (found[1] if type(found) is list else found["me"]) is found
    pair: Any = ([],)
    pair[0].append(pair)
    found = loaded(mg, saved(mg, pair))
    assert found[0][0] is found


@pytest.mark.parametrize(
    "obj",
    [lambda: 0, (i for i in ()), sys, sys.stdout],
    ids=["lambda", "generator", "module", "file"],
)
def test_what_cannot_be_pickled_raises_as_in_torch(obj: Any) -> None:
    kinds = {attempt(lambda lib=lib: saved(lib, [obj])) for lib in (mg, torch)}
    assert len(kinds) == 1 and "no error" not in kinds


def test_files_are_read_where_torch_is_not_installed(tmp_path: Path) -> None:
    torch.save({"w": torch.nn.Linear(2, 1).state_dict(), "p": torch.nn.Parameter(torch.ones(1))},
               tmp_path / "w.pt")  # fmt: skip
    torch.save(torch.nn.Linear(2, 1), tmp_path / "net.pt")
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "import minigrad as mg\n"
        "found = mg.load(sys.argv[1] + '/w.pt')\n"
        "net = mg.load(sys.argv[1] + '/net.pt', weights_only=False)\n"
        "print(type(found['p']).__name__, type(net).__module__)\n"
        "heavy = {'zipfile', 'tempfile', 'pickletools', 'mmap', 'safetensors'}\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True,
                          text=True, cwd=Path(__file__).parent.parent.parent)  # fmt: skip
    assert done.stdout.split() == ["Parameter", "minigrad.nn.modules.linear"], done.stderr


def test_importing_it_imports_nothing_heavy() -> None:
    script = (
        "import sys, minigrad.serialization\n"
        "heavy = ('zipfile', 'tempfile', 'pickletools', 'mmap', 'safetensors', 'minigrad.nn')\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                          cwd=Path(__file__).parent.parent.parent)  # fmt: skip
    assert done.stdout.strip() == "[]", done.stderr
