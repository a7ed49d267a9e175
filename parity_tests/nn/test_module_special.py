"""Modules that do something unusual: slots, properties, second bases, own tables, the compiler."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections import OrderedDict
from typing import Any

import pytest

import minigrad
from parity_tests.sidebyside import both_agree, raised


@both_agree
def test_slots_and_properties(torch: Any) -> Any:
    nn = torch.nn

    class Odd(nn.Module):  # type: ignore[name-defined,misc]
        __slots__ = ("place",)

        def __init__(self) -> None:
            super().__init__()
            self.place = 3
            self.inner = nn.Linear(2, 2)

        @property
        def width(self) -> int:
            return self.inner.in_features  # type: ignore[no-any-return]

        @property
        def broken(self) -> int:
            return self.inner.nothing  # type: ignore[no-any-return]

        @property
        def stored(self) -> Any:
            return self._stored

        @stored.setter
        def stored(self, value: Any) -> None:
            self._stored = value

    odd = Odd()
    odd.stored = nn.ReLU
    odd.stored = 5
    return [
        [odd.place, odd.width, odd.stored, "place" in odd.__dict__, "stored" in odd.__dict__],
        raised(lambda: odd.broken),
        raised(lambda: odd.nothing),
        raised(lambda: setattr(odd, "width", 3)).split(":")[0],
        raised(lambda: setattr(odd, "width", nn.Parameter(torch.ones(1)))),
        hasattr(odd, "inner"),
        "inner" in dir(odd),
        raised(lambda: delattr(odd, "nothing")).split(":")[0],
    ]


@both_agree
def test_a_second_base_class(torch: Any) -> Any:
    class Named:
        def __init__(self, name: str = "nobody") -> None:
            self.name = name

    class Quiet(torch.nn.Module, Named):  # type: ignore[name-defined,misc]
        pass

    class Handing(Quiet):
        call_super_init = True

    return [
        hasattr(Quiet(), "name"),
        raised(lambda: Quiet(name="x")),
        raised(lambda: Quiet("x")),
        Handing().name,
        Handing("x").name,
        Handing(name="y").name,
    ]


@both_agree
def test_replacing_members_by_other_kinds(torch: Any) -> Any:
    nn = torch.nn
    kinds = [
        lambda: nn.Parameter(torch.ones(1)),
        lambda: nn.Buffer(torch.zeros(1)),
        lambda: nn.Buffer(torch.zeros(1), persistent=False),
        lambda: torch.zeros(2),
        lambda: nn.Module(),
        lambda: None,
        lambda: 3,
    ]
    found: list[Any] = []
    for first in kinds:
        for second in kinds:
            module = nn.Module()
            module.member = first()
            found.append(raised(setattr, module, "member", second()))
            tables = (module._parameters, module._buffers, module._modules, module.__dict__)
            found.append([("member" in table) for table in tables])
            found.append("member" in module._non_persistent_buffers_set)
            found.append(list(module.state_dict()))
            del module.member
            found.append(hasattr(module, "member"))
    return found


@both_agree
def test_an_own_register_buffer(torch: Any) -> Any:
    class Own(torch.nn.Module):  # type: ignore[name-defined,misc]
        def register_buffer(self, name: str, tensor: Any) -> None:
            super().register_buffer(name, tensor * 2)

    own = Own()
    own.register_buffer("b", torch.ones(1))
    own.b = torch.ones(1)
    return own.b


@both_agree
def test_parameters_must_be_leaves(torch: Any) -> Any:
    class Computed(torch.nn.Parameter):  # type: ignore[name-defined,misc]
        @property
        def grad_fn(self) -> Any:
            return "something"

    module = torch.nn.Module()
    return raised(lambda: module.register_parameter("p", Computed(torch.ones(1))))


@both_agree
def test_forward_of_an_instance_and_of_nobody(torch: Any) -> Any:
    module = torch.nn.Module()
    missing = [raised(module, 1), raised(lambda: module(x=1)).split(":")[0]]
    module.forward = lambda x: x + 1
    return [*missing, module(torch.ones(1)), module._call_impl(torch.ones(1))]


@both_agree
def test_hooks_put_into_the_tables_by_hand(torch: Any) -> Any:
    layer, x = torch.nn.ReLU(), torch.ones(1)
    layer._forward_hooks[10**6] = lambda m, args, out: out * 5
    first = layer(x)
    layer._forward_hooks = OrderedDict()
    second = layer(x)
    handle = layer.register_forward_pre_hook(lambda m, args: args[0] * 7)
    third = layer(x)
    layer._forward_pre_hooks.clear()
    handle.remove()
    handle.remove()
    return [first, second, third, layer(x)]


@both_agree
def test_handles(torch: Any) -> Any:
    layer = torch.nn.ReLU()
    with layer.register_forward_hook(lambda m, a, k, o: o + 1, with_kwargs=True, always_call=True):
        inside = [layer(torch.zeros(1)), len(layer._forward_hooks_with_kwargs)]
    marks = (layer._forward_hooks_with_kwargs, layer._forward_hooks_always_called)
    return [inside, layer(torch.zeros(1)), [len(table) for table in marks]]


@both_agree
def test_post_hooks_of_state_dicts_return_nothing(torch: Any) -> Any:
    layer = torch.nn.Linear(1, 1)
    handle = layer.register_state_dict_post_hook(lambda m, d, prefix, meta: d)
    refused = raised(layer.state_dict)
    handle.remove()

    def hook(module: Any, state: Any, prefix: str, meta: Any) -> None:
        state["more"] = 1

    layer.register_state_dict_post_hook(hook)
    again = raised(layer._register_state_dict_hook, hook)
    other = torch.nn.Linear(1, 1)
    other._register_state_dict_hook(lambda m, d, prefix, meta: {"replaced": prefix})
    return [refused, again, list(layer.state_dict()), other.state_dict()]


@both_agree
def test_load_post_hooks_return_nothing(torch: Any) -> Any:
    layer = torch.nn.Linear(1, 1)
    layer.register_load_state_dict_post_hook(lambda m, keys: keys)
    return raised(layer.load_state_dict, layer.state_dict())


@both_agree
def test_positional_state_dict(torch: Any) -> Any:
    found = []
    for args in (({},), ({}, "p."), ({}, "p.", True)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            state = torch.nn.Linear(1, 1).state_dict(*args)
        found.append([list(state), [t.requires_grad for t in state.values()]])
        found.append([(str(w.message), w.category.__name__) for w in caught])
    return found


@both_agree
def test_own_loading_reads_an_older_format(torch: Any) -> Any:
    class Newer(torch.nn.Linear):  # type: ignore[name-defined,misc]
        _version = 2

        def _load_from_state_dict(self, state: Any, prefix: str, meta: Any, *rest: Any) -> None:
            if meta.get("version", 1) < 2:
                state[prefix + "weight"] = state.pop(prefix + "w")
            super()._load_from_state_dict(state, prefix, meta, *rest)

    net = torch.nn.Sequential(Newer(1, 1, bias=False))
    state = net.state_dict()
    new = str(net.load_state_dict(state))
    state._metadata["0"]["version"] = 1
    state["0.w"] = torch.full((1, 1), 4.0)
    del state["0.weight"]
    return [new, raised(net.load_state_dict, state), net[0].weight, list(state)]


@both_agree
def test_copying_errors_are_collected(torch: Any) -> Any:
    class Stubborn(torch.nn.Parameter):  # type: ignore[name-defined,misc]
        def copy_(self, other: Any, non_blocking: bool = False) -> Any:
            raise KeyError("no")

    module = torch.nn.Module()
    module.p = Stubborn(torch.ones(2))
    return raised(module.load_state_dict, {"p": torch.zeros(2), "q": torch.ones(1)})


@both_agree
def test_compiling_changes_no_result(torch: Any) -> Any:
    if torch is not minigrad:  # torch's compiler wants a compiler for C++
        return torch.nn.ReLU()(torch.ones(2))
    layer = torch.nn.ReLU()
    layer.compile(mode="max-autotune")
    return layer(torch.ones(2))


@pytest.mark.parametrize("kind", ["xpu", "ipu", "mtia"])
def test_other_accelerators_are_refused(kind: str) -> None:
    with pytest.raises(RuntimeError, match="left out of minigrad"):
        getattr(minigrad.nn.Linear(1, 1), kind)()


@both_agree
def test_bound_methods_survive_a_copy(torch: Any) -> Any:
    layer = torch.nn.Linear(1, 1)
    layer.notes = {"list": [1, 2]}
    twin = copy.deepcopy(layer)
    twin.notes["list"].append(3)
    back = pickle.loads(pickle.dumps(layer))
    return [layer.notes, twin.notes, back.notes, back.training, type(back.state_dict()).__name__]


@both_agree
def test_replicated_modules(torch: Any) -> Any:
    layer = torch.nn.BatchNorm1d(2)
    replica = layer._replicate_for_data_parallel()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        replica.zero_grad()
    return [
        len(replica._parameters),
        replica.running_mean is layer.running_mean,
        replica._buffers is layer._buffers,
        [str(w.message) for w in caught],
    ]
