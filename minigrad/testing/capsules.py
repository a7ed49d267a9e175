"""Capsules: a failure in one file, to be run again elsewhere.

A capsule holds what was called, with what, from which random state, and on what: the versions and
the device; and the ops that ran, each with what it was given and what it gave. It is an ordinary
file of ``torch.save``. Its ops are run again without trust; the call itself asks for it where it
holds modules, or names a function of a program.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import os
import platform
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import minigrad as torch
from minigrad.autograd.gradcheck import gradcheck, gradgradcheck
from minigrad.autograd.jacobians import Gradients
from minigrad.autograd.record import Call
from minigrad.autograd.registry import REGISTRY
from minigrad.testing.cases import OWN, Case, mapped
from minigrad.testing.tape import Again, Tape, run_again

__all__ = ["Replay", "recorded", "replay", "write_capsule"]

FORMAT = "minigrad capsule 2"

CHECKS: dict[str, Callable[..., Any]] = {"gradcheck": gradcheck, "gradgradcheck": gradgradcheck}
Pathlike = str | os.PathLike[str]


def recorded(path: Pathlike, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function; if it raises, or returns what is not finite, leave a capsule at ``path``.

    For a training step: give it what it uses as arguments (the model, the batch), so that they go
    into the capsule, as they were before the call. The function must be found by its name again.
    It takes the time and memory of a copy of what each op computes: it is for a run that fails.

    >>> import minigrad as torch, os, tempfile
    >>> from minigrad.testing import recorded
    >>> path = os.path.join(tempfile.mkdtemp(), "step.capsule")
    >>> recorded(path, torch.log, torch.tensor([-1.0]))
    tensor([nan])
    >>> os.path.exists(path)
    True

    Raises: what the function raises.
    """
    state = torch.get_rng_state()
    kept = _copied((args, kwargs))
    tape = Tape()
    try:
        with tape:
            result = function(*args, **kwargs)
    except Exception as error:
        _save(path, "call", function, kept, state, _last(error), tape)
        raise
    if not _finite(result):
        _save(path, "call", function, kept, state, "the result is not finite", tape)
    return result


def write_capsule(path: Pathlike, error: BaseException) -> bool:
    """Leave a capsule of a failed gradient check, from the error that it raised.

    Returns False if the error is of another kind.

    >>> import minigrad as torch, os, tempfile
    >>> from minigrad.testing import GradcheckError, gradcheck, write_capsule
    >>> x = torch.tensor([1.0], dtype=torch.float64, requires_grad=True)
    >>> path = os.path.join(tempfile.mkdtemp(), "check.capsule")
    >>> try:
    ...     gradcheck(torch.abs, (x - x,))
    ... except GradcheckError as error:
    ...     write_capsule(path, error)
    True
    """
    point = getattr(error, "point", None)
    if point is None:
        return False
    second = isinstance(point.func, Gradients)
    function = point.func.func if second else point.func
    inputs = point.inputs[: len(point.inputs) - point.func.count] if second else point.inputs
    kind = "gradgradcheck" if second else "gradcheck"
    given: Any = (tuple(t.detach() if torch.is_tensor(t) else t for t in inputs), {})
    wants = [torch.is_tensor(t) and t.requires_grad for t in inputs]
    with Tape() as tape:
        point.pull(point.outputs, [torch.ones_like(output) for output in point.outputs])
    _save(path, kind, function, given, torch.get_rng_state(), _last(error), tape, wants)
    return True


@dataclass(frozen=True)
class Replay:
    """What came of a capsule here: the error then, the error now (empty: none), and where.

    ``tape`` says of each op whether it gives the same here; ``left_out`` why the call itself was
    not run, if it was not.
    """

    then: str
    now: str
    made_on: dict[str, str]
    tape: Again
    left_out: str = ""

    @property
    def reproduced(self) -> bool:
        """Whether it fails here too; of a call that was not run, whether its ops show that."""
        return bool(self.now or (self.left_out and self.tape.not_finite and not self.tape.parts))


def replay(path: Pathlike, *, trust: bool = False) -> Replay:
    """Run what a capsule holds again: its ops one by one, and the call as a whole.

    ``trust`` allows what can run code of the file's author: whole modules, and functions that are
    loaded from the file that the capsule names.

    >>> import minigrad as torch, os, tempfile
    >>> from minigrad.testing import recorded, replay
    >>> path = os.path.join(tempfile.mkdtemp(), "step.capsule")
    >>> _ = recorded(path, torch.log, torch.tensor([-1.0]))
    >>> replay(path).now
    'the result is not finite'
    >>> replay(path).tape.exact
    1

    Raises: ValueError if the file is no capsule, or has no ops and wants to be trusted.
    """
    try:
        held = torch.load(path)
    except Exception as error:
        raise ValueError(f"replay: {path} cannot be read: {_last(error)}") from error
    if not isinstance(held, dict) or held.get("format") != FORMAT:
        raise ValueError(f"replay: {path} is no capsule of this version ({FORMAT})")
    tape, now, left_out = run_again(held["tape"], kernels=trust), "", ""
    try:
        function = _function(held["function"], trust)
        args, kwargs = _opened(held["arguments"], trust)
    except (ValueError, ImportError) as error:
        if trust or not tape.ops:
            raise ValueError(str(error)) from error
        left_out = str(error)
    else:
        now = _run(held, function, args, kwargs)
    return Replay(held["error"], now, held["made_on"], tape, left_out)


