"""Run an optimizer on the configurations that torch's own test suite knows for it, and compare.

torch ships a database of its optimizers (``OptimizerInfo``) with valid options and bad calls. Each,
and as many combinations of options that are drawn here, makes ten steps with both libraries on the
same parameters and gradients: of many shapes and layouts, in four types, some missing. Parameters
and the complete state are compared after each step; files are exchanged half-way.
``python -m parity_tests.torch_optimizers NAME ...`` prints what differs; without names, one line
for every optimizer and every scheduler (``torch_schedulers.py``).
"""

from __future__ import annotations

import functools
import inspect
import itertools
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

import minigrad
from parity_tests.both import of_torchs_tests
from parity_tests.nests import attempt, moved, unlike
from parity_tests.ops.samples import to_numpy
from parity_tests.torch_samples import Tally, converted

STEPS = 10
# Rounding errors grow from step to step: in half precision, in which Muon computes too, and along
# the path of a quasi-Newton method.
STEPS_OF = {"float16": 4, "bfloat16": 4, "mixed": 4, "Muon": 7, "LBFGS": 6}
LEFT_OUT = {"SparseAdam"}
KINDS = ("float32", "float64", "float16", "bfloat16", "mixed")
SHAPES: list[tuple[int, ...]] = [(3, 5), (5,), (), (2, 1, 4), (0,), (1,), (4, 3), (6, 2)]
# Muon is for matrices, and torch's LBFGS cannot look at gradients that are not row-major.
SHAPES_OF: dict[str, list[tuple[int, ...]]] = {
    "Muon": [(3, 5), (5, 3), (1, 1), (4, 4), (6, 2)],
    "LBFGS": SHAPES[:-2],
    "Adafactor": [shape for shape in SHAPES if 0 not in shape],  # it divides by the size
}
# What options are drawn from, by name; an optimizer takes those that its constructor knows.
CHOICES: dict[str, tuple[Any, ...]] = {
    "lr": (0.01, 0.3, 1, "tensor"),
    "momentum": (0, 0.9),
    "dampening": (0, 0.3),
    "weight_decay": (0, 0.1),
    "nesterov": (False, True),
    "maximize": (False, True),
    "foreach": (None, False, True),
    "fused": (None, None, True),
    "betas": ((0.9, 0.999), (0.6, 0.8)),
    "eps": (1e-8, 1e-3),
    "amsgrad": (False, True),
    "decoupled_weight_decay": (False, True),
    "lr_decay": (0, 0.2),
    "initial_accumulator_value": (0, 0.5),
    "rho": (0.9, 0.5),
    "alpha": (0.99, 0.7),
    "centered": (False, True),
    "lambd": (1e-4, 0.1),
    "t0": (1e6, 3),
    "momentum_decay": (4e-3, 0.1),
    "etas": ((0.5, 1.2), (0.3, 1.9)),
    "step_sizes": ((1e-6, 50), (1e-3, 0.2)),
    "beta2_decay": (-0.8, -0.3),
    "d": (1.0, 2.0),
    "ns_steps": (5, 2),
    "adjust_lr_fn": (None, "original", "match_rms_adamw"),
    "max_iter": (20, 4),
    "history_size": (100, 2),
    "line_search_fn": (None, "strong_wolfe"),
}


@functools.cache
def database() -> dict[str, Any]:
    """torch's records by name."""
    optim_db = of_torchs_tests("common_optimizers").optim_db
    return {info.name: info for info in optim_db}


def configurations(name: str, drawn: int = 12) -> list[dict[str, Any]]:
    """torch's own options, each also for many tensors at once and fused, and drawn ones."""
    info = database()[name]
    own = [entry.kwargs for entry in info.optim_inputs_func("cpu")]
    found = list(own)
    for flag in {"foreach", "fused"} & set(info.supported_impls):
        found += [{**kwargs, flag: True} for kwargs in own]
    takes = inspect.signature(getattr(torch.optim, name)).parameters
    draw = np.random.default_rng(0)
    for _ in range(drawn):
        found.append({k: _drawn(draw, k) for k in CHOICES if k in takes and draw.random() < 0.5})
    if name in ("Adam", "AdamW"):  # the only ones whose betas may be tensors
        found.append({"betas": (torch.tensor(0.8), torch.tensor([0.9]))})
    return [kwargs for kwargs in found if _makes(name, kwargs)]


def _drawn(draw: np.random.Generator, option: str) -> Any:
    value = CHOICES[option][draw.integers(len(CHOICES[option]))]
    return torch.tensor(0.02) if value == "tensor" else value


def _makes(name: str, kwargs: dict[str, Any]) -> bool:
    """Whether torch accepts the options together."""
    try:
        getattr(torch.optim, name)([torch.ones(1, 1, requires_grad=True)], **kwargs)
    except (ValueError, RuntimeError, TypeError):
        return False
    return True


