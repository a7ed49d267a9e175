"""CIFAR: read from pickles that can run nothing, downloaded, checked."""

from __future__ import annotations

import hashlib
import os
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad.vision import datasets
from minigrad.vision.datasets.pickles import load_plain
from parity_tests.vision.site import serving

RANDOM = np.random.default_rng(0)


def batch_of(count: int, fine: bool) -> dict[str, object]:
    return {
        "batch_label": "a batch",
        ("fine_labels" if fine else "labels"): RANDOM.integers(0, 3, count).tolist(),
        "data": RANDOM.integers(0, 256, (count, 3072), np.uint8),
        "filenames": [f"{i}.png" for i in range(count)],
    }


def write_cifar(folder: Path, fine: bool, protocol: int = 2) -> dict[str, dict[str, object]]:
    folder.mkdir(parents=True)
    ten = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    names = ["train", "test"] if fine else ten
    files: dict[str, dict[str, object]] = {name: batch_of(2, fine) for name in names}
    key = "fine_label_names" if fine else "label_names"
    files["meta" if fine else "batches.meta"] = {key: ["cat", "dog", "eel"]}
    for name, content in files.items():
        (folder / name).write_bytes(pickle.dumps(content, protocol))
    return files


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("fine", [False, True])
def test_cifar(tmp_path: Path, fine: bool, protocol: int) -> None:
    kind = datasets.CIFAR100 if fine else datasets.CIFAR10
    files = write_cifar(tmp_path / kind.base_folder, fine, protocol)
    for train in (True, False):
        data = kind(tmp_path, train=train)
        names = [n for n in files if "meta" not in n and n.startswith("test") != train]
        rows = np.concatenate([files[n]["data"] for n in names])
        labels = [y for n in names for y in files[n]["fine_labels" if fine else "labels"]]
        assert data.data.shape == (len(rows), 32, 32, 3) and data.data.dtype == np.uint8
        assert (data.data == rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)).all()
        assert data.targets == labels and data.classes == ["cat", "dog", "eel"]
        assert data.class_to_idx == {"cat": 0, "dog": 1, "eel": 2}
        image, label = data[-1]
        assert image.mode == "RGB" and image.size == (32, 32) and label == labels[-1]
        assert image.getpixel((1, 0)) == tuple(rows[-1].reshape(3, 32, 32)[:, 0, 1])
    assert f"Dataset {kind.__name__}" in repr(data) and "Split: Test" in repr(data)


def test_a_pickle_of_python_2(tmp_path: Path) -> None:
    """Its strings are bytes, so the elements of an array come as text."""
    path = tmp_path / "old"
    array = b"(S'\\x01\\xff'"
    path.write_bytes(
        b"(dp0\nS'labels'\np1\n(lp2\nI7\nasS'data'\np3\n"
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
        b"(I1\n(I1\nI2\ntcnumpy\ndtype\n(S'u1'\nI0\nI1\ntR(I3\nS'|'\nNNNI-1\nI-1\nI0\ntb"
        b"I00\n" + array[1:] + b"\ntbs."
    )
    found = load_plain(path)
    assert found["labels"] == [7] and found["data"].tolist() == [[1, 255]]


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch /tmp/evil-pickle-ran",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_cannot_run_anything(tmp_path: Path, protocol: int) -> None:
    files = write_cifar(tmp_path / "cifar-10-batches-py", False)
    content = {**files["data_batch_3"], "labels": Evil()}
    path = tmp_path / "cifar-10-batches-py" / "data_batch_3"
    path.write_bytes(pickle.dumps(content, protocol))
    with pytest.raises(RuntimeError, match=r"data_batch_3 cannot be read.*more than plain data"):
        datasets.CIFAR10(tmp_path)
    assert not os.path.exists("/tmp/evil-pickle-ran")


@pytest.mark.parametrize(
    "attack",
    [
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"cnumpy\nndarray\n(I1\nS'O'\ntR.",  # an array of pointers from anywhere
        b"cnumpy\ndtype\n(S'O'\nI0\nI1\ntR.",
        b"cnumpy\nload\n(S'x'\ntR.",
        b"cnumpy.core.multiarray\n_reconstruct\n(cos\nsystem\n(I0\ntS'b'\ntR.",
        b"c_codecs\nencode\n(S'x'\nS'zip'\ntR.",
    ],
)
def test_other_names_in_a_pickle_are_refused(tmp_path: Path, attack: bytes) -> None:
    (tmp_path / "a").write_bytes(attack)
    with pytest.raises(RuntimeError, match="cannot be read"):
        load_plain(tmp_path / "a")


@given(st.data())
def test_a_damaged_pickle_gives_one_kind_of_error(tmp_path_factory, data) -> None:
    path = tmp_path_factory.mktemp("pickle") / "batch"
    content = bytearray(pickle.dumps({"labels": [1, 2], "data": np.arange(6, dtype=np.uint8)}))
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        load_plain(path)
    except RuntimeError as error:
        assert str(path) in str(error) and "download=True" in str(error)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"labels": [0]}, "2 images and 1 labels"),
        ({"data": np.zeros((2, 100), np.uint8)}, r"shape \(2, 100\)"),
        ({"data": np.zeros((2, 3072))}, "float64"),
    ],
)
def test_a_batch_that_is_not_one_is_named(tmp_path: Path, change, text: str) -> None:
    files = write_cifar(tmp_path / "cifar-10-batches-py", False)
    path = tmp_path / "cifar-10-batches-py" / "test_batch"
    path.write_bytes(pickle.dumps({**files["test_batch"], **change}))
    with pytest.raises(RuntimeError, match=f"test_batch is damaged: .*{text}"):
        datasets.CIFAR10(tmp_path, train=False)
    (tmp_path / "cifar-10-batches-py" / "batches.meta").unlink()
    with pytest.raises(RuntimeError, match="metadata file not found"):
        datasets.CIFAR10(tmp_path)


def test_cifar_is_downloaded_checked_and_unpacked(tmp_path: Path, monkeypatch) -> None:
    write_cifar(tmp_path / "made" / "cifar-10-batches-py", False)
    archive = tmp_path / "cifar.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tmp_path / "made" / "cifar-10-batches-py", "cifar-10-batches-py")
    content = archive.read_bytes()
    root = tmp_path / "data"

    class Small(datasets.CIFAR10):
        tgz_md5 = hashlib.md5(content).hexdigest()

    def with_sums(names: list[list[str]]) -> list[list[str]]:
        folder = tmp_path / "made" / "cifar-10-batches-py"
        return [[n, hashlib.md5((folder / n).read_bytes()).hexdigest()] for n, _ in names]

    Small.train_list = with_sums(Small.train_list)
    Small.test_list = with_sums(Small.test_list)
    Small.meta = {**Small.meta, "md5": with_sums([["batches.meta", ""]])[0][1]}
    with serving(content=content) as site:
        monkeypatch.setattr(Small, "url", site.url)
        assert len(Small(root, download=True)) == 10 and len(site.asked) == 1
        assert len(Small(root, train=False, download=True)) == 2 and len(site.asked) == 1
        bad = root / "cifar-10-batches-py" / "data_batch_2"
        bad.write_bytes(b"damaged")
        with pytest.raises(RuntimeError, match="data_batch_2 cannot be read"):
            Small(root)
        assert len(Small(root, download=True)) == 10, "unpacked again"
