"""Files that are cut, changed or lie about their sizes: a clear error, or nothing is lost."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections.abc import Callable
from pickle import UnpicklingError
from typing import Any

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

import minigrad as mg
from parity_tests.files.hostile import (
    CLEAR,
    FOUR,
    HOOKS,
    STREAM,
    V3,
    Call,
    Named,
    Storage,
    archive,
    content_of_stream,
    pickled,
    small_memory,
)
from parity_tests.files.trees import facts, loaded, saved


@pytest.mark.parametrize("options", [{}, STREAM], ids=["archive", "stream"])
def test_every_flipped_bit_and_every_cut_is_found_or_harmless(options: dict[str, Any]) -> None:
    obj = {"x": [mg.arange(3)], "s": "hello"}
    content, expected = saved(mg, obj, **options), facts(obj)
    for place in range(len(content)):
        bad = bytearray(content)
        bad[place] ^= 1 << place % 8
        try:
            found = facts(loaded(mg, bytes(bad)))
        except CLEAR:
            continue
        if not options:  # the older format has no checksums
            assert found == expected
    for length in range(len(content)):
        with pytest.raises((*CLEAR, EOFError)):
            loaded(mg, content[:length])


def test_bits_of_an_archive_of_torchs() -> None:
    content = saved(torch, torch.arange(5.0))
    expected = facts(mg.arange(5.0))
    for place in range(len(content)):
        bad = bytearray(content)
        bad[place] ^= 1 << place % 8
        try:
            assert facts(loaded(mg, bytes(bad))) == expected
        except CLEAR:
            continue


@given(st.binary(max_size=200))
@example(b"")
@example(b"PK\3\4")
@example(b"PK\3\4" + bytes(100))
@example(b"PK\5\6" + bytes(18))
def test_any_bytes(content: bytes) -> None:
    for start in (b"", b"PK\3\4", b"\x80\x02"):
        with pytest.raises((*CLEAR, KeyError)):
            loaded(mg, start + content)


def resized(content: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """The archive with other records."""
    old, new = zipfile.ZipFile(io.BytesIO(content)), io.BytesIO()
    with zipfile.ZipFile(new, "w") as target:
        for name in old.namelist():
            data = old.read(name)
            target.writestr(name, change(data) if "/data/" in name else data)
    return new.getvalue()


def test_records_of_another_length_are_refused_as_by_torch() -> None:
    content = saved(torch, torch.ones(3))
    for change in (lambda d: d[:8], lambda d: d + b"1234", lambda d: b""):
        for lib in (mg, torch):
            with pytest.raises(RuntimeError, match="record size"):
                loaded(lib, resized(content, change))


def test_records_that_lie_over_each_other_claim_no_more_than_the_file_has() -> None:
    """A hundred names for the same 1 MB."""
    size, code = (
        1 << 20,
        [
            Storage("storage", Named("torch", "ByteStorage"), str(i), "cpu", 1 << 20)
            for i in range(1, 100)
        ],
    )
    file = io.BytesIO(archive(pickled(code), **{"1": bytes(size)}))
    with zipfile.ZipFile(file, "a") as target:
        one = target.getinfo("x/data/1")
        for i in range(2, 100):
            info = zipfile.ZipInfo(f"x/data/{i}")
            info.header_offset, info.CRC = one.header_offset, one.CRC
            info.file_size = info.compress_size = size
            target.filelist.append(info)
            target.NameToInfo[info.filename] = info
        target._didModify = True  # type: ignore[attr-defined]
    with small_memory(), pytest.raises(RuntimeError, match="damaged"):
        loaded(mg, file.getvalue())


def test_a_compressed_record_is_read_and_a_bomb_is_not() -> None:
    old, new = zipfile.ZipFile(io.BytesIO(saved(torch, torch.arange(1000.0)))), io.BytesIO()
    with zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as target:
        for name in old.namelist():
            target.writestr(name, old.read(name))
    assert loaded(mg, new.getvalue()).tolist() == list(range(1000))
    size = 2**31
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("x/data.pkl", pickled(Storage(*FOUR.place[:4], size // 4)))
        target.writestr("x/version", b"3\n")
        target.writestr("x/data/0", bytes(1000))
    bad = bytearray(file.getvalue())
    place = bad.rindex(b"x/data/0") - 46 + 24  # the size in the directory
    bad[place : place + 4] = struct.pack("<I", size)
    with small_memory(), pytest.raises(RuntimeError, match="its size can't be"):
        loaded(mg, bytes(bad))


def test_an_older_file_whose_storages_are_larger_than_itself() -> None:
    content = content_of_stream(
        pickled(Storage("storage", Named("torch", "FloatStorage"), "0", "cpu", 2**38, None))
    )
    with small_memory(), pytest.raises(RuntimeError, match="larger than itself"):
        loaded(mg, content)


def test_an_older_file_that_lists_other_storages_than_it_uses() -> None:
    good = content_of_stream(
        pickled(Storage("storage", Named("torch", "FloatStorage"), "0", "cpu", 6, None))
    )
    assert loaded(mg, good).tolist() == [0.0] * 6
    bad = good.replace(pickle.dumps(["0"], 2), pickle.dumps(["1"], 2))
    missing = good[: good.rindex(pickle.dumps(["0"], 2))] + pickle.dumps([], 2)
    for content in (bad, missing, good[:-1], good[:-25]):
        with pytest.raises((RuntimeError, EOFError)):
            loaded(mg, content)


def test_the_other_byte_order_of_a_memory_without_elements_is_refused() -> None:
    storage = Storage("storage", Named("torch.storage", "UntypedStorage"), "0", "cpu", 16)
    args = (storage, 0, (2,), (1,), False, HOOKS, Named("torch", "uint16"))
    content = io.BytesIO(archive(pickled(Call(V3, args))))
    with zipfile.ZipFile(content, "a") as target:
        target.writestr("x/byteorder", b"big")
    with pytest.raises((UnpicklingError, RuntimeError), match="byte order"):
        loaded(mg, content.getvalue())