class Side:
    """One library's parameters and optimizer."""

    def __init__(self, library: Any, name: str, kwargs: dict[str, Any], kind: str) -> None:
        self.library = library
        draw = np.random.default_rng(7)
        self.plain = bool(kwargs.get("fused"))  # torch's fused steps take all for row-major
        self.params = [
            self._parameter(draw.normal(size=shape), kind, place)
            for place, shape in enumerate(SHAPES_OF.get(name, SHAPES))
        ]
        convert = converted if library is minigrad else _same
        self.kwargs = {k: _fresh(convert(v)) for k, v in kwargs.items()}
        self.make = functools.partial(getattr(library.optim, name))
        self.optimizer = self.make(self._groups(name), **self.kwargs)

    def _parameter(self, values: Any, kind: str, place: int) -> Any:
        if kind == "mixed":
            kind = ("float32", "float64", "float16")[place % 3]
        made = self.library.tensor(values, dtype=getattr(self.library, kind))
        if self.plain:
            return made.requires_grad_()
        if place == len(SHAPES) - 2 and values.ndim == 2:
            made = made.t()  # column-major
        elif place == len(SHAPES) - 1:
            made = self.library.stack([made, made], -1)[..., 0]  # with gaps
        return made.detach().requires_grad_()

    def _groups(self, name: str) -> list[Any]:
        if name == "LBFGS":
            return self.params
        return [{"params": self.params[:2], "lr": 0.05}, {"params": self.params[2:]}]

    def step(self, number: int) -> None:
        """One step on gradients that the number gives."""
        draw = np.random.default_rng(number)
        for place, p in enumerate(self.params):
            values = draw.normal(size=tuple(p.shape)) * 10.0 ** draw.integers(-2, 2)
            late = place == 1 and number < 3 and not self.plain  # so that ages differ
            missing = late or (number > 4 and draw.random() < 0.1)
            grad = self.library.tensor(values, dtype=p.dtype)
            p.grad = None if missing else grad
        self.optimizer.step(*self._closure())

    def _closure(self) -> tuple[Any, ...]:
        if type(self.optimizer).__name__ != "LBFGS":
            return ()
        params = self.params

        def closure() -> Any:
            self.optimizer.zero_grad()
            terms = [((p - 1) ** 2).sum() + (p**4).sum() / 4 for p in params]
            loss = sum(term.double() for term in terms)
            loss.backward()
            return loss

        return (closure,)

    def seen(self) -> Any:
        """What is to be the same on both sides."""
        return [[p.detach() for p in self.params], self.optimizer.state_dict()]


def _same(value: Any) -> Any:
    return value


def _fresh(value: Any) -> Any:
    return value.clone() if hasattr(value, "clone") else value


def sensible(name: str, kwargs: dict[str, Any], kind: str) -> bool:
    """Whether torch's own numbers mean something: not where its implementations differ so much.

    For many tensors at once torch rounds half precision elsewhere, and ASGD keeps its rates in
    float32. The path of LBFGS hangs on the last bits of a dot product. torch's Muon overwrites a
    momentum that is bfloat16 already with its normalised form.
    """
    if name == "Muon" and not kwargs.get("nesterov", True):
        return kind != "bfloat16"
    if kwargs.get("foreach"):
        return kind == "float32" or (kind == "float64" and name not in ("ASGD", "NAdam"))
    return kind == "float64" or name != "LBFGS"


def run(name: str, kwargs: dict[str, Any], kind: str) -> str:
    """Some steps with both libraries; what differs."""
    theirs, bad = attempt(lambda: Side(torch, name, kwargs, kind))
    mine, wrong = attempt(lambda: Side(minigrad, name, kwargs, kind))
    if bad or wrong:
        return f"{wrong or 'no error'}; torch: {bad or 'no error'}"
    scale: dict[str, float] = {}
    for number in range(min(STEPS_OF.get(kind, STEPS), STEPS_OF.get(name, STEPS))):
        _, bad = attempt(functools.partial(theirs.step, number))
        _, wrong = attempt(functools.partial(mine.step, number))
        if bad or wrong:
            # torch's database has valid configurations only: a run that raises shows nothing.
            return f"step {number}: {wrong or 'no error'}; torch: {bad or 'no error'}"
        if wrong := unlike(mine.seen(), theirs.seen(), "", scale):
            return f"step {number}: {wrong}"
        if number == STEPS // 2:
            _exchange(mine, theirs)
    texts = [repr(side.optimizer).replace("minigrad", "torch") for side in (mine, theirs)]
    return "" if texts[0] == texts[1] else f"printed {texts[0]!r}, not {texts[1]!r}"


def _exchange(mine: Side, theirs: Side) -> None:
    """Let each go on from the other's parameters and file, in a new optimizer."""
    files = [side.optimizer.state_dict() for side in (theirs, mine)]
    values = [[to_numpy(p).copy() for p in side.params] for side in (theirs, mine)]
    for side, file, arrays in zip((mine, theirs), files, values, strict=True):
        name = type(side.optimizer).__name__
        for p, array in zip(side.params, arrays, strict=True):
            p.data.copy_(side.library.tensor(array).to(p.dtype))
        side.optimizer = side.make(side._groups(name), **side.kwargs)
        side.optimizer.load_state_dict(moved(file, side.library))


