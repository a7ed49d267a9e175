"""Module: registration, traversal, state, hooks and messages are torch's."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections import OrderedDict
from typing import Any

import pytest

import minigrad
from parity_tests.sidebyside import both_agree, raised


def small(torch: Any) -> Any:
    """A net with a nested block, a shared layer, buffers and a layer without bias."""
    torch.manual_seed(3)
    nn = torch.nn
    net = nn.Sequential(
        nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Sequential(nn.Linear(4, 4, bias=False), nn.ReLU())
    )
    net.add_module("again", net[2])
    return net


@both_agree
def test_attribute_before_init_raises(torch: Any) -> Any:
    nn = torch.nn

    class NoInit(nn.Module):
        def __init__(self, value: Any) -> None:
            self.value = value

    errors = [
        raised(NoInit, value)
        for value in (nn.ReLU(), nn.Parameter(torch.ones(1)), nn.Buffer(torch.ones(1)))
    ]
    bare = NoInit(3)
    return [
        *errors,
        bare.value,
        raised(lambda: bare.register_buffer("b", torch.ones(1))),
        raised(lambda: bare.register_parameter("p", None)),
        raised(lambda: bare.missing),
    ]


@both_agree
def test_assignment_keeps_the_kind_of_a_member(torch: Any) -> Any:
    nn = torch.nn
    layer, norm, net = nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Sequential(nn.ReLU())
    errors = [
        raised(lambda: setattr(layer, "weight", torch.ones(2))),
        raised(lambda: setattr(layer, "weight", 3)),
        raised(lambda: setattr(net, "0", 3)),
        raised(lambda: setattr(norm, "running_mean", 3)),
        raised(lambda: delattr(net, "missing")),
    ]
    layer.weight = None
    layer.plain = torch.ones(1)
    layer.bias = nn.Parameter(torch.zeros(5))
    norm.running_mean = torch.full((2,), 7.0)
    norm.weight = nn.Parameter(torch.ones(2))
    del net[0]
    return [
        *errors,
        layer.weight,
        list(layer.state_dict()),
        "plain" in layer.__dict__,
        norm.state_dict(),
        net,
    ]


@pytest.mark.parametrize("name", [3, "a.b", "", "forward", "x"])
@pytest.mark.parametrize("register", ["register_parameter", "register_buffer", "add_module"])
@both_agree
def test_names_are_checked(torch: Any, register: str, name: Any) -> Any:
    module = torch.nn.Module()
    return [
        raised(lambda: getattr(module, register)(name, None)),
        raised(lambda: getattr(module, register)(name, 3)),
    ]


@both_agree
def test_init_takes_no_arguments(torch: Any) -> Any:
    nn = torch.nn
    return [raised(lambda: nn.Module(3)), raised(lambda: nn.Module(a=3)), nn.Module(**{})]


@both_agree
def test_unwritten_forward_and_bad_mode_raise(torch: Any) -> Any:
    module = torch.nn.Module()
    return [raised(lambda: module(1)), raised(lambda: module.train(3)), bool(module)]


@both_agree
def test_traversal_finds_each_member_once(torch: Any) -> Any:
    net = small(torch)
    return [
        [name for name, _ in net.named_parameters()],
        [name for name, _ in net.named_parameters(remove_duplicate=False)],
        [name for name, _ in net.named_parameters(prefix="net", recurse=False)],
        [name for name, _ in net.named_modules()],
        [name for name, _ in net.named_modules(remove_duplicate=False)],
        [name for name, _ in net.named_children()],
        [name for name, _ in net.named_buffers(prefix="q")],
        [type(module).__name__ for module in net.modules()],
        len(list(net.parameters())),
        len(list(net.buffers())),
        len(list(net.children())),
        net.parameters(),
    ]


@both_agree
def test_get_by_path(torch: Any) -> Any:
    net = small(torch)
    return [
        net.get_submodule("2.0"),
        net.get_parameter("2.0.weight"),
        net.get_buffer("1.running_var"),
        raised(lambda: net.get_submodule("2.7")),
        raised(lambda: net.get_submodule("2.0.weight")),
        raised(lambda: net.get_parameter("2.0")),
        raised(lambda: net.get_parameter("2.0.missing")),
        raised(lambda: net.get_buffer("2.0.weight")),
        raised(lambda: net.set_submodule("", torch.nn.ReLU())),
        raised(lambda: net.set_submodule("2.0", 3)),
        net.set_submodule("2.1", torch.nn.Tanh()),
        net,
    ]


@both_agree
def test_apply_goes_children_first(torch: Any) -> Any:
    seen: list[str] = []
    net = small(torch)
    returned = net.apply(lambda module: seen.append(type(module).__name__))
    return [seen, returned is net]


@both_agree
def test_train_and_eval_reach_the_tree(torch: Any) -> Any:
    net = small(torch)
    modes = [[m.training for m in net.modules()] for net in (net.eval(), net.train())]
    return [modes, net.eval() is net]


@both_agree
def test_requires_grad_and_zero_grad(torch: Any) -> Any:
    net = torch.nn.Linear(2, 1)
    net.zero_grad()
    net(torch.ones(3, 2)).sum().backward()
    first = net.weight.grad.clone()
    net.zero_grad(set_to_none=False)
    zeros = net.weight.grad
    net.zero_grad()
    frozen = net.requires_grad_(False)
    return [first, zeros, net.weight.grad, [p.requires_grad for p in frozen.parameters()]]


@both_agree
def test_conversion_keeps_parameters_and_skips_integers(torch: Any) -> Any:
    net = small(torch)
    weight = net[0].weight
    net(torch.ones(2, 3)).sum().backward()
    result = []
    for convert in ("double", "half", "bfloat16", "float"):
        getattr(net, convert)()
        result.append([str(t.dtype) for t in (*net.parameters(), *net.buffers(), weight.grad)])
    net.to(torch.float64).to("cpu", torch.float32).to(torch.ones(1, dtype=torch.float64))
    result.append([str(t.dtype) for t in net.state_dict().values()])
    return [
        result,
        weight is net[0].weight,
        raised(lambda: net.to(torch.int64)),
        net.cpu() is net,
        str(net.type(torch.float32)[1].num_batches_tracked.dtype),
    ]


@both_agree
def test_state_dict_names_order_and_sharing(torch: Any) -> Any:
    net = small(torch)
    state = net.state_dict()
    state["0.bias"].fill_(7.0)
    return [
        type(state) is OrderedDict,
        list(state),
        dict(state._metadata),
        net[0].bias,
        [t.requires_grad for t in state.values()],
        [t.requires_grad for t in net.state_dict(keep_vars=True).values()],
        list(net.state_dict(prefix="net.")),
    ]


@both_agree
def test_buffers_may_be_left_out_of_the_state(torch: Any) -> Any:
    module = torch.nn.Module()
    module.register_buffer("kept", torch.zeros(2))
    module.register_buffer("left", torch.ones(2), persistent=False)
    module.also_left = torch.nn.Buffer(torch.ones(1), persistent=False)
    module.also_kept = torch.nn.Buffer(torch.ones(1))
    module.left = torch.full((2,), 2.0)
    return [module.state_dict(), [name for name, _ in module.named_buffers()]]


@both_agree
def test_loading_reports_every_mismatch(torch: Any) -> Any:
    net = small(torch)
    state = net.state_dict()
    odd = dict(state)
    odd["0.weight"] = torch.ones(3, 3)
    odd["stranger"] = odd["0.deeper.stranger"] = torch.ones(1)
    odd["1.weight"] = [1.0]
    del odd["2.0.weight"]
    loose = {key: value for key, value in odd.items() if key not in ("0.weight", "1.weight")}
    return [
        raised(lambda: net.load_state_dict(3)),
        raised(lambda: net.load_state_dict({})),
        raised(lambda: net.load_state_dict(odd)),
        raised(lambda: net.load_state_dict(odd, strict=False)),
        repr(net.load_state_dict(loose, strict=False)),
        repr(net.load_state_dict(state)),
        repr(net.load_state_dict(dict(state))),
    ]


@both_agree
def test_loading_copies_or_assigns(torch: Any) -> Any:
    nn = torch.nn
    torch.manual_seed(0)
    source, copied, assigned = (nn.Linear(2, 2) for _ in range(3))
    before = copied.weight, assigned.weight
    copied.load_state_dict(source.state_dict())
    assigned.load_state_dict(source.state_dict(), assign=True)
    return [
        copied.state_dict(),
        copied.weight is before[0],
        assigned.weight is before[1],
        assigned.weight.data_ptr() == source.weight.data_ptr(),
        type(assigned.weight).__name__,
        copied.weight.requires_grad,
    ]


@both_agree
def test_old_batchnorm_files_load(torch: Any) -> Any:
    norm = torch.nn.BatchNorm1d(2)
    state = norm.state_dict()
    del state["num_batches_tracked"]
    new = raised(lambda: norm.load_state_dict(state))
    del state._metadata
    return [new, repr(norm.load_state_dict(state))]


@both_agree
def test_extra_state_is_saved_and_restored(torch: Any) -> Any:
    class Counter(torch.nn.Module):
        def get_extra_state(self) -> Any:
            return {"count": 3}

        def set_extra_state(self, state: Any) -> None:
            self.got = state

    counter = Counter()
    state = counter.state_dict()
    loaded = repr(counter.load_state_dict(state))
    missing = raised(lambda: counter.load_state_dict({}))
    return [list(state), loaded, counter.got, missing]


@both_agree
def test_state_hooks(torch: Any) -> Any:
    log: list[Any] = []
    layer = torch.nn.Linear(1, 1)
    layer.register_state_dict_pre_hook(lambda m, prefix, keep: log.append((prefix, keep)))
    layer.register_state_dict_post_hook(lambda m, d, prefix, meta: log.append(sorted(d)))
    layer.register_load_state_dict_pre_hook(lambda m, d, prefix, *rest: log.append(len(rest)))
    layer.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
    net = torch.nn.Sequential(layer)
    state = net.state_dict()
    del state["0.bias"]
    return [repr(net.load_state_dict(state)), log]


@both_agree
def test_forward_hooks(torch: Any) -> Any:
    log: list[Any] = []
    layer = torch.nn.ReLU()
    x = torch.tensor([-1.0, 2.0])
    handles = [
        layer.register_forward_pre_hook(lambda m, args: log.append("pre") or args[0] * 2),
        layer.register_forward_hook(lambda m, args, out: log.append("post") or out + 1),
        layer.register_forward_hook(lambda m, args, out: log.append("first"), prepend=True),
        layer.register_forward_pre_hook(
            lambda m, args, kwargs: log.append(("kwargs", sorted(kwargs))), with_kwargs=True
        ),
    ]
    hooked, by_name = layer(x), raised(lambda: layer(input=x))
    for handle in handles:
        handle.remove()
    return [hooked, by_name.split(":")[0], layer(x), log]


@both_agree
def test_forward_hook_that_is_always_called(torch: Any) -> Any:
    log: list[str] = []
    layer = torch.nn.Linear(2, 2)
    layer.register_forward_hook(lambda m, args, out: log.append("ran"), always_call=True)
    error = raised(lambda: layer(torch.ones(3)))
    bad = torch.nn.ReLU()
    bad.register_forward_pre_hook(lambda m, args, kwargs: 3, with_kwargs=True)
    return [error.split(":")[0], log, raised(lambda: bad(torch.ones(1)))]


@both_agree
def test_full_backward_hooks(torch: Any) -> Any:
    log: list[Any] = []
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Tanh())
    net[1].register_full_backward_hook(lambda m, gi, go: log.append((gi, go)) or (gi[0] * 10,))
    net[1].register_full_backward_pre_hook(lambda m, go: (go[0] * 2,))
    net[0].register_full_backward_hook(lambda m, gi, go: log.append((gi, go)))
    x = torch.ones(1, 2, requires_grad=True)
    net(x).sum().backward()
    with pytest.warns(UserWarning, match="since no inputs require gradients"):
        net(torch.ones(1, 2)).sum().backward()
    return [log, x.grad, [p.grad for p in net.parameters()]]


@both_agree
def test_full_backward_hook_must_return_as_many(torch: Any) -> Any:
    layer = torch.nn.Tanh()
    layer.register_full_backward_hook(lambda m, gi, go: (1, 2))
    x = torch.ones(1, requires_grad=True)
    return raised(lambda: layer(x).sum().backward())


@both_agree
def test_deepcopy_and_pickle(torch: Any) -> Any:
    layer = torch.nn.Linear(2, 2)
    with torch.no_grad():
        layer.weight.fill_(1.0)
        layer.bias.fill_(2.0)
    layer.twin = layer.bias
    twins = [copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))]
    return [
        [twin.state_dict() for twin in twins],
        [twin.twin is twin.bias for twin in twins],
        [twin.weight is layer.weight for twin in twins],
        [type(twin.weight).__name__ for twin in twins],
        [[p.requires_grad for p in twin.parameters()] for twin in twins],
    ]


@both_agree
def test_module_as_key_and_plain_tables(torch: Any) -> Any:
    class Own(torch.nn.Module):
        def __init__(self, *blocks: Any) -> None:
            super().__init__()
            for block in blocks:
                self._modules[block] = block

        def forward(self, x: Any) -> Any:
            for block in self._modules.values():
                x = block(x)
            return x

    return Own(torch.nn.ReLU(), torch.nn.Tanh())(torch.ones(2))


@both_agree
def test_printed_tree(torch: Any) -> Any:
    class Two(torch.nn.Module):
        def extra_repr(self) -> str:
            return "one line\nanother"

    class Holder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.two = Two()
            self.none = None
            self.net = small(torch)
            self.two.inner = torch.nn.ReLU()

    return [Holder(), Two(), torch.nn.Module()]


@both_agree
def test_parameter(torch: Any) -> Any:
    Parameter = torch.nn.Parameter
    source = torch.ones(2, requires_grad=True) * 3
    made = Parameter(source)
    with torch.no_grad():
        made.mul_(2)
    return [
        made,
        repr(made),
        repr([Parameter(torch.zeros(1), requires_grad=False)]),
        source.detach(),
        type(made),
        isinstance(made, torch.Tensor),
        isinstance(torch.nn.Buffer(torch.ones(1)), Parameter),
        type(made.data) is torch.Tensor,
        type(made + 1) is torch.Tensor,
        made.is_leaf,
        Parameter().shape,
        raised(lambda: Parameter(torch.tensor([1, 2]))).split(":")[0],
    ]


@both_agree
def test_shared_layer_adds_its_gradients(torch: Any) -> Any:
    shared = torch.nn.Linear(2, 2)
    with torch.no_grad():
        for p in shared.parameters():
            p.fill_(0.5)
    net = torch.nn.Sequential(shared, torch.nn.ReLU(), shared)
    net(torch.ones(1, 2)).sum().backward()
    return [len(list(net.parameters())), list(net.state_dict()), shared.weight.grad]


def test_parameter_has_torchs_path_under_the_packages_name() -> None:
    assert type(minigrad.nn.Linear(1, 1).weight).__module__ == "minigrad.nn.parameter"


def test_old_positional_state_dict_warns() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        state = minigrad.nn.Linear(1, 1).state_dict({}, "p.")
    assert list(state) == ["p.weight", "p.bias"]
    assert [w.category for w in caught] == [FutureWarning]
