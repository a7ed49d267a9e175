"""What is wrong with a step of training, as far as its recording shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minigrad.inspect.causes_of_gradients import (
    no_backward,
    where_it_vanished,
    why_this_gradient,
)
from minigrad.inspect.causes_of_losses import (
    loss_shape,
    squashed_twice,
    targets_not_scaled,
    wrong_axis,
)
from minigrad.inspect.causes_of_nan import bad, first_not_finite
from minigrad.inspect.events import Derived, Event
from minigrad.inspect.findings import Finding
from minigrad.inspect.recording import Recording

__all__ = ["what_is_wrong"]

# Each with the reason why healthy training stays on the other side.
_DEAD = 0.97  # of a relu's values at zero: about half are, in a network as it is initialised
_SATURATED = 0.97  # of a sigmoid's or tanh's values within 1 % of an end
_LARGE_INPUT = 30.0  # root mean square of what a first layer sees; standardised data has 1
_EXPLODING = 1e4  # root mean square of a hidden value
_VANISHING = 1e-6
_LARGE_UPDATE = 0.5  # |change| / |weight| in one step; about 1e-3 to 1e-2 is usual
_SMALL_UPDATE = 1e-7  # float32 rounds to 6e-8
_SQUASHED = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}
_LAYERS = ("linear", "convolution", "mm")
_GROWN = "values too large"


def what_is_wrong(model: Any, recording: Recording) -> Iterator[Finding]:
    """All faults that are seen, in the order in which one would mend them."""
    checks: tuple[Callable[[Any, Recording], Iterator[Finding]], ...] = (
        _not_finite,
        _without_gradient,
        _never_moved,
        _gradients_kept,
        loss_shape,
        squashed_twice,
        wrong_axis,
        _modes,
        _outside_of_the_model,
        _inputs,
        _equal_rows,
        _sizes_at_the_start,
        _update_sizes,
        _dead,
        _saturated,
        _zero_gradients,
        _sizes_at_the_end,
        _grown,
    )
    for check in checks:
        yield from check(model, recording)


def _trained(recording: Recording) -> bool:
    return bool(recording.sweeps)


def _not_finite(model: Any, recording: Recording) -> Iterator[Finding]:
    found = first_not_finite(recording)
    if found is not None and found.cause != _GROWN:
        yield found


def _grown(model: Any, recording: Recording) -> Iterator[Finding]:
    """Infinity at the end of growth: what made values grow is said before."""
    found = first_not_finite(recording)
    if found is not None and found.cause == _GROWN:
        yield found


def _without_gradient(model: Any, recording: Recording) -> Iterator[Finding]:
    parameters = dict(model.named_parameters())
    wanted = {name: p for name, p in parameters.items() if p.requires_grad}
    if not wanted and parameters:
        yield Finding("all frozen", "no parameter of the model has requires_grad=True")
        return
    if not _trained(recording):
        if recording.error is None:
            yield no_backward(recording)
        return
    without = [n for n, p in wanted.items() if not recording.updates.of[n].norms]
    reasons: dict[tuple[str, str], list[str]] = {}
    kept: dict[tuple[str, str], Finding] = {}
    for name in without:
        if wanted[name]._grad is not None:
            continue
        for finding in why_this_gradient(wanted[name], recording):
            key = (finding.cause, str(finding.line))
            reasons.setdefault(key, []).append(name)
            kept[key] = finding
    for key, names in reasons.items():
        finding = kept[key]
        few = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        yield Finding(finding.cause, f"{few}: .grad is None: {finding.sentence}", finding.line)


def _never_moved(model: Any, recording: Recording) -> Iterator[Finding]:
    histories = recording.updates.of.items()
    largest = max((max(h.norms) for _, h in histories if h.norms), default=0.0)
    # A gradient of rounding errors, as of a bias before a batch norm, need not change anything.
    trained = {
        name: h
        for name, h in histories
        if h.norms and max(h.norms) > max(1e-4 * largest, 1e-5 * h.size)
    }
    if not trained:
        return
    still = [name for name, h in trained.items() if not any(h.updates)]
    lost_in_rounding = max(max(h.updates, default=0.0) for h in trained.values()) < _SMALL_UPDATE
    if len(still) == len(trained):
        # A recording may end before the update; with two backwards there was time for one.
        if len(recording.sweeps) > 1:
            yield Finding(
                "no update",
                "no parameter changes between steps: optimizer.step() is not called, or the "
                "optimizer was given other parameters, its learning rate is 0, or zero_grad() "
                "stands between backward() and step()",
            )
    elif still and not lost_in_rounding:
        few = ", ".join(still[:3])
        yield Finding(
            "not in the optimizer",
            f"{few}: has a gradient and never changes, while others do: the optimizer was not "
            "given it",
        )


def _gradients_kept(model: Any, recording: Recording) -> Iterator[Finding]:
    if any(h.kept for h in recording.updates.of.values()):
        yield Finding(
            "zero_grad forgotten",
            "gradients of an earlier step, already used for an update, were still there when "
            "backward added the next ones: call optimizer.zero_grad() in each step",
        )


def _modes(model: Any, recording: Recording) -> Iterator[Finding]:
    if not _trained(recording):
        return
    asleep = [
        name or "the model"
        for name, module in model.named_modules()
        if not module.training and _depends_on_mode(module) and not _frozen(module)
    ]
    if asleep:
        yield Finding(
            "eval mode",
            f"{', '.join(asleep[:3])}: in evaluation mode while it is trained: call model.train()",
        )
    for name, module in model.named_modules():
        p = getattr(module, "p", 0)
        if type(module).__name__.startswith("Dropout") and module.training and p >= 1:
            yield Finding("dropout of all", f"{name}: drops every value (p = {p})")


def _depends_on_mode(module: Any) -> bool:
    return hasattr(module, "running_mean") or type(module).__name__.startswith("Dropout")


def _frozen(module: Any) -> bool:
    """Whether somebody chose not to train a norm."""
    own = list(module.parameters(recurse=False))
    return bool(own) and not any(p.requires_grad for p in own)


def _outside_of_the_model(model: Any, recording: Recording) -> Iterator[Finding]:
    lists = [
        (name, attribute)
        for name, module in model.named_modules()
        for attribute, value in vars(module).items()
        if isinstance(value, (list, tuple, dict)) and not attribute.startswith("_")
        for inner in [list(value.values()) if isinstance(value, dict) else value]
        if inner and all(hasattr(v, "named_parameters") for v in inner)
    ]
    for name, attribute in lists:
        where = f"{name}.{attribute}" if name else attribute
        yield Finding(
            "modules in a list",
            f"{where}: modules in a plain list or dict are not part of the model: its parameters() "
            "leaves them out; use nn.ModuleList or nn.ModuleDict",
        )
    parts = {id(p) for p in model.parameters()}
    for name, module in model.named_modules():
        for attribute, value in vars(module).items():
            inner = value if isinstance(value, (list, tuple)) else [value]
            if any(_wants_gradient(v) and id(v) not in parts for v in inner):
                where = f"{name}.{attribute}" if name else attribute
                yield Finding(
                    "not a parameter",
                    f"{where}: a tensor that requires grad and is no nn.Parameter: the model's "
                    "parameters() leaves it out, and so does the optimizer",
                )


def _wants_gradient(value: Any) -> bool:
    return hasattr(value, "_node") and bool(value.requires_grad and value.is_leaf)


def _steps(recording: Recording) -> list[list[Event]]:
    """The events of each forward."""
    ends = [sweep[0].tick for sweep in recording.sweeps]
    begins = [0, *(sweep[-1].tick for sweep in recording.sweeps)]
    pairs = list(zip(begins, ends, strict=False)) or [(0, recording.last + 1)]
    return [[e for e in recording.events if b < e.tick < end] for b, end in pairs]


def _dead(model: Any, recording: Recording) -> Iterator[Finding]:
    for event in _steps(recording)[-1]:
        if event.op.name == "relu" and event.value.size >= 16:
            share = event.value.zeros / event.value.size
            if share >= _DEAD:
                yield Finding(
                    "dead relu",
                    f"dead relu: {share:.0%} of its inputs are below 0, and no gradient flows back "
                    "there; look at the bias, the learning rate and the initialisation before it",
                    event.line,
                )


def _saturated(model: Any, recording: Recording) -> Iterator[Finding]:
    for event in _steps(recording)[-1]:
        ends = _SQUASHED.get(event.op.name)
        if ends is None or event.value.size < 16 or not event.users:
            continue
        values = np.asarray(event.value.values, np.float64)
        values = values[~np.isnan(values)]
        near = np.minimum(np.abs(values - ends[0]), np.abs(values - ends[1]))
        share = float((near < 0.01).mean()) if values.size else 0.0
        if share >= _SATURATED:
            yield Finding(
                "saturated",
                f"{event.name} is saturated: {share:.0%} of its values are at its ends, where its "
                "slope is next to 0; its inputs are too large",
                event.line,
            )


def _zero_gradients(model: Any, recording: Recording) -> Iterator[Finding]:
    """Gradients of nothing but zeros: at once if all are, in part if no update changes it.

    (The first gradient behind a weight that begins at zero is zero too, and soon is not.)
    """
    norms = {n: h.norms for n, h in recording.updates.of.items() if h.norms}
    zero = [name for name, found in norms.items() if not any(found)]
    moved = any(any(h.updates) for h in recording.updates.of.values())
    if first_not_finite(recording):
        return
    if len(zero) < len(norms):
        # A sum of one number is also zero by chance: as many residuals above as below.
        zero = [name for name in zero if recording.updates.of[name].tensor.numel() > 1]
        if not (moved and len(recording.sweeps) > 1):
            return
    found: dict[tuple[str, str], tuple[Finding, list[str]]] = {}
    for name in zero:
        one = where_it_vanished(recording.updates.of[name].tensor, recording)
        found.setdefault((one.cause, str(one.line)), (one, []))[1].append(name)
    for one, names in found.values():
        few = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        yield Finding(one.cause, f"{few}: {one.sentence}", one.line)


def _sizes_at_the_start(model: Any, recording: Recording) -> Iterator[Finding]:
    yield from _sizes(_steps(recording)[0], recording.sweeps[:1])


def _sizes_at_the_end(model: Any, recording: Recording) -> Iterator[Finding]:
    if not any(_update_sizes(model, recording)):  # which explain it
        yield from _sizes(_steps(recording)[-1], recording.sweeps[-1:])


def _sizes(step: list[Event], sweeps: list[list[Derived]]) -> Iterator[Finding]:
    """Values that grow or shrink from layer to layer, and gradients on the way back."""
    layers = [e for e in step if e.name in _LAYERS and e.value.size and not bad(e.value)]
    sizes = [_size(e) for e in layers]
    for event, size in zip(layers, sizes, strict=True):
        if size > _EXPLODING and size > 100 * min(sizes):
            yield Finding(
                "exploding values",
                f"values grow from layer to layer, to {size:.3g} here: the weights are too large "
                "at the start (see nn.init), or a norm is missing",
                event.line,
            )
            return
        if 0 < size < _VANISHING and len(layers) > 1:  # zeros are how some layers begin
            yield Finding(
                "vanishing values",
                f"values shrink from layer to layer, to {size:.3g} here: the weights are too small "
                "at the start (see nn.init)",
                event.line,
            )
            return
    for sweep in sweeps:
        grown = [d for d in sweep if d.name in _LAYERS and d.outgoing]
        norms = [d.incoming.norm / max(d.incoming.size, 1) ** 0.5 for d in grown]
        if len(norms) < 3 or not min(norms) > 0 or any(bad(d.incoming) for d in grown):
            continue
        if norms[-1] > 1e4 * norms[0]:
            yield Finding(
                "exploding gradient",
                f"gradients grow {norms[-1] / norms[0]:.2g} times on the way back: smaller weights "
                "at the start, a norm, or nn.utils.clip_grad_norm_",
                grown[-1].line,
            )
        if norms[-1] < 1e-6 * norms[0]:
            yield Finding(
                "vanishing gradient",
                f"gradients shrink to {norms[-1] / norms[0]:.2g} on the way back: other "
                "activations, a norm, or connections that skip layers",
                grown[-1].line,
            )


def _size(event: Event) -> float:
    return float(event.value.norm / max(event.value.size, 1) ** 0.5)


def _inputs(model: Any, recording: Recording) -> Iterator[Finding]:
    known = {id(recording.arrays.known(p._array)) for p in model.parameters()}
    for event in _steps(recording)[0]:
        if event.name in _LAYERS:
            for source in event.inputs:
                value = source.value
                outside = not isinstance(source, Event) and id(source) not in known
                if outside and len(value.shape) > 1 and value.size:
                    size = value.norm / value.size**0.5
                    if size > _LARGE_INPUT:
                        yield Finding(
                            "inputs not scaled",
                            f"the inputs range from {value.least:.4g} to {value.greatest:.4g}: "
                            "scale them to about 1 (pixels: divide by 255)",
                            event.line,
                        )
            return


def _equal_rows(model: Any, recording: Recording) -> Iterator[Finding]:
    for name, parameter in model.named_parameters():
        array = parameter._array
        if array.ndim < 2 or array.shape[0] < 2 or not parameter.requires_grad:
            continue
        rows = array.reshape(array.shape[0], -1)
        if np.isfinite(rows).all() and (rows == rows[0]).all():
            yield Finding(
                "equal units",
                f"{name}: all units have the same weights, get the same gradients and stay the "
                "same: initialise them at random (see nn.init)",
            )


def _update_sizes(model: Any, recording: Recording) -> Iterator[Finding]:
    weights = {n: h for n, h in recording.updates.of.items() if h.tensor.dim() > 1 and h.norms}
    sizes = [max(h.updates[1:], default=0.0) for h in weights.values()]
    moved = [size for size in sizes if size > 0]
    losses = recording.losses()
    grows = len(losses) > 1 and not losses[-1] < losses[0]
    if moved and np.median(moved) > _LARGE_UPDATE and grows:
        yield from targets_not_scaled(model, recording)
        yield Finding(
            "learning rate too large",
            f"one step changes the weights by {np.median(moved):.2g} of their size (0.001 to 0.01 "
            "is usual), and the loss grows: lower the learning rate",
        )
    elif moved and max(moved) < _SMALL_UPDATE:
        yield Finding(
            "learning rate too small",
            f"one step changes the weights by {max(moved):.2g} of their size at most; 0.001 to "
            "0.01 is usual: raise the learning rate",
        )
