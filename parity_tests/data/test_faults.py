"""What goes wrong with worker processes: torch's errors, and nothing that stays behind."""

from __future__ import annotations

import os
import pickle
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import minigrad
from parity_tests.data.datasets import Deeds, Named
from parity_tests.sidebyside import both_agree

ROOT = Path(__file__).parent.parent.parent


def error_of(call: Callable[[], Any]) -> Any:
    """Type of an error, the first and the last line of its text, and of its cause; no numbers."""
    try:
        call()
    except Exception as error:
        lines = str(error).strip().splitlines()
        cause = "" if error.__cause__ is None else str(error.__cause__)
        facts = [type(error).__name__, lines[0], lines[-1], cause]
        return [re.sub(r"pid(\(s\))? \d+", "pid", fact) for fact in facts]
    return "no error"


@pytest.mark.parametrize(
    "deed",
    ["value", "key", "unicode", "own", "message", "stop", "nothing"],
)
@both_agree
def test_an_error_in_a_worker(torch: Any, deed: str) -> Any:
    loader = torch.utils.data.DataLoader(Deeds(torch, deed), 2, num_workers=2, collate_fn=list)
    found: list[Any] = []
    epoch = iter(loader)
    error = error_of(lambda: found.extend(epoch))
    rest = list(epoch)  # an error is no end: the batches after it come
    fine = Deeds(torch, "nothing", 6)
    loader.dataset.__dict__.update(fine.__dict__)
    return [error, found, rest, list(loader)]


@both_agree
def test_the_traceback_shows_the_sample(torch: Any) -> Any:
    loader = torch.utils.data.DataLoader(Deeds(torch, "value"), 2, num_workers=1)
    with pytest.raises(ValueError, match="Original Traceback") as caught:
        list(loader)
    return ["in __getitem__" in str(caught.value), "raise error" in str(caught.value)]


@pytest.mark.parametrize(
    ("deed", "how"),
    [
        ("kill", "is killed by signal: Killed. "),
        ("exit", "exited unexpectedly with exit code 3. Details are lost due to multiprocessing. "),
        ("sys.exit", "exited unexpectedly with exit code 4. Details are lost"),
    ],
)
def test_a_worker_that_dies(deed: str, how: str) -> None:
    """The texts are torch's, whose signal handler may however raise another error before."""
    loader = minigrad.utils.data.DataLoader(Deeds(minigrad, deed), 2, num_workers=2)
    kind, first, last, cause = error_of(lambda: list(loader))
    assert kind == "RuntimeError"
    assert first == last == "DataLoader worker (pid) exited unexpectedly"
    assert cause.startswith(f"DataLoader worker (pid) {how}")
    loader.dataset.deed = "nothing"
    assert len(list(loader)) == 20


@pytest.mark.parametrize("persistent", [False, True])
def test_another_epoch_after_a_death(persistent: bool) -> None:
    data = Deeds(minigrad, "kill")
    loader = minigrad.utils.data.DataLoader(data, 2, num_workers=2, persistent_workers=persistent)
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"worker \(pid\(s\) \d+\) exited unexpectedly"):
            list(loader)
    data.deed = "nothing"
    assert len(list(loader)) == 20


@both_agree
def test_a_worker_that_takes_too_long(torch: Any) -> Any:
    data = Deeds(torch, "nap", 15)
    slow = torch.utils.data.DataLoader(data, 2, num_workers=1, timeout=0.1)
    found = error_of(lambda: list(slow))
    patient = torch.utils.data.DataLoader(data, 2, num_workers=1, timeout=30)
    return [found, len(list(patient))]


@pytest.mark.parametrize("where", ["init", "start of a stream", "collate"])
@both_agree
def test_errors_elsewhere(torch: Any, where: str) -> Any:
    D = torch.utils.data

    class Stream(D.IterableDataset):
        def __iter__(self) -> Any:
            raise OSError("no stream")

    def fail(_: Any) -> Any:
        raise OSError("failed")

    data = Deeds(torch, "nothing")
    loaders = {
        "init": lambda: D.DataLoader(data, num_workers=1, worker_init_fn=fail),
        "start of a stream": lambda: D.DataLoader(Stream(), num_workers=1),
        "collate": lambda: D.DataLoader(data, num_workers=1, collate_fn=fail),
    }
    return error_of(lambda: next(iter(loaders[where]())))


