"""torch.amp without a card: scaled losses, and blocks and scalers that are switched off."""

from __future__ import annotations

import importlib
import inspect
import pickle
import warnings

import pytest
import torch as oracle

import minigrad
from parity_tests.both import same_as_torch


def amp_of(torch):
    return importlib.import_module(f"{torch.__name__}.amp")


def first_line(caught):
    return str(caught.value).split("\n")[0]  # pytest adds lines to an assertion of ours


def weights(torch, *losses, **options):
    """What training with losses that may be inf leaves, step by step."""
    scaler = amp_of(torch).GradScaler("cpu", **options)
    w = torch.tensor([1.0, -2.0, 0.5], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1, momentum=0.9)
    seen = []
    for factor in losses:
        optimizer.zero_grad()
        scaler.scale((w * w * factor).sum()).backward()
        seen.append(w.grad.clone())
        if factor > 1:
            scaler.unscale_(optimizer)
            torch.nn.utils.clip_grad_norm_([w], 0.5, error_if_nonfinite=False)
        scaler.step(optimizer)
        scaler.update()
        seen += [w.detach().clone(), scaler.get_scale(), scaler.state_dict()]
    return seen


@same_as_torch
@pytest.mark.parametrize(
    "options",
    [{}, {"growth_interval": 2}, {"init_scale": 3.0, "growth_factor": 1.5, "backoff_factor": 0.3,
     "growth_interval": 1}, {"enabled": False}],
)  # fmt: skip
def test_losses_are_scaled_and_bad_steps_left_out(torch, options):
    return weights(torch, 1.0, 2.0, float("inf"), 0.5, float("nan"), 1.0, 1.0, 3.0, **options)


@same_as_torch
def test_a_scaler_goes_on_where_another_was(torch):
    one, other = (amp_of(torch).GradScaler("cpu", init_scale=2.0) for _ in range(2))
    one.scale(torch.ones(1))
    one.update(8.0)
    other.load_state_dict(one.state_dict())
    nest = other.scale([torch.ones(2), (torch.ones(1, dtype=torch.float64),)])
    one.set_growth_interval(7)
    one.set_growth_factor(3.0)
    one.set_backoff_factor(0.1)
    return nest, other.state_dict(), one.state_dict(), one.get_growth_interval()


@pytest.mark.parametrize(
    "break_it",
    [
        lambda scaler, o: (scaler.unscale_(o), scaler.unscale_(o)),
        lambda scaler, o: (scaler.step(o), scaler.unscale_(o)),
        lambda scaler, o: (scaler.step(o), scaler.step(o)),
        lambda scaler, o: scaler.step(o, closure=lambda: 0),
        lambda scaler, o: scaler.update(),
        lambda scaler, o: scaler.load_state_dict({}),
        lambda scaler, o: (o.zero_grad(), scaler.step(o)),
        lambda scaler, o: (scaler.step(o), pickle.dumps(scaler)),
        lambda scaler, o: (scaler.step(o), scaler.update(o.param_groups[0]["params"][0])),
    ],
)
def test_calls_out_of_order_are_errors(break_it):
    said = []
    for torch in (minigrad, oracle):
        w = torch.ones(2, requires_grad=True)
        scaler = amp_of(torch).GradScaler("cpu")
        scaler.scale(w.sum()).backward()
        with pytest.raises((RuntimeError, AssertionError)) as caught:
            break_it(scaler, torch.optim.SGD([w], lr=0.1))
        said.append((caught.type, first_line(caught)))
    assert said[0] == said[1]


@same_as_torch
def test_two_optimizers_of_which_one_overflows(torch):
    """It alone leaves out its step, and the scale falls for both."""
    params = [torch.ones(2, requires_grad=True) for _ in range(2)]
    first, second = (torch.optim.SGD([p], lr=1.0) for p in params)
    scaler, seen = amp_of(torch).GradScaler("cpu", init_scale=4.0, growth_interval=2), []
    for factor in (1.0, float("inf"), 1.0, 1.0, 1.0):
        first.zero_grad()
        second.zero_grad()
        scaler.scale((params[0] * 2).sum()).backward()
        scaler.scale((params[1] * factor).sum()).backward()
        scaler.unscale_(first)
        seen.append(params[0].grad.clone())
        scaler.step(first)
        scaler.step(second)
        scaler.update()
        seen += [p.detach().clone() for p in params]
        seen.append(scaler.state_dict())
    return seen