def recorded(name: str, kwargs: dict[str, Any]) -> str:
    """Gradients through three steps with ``differentiable=True``."""
    results = [
        attempt(functools.partial(_unrolled, lib, name, kwargs)) for lib in (torch, minigrad)
    ]
    (want, bad), (got, wrong) = results
    if bad:  # torch overwrites what some of its own steps need
        return ""
    return wrong or unlike(got, want, "", {})


def _unrolled(library: Any, name: str, kwargs: dict[str, Any]) -> Any:
    convert = converted if library is minigrad else _same
    options = {k: _fresh(convert(v)) for k, v in kwargs.items()}
    draw = np.random.default_rng(3)
    start = library.tensor(draw.normal(size=(3, 2)), requires_grad=True)
    grads = [library.tensor(draw.normal(size=(3, 2)), requires_grad=True) for _ in range(3)]
    p = start.clone()
    learnt = [v for v in options.values() if hasattr(v, "requires_grad") and v.requires_grad]
    optimizer = getattr(library.optim, name)([p], **options, differentiable=True)
    for grad in grads:
        p.grad = grad.clone()
        optimizer.step()
    weights = library.tensor(np.arange(6.0).reshape(3, 2) - 2)
    (p * weights).sum().backward()
    return [p.detach(), [x.grad for x in (start, *grads, *learnt)]]


def differentiable_configurations(name: str) -> Iterator[dict[str, Any]]:
    """torch's options and drawn ones, as they can be recorded, and options that are learnt."""
    info = database()[name]
    if "differentiable" not in info.supported_impls:
        return
    for kwargs in configurations(name):
        if not {"foreach", "fused"} & kwargs.keys():
            yield kwargs
    if name in ("SGD", "Adam", "AdamW"):
        one = functools.partial(torch.tensor, dtype=torch.float64, requires_grad=True)
        yield {"lr": one(0.1)}
        yield {"lr": one(0.1), "weight_decay": one(0.2)}
        if name != "SGD":
            yield {"betas": (0.9, 0.99), "lr": one(0.1), "amsgrad": True}


def bad_calls(name: str) -> Iterator[tuple[str, str]]:
    """torch's bad calls: what each is, and how the errors differ."""
    info = database()[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bad = info.optim_error_inputs_func("cpu", torch.float32)
    for entry in bad:
        given = entry.optimizer_error_input
        if "complex" in given.desc or entry.error_type is UserWarning:
            continue  # left out; a warning: tested by hand
        texts = []
        for library, convert in ((minigrad, converted), (torch, _same)):
            params = given.params
            if params is None:
                params = [torch.ones(1, 1, requires_grad=True)]
            make = getattr(library.optim, name)
            own = _parameters(params, {}) if library is minigrad else params
            call = functools.partial(_try, make, own, given.kwargs, convert)
            texts.append(attempt(call)[1])
        yield given.desc, "" if texts[0] == texts[1] else f"{texts[0]}, not {texts[1]}"


def _parameters(value: Any, known: dict[int, Any]) -> Any:
    """Parameters in groups as minigrad's; what is the same stays the same."""
    if isinstance(value, torch.Tensor):
        if id(value) not in known:
            known[id(value)] = minigrad.nn.Parameter(converted(value.detach()))
        return known[id(value)]
    if isinstance(value, dict):
        return {k: _parameters(v, known) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_parameters(v, known) for v in value)
    return value


def _try(make: Any, params: Any, kwargs: dict[str, Any], convert: Any) -> None:
    optimizer = make(params, **{k: convert(v) for k, v in kwargs.items()})
    for p in itertools.chain.from_iterable(g["params"] for g in optimizer.param_groups):
        p.grad = p.detach().clone()
    optimizer.step()


def check(name: str, drawn: int = 12, kinds: tuple[str, ...] = KINDS) -> Tally:
    """An optimizer in all its configurations."""
    tally = Tally(name)

    def note(wrong: str, what: str) -> None:
        if wrong:
            tally.failures.append(f"{what} {wrong}")
        else:
            tally.passed += 1

    if name in LEFT_OUT:
        tally.left_out += 1
        return tally
    for kind, kwargs in itertools.product(kinds, configurations(name, drawn)):
        if sensible(name, kwargs, kind):
            note(run(name, kwargs, kind), f"[{kind}] {kwargs}")
    for kwargs in differentiable_configurations(name):
        note(recorded(name, kwargs), f"[recorded] {kwargs}")
    for what, wrong in bad_calls(name):
        note(wrong, f"[error] {what}:")
    return tally


def main(names: list[str]) -> None:
    """Print what differs: everything about named ones, or a line for each."""
    from parity_tests import torch_schedulers

    for name in names or [*database(), *torch_schedulers.DRAWS]:
        module: Any = torch_schedulers if name in torch_schedulers.DRAWS else sys.modules[__name__]
        tally = module.check(name)
        print(tally.line(), flush=True)
        for failure in tally.failures[: 12 if names else 1]:
            print("   ", failure[:400], flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