class Unsendable(Named):
    """Sample 1 cannot be sent to another process."""

    def __init__(self, torch: Any, make: str) -> None:
        super().__init__(torch, 3)
        self.make = make

    def __getitem__(self, i: int) -> Any:
        return eval(self.make, {"torch": self.torch}) if i == 1 else i


@pytest.mark.parametrize(
    ("make", "kind", "text"),
    [
        ("lambda: 1", Exception, "pickle"),
        ("torch.ones(2, requires_grad=True) * 2", RuntimeError, "Cowardly refusing"),
    ],
)
def test_what_cannot_be_sent(make: str, kind: type[Exception], text: str) -> None:
    """torch prints the error in the worker, and waits for ever."""
    data = Unsendable(minigrad, make)
    epoch = iter(minigrad.utils.data.DataLoader(data, None, num_workers=1, collate_fn=lambda x: x))
    assert next(epoch) == 0
    with pytest.raises(kind, match=text):
        next(epoch)
    assert next(epoch) == 2


def test_an_error_of_a_type_that_only_the_worker_knows() -> None:
    loader = minigrad.utils.data.DataLoader(Deeds(minigrad, "local"), num_workers=1)
    with pytest.raises(RuntimeError, match="Caught LocalError in DataLoader worker process 0"):
        list(loader)


def test_prefetching_nothing() -> None:
    loader = minigrad.utils.data.DataLoader([1], num_workers=1, prefetch_factor=0)
    with pytest.raises(AssertionError, match="prefetch_factor must be greater than 0"):
        iter(loader)


def test_an_unpicklable_dataset() -> None:
    loader = minigrad.utils.data.DataLoader(
        [lambda: 1], num_workers=2, multiprocessing_context="spawn"
    )
    warned = pytest.warns(UserWarning, match="Got pickle error")
    with warned, pytest.raises((AttributeError, TypeError, pickle.PicklingError), match="ickl"):
        iter(loader)


@pytest.mark.parametrize("way", ["break", "error", "del", "exhausted", "iterator"])
def test_workers_end_with_the_loop(way: str) -> None:
    loader = minigrad.utils.data.DataLoader(Deeds(minigrad, "nothing"), num_workers=2)
    epoch = iter(loader)
    pids = [member.process.pid for member in epoch._members]
    assert all(alive(pid) for pid in pids)
    if way == "exhausted":
        assert len(list(epoch)) == 40
    elif way == "error":
        with pytest.raises(ZeroDivisionError):
            for _ in epoch:
                raise ZeroDivisionError
    else:
        for _ in epoch:
            break
        if way == "iterator":  # a generator that is left half way
            epoch = (batch for batch in epoch)
            next(epoch)
    del epoch
    assert not any(alive(pid) for pid in pids)


def alive(pid: int) -> bool:
    return os.path.exists(f"/proc/{pid}")


SCRIPT = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where a shell runs us behind it
sys.path.insert(0, {root!r})
import minigrad as torch
from parity_tests.data.datasets import Deeds
def main():
    data = torch.utils.data.TensorDataset(torch.arange(1000.0).reshape(100, 10))
    other = Deeds(torch, "{deed}")
    loaders = [
        torch.utils.data.DataLoader(data, 2, num_workers=2, persistent_workers=True),
        torch.utils.data.DataLoader(other, 13, num_workers=2, multiprocessing_context={context!r}),
    ]
    epochs = [iter(loader) for loader in loaders]
    kept = [[next(epoch) for _ in range(count)] for epoch, count in zip(epochs, (20, 1))]
    print("ready", flush=True)
    {then}
if __name__ == "__main__":
    assert "multiprocessing" not in sys.modules
    main()
