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
        "cuda.flash_sdp_enabled",
        "cuda.mem_efficient_sdp_enabled",
        "cuda.math_sdp_enabled",
        "cuda.cudnn_sdp_enabled",
        "mps.is_available",
        "mps.is_built",
        "cpu.get_cpu_capability",
    ],
)
def test_backends_say_what_torch_says_without_a_card(name: str) -> None:
    ours, theirs = (value(library.backends, name) for library in (minigrad, torch))
    assert ours == theirs


@pytest.mark.parametrize("way", ["flash", "mem_efficient", "math", "cudnn"])
def test_ways_of_attention_are_what_was_said(way: str) -> None:
    for library in (minigrad, torch):
        switches = library.backends.cuda
        ask, say = getattr(switches, f"{way}_sdp_enabled"), getattr(switches, f"enable_{way}_sdp")
        say(False)
        assert ask() is False
        say(True)
        assert ask() is True


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
    assert mp.get_sharing_strategy() == "file_system"
    mp.set_sharing_strategy("file_descriptor")
    with pytest.raises(mp.ProcessExitedException, match="process 1 terminated with exit code 3"):
        mp.start_processes(end_with, args=((0, 3),), nprocs=2, start_method="fork")
    with pytest.warns(FutureWarning, match="only supports start_method=spawn"):
        assert mp.spawn(end_with, nprocs=0, start_method="fork") is None


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
        "compiler.is_compiling",
        "compiler.is_dynamo_compiling",
        "cpu.current_device",
        "cpu.device_count",
        "cpu.is_available",
        "mps.device_count",
        "onnx.is_in_onnx_export",
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


IN_MODULES = [  # what programs import from torch's less known modules
    "_assert",
    "_dynamo.config.suppress_errors",
    "_dynamo.reset",
    "autograd.profiler.emit_nvtx",
    "autograd.profiler.profile",
    "autograd.profiler.record_function",
    "compiler.allow_in_graph",
    "compiler.disable",
    "compiler.reset",
    "compiler.set_stance",
    "cpu.amp.autocast",
    "functional.einsum",
    "functional.norm",
    "jit.Attribute",
    "jit.Final",
    "jit.ScriptModule",
    "jit.TracerWarning",
    "jit.freeze",
    "jit.optimize_for_inference",
    "jit.script_method",
    "nn.common_types._size_2_t",
    "nn.init._no_grad_trunc_normal_",
    "nn.modules.transformer._get_clones",
    "onnx.export",
]


@pytest.mark.parametrize("name", IN_MODULES)
def test_names_that_programs_import_are_there(name: str) -> None:
    found, wanted = minigrad, torch
    for part in name.split("."):
        found, wanted = getattr(found, part), getattr(wanted, part)


def test_what_a_compiler_would_check_is_checked() -> None:
    with pytest.raises(AssertionError, match="it is not"):
        minigrad._assert(minigrad.tensor(False), "it is not")
    assert minigrad.jit.annotate(list[int], [1]) == [1]
    for kind in (list[int], dict[str, float], tuple[int, str], int | str):
        for value in ([1], ["a"], {"a": 1.0}, {"a": 1}, (1, "a"), (1, 2), 3, "b"):
            assert minigrad.jit.isinstance(value, kind) == torch.jit.isinstance(value, kind)


def test_what_is_not_compiled_is_no_script_module() -> None:
    for library in (minigrad, torch):
        assert not isinstance(library.nn.ReLU(), library.jit.ScriptModule)
    assert issubclass(minigrad.jit.ScriptModule, minigrad.nn.Module)


def test_a_stance_is_a_context_a_decorator_and_a_call() -> None:
    for library in (minigrad, torch):
        stance = library.compiler.set_stance
        with stance("force_eager"):
            assert not library.compiler.is_compiling()
        assert stance("force_eager")(lambda: 3)() == 3
        stance("default")


def test_functions_of_the_module_functional() -> None:
    theirs = set(torch.functional.__all__) - {"stft", "istft"}  # complex numbers
    assert set(minigrad.functional.__all__) == theirs
    assert all(getattr(minigrad.functional, n) is getattr(minigrad, n) for n in theirs)


