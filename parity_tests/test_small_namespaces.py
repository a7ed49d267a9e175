"""The corners of torch that programs touch before they begin: switches, marks, versions."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch

import minigrad


@pytest.mark.parametrize(
    "name",
    [
        "cuda.matmul.allow_tf32",
        "cudnn.enabled",
        "cudnn.benchmark",
        "cudnn.benchmark_limit",
        "cudnn.deterministic",
        "cudnn.allow_tf32",
        "cudnn.version",
        "cudnn.is_available",
        "mps.is_available",
        "mps.is_built",
        "cpu.get_cpu_capability",
    ],
)
def test_backends_say_what_torch_says_without_a_card(name: str) -> None:
    ours, theirs = (value(library.backends, name) for library in (minigrad, torch))
    assert ours == theirs


def value(found: Any, name: str) -> Any:
    for part in name.split("."):
        found = getattr(found, part)
    return found() if callable(found) else found


def test_switches_can_be_set_and_are_kept() -> None:
    cudnn = minigrad.backends.cudnn
    with cudnn.flags(benchmark=True, deterministic=True):
        assert cudnn.benchmark and cudnn.deterministic
    assert not cudnn.benchmark and not cudnn.deterministic
    with pytest.raises(AttributeError, match="no switch 'speed'"), cudnn.flags(speed=True):
        pass


@pytest.mark.parametrize(
    "mark",
    [
        lambda fn: minigrad.jit.script(fn),
        lambda fn: minigrad.jit.trace(fn, minigrad.ones(2)),
        lambda fn: minigrad.compile(fn),
        lambda fn: minigrad.compile(mode="reduce-overhead")(fn),
    ],
)
def test_marks_for_the_compiler_leave_a_function_as_it_is(mark: Any) -> None:
    def double(x: Any) -> Any:
        return x * 2

    minigrad.jit.uncompiled.cache_clear()
    with pytest.warns(UserWarning, match="compiles nothing"):
        assert mark(double) is double
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it is said once
        assert mark(double) is double


def test_what_only_a_compiled_program_can_do_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="state_dict"):
        minigrad.jit.save(minigrad.nn.ReLU(), "net.pt")
    with pytest.raises(NotImplementedError, match="TorchScript"):
        minigrad.jit.load("net.pt")


def test_multiprocessing_is_pythons_and_has_spawn() -> None:
    mp = minigrad.multiprocessing
    assert {"Process", "Queue", "get_context"} <= set(mp.__all__)
    mp.set_sharing_strategy("file_system")
    with pytest.raises(AssertionError):
        mp.set_sharing_strategy("pigeon")
    with pytest.raises(RuntimeError, match="process 1 ended with exit code 3"):
        mp.spawn(end_with, args=((0, 3),), nprocs=2, start_method="fork")


def end_with(number: int, codes: tuple[int, ...]) -> None:
    import os

    os._exit(codes[number])


def test_types_and_version() -> None:
    assert isinstance(2.0, minigrad.types.Number) and isinstance("cpu", minigrad.types.Device)
    assert minigrad.version.cuda is torch.version.cuda
    assert torch.__version__.startswith(minigrad.version.TORCH_VERSION)


@pytest.mark.parametrize(
    "name",
    [
        "accelerator.is_available",
        "accelerator.device_count",
        "accelerator.current_accelerator",
        "mps.device_count",
        "xpu.is_available",
        "xpu.device_count",
        "distributed.is_initialized",
    ],
)
def test_guards_of_programs_answer_as_torch_does_without_a_card(name: str) -> None:
    assert value(minigrad, name) == value(torch, name)


def test_process_groups_are_not_there_and_say_so() -> None:
    assert not minigrad.distributed.is_available()
    with pytest.raises(AttributeError, match="init_process_group"):
        minigrad.distributed.init_process_group("gloo")
