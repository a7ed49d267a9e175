"""A program's run with minigrad in the place of torch."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType, TracebackType
from typing import Any

from minigrad.compat.importer import STANDS_FOR, install, installed, uninstall
from minigrad.compat.missing import explain

__all__ = ["definitions", "run"]

# Where a spawned process finds which script its parent runs.
_SCRIPT = "MINIGRAD_SCRIPT"


def run(script: str | os.PathLike[str], arguments: Sequence[str] = ()) -> int:
    """Run a Python program as ``python script arguments`` would, with minigrad as torch.

    An error ends it with its traceback and, where its cause is a name that minigrad lacks, with a
    sentence that says so. Returns the exit code.

    Raises: FileNotFoundError if there is no such file.

    >>> import subprocess, sys
    >>> command = [sys.executable, "-m", "minigrad.compat", "/dev/stdin"]
    >>> text = b"import torch; print(torch.ones(2).sum())"
    >>> subprocess.run(command, input=text, capture_output=True).stdout
    b'tensor(2.)\\n'
    """
    path = Path(script)
    try:
        code = _compiled(path)
    except SyntaxError as error:
        traceback.print_exception(type(error), error, None)  # as Python does: only the place
        return 1
    was_installed = installed()
    install()
    main = ModuleType("__main__")
    main.__file__ = str(path)
    main.__spec__ = ModuleSpec("minigrad.compat.child", None)
    before = sys.argv, sys.path[:], sys.modules["__main__"]
    sys.argv = [str(path), *arguments]
    sys.path.insert(0, str(path.resolve().parent))
    sys.modules["__main__"] = main
    os.environ[_SCRIPT] = str(path.resolve())
    try:
        exec(code, main.__dict__)
    except SystemExit as end:
        return _exit_code(end)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        _report(error)
        return 1
    finally:
        sys.stdout.flush()
        sys.argv, sys.path[:], sys.modules["__main__"] = before
        del os.environ[_SCRIPT]
        if not was_installed:
            uninstall()
    return 0


def definitions(name: str) -> dict[str, Any]:
    """What the script that the parent process runs defines, read under another ``__name__``."""
    path = Path(os.environ[_SCRIPT])
    install()
    sys.path.insert(0, str(path.parent))
    found: dict[str, Any] = {"__name__": name, "__file__": str(path)}
    exec(_compiled(path), found)
    return found


def _compiled(path: Path) -> CodeType:
    return compile(path.read_bytes(), str(path), "exec", dont_inherit=True)


def _exit_code(end: SystemExit) -> int:
    """What Python makes of ``sys.exit(x)``."""
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    print(end.code, file=sys.stderr)
    return 1


def _report(error: BaseException) -> None:
    """The traceback from the script's first line on, and what minigrad has to say about it."""
    here = Path(__file__).parent
    trace: TracebackType | None = error.__traceback__
    while trace is not None and Path(trace.tb_frame.f_code.co_filename).parent == here:
        trace = trace.tb_next
    sys.stdout.flush()
    traceback.print_exception(type(error), error, trace)
    names = {mine: theirs for theirs, mine in STANDS_FOR.items()}
    sentence = explain(error, names)
    if sentence:
        print(f"\nminigrad: {sentence}", file=sys.stderr)
