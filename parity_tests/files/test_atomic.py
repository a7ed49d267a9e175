"""A file is replaced as a whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import builtins
import io
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import minigrad as mg
from minigrad.serialization import atomic_write

ROOT = Path(__file__).parent.parent.parent
KILLS = int(os.environ.get("MINIGRAD_KILLS", "40"))  # 1000 at night


def whole(path: Path) -> int:
    """The number of the save that a file holds; fails if it is not a whole one."""
    found = mg.load(path)
    assert bool((found["w"] == found["number"]).all()) and found["w"].shape == (50_000,)
    number: int = found["number"]
    return number


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: forcing files to a busy disk takes its time."""
    with tempfile.TemporaryDirectory(
        dir="/dev/shm" if os.path.isdir("/dev/shm") else tmp_path
    ) as f:
        yield Path(f)


def test_a_saving_process_that_is_killed_leaves_the_old_file_or_the_new(folder: Path) -> None:
    """SIGKILL at a random moment, again and again; only hidden temporary files may be left."""
    path, rng, last, cut = folder / "w.pt", random.Random(0), 0, 0
    command = [sys.executable, "-m", "parity_tests.files.saver", str(path)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as server:
        assert server.stdin is not None and server.stdout is not None
        words = (line.split() for line in server.stdout)
        for _ in range(KILLS):
            server.stdin.write(f"{last}\n")
            said, victim = last, 0
            for word, number in words:
                victim = int(number) if word == "started" else victim
                said = int(number) if word == "saved" else said
                if victim and said > last:
                    break
            time.sleep(rng.random() * 0.03)
            os.kill(victim, signal.SIGKILL)
            for word, number in words:
                if word == "ended":
                    break
                said = int(number)
            last = whole(path)
            assert last in (said, said + 1)  # all that it said it had saved, or one save more
            litter = [name for name in os.listdir(folder) if name != "w.pt"]
            assert all(name.startswith(".w.pt.") and name.endswith(".tmp") for name in litter)
            cut += len(litter)
            for name in litter:
                (folder / name).unlink()
        server.stdin.close()
    assert cut > KILLS // 10  # many of them did come in the middle of a save


CALLS: list[tuple[Any, str]] = [
    (os, "open"), (os, "close"), (os, "fsync"), (os, "replace"), (os, "chmod"), (os, "stat"),
    (builtins, "open"),
]  # fmt: skip


@contextmanager
def failing(which: int, error: BaseException, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Raise at the which-th call of the system; yields a list of the calls so far."""
    calls: list[str] = []

    def wrap(module: Any, name: str) -> None:
        original = getattr(module, name)

        def call(*args: Any, **options: Any) -> Any:
            calls.append(name)
            if len(calls) == which:
                raise error
            found = original(*args, **options)
            return Written(found, step) if name == "open" and module is builtins else found

        monkeypatch.setattr(module, name, call)

    def step() -> None:
        calls.append("write")
        if len(calls) == which:
            raise error

    with monkeypatch.context():
        for module, name in CALLS:
            wrap(module, name)
        yield calls


class Written:
    """An open file that counts its writes, and writes a part before it fails."""

    def __init__(self, file: Any, step: Callable[[], None]) -> None:
        self._file, self._step = file, step

    def write(self, content: Any) -> Any:
        try:
            self._step()
        except BaseException:
            self._file.write(memoryview(content)[: len(content) // 2])
            raise
        return self._file.write(content)

    def __enter__(self) -> Written:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def test_a_failure_of_any_call_of_the_system_leaves_old_or_new_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, which, names = tmp_path / "w.pt", 0, []
    mg.save({"number": 1, "w": mg.ones(50_000)}, path)
    while True:
        which += 1
        new = {"number": which + 1, "w": mg.full((50_000,), which + 1.0)}
        before = whole(path)
        failed = False
        with failing(which, OSError(28, "No space left on device"), monkeypatch) as calls:
            try:
                mg.save(new, path)
            except OSError:
                failed = True
        monkeypatch.undo()
        names += calls[which - 1 : which]
        assert whole(path) in ((before, which + 1) if failed else (which + 1,))
        assert os.listdir(tmp_path) == ["w.pt"], f"litter after {calls}"
        if len(calls) < which:
            break
    assert {"open", "write", "fsync", "replace", "chmod"} <= set(names)


@pytest.mark.parametrize("size", [100, 190_000])
def test_a_full_disk_leaves_the_old_file_and_no_litter(tmp_path: Path, size: int) -> None:
    """The system itself says no: no file of this process may be longer than some bytes."""
    path = tmp_path / "w.pt"
    mg.save({"number": 1, "w": mg.ones(50_000)}, path)
    script = (
        "import resource, signal, sys, minigrad as mg\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))\n"
        "try: mg.save({'number': 2, 'w': mg.full((50_000,), 2.0)}, sys.argv[1])\n"
        "except OSError as error: print(error.errno)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.strip() == "27", done.stderr  # EFBIG
    assert whole(path) == 1 and os.listdir(tmp_path) == ["w.pt"]


def test_a_device_that_is_full_says_so() -> None:
    with pytest.raises(OSError, match="No space left"):
        mg.save(mg.ones(100_000), "/dev/full")
    assert not os.path.isfile("/dev/full")


def test_an_object_that_cannot_be_saved_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    mg.save([1], path)
    with pytest.raises(Exception, match="lambda"):
        mg.save([lambda: 0], path)
    with pytest.raises(ZeroDivisionError), atomic_write(path) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert mg.load(path) == [1]
    assert os.listdir(tmp_path) == ["w.pt"]


@pytest.mark.parametrize("name", ["w.pt", "w.npz", "w.safetensors"])
def test_links_and_permissions_are_kept(tmp_path: Path, name: str) -> None:
    real = tmp_path / f"real-{name}"
    real.write_bytes(b"old")
    real.chmod(0o640)
    (tmp_path / name).symlink_to(real.name)
    mg.save({"w": mg.ones(1)}, tmp_path / name)
    assert (tmp_path / name).is_symlink()
    assert real.read_bytes() != b"old" and real.stat().st_mode & 0o777 == 0o640
    assert mg.load(tmp_path / name)["w"].tolist() == [1.0]
    assert len(os.listdir(tmp_path)) == 2


def test_a_new_file_has_the_permissions_that_open_would_give(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    mg.save(1, tmp_path / "b")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_a_device_is_written_and_not_replaced() -> None:
    with atomic_write(os.devnull) as file:
        file.write(b"away")
    assert not os.path.isfile(os.devnull)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        mg.save(1, tmp_path / "none" / "w.pt")
    with pytest.raises(OSError):
        mg.save(1, tmp_path)


def test_an_open_file_gets_all_bytes_even_if_it_takes_few_at_a_time() -> None:
    class Slow(io.RawIOBase):
        def __init__(self) -> None:
            self.content = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, content: Any) -> int:
            self.content += bytes(content)[:100]
            return min(len(content), 100)

    slow = Slow()
    mg.save(mg.arange(1000.0), slow)  # type: ignore[arg-type]
    assert mg.load(io.BytesIO(bytes(slow.content))).tolist() == list(range(1000))
