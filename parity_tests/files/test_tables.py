"""safetensors and npz: tensors by name, both ways with the packages that own these formats."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad.serialization import FileFormatError, load_safetensors, save_safetensors
from parity_tests.files.trees import DTYPES, facts, leaves

PLANS = st.dictionaries(
    st.text(
        st.characters(min_codepoint=32, exclude_categories=["Cs"], exclude_characters="/\\:"),
        min_size=1,
        max_size=4,
    ),
    leaves(),
    max_size=4,
)


def values(tensors: dict[str, Any]) -> Any:
    """Names, types, sizes and bytes: these formats keep nothing more."""
    packed = {n: t.detach().clone().contiguous() for n, t in tensors.items()}
    rows = {n: facts(t) for n, t in packed.items()}
    return sorted((n, row[0][1], row[0][2], row[2][3]) for n, row in rows.items())


@given(plan=PLANS)
def test_safetensors_both_ways(tmp_path_factory: Any, plan: Any) -> None:
    path = tmp_path_factory.mktemp("st") / "w.safetensors"
    mine = {name: leaf.make(mg, {}) for name, leaf in plan.items()}
    theirs = {n: leaf.make(torch, {}).detach().clone().contiguous() for n, leaf in plan.items()}
    mg.save(mine, path)
    assert values(safetensors.torch.load_file(path)) == values(theirs)
    assert values(torch.load(path)) == values(theirs)
    safetensors.torch.save_file(theirs, path)
    assert values(mg.load(path)) == values(mine)
    assert all(t._array.flags.writeable for t in mg.load(path).values())


@given(plan=PLANS)
def test_npz_both_ways(tmp_path_factory: Any, plan: Any) -> None:
    plan = {name: leaf for name, leaf in plan.items() if leaf.block.dtype != "bfloat16"}
    path = tmp_path_factory.mktemp("npz") / "w.npz"
    mine = {name: leaf.make(mg, {}) for name, leaf in plan.items()}
    mg.save(mine, path)
    with np.load(path) as found:
        assert sorted(found.files) == sorted(mine)
        for name, tensor in mine.items():
            assert found[name].tobytes() == tensor.detach().contiguous().numpy().tobytes()
            assert found[name].shape == tensor.shape
    assert values(mg.load(path)) == values(mine)


def test_every_dtype_of_safetensors(tmp_path: Path) -> None:
    mine = {name: mg.arange(3).to(getattr(mg, name)) for name in DTYPES}
    save_safetensors(mine, tmp_path / "w", metadata={"format": "pt"})
    assert values(safetensors.torch.load_file(tmp_path / "w")) == values(mine)
    with safetensors.safe_open(tmp_path / "w", "pt") as file:
        assert file.metadata() == {"format": "pt"}
    assert values(load_safetensors(tmp_path / "w", "cpu")) == values(mine)


def test_the_same_tensors_give_the_same_bytes(tmp_path: Path) -> None:
    for suffix in (".npz", ".safetensors"):
        for name in "ab":
            mg.save({"w": mg.ones(3), "v": mg.zeros(2)}, tmp_path / f"{name}{suffix}")
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
@pytest.mark.parametrize(
    ("obj", "match"),
    [
        (mg.ones(1), "expected a dict"),
        ([mg.ones(1)], "expected a dict"),
        ({"a": {"b": mg.ones(1)}}, "flatten what is nested"),
        ({"a": 3.0}, "expected names and tensors"),
        ({3: mg.ones(1)}, "expected names and tensors"),
    ],
)
def test_what_they_cannot_hold(tmp_path: Path, suffix: str, obj: Any, match: str) -> None:
    path = tmp_path / f"w{suffix}"
    with pytest.raises(TypeError, match=match):
        mg.save(obj, path)
    assert not path.exists()


def test_bfloat16_and_other_arrays_in_npz(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"bfloat16, which \.npz files can't hold"):
        mg.save({"w": mg.ones(1, dtype=mg.bfloat16)}, tmp_path / "w.npz")
    np.savez(tmp_path / "w.npz", w=np.array(["text"]))
    with pytest.raises(TypeError, match=r"can't convert np\.ndarray"):
        mg.load(tmp_path / "w.npz")
    np.savez(tmp_path / "w.npz", w=np.array([object()]))
    with pytest.raises(FileFormatError, match="can't be read as npz"):
        mg.load(tmp_path / "w.npz")
    np.savez_compressed(tmp_path / "w.npz", w=np.arange(3, dtype=">i4"))
    assert mg.load(tmp_path / "w.npz")["w"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_damaged_files(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"w{suffix}"
    mg.save({"w": mg.arange(5), "v": mg.ones(2)}, path)
    content, expected = path.read_bytes(), values(mg.load(path))
    for length in range(0, len(content), 5):
        path.write_bytes(content[:length])
        with pytest.raises(FileFormatError):
            mg.load(path)
    for place in range(0, len(content), 3):
        bad = bytearray(content)
        bad[place] ^= 4
        path.write_bytes(bytes(bad))
        try:
            found = mg.load(path)
        except (FileFormatError, NotImplementedError, TypeError):
            continue
        assert suffix == ".safetensors" or values(found) == expected  # which has no checksums


def test_places(tmp_path: Path) -> None:
    for suffix in (".npz", ".safetensors"):
        path = tmp_path / f"w{suffix}"
        mg.save({"w": mg.ones(1)}, path)
        assert mg.load(path, map_location=mg.device("cpu"))["w"].tolist() == [1.0]
        with pytest.raises(RuntimeError, match="map_location is not supported"):
            mg.load(path, map_location={"cpu": "cpu"})
        with pytest.raises(RuntimeError, match="CUDA device"):
            mg.load(path, map_location="cuda:0")


def test_the_package_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = builtins.__import__

    def without(name: str, *args: Any) -> Any:
        if name == "safetensors":
            raise ImportError(name)
        return original(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match="pip install safetensors"):
        mg.save({"w": mg.ones(1)}, tmp_path / "w.safetensors")
