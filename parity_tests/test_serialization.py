"""``save`` and ``load``: what goes in comes out, and damage is named instead of loaded."""

from __future__ import annotations

import io
import os
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad.serialization import FileFormatError, atomic_write


def through(obj: Any) -> Any:
    file = io.BytesIO()
    mg.save(obj, file)
    file.seek(0)
    return mg.load(file)


@pytest.mark.parametrize(
    "obj",
    [
        None,
        True,
        -(2**70),
        0.1 + 0.2,
        float("inf"),
        "grüße\n\u0000",
        b"\x00\xff",
        [1, (2, [3.0, ()]), {}],
        {"a": 1, 2: "b", None: True, (1, "x"): [None], 1.5: b""},
        OrderedDict([("z", 1), ("a", 2)]),
        {"dtype": mg.bfloat16, "device": mg.device("cuda:1")},
    ],
)
def test_plain_objects_come_back_equal_and_of_the_same_type(obj: Any) -> None:
    back = through(obj)
    assert back == obj and type(back) is type(obj)
    if isinstance(obj, dict):
        assert list(back) == list(obj)


@pytest.mark.parametrize(
    "dtype",
    ["float16", "bfloat16", "float32", "float64", "uint8", "int8", "int16", "int32", "int64"],
)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3, 4)])
def test_tensors_keep_dtype_shape_and_every_bit(dtype: str, shape: tuple[int, ...]) -> None:
    count = int(np.prod(shape))
    tensor = mg.arange(count).reshape(shape).to(getattr(mg, dtype))
    back = through(tensor)
    assert back.dtype == tensor.dtype and back.shape == tensor.shape
    assert back.tolist() == tensor.tolist()


def test_masks_come_back() -> None:
    back = through(mg.tensor([True, False]))
    assert back.dtype == mg.bool and back.tolist() == [True, False]


def test_floats_that_are_no_numbers_come_back() -> None:
    assert np.isnan(through(float("nan")))
    assert through(np.array([np.nan, -0.0])).tobytes() == np.array([np.nan, -0.0]).tobytes()


def test_a_transposed_tensor_and_array_come_back() -> None:
    tensor = mg.arange(6).reshape(2, 3)
    assert through(tensor.T).tolist() == tensor.T.tolist()
    array = np.arange(6).reshape(2, 3)[:, ::2]
    assert np.array_equal(through(array), array)


def test_requires_grad_comes_back_and_the_tensor_can_be_written() -> None:
    tensor = through(mg.ones(2, requires_grad=True))
    assert tensor.requires_grad and tensor.is_leaf
    plain = through(mg.ones(2))
    plain += 1
    assert plain.tolist() == [2.0, 2.0]


def test_a_tensor_that_occurs_twice_is_one_tensor_again() -> None:
    shared = mg.ones(1000)
    back = through({"a": shared, "b": [shared]})
    assert back["a"] is back["b"][0]


def test_the_same_object_gives_the_same_bytes() -> None:
    files = io.BytesIO(), io.BytesIO()
    for file in files:
        mg.save({"w": mg.arange(5)}, file)
    assert files[0].getvalue() == files[1].getvalue()


def test_each_array_can_be_read_by_numpy_alone(tmp_path: Path) -> None:
    mg.save({"w": mg.arange(3)}, tmp_path / "w.pt")
    with np.load(tmp_path / "w.pt") as file:
        assert file["arrays/0"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("obj", "where"),
    [
        ({"net": [object()]}, r"obj\['net'\]\[0\] is of type object"),
        ({"a": {1, 2}}, r"obj\['a'\] is of type set"),
        (np.array([object()]), "array of Python objects"),
    ],
)
def test_what_cannot_be_saved_is_named_with_its_place(obj: Any, where: str) -> None:
    with pytest.raises(TypeError, match=where):
        through(obj)


def test_an_object_that_contains_itself_is_refused() -> None:
    knot: list[Any] = []
    knot.append(knot)
    with pytest.raises(TypeError, match="contains itself"):
        through(knot)


def test_every_flipped_bit_and_every_cut_is_found_or_harmless() -> None:
    obj = {"x": [mg.arange(3)], "s": "hello"}
    file = io.BytesIO()
    mg.save(obj, file)
    content = file.getvalue()
    for place in range(len(content)):
        for bit in (1, 128):
            bad = bytearray(content)
            bad[place] ^= bit
            try:
                assert str(mg.load(io.BytesIO(bytes(bad)))) == str(obj)
            except FileFormatError:
                continue
    for length in range(len(content)):
        with pytest.raises(FileFormatError, match="damaged or cut short"):
            mg.load(io.BytesIO(content[:length]))


def test_the_message_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "w.pt").write_bytes(b"\x80\x04no code is run")
    with pytest.raises(FileFormatError, match=r"w\.pt is not a file written by save"):
        mg.load(tmp_path / "w.pt")
    with pytest.raises(FileNotFoundError):
        mg.load(tmp_path / "absent.pt")


def test_a_failed_save_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    mg.save([1], path)
    with pytest.raises(TypeError):
        mg.save([object()], path)
    with pytest.raises(ZeroDivisionError), atomic_write(path) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert mg.load(path) == [1]
    assert os.listdir(tmp_path) == ["w.pt"]


def test_atomic_write_keeps_links_and_permissions(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "real").chmod(0o640)
    (tmp_path / "link").symlink_to("real")
    with atomic_write(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o640


def test_atomic_write_does_not_replace_a_device() -> None:
    with atomic_write(os.devnull) as file:
        file.write(b"away")
    assert not os.path.isfile(os.devnull)