def _run(held: dict[str, Any], function: Any, args: Any, kwargs: Any) -> str:
    """The error of the call as it is made here."""
    torch.set_rng_state(held["random"])
    try:
        if held["kind"] in CHECKS:
            pairs = zip(args, held["wants"], strict=True)
            inputs = tuple(t.requires_grad_() if wanted else t for t, wanted in pairs)
            CHECKS[held["kind"]](function, inputs)
        elif not _finite(function(*args, **kwargs)):
            return "the result is not finite"
    except Exception as error:
        return _last(error)
    return ""


def _packed(arguments: Any) -> Any:
    """Arguments as a file in the file, so that what is plain about it can be read without them."""
    stream = io.BytesIO()
    torch.save(arguments, stream)
    return torch.from_numpy(np.frombuffer(stream.getvalue(), dtype=np.uint8).copy())


def _opened(packed: Any, trust: bool) -> Any:
    try:
        return torch.load(io.BytesIO(packed.numpy().tobytes()), weights_only=not trust)
    except Exception as error:
        raise ValueError(
            f"replay: the call's arguments are no plain values; trust them to be read: "
            f"{_last(error).splitlines()[0]}"
        ) from error


def environment() -> dict[str, str]:
    """The versions and the machine.

    >>> from minigrad.testing.capsules import environment
    >>> sorted(environment())
    ['device', 'minigrad', 'numpy', 'platform', 'python']
    """
    return {
        "minigrad": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": "cpu",
    }


def _save(
    path: Pathlike,
    kind: str,
    function: Callable[..., Any],
    arguments: Any,
    state: Any,
    error: str,
    tape: Tape,
    wants: Any = None,
) -> None:
    held = {
        "format": FORMAT,
        "kind": kind,
        "function": _reference(function),
        "arguments": _packed(arguments),
        "tape": tape.held(),
        "wants": wants,
        "random": state,
        "error": error,
        "made_on": environment(),
    }
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    torch.save(held, path)


def _reference(function: Any) -> dict[str, Any]:
    """How a function is found again: a call of an op, the lines of a program, or a name."""
    if isinstance(function, Case) and function.record.name not in OWN:
        arrays = mapped(function.arrays, np.ndarray, torch.from_numpy)
        tied = sorted(n for n, i in function.places.items() if i in function.lengths)
        given = {"args": arrays.args, "kwargs": arrays.kwargs, "tied": tied}
        return {"op": function.record.name, **given}
    if hasattr(function, "lines") and hasattr(function, "run"):
        return {"lines": list(function.lines), "count": len(function.inputs)}
    function = getattr(getattr(function, "record", None), "function", function)
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    where = getattr(module, "__file__", None) or ""
    inside = where.startswith(os.path.dirname(torch.__file__ or "?"))
    name = getattr(function, "__qualname__", type(function).__qualname__)
    if inside or getattr(torch, name, None) is function:
        return {"module": getattr(function, "__module__", "minigrad"), "name": name}
    return {"file": os.path.relpath(where) if where else "", "name": name}


def _function(found: dict[str, Any], trust: bool) -> Callable[..., Any]:
    """The function that a reference names."""
    if "op" in found:
        call = mapped(Call(found["args"], found["kwargs"]), torch.Tensor, lambda t: t.numpy())
        return Case(found["op"], call, None, found["tied"])
    if "lines" in found:
        if not trust:
            raise ValueError("replay: the capsule holds a program; trust it to run its lines")
        from minigrad.testing.programs import Program

        return Program([None] * found["count"], found["lines"])
    if "module" not in found and not trust:
        raise ValueError(f"replay: {found['name']} stands in {found['file']}; trust it to be run")
    owner: Any
    if "module" in found:
        owner = importlib.import_module(f"minigrad{found['module'].removeprefix('minigrad')}")
    else:
        owner = _module_of(found["file"])
    for part in found["name"].split("."):
        if not hasattr(owner, part):
            raise ValueError(f"replay: {found['name']} is not found by its name")
        owner = getattr(owner, part)
    # A name can lead through a module's imports to anything: unless trusted, only to an op.
    if not trust and not any(owner is r.function or owner is r.method for r in REGISTRY.values()):
        raise ValueError(f"replay: {found['name']} is no op of minigrad; trust it to be run")
    return owner  # type: ignore[no-any-return]


def _module_of(path: str) -> Any:
    spec = importlib.util.spec_from_file_location("capsule_source", path)
    if not os.path.isfile(path) or spec is None or spec.loader is None:
        raise ValueError(f"replay: there is no file {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _copied(value: Any) -> Any:
    """Arguments as they are now."""
    import copy

    if torch.is_tensor(value):
        return value.detach().clone().requires_grad_(value.requires_grad)
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return type(value)(_copied(v) for v in value)
    if type(value) is dict:
        return {k: _copied(v) for k, v in value.items()}
    return copy.deepcopy(value)


def _finite(result: Any) -> bool:
    if isinstance(result, (list, tuple)):
        return all(map(_finite, result))
    if isinstance(result, float):
        return bool(np.isfinite(result))
    if torch.is_tensor(result) and result.is_floating_point():
        return bool(torch.isfinite(result.detach()).all())
    return True


def _last(error: BaseException) -> str:
    return "".join(traceback.format_exception_only(error)).strip()[:2000]