"""


class Program:
    """A program in a process group of its own; all its processes carry a mark."""

    def __init__(self, folder: Path, then: str, deed: str = "nothing", context: str = "fork"):
        self.mark = uuid.uuid4().hex
        file = folder / "program.py"
        file.write_text(SCRIPT.format(root=str(ROOT), deed=deed, context=context, then=then))
        self.process = subprocess.Popen(
            [sys.executable, str(file)],
            env={**os.environ, "MINIGRAD_TEST_MARK": self.mark, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        if self.process.stdout.readline() != "ready\n":
            raise AssertionError(self.process.communicate(timeout=30)[1])

    def pids(self) -> list[int]:
        """The processes that are there, this one and all below it."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                marked = self.mark.encode() in (folder / "environ").read_bytes()
            except OSError:
                continue
            if marked:
                found.append(int(folder.name))
        return found

    def shared_names(self) -> list[str]:
        """What its processes have open or mapped in /dev/shm."""
        found = []
        for pid in self.pids():
            found += re.findall(r"/dev/shm/\S+", Path(f"/proc/{pid}/maps").read_text())
            for link in Path(f"/proc/{pid}/fd").iterdir():
                found += re.findall(r"^/dev/shm/\S+", os.readlink(link))
        return found

    def ends(self, seconds: float = 10) -> tuple[str, float]:
        """What it has written to stderr, and how long the last of its processes took to end."""
        start = time.monotonic()
        errors = self.process.communicate(timeout=seconds)[1]
        while self.pids():
            assert time.monotonic() - start < seconds, self.pids()
            time.sleep(0.02)
        return errors, time.monotonic() - start


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_nothing_stands_in_shared_memory(tmp_path: Path, context: str) -> None:
    program = Program(tmp_path, "time.sleep(60)", context=context)
    assert len(program.pids()) >= 5  # spawn has a helper of Python's
    assert program.shared_names() == []
    program.process.send_signal(signal.SIGTERM)
    assert program.ends()[0] == ""


@pytest.mark.parametrize("deed", ["nothing", "sleep"])
@pytest.mark.parametrize("context", ["fork", "forkserver"])
def test_a_killed_parent_leaves_no_orphans(tmp_path: Path, deed: str, context: str) -> None:
    program = Program(tmp_path, "time.sleep(60)", deed, context)
    time.sleep(0.1)
    program.process.kill()
    errors, seconds = program.ends()
    assert errors == ""
    assert seconds < 5


@pytest.mark.parametrize("deed", ["nothing", "sleep"])
def test_ctrl_c(tmp_path: Path, deed: str) -> None:
    program = Program(tmp_path, "list(epochs[1]); time.sleep(60)", deed)
    time.sleep(0.1)
    os.killpg(program.process.pid, signal.SIGINT)
    errors, seconds = program.ends()
    assert program.process.returncode in (-signal.SIGINT, 1)
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert errors.count("Traceback") == 1, errors
    assert seconds < 3


@pytest.mark.parametrize(
    ("then", "code", "last"),
    [
        ("pass", 0, ""),
        ("globals().update(kept=epochs)", 0, ""),
        ("sys.exit(7)", 7, ""),
        ("1 / 0", 1, "ZeroDivisionError: division by zero"),
    ],
)
def test_the_program_ends_quickly_amid_an_epoch(
    tmp_path: Path, then: str, code: int, last: str
) -> None:
    program = Program(tmp_path, then)
    errors, seconds = program.ends()
    assert program.process.returncode == code
    assert (errors.strip().splitlines() or [""])[-1] == last
    assert errors.count("Traceback") == (1 if last else 0)
    assert seconds < 3


UNGUARDED = """
import minigrad as torch
print(list(torch.utils.data.DataLoader([1, 2], num_workers=1, multiprocessing_context={!r})))
"""


@pytest.mark.parametrize("context", ["spawn", "forkserver"])
def test_a_program_without_a_guard_is_told_of_it(tmp_path: Path, context: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED.format(context))
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
    )
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode != 0
    assert last.startswith("RuntimeError: DataLoader worker (pid(s) "), done.stderr
    assert last.endswith(
        f"exited unexpectedly while it started. With the start method {context!r} each worker "
        "imports the program anew: what makes and reads loaders has to stand below "
        '`if __name__ == "__main__":`'
    )


@both_agree
def test_batches_that_can_not_be_put_together(torch: Any) -> Any:
    collate, one = torch.utils.data.default_collate, torch.ones(2)
    batches = [[one, None], [None, one], [None], [one, 1], [(one, 1), (one,)], [{"a": 1}, {"b": 1}]]
    return [error_of(lambda batch=batch: collate(batch)) for batch in batches]
