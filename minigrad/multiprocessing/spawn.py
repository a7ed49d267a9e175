"""Several processes that run one function, and the error of the first that fails.

Source: torch/multiprocessing/spawn.py
"""

from __future__ import annotations

import ctypes
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from typing import Any

__all__ = [
    "ProcessContext",
    "ProcessException",
    "ProcessExitedException",
    "ProcessRaisedException",
    "SpawnContext",
    "spawn",
    "start_processes",
]

_PATIENCE = 30.0  # seconds for a process to end when it is asked to; torch's number


class ProcessException(Exception):
    """A process has failed: which of them, and its number in the system."""

    def __init__(self, msg: str, error_index: int, error_pid: int) -> None:
        super().__init__(msg)
        self.msg = msg
        self.error_index = error_index
        self.error_pid = error_pid

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.msg, self.error_index, self.error_pid)


class ProcessRaisedException(ProcessException):
    """The function raised; the message holds the traceback."""


class ProcessExitedException(ProcessException):
    """The process was ended, by a signal or with an exit code."""

    def __init__(
        self,
        msg: str,
        error_index: int,
        error_pid: int,
        exit_code: int,
        signal_name: str | None = None,
    ) -> None:
        super().__init__(msg, error_index, error_pid)
        self.exit_code = exit_code
        self.signal_name = signal_name

    def __reduce__(self) -> tuple[Any, ...]:
        name = self.signal_name
        return type(self), (self.msg, self.error_index, self.error_pid, self.exit_code, name)


class ProcessContext:
    """Processes that were started together."""

    def __init__(self, processes: list[Any], error_files: list[str]) -> None:
        self.processes = processes
        self.error_files = error_files
        self.sentinels = {process.sentinel: i for i, process in enumerate(processes)}

    def pids(self) -> list[int]:
        """Their numbers in the system."""
        return [int(process.pid) for process in self.processes]

    def join(self, timeout: float | None = None, grace_period: float | None = None) -> bool:
        """Wait until one of them ends; True once all have. A failure ends the others.

        Raises: ProcessRaisedException with the traceback of a function that raised,
        ProcessExitedException for a process that was ended otherwise.
        """
        waiting = list(self.sentinels)
        for sentinel in multiprocessing.connection.wait(waiting, timeout) if waiting else ():
            number = self.sentinels.pop(sentinel)
            self.processes[number].join()
            if self.processes[number].exitcode:
                self._end(grace_period)
                raise self._error(number)
        return not self.sentinels

    def _end(self, grace_period: float | None) -> None:
        """End all: first by patience, if asked for, then by a signal, then by force."""
        if grace_period is not None:
            self._wait(grace_period)
        for process in self.processes:
            process.terminate()
        self._wait(_PATIENCE if grace_period is None else grace_period)
        for process in self.processes:
            if process.is_alive():
                process.kill()
            process.join()

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        for process in self.processes:
            process.join(max(0.0, end - time.monotonic()))

    def _error(self, number: int) -> ProcessException:
        process, file = self.processes[number], self.error_files[number]
        if os.path.exists(file):
            with open(file, encoding="utf-8") as text:
                said = text.read()
            os.unlink(file)
            return ProcessRaisedException(
                f"\n\n-- Process {number} terminated with the following error:\n{said}",
                number,
                process.pid,
            )
        code, name = process.exitcode, None
        how = f"exit code {code}"
        if code < 0:
            known = {int(s): s.name for s in signal.Signals}
            name = known.get(-code, f"<Unknown signal {-code}>")
            how = f"signal {name}"
        what = f"process {number} terminated with {how}"
        return ProcessExitedException(what, number, process.pid, code, name)


class SpawnContext(ProcessContext):
    """The former name of ``ProcessContext``."""

    def __init__(self, processes: list[Any], error_files: list[str]) -> None:
        warnings.warn("SpawnContext is renamed to ProcessContext since 1.4 release.", stacklevel=2)
        super().__init__(processes, error_files)


def start_processes(
    fn: Callable[..., Any],
    args: Sequence[Any] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """Run ``fn(number, *args)`` in ``nprocs`` processes; the first error ends them all.

    Returns None once all are done, or a ``ProcessContext`` if they are not to be joined.

    Raises: ProcessRaisedException, ProcessExitedException if a process fails.

    >>> import minigrad.multiprocessing as mp
    >>> mp.start_processes(print, args=("fork",), start_method="fork", nprocs=0)
    """
    context: Any = multiprocessing.get_context(start_method)
    processes, files = [], []
    for number in range(nprocs):
        handle, file = tempfile.mkstemp(".txt", "minigrad-error-")
        os.close(handle)
        os.unlink(file)  # only a process that raises makes it again
        process = context.Process(target=_run, args=(fn, number, args, file), daemon=daemon)
        process.start()
        processes.append(process)
        files.append(file)
    started = ProcessContext(processes, files)
    if not join:
        return started
    while not started.join():
        pass
    return None


def spawn(
    fn: Callable[..., Any],
    args: Sequence[Any] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """Run ``fn(number, *args)`` in ``nprocs`` new processes: ``start_processes`` by spawning.

    >>> import minigrad.multiprocessing as mp
    >>> mp.spawn(print, nprocs=0)

    Source: https://docs.pytorch.org/docs/stable/multiprocessing.html#spawning-subprocesses
    """
    if start_method != "spawn":
        warnings.warn(
            "This method only supports start_method=spawn (got: "
            f"{start_method}).\nTo use a different start_method use:\n\t\t"
            " torch.multiprocessing.start_processes(...)",
            FutureWarning,
            stacklevel=2,
        )
    return start_processes(fn, args, nprocs, join, daemon, start_method="spawn")


def _run(fn: Callable[..., Any], number: int, args: Sequence[Any], file: str) -> None:
    """What a process does: call the function, and write down what it raises."""
    if sys.platform == "linux":  # a process whose parent dies is interrupted
        ctypes.CDLL(None).prctl(1, signal.SIGINT)
    try:
        fn(number, *args)
    except KeyboardInterrupt:
        pass
    except Exception:
        with open(file, "w", encoding="utf-8") as text:
            text.write(traceback.format_exc())
        sys.exit(1)
