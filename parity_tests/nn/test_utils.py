"""nn.utils: clipping, vectors, the older weight and spectral norm, fusing, and small tools."""

from __future__ import annotations

import warnings
from random import Random
from typing import Any

import pytest

from parity_tests.nn.trees import WIDTH, tree
from parity_tests.sidebyside import both_agree, raised

SEEDS = pytest.mark.parametrize("seed", range(12))
NORMS = (2.0, 1, 0.5, 3, "inf", float("inf"), -float("inf"), 0, -1)


def with_gradients(torch: Any, seed: int) -> list[Any]:
    """Parameters of drawn shapes, most of them with a gradient."""
    draw = Random(seed)
    torch.manual_seed(seed)
    listed = []
    dtype = draw.choice([torch.float32, torch.float64])
    for number in range(draw.randrange(1, 6)):
        shape = [
            draw.randrange(0 if draw.random() < 0.1 else 1, 5) for _ in range(draw.randrange(4))
        ]
        p = torch.nn.Parameter(torch.randn(shape, dtype=dtype))
        if draw.random() < 0.8 or number == 0:
            p.grad = torch.randn(shape, dtype=dtype) * draw.choice([0.01, 1, 100])
        listed.append(p)
    return listed


@pytest.mark.parametrize("norm", NORMS)
@SEEDS
@both_agree
def test_clipping_by_norm(torch: Any, norm: Any, seed: int) -> Any:
    if any(p.grad is not None and p.numel() == 0 for p in with_gradients(torch, seed)):
        norm = 2.0  # the largest of no numbers is an error with a text of its own
    utils = torch.nn.utils
    found = []
    for limit in (0.5, 10, 1e9):
        for foreach in (None, False, True):
            listed = with_gradients(torch, seed)
            total = utils.clip_grad_norm_(iter(listed), limit, norm, foreach=foreach)
            found += [total, [p.grad for p in listed]]
    again = with_gradients(torch, seed)
    total = utils.get_total_norm([p.grad for p in again if p.grad is not None], norm)
    utils.clip_grads_with_norm_(again, 0.25, total)
    return [*found, total, [p.grad for p in again]]


@SEEDS
@both_agree
def test_clipping_by_value(torch: Any, seed: int) -> Any:
    listed = with_gradients(torch, seed)
    torch.nn.utils.clip_grad_value_(listed, 0.5)
    one = with_gradients(torch, seed)[0]
    torch.nn.utils.clip_grad_value_(one, 0.1, foreach=False)
    return [[p.grad for p in listed], one.grad]


@both_agree
def test_clipping_what_is_not_finite_or_not_there(torch: Any) -> Any:
    utils, p = torch.nn.utils, torch.nn.Parameter(torch.ones(2))
    found = [utils.clip_grad_norm_([p], 1.0), utils.clip_grad_norm_([], 1.0), p.grad]
    for bad in (float("nan"), float("inf")):
        p.grad = torch.tensor([bad, 1.0])
        found += [
            raised(lambda: utils.clip_grad_norm_(p, 1.0, error_if_nonfinite=True)),
            raised(lambda: utils.get_total_norm([p.grad], 1, error_if_nonfinite=True)),
            str(p.grad),
            str(utils.clip_grad_norm_(p, 1.0)),
            str(p.grad),
        ]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        utils.clip_grad_norm_((q for q in ()), 1.0)
        utils.clip_grad_norm(p, 1.0)
    return [*found, [(str(w.message), w.category.__name__) for w in caught]]


@SEEDS
@both_agree
def test_vectors(torch: Any, seed: int) -> Any:
    utils = torch.nn.utils
    net = tree(torch, seed)
    if not list(net.parameters()):
        return raised(lambda: utils.parameters_to_vector(net.parameters())).split(":")[0]
    vector = utils.parameters_to_vector(net.parameters())
    (vector * torch.arange(1.0, len(vector) + 1)).sum().backward()
    grads = [p.grad for p in net.parameters()]
    new = torch.arange(1.0, len(vector) + 1)
    before = list(net.parameters())
    utils.vector_to_parameters(new, net.parameters())
    new.mul_(2)  # the parameters share its memory
    return [
        vector,
        grads,
        list(net.parameters()),
        [p is q for p, q in zip(before, net.parameters(), strict=True)],
        raised(lambda: utils.vector_to_parameters([1.0], net.parameters())),
    ]