@same_as_torch
def test_a_scale_does_not_grow_beyond_its_type(torch):
    w = torch.ones(1, requires_grad=True)
    scaler = amp_of(torch).GradScaler("cpu", init_scale=3e38, growth_interval=1)
    scaler.scale(w.sum() * 0).backward()
    scaler.step(torch.optim.SGD([w], lr=0.0))
    scaler.update()
    return scaler.get_scale(), pickle.loads(pickle.dumps(scaler)).state_dict()


@same_as_torch
def test_iterables_are_scaled_as_they_are_read(torch):
    scaler = amp_of(torch).GradScaler("cpu", init_scale=2.0)
    lazy = scaler.scale(torch.ones(1) * k for k in range(3))
    scaler.scale("text")  # which nobody reads
    return type(lazy).__name__, list(lazy)


@pytest.mark.parametrize("name", ["step", "unscale_", "update"])
def test_nothing_was_scaled(name):
    said = []
    for torch in (minigrad, oracle):
        optimizer = torch.optim.SGD([torch.ones(2, requires_grad=True)], lr=0.1)
        with pytest.raises(AssertionError) as caught:
            getattr(amp_of(torch).GradScaler("cpu"), name)(*[optimizer] * (name != "update"))
        said.append(first_line(caught))
    assert said[0] == said[1]


@same_as_torch
def test_half_gradients_are_refused(torch):
    w = torch.ones(2, dtype=torch.float16, requires_grad=True)
    scaler = amp_of(torch).GradScaler("cpu", init_scale=2.0)
    scaler.scale(w.sum()).backward()
    with pytest.raises(ValueError, match="Attempting to unscale FP16 gradients"):
        scaler.unscale_(torch.optim.SGD([w], lr=0.1))
    return w.grad


@pytest.mark.skipif(oracle.cuda.is_available(), reason="what is said where there is no card")
@pytest.mark.parametrize(
    "call",
    [
        lambda torch: amp_of(torch).GradScaler(),
        lambda torch: amp_of(torch).autocast("cuda", dtype=torch.float16),
        lambda torch: amp_of(torch).autocast("cuda", enabled=False),
        lambda torch: torch.cuda.amp.GradScaler(),
        lambda torch: torch.cuda.amp.autocast(),
        lambda torch: torch.cuda.amp.autocast(enabled=False),
        lambda torch: torch.cuda.amp.custom_fwd(lambda x: x),
        lambda torch: torch.cuda.amp.custom_bwd(lambda x: x),
    ],
)
def test_without_a_card_the_same_is_said(call):
    said = []
    for torch in (minigrad, oracle):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call(torch)
        said.append([(w.category, str(w.message)) for w in caught])
    assert said[0] == said[1]


@same_as_torch
def test_a_disabled_block_changes_nothing(torch):
    autocast = amp_of(torch).autocast

    @autocast("cpu", enabled=False)
    def double(x):
        return x @ x

    with autocast("cuda", enabled=False, dtype=torch.float16):
        y = double(torch.ones(2, 2))
    return y, y.dtype, double.__name__


@pytest.mark.parametrize("name", ["GradScaler", "autocast"])
def test_arguments_have_torchs_names_and_defaults(name):
    for where in ("amp", "cuda.amp"):
        mine, theirs = (
            inspect.signature(getattr(importlib.import_module(f"{p}.{where}"), name).__init__)
            for p in ("minigrad", "torch")
        )
        for (a, one), (b, other) in zip(
            mine.parameters.items(), theirs.parameters.items(), strict=True
        ):
            assert a == b
            assert str(one.default).replace("minigrad", "torch") == str(other.default)
