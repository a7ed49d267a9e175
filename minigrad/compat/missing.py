"""What a program wants and minigrad does not have: its name in torch, the place, and the reason."""

from __future__ import annotations

import difflib
import importlib
import sys
import traceback
from types import ModuleType, TracebackType
from typing import Any

from minigrad.left_out import left_out

__all__ = ["MissingModule", "explain"]


class MissingModule(ModuleNotFoundError):
    """An import of a module of torch that minigrad does not have.

    >>> from minigrad.compat import MissingModule
    >>> issubclass(MissingModule, ImportError)
    True
    """


def missing_module(wanted: str) -> MissingModule:
    """The error for an import, naming the line that wants it."""
    return MissingModule(f"{_sentence(wanted, _importing_line())}", name=wanted)


def _sentence(wanted: str, place: str, near: str = "") -> str:
    _, _, below = wanted.partition(".")
    last = wanted.rpartition(".")[2]
    reason = left_out(below) or left_out(last)
    why = f": left out on purpose ({reason})" if reason else ""
    hint = f"; did you mean {near}?" if near and not why else ""
    return f"minigrad has no {wanted}{f', which {place} asks for' if place else ''}{why}{hint}"


def _near(error: BaseException) -> str:
    """A name of the module or class that was asked that is much like the one that is missing."""
    holder = getattr(error, "obj", None)
    name = getattr(error, "name", None)
    found = difflib.get_close_matches(name, dir(holder), 1, 0.75) if holder and name else []
    return found[0] if found else ""


def _importing_line() -> str:
    """File and line of the import statement that is running."""
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith("<frozen importlib") and frame.f_globals.get("__package__") not in (
            "minigrad.compat",
            "importlib",
        ):
            return f"{file}, line {frame.f_lineno},"
        assert frame.f_back is not None
        frame = frame.f_back
    return ""


def explain(error: BaseException, names: dict[str, str]) -> str:
    """One sentence on an error whose cause is a name that minigrad lacks; empty for any other.

    ``names`` says which of minigrad's modules stands for which of torch's.

    >>> import minigrad
    >>> try:
    ...     minigrad.sparse_coo_tensor
    ... except AttributeError as error:
    ...     explain(error, {"minigrad": "torch"}).split(", which")[0]
    'minigrad has no torch.sparse_coo_tensor'
    """
    wanted = _wanted(error, names)
    return _sentence(wanted, _last_line(error.__traceback__), _near(error)) if wanted else ""


def _wanted(error: BaseException, names: dict[str, str]) -> str:
    """torch's full name of what was asked for and is not there."""
    if isinstance(error, AttributeError):
        return _wanted_attribute(error, names)
    if isinstance(error, ImportError) and not isinstance(error, ModuleNotFoundError):
        own, quoted = error.name or "", error.msg.split("'")
        ours = own.partition(".")[0] in ("minigrad", *names.values())
        if ours and len(quoted) > 1 and "cannot import" in error.msg:
            return f"{_in_torch(own, names)}.{quoted[1]}"
    return ""


def _wanted_attribute(error: AttributeError, names: dict[str, str]) -> str:
    holder: Any = error.obj
    if holder is None and error.name and error.args and "module 'minigrad" in error.args[0]:
        holder = importlib.import_module(error.args[0].split("'")[1])
    if isinstance(holder, ModuleType):
        own = holder.__name__
    else:
        kind = holder if isinstance(holder, type) else type(holder)
        own = f"{kind.__module__}.{kind.__qualname__}"
    if own.partition(".")[0] not in ("minigrad", *names.values()):
        return ""
    return f"{_in_torch(own, names)}.{error.name}"


def _in_torch(own: str, names: dict[str, str]) -> str:
    """minigrad.vision.models -> torchvision.models; minigrad.tensor.Tensor -> torch.Tensor."""
    own = own.replace("minigrad.tensor.Tensor", "minigrad.Tensor")
    for mine in sorted(names, key=len, reverse=True):
        if own == mine or own.startswith(f"{mine}."):
            return names[mine] + own.removeprefix(mine)
    return own


def _last_line(trace: TracebackType | None) -> str:
    """File and line of the user's code nearest to an error."""
    places = [
        frame
        for frame in traceback.extract_tb(trace)
        if "minigrad" not in frame.filename.replace("\\", "/").split("/")
        and not frame.filename.startswith("<frozen")
    ]
    return f"{places[-1].filename}, line {places[-1].lineno}," if places else ""