LAYERS = {
    "linear": ("nn.Linear(4, 3)", (2, 4)),
    "conv": ("nn.Conv2d(2, 3, 2)", (1, 2, 4, 4)),
    "grouped": ("nn.Conv1d(4, 6, 3, groups=2)", (2, 4, 5)),
    "transposed": ("nn.ConvTranspose2d(2, 3, 2)", (1, 2, 3, 3)),
    "embedding": ("nn.Embedding(5, 3)", None),
}


def made(torch: Any, kind: str, seed: int = 0) -> tuple[Any, Any]:
    """A layer and an input for it."""
    torch.manual_seed(seed)
    text, shape = LAYERS[kind]
    layer = eval(text, {"nn": torch.nn})
    return layer, torch.tensor([[0, 3], [4, 1]]) if shape is None else torch.randn(shape)


def quiet(call: Any, *args: Any, **kwargs: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return call(*args, **kwargs)


@pytest.mark.parametrize("dim", [0, 1, -1, None, -2])
@pytest.mark.parametrize("kind", LAYERS)
@both_agree
def test_weight_norm_hook(torch: Any, kind: str, dim: Any) -> Any:
    utils = torch.nn.utils
    layer, x = made(torch, kind)
    same = quiet(utils.weight_norm, layer, dim=dim) is layer
    layer(x).sum().backward()
    with torch.no_grad():
        layer.weight_g.mul_(2)
    y = layer(x)
    state = layer.state_dict()
    twice = raised(quiet, utils.weight_norm, layer)
    utils.remove_weight_norm(layer)
    return [
        [same, y, state, twice],
        [p.grad for p in layer.parameters()],
        [layer(x), layer.state_dict(), len(layer._forward_pre_hooks)],
        raised(lambda: utils.remove_weight_norm(layer)),
    ]


@both_agree
def test_weight_norm_warns_of_its_age(torch: Any) -> Any:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.nn.utils.weight_norm(torch.nn.Linear(2, 2))
    return [(str(w.message), w.category.__name__) for w in caught]


@pytest.mark.parametrize("options", [{}, {"n_power_iterations": 3}, {"dim": 1}, {"eps": 1e-3}])
@pytest.mark.parametrize("kind", LAYERS)
@both_agree
def test_spectral_norm_hook(torch: Any, kind: str, options: dict[str, Any]) -> Any:
    utils = torch.nn.utils
    layer, x = made(torch, kind)
    utils.spectral_norm(layer, **options)
    state = {key: value.clone() for key, value in layer.state_dict().items()}
    steps = []
    for training in (True, True, False):
        layer.train(training)
        layer.zero_grad()
        y = layer(x)
        y.square().mean().backward()  # of a sum, what cancels is small beside its terms
        steps += [y, [p.grad for p in layer.parameters()], layer.weight_u, layer.weight_v]
    meta = dict(layer.state_dict()._metadata)
    back = str(layer.load_state_dict(state))
    twice = raised(utils.spectral_norm, layer)
    utils.remove_spectral_norm(layer)
    return [
        [state, steps, meta, back, twice],
        [layer(x), layer.state_dict(), dict(layer.state_dict()._metadata)],
        [len(layer._forward_pre_hooks), len(layer._state_dict_hooks)],
        raised(lambda: utils.remove_spectral_norm(layer)),
    ]


@both_agree
def test_spectral_norm_reads_old_files(torch: Any) -> Any:
    torch.manual_seed(0)
    layer = torch.nn.utils.spectral_norm(torch.nn.Linear(3, 4))
    layer(torch.ones(3))
    state = layer.state_dict()
    weight = layer.weight.detach().clone()
    found = []
    for keep in ({"weight_v"}, set(), {"weight_u"}):
        old = {k: v.clone() for k, v in state.items() if k not in {"weight_v", *keep}}
        old["weight"] = weight
        found += [raised(layer.load_state_dict, old), layer.weight_v.clone()]
    return found


@both_agree
def test_spectral_norm_refuses(torch: Any) -> Any:
    nn = torch.nn
    return [
        raised(lambda: nn.utils.spectral_norm(nn.Linear(2, 2), n_power_iterations=0)),
        raised(lambda: nn.utils.spectral_norm(nn.Linear(2, 2, bias=False), "bias")),
        raised(lambda: nn.utils.spectral_norm(nn.Linear(2, 2), "stranger")).split(":")[0],
    ]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("kind", ["linear", "conv", "grouped", "transposed"])
@both_agree
def test_fusing_batch_norm(torch: Any, kind: str, affine: bool, bias: bool) -> Any:
    nn = torch.nn
    layer, x = made(torch, kind)
    if not bias:
        layer.bias = None
    features = layer(x).shape[1]
    norm = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d}[x.ndim](
        features, affine=affine
    )
    norm(layer(x) * 3 + 1)
    net = nn.Sequential(layer, norm)
    refused = raised(lambda: nn.utils.fuse_conv_bn_eval(layer, norm))
    net.eval()
    if kind == "linear":
        if not affine:
            return refused
        fused = nn.utils.fuse_linear_bn_eval(layer, norm)
    else:
        fused = nn.utils.fuse_conv_bn_eval(layer, norm, transpose=kind == "transposed")
    assert torch.allclose(fused(x), net(x), atol=1e-5)
    return [
        refused,
        fused,
        fused(x),
        fused.state_dict(),
        [p.requires_grad for p in fused.parameters()],
    ]