@pytest.mark.filterwarnings("ignore")
def test_a_compiled_module_is_the_module_one_name_further_down() -> None:
    told = []
    for library in (minigrad, torch):
        library.manual_seed(0)
        inner = library.nn.Sequential(library.nn.Linear(2, 3), library.nn.Dropout(0.5))
        model = library.compile(inner, backend="eager")
        model.note = model.other = 5
        model.eval()
        del model.other
        told.append(
            [
                str(model),
                list(model.state_dict()),
                [name for name, _ in model.named_modules()],
                (inner.note, inner.training, model.training, len(model)),
                hasattr(inner, "other"),
                model._orig_mod is inner,
                type(model).__name__,
                "note" in dir(model),
                model(library.ones(1, 2)).sum().item(),
            ]
        )
    values = [told[0].pop(), told[1].pop()]
    assert told[0] == told[1]
    assert values[0] == pytest.approx(values[1])


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_gradients_of_convolutions_as_functions(axes: int) -> None:
    found = []
    for library in (minigrad, torch):
        library.manual_seed(0)
        x, w = library.randn(2, 4, *[6] * axes), library.randn(6, 2, *[3] * axes)
        conv = getattr(library.nn.functional, f"conv{axes}d")
        g = library.randn(conv(x, w, None, 2, 1, 1, 2).shape)
        grad = library.nn.grad
        by_input = getattr(grad, f"conv{axes}d_input")(x.shape, w, g, 2, 1, 1, 2)
        by_weight = getattr(grad, f"conv{axes}d_weight")(x, w.shape, g, 2, 1, 1, groups=2)
        found.append((by_input, by_weight))
    for mine, theirs in zip(*found, strict=True):
        torch.testing.assert_close(torch.tensor(mine.tolist()), theirs)


@pytest.mark.filterwarnings("ignore")
def test_the_older_profiler_and_autocast_by_their_names() -> None:
    with minigrad.autograd.profiler.profile(enabled=False) as off, minigrad.cpu.amp.autocast():
        half = minigrad.ones(2, 2) @ minigrad.ones(2, 2)
    with minigrad.autograd.profiler.profile(use_cuda=False, record_shapes=True) as on:
        half.exp()
    assert half.dtype is minigrad.bfloat16
    assert not off.key_averages() and [a.key for a in on.key_averages()] == ["exp"]
    assert "exp" in on.key_averages().table(sort_by="self_cpu_time_total")


def test_functions_of_each_tensor_of_a_list() -> None:
    found, kinds = [], []
    for library in (minigrad, torch):
        library.manual_seed(0)
        a, b, c = ([library.rand(2, 3) + 1, library.rand(4) + 1] for _ in range(3))
        rows = [
            library._foreach_add(a, b, alpha=2),
            library._foreach_mul(a, [2.0, 3.0]),
            library._foreach_sqrt(a),
            library._foreach_norm(a),
            library._foreach_norm(a, 1),
            library._foreach_lerp(a, b, 0.3),
            library._foreach_addcdiv(a, b, c, value=0.5),
            library._foreach_maximum(a, b),
            library._foreach_pow(a, 2),
            library._foreach_pow(2.0, a),
            library._foreach_addcmul(a, b, c, [1.0, 2.0]),
            library._foreach_minimum(tuple(a), 1.5),
            library._foreach_max(a),
        ]
        rows.append(library._foreach_mul_(a, 0.9))
        rows.append(library._foreach_maximum_(tuple(a), b))
        rows.append(library._foreach_addcdiv_(a, b, c, 0.5))
        kinds.append([type(row) for row in rows])
        library._foreach_add_(a, b, alpha=0.1)
        library._foreach_copy_(c, a)
        library._foreach_zero_(b)
        found.append([t.tolist() for row in (*rows, a, b, c) for t in row])
    for mine, theirs in zip(*found, strict=True):
        assert torch.allclose(torch.tensor(mine), torch.tensor(theirs))
    assert kinds[0] == kinds[1]


@pytest.mark.parametrize(
    ("kind", "call"),
    [
        (RuntimeError, lambda library, a: library._foreach_add(a, a[:1])),
        (RuntimeError, lambda library, a: library._foreach_mul_(a, [1.0, 2.0, 3.0])),
        (RuntimeError, lambda library, a: library._foreach_sqrt([])),
        (TypeError, lambda library, a: library._foreach_add(a[0], 1)),
        (AttributeError, lambda library, a: library._foreach_tolist(a)),
    ],
)
def test_lists_that_do_not_fit_are_refused(kind: type[Exception], call: Any) -> None:
    for library in (minigrad, torch):
        with pytest.raises(kind):
            call(library, [library.ones(2), library.ones(3)])


def test_functions_of_lists_are_torchs() -> None:
    from minigrad.foreach import NAMES, PREFIX

    theirs = {name.removeprefix(PREFIX) for name in dir(torch) if name.startswith(PREFIX)}
    assert theirs - NAMES == {"powsum"} and not NAMES - theirs
    assert all(callable(getattr(minigrad, PREFIX + name)) for name in NAMES)
