"""Archives: unpacked whole, and nowhere but inside of their folder."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from minigrad.vision.datasets import utils

CONTENT = bytes(range(256)) * 1000


def tar_of(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def zip_of(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


MEMBERS = {"x/one.txt": b"one", "x/y/two.bin": CONTENT}


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.tar.xz", "a.zip"])
def test_archives_are_unpacked(tmp_path: Path, name: str) -> None:
    source = tmp_path / name
    if name.endswith("zip"):
        zip_of(source, MEMBERS)
    else:
        packing = {"gz": "gz", "tgz": "gz", "bz2": "bz2", "xz": "xz"}.get(name.split(".")[-1], "")
        tar_of(source, MEMBERS, f"w:{packing}")
    assert utils.extract_archive(str(source), str(tmp_path / "out")) == str(tmp_path / "out")
    found = {
        str(p.relative_to(tmp_path / "out")): p.read_bytes()
        for p in (tmp_path / "out").rglob("*")
        if p.is_file()
    }
    assert found == MEMBERS and source.exists()
    assert utils.extract_archive(str(source), remove_finished=True) == str(tmp_path)
    assert (tmp_path / "x" / "one.txt").read_bytes() == b"one" and not source.exists()


@pytest.mark.parametrize(("end", "pack"), [(".gz", gzip), (".bz2", bz2), (".xz", lzma)])
def test_single_files_are_unpacked_and_cut_ones_are_not(tmp_path: Path, end, pack) -> None:
    packed = pack.compress(CONTENT)
    (tmp_path / f"a{end}").write_bytes(packed)
    path = utils.extract_archive(tmp_path / f"a{end}")
    assert path == str(tmp_path / "a") and Path(path).read_bytes() == CONTENT
    (tmp_path / f"b{end}").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(RuntimeError, match=rf"b\{end} is damaged.* download it again"):
        utils.extract_archive(tmp_path / f"b{end}")
    (tmp_path / f"c{end}").write_bytes(b"no such thing at all")
    with pytest.raises(RuntimeError, match=rf"c\{end} is damaged.* download it again"):
        utils.extract_archive(tmp_path / f"c{end}")
    assert {p.name for p in tmp_path.iterdir()} == {"a", *(x + end for x in "abc")}


@pytest.mark.parametrize("keep", [0.3, 0.7])
@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.zip"])
def test_cut_archives_are_named(tmp_path: Path, name: str, keep: float) -> None:
    members = {"one": os.urandom(20_000), "two": os.urandom(20_000)}
    make = zip_of if name.endswith("zip") else tar_of
    whole = make(tmp_path / name, members, *(["w:gz"] if name.endswith("gz") else []))
    whole.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * keep)])
    with pytest.raises(RuntimeError, match=r"is damaged or cut short .* download it again"):
        utils.extract_archive(whole, tmp_path / "out")
    for path in (tmp_path / "out").iterdir():
        assert path.read_bytes() == members[path.name], "what is there is whole"


@pytest.mark.parametrize("make", [tar_of, zip_of])
@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "x/../../evil", "x/../../out2/evil"])
def test_nothing_is_written_outside(tmp_path: Path, make, name: str) -> None:
    source = make(tmp_path / ("a.zip" if make is zip_of else "a.tar"), {name: b"bad"})
    with pytest.raises(RuntimeError, match="outside of"):
        utils.extract_archive(source, tmp_path / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([source.name, "out"])
    assert not list((tmp_path / "out").rglob("*"))


def test_a_link_in_the_folder_is_no_way_out(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "x").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RuntimeError, match="outside of"):
        utils.extract_archive(tar_of(tmp_path / "a.tar", {"x/evil": b""}), tmp_path / "out")
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        info = tarfile.TarInfo("link")
        info.type, info.linkname = kind, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(RuntimeError, match="is a link or a device"):
        utils.extract_archive(tmp_path / "a.tar", tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_names_of_no_known_kind(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="has no suffixes"):
        utils.extract_archive(tmp_path / "a")
    with pytest.raises(RuntimeError, match=r"Unknown compression or archive type: '\.rar'"):
        utils.extract_archive(tmp_path / "a.rar")