@both_agree
def test_fusing_refuses(torch: Any) -> Any:
    nn = torch.nn
    linear, norm = nn.Linear(2, 3).eval(), nn.BatchNorm1d(2).eval()
    bare = nn.BatchNorm1d(3, track_running_stats=False).eval()
    return [
        raised(lambda: nn.utils.fuse_linear_bn_eval(linear, norm)),
        raised(lambda: nn.utils.fuse_linear_bn_eval(linear, bare)),
        raised(lambda: nn.utils.fuse_linear_bn_eval(linear.train(), norm)),
    ]


@both_agree
def test_skip_init_draws_nothing(torch: Any) -> Any:
    utils = torch.nn.utils
    torch.manual_seed(3)
    layer = utils.skip_init(torch.nn.Linear, 3, 2, bias=False, dtype=torch.float64)
    first = torch.rand(2)
    conv = utils.skip_init(torch.nn.Conv2d, 1, 2, kernel_size=3, device="cpu")
    return [
        first,
        torch.rand(2),
        [(tuple(p.shape), str(p.dtype), p.requires_grad) for p in layer.parameters()],
        [tuple(p.shape) for p in conv.parameters()],
        raised(lambda: utils.skip_init(dict)),
        raised(lambda: utils.skip_init(torch.nn.ReLU)),
    ]


@both_agree
def test_memory_formats(torch: Any) -> Any:
    nn = torch.nn
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.ConvTranspose2d(4, 2, 3), nn.Linear(2, 2))
    before = [p.detach().clone() for p in net.parameters()]
    same = nn.utils.convert_conv2d_weight_memory_format(net, torch.channels_last) is net
    solid = nn.utils.convert_conv3d_weight_memory_format(nn.Conv3d(2, 2, 2), torch.channels_last_3d)
    return [
        same,
        before,
        list(net.parameters()),
        [p.stride() for p in net.parameters()],
        [p.stride() for p in solid.parameters()],
        net[:3](torch.ones(1, 2, 5, 5)),
    ]


def is_layer(module: Any) -> bool:
    return not list(module.children()) and type(module).__name__ != "Block"


# Not with whole trees: torch forgets the first values of a module that has two names.
@SEEDS
@both_agree
def test_functional_call(torch: Any, seed: int) -> Any:
    net = torch.nn.Sequential(*(m for m in tree(torch, seed).modules() if is_layer(m))).eval()
    values = {name: torch.full_like(p, 0.5) for name, p in net.named_parameters()}
    x = torch.rand(4, WIDTH)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        y = torch.nn.utils.stateless.functional_call(net, values, x)
        z = torch.nn.utils.stateless.functional_call(net, values, (x,), {}, tie_weights=False)
    names = [name for name, _ in net.named_parameters()]
    return [y.detach(), z.detach(), net(x).detach(), names, len(caught), str(caught[0].message)]


@both_agree
def test_functional_call_is_strict_if_asked(torch: Any) -> Any:
    layer, x = torch.nn.Linear(2, 1), torch.ones(2)
    call = torch.func.functional_call
    one, two = {"weight": torch.ones(1, 2)}, {"weight": torch.ones(1, 2), "stranger": torch.ones(1)}
    return [
        raised(lambda: call(layer, one, x, strict=True)),
        raised(lambda: call(layer, two, x, strict=True)),
        raised(lambda: call(layer, {**two, "bias": torch.ones(1)}, x, strict=True)),
    ]
