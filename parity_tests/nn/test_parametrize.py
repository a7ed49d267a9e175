"""nn.utils.parametrize, parametrizations and prune: drawn histories, values, gradients, errors."""

from __future__ import annotations

import copy
import importlib
import pickle
from random import Random
from typing import Any

import pytest

from parity_tests.sidebyside import both_agree, raised

SHAPES = {
    "wide": "nn.Linear(4, 3)",
    "tall": "nn.Linear(3, 4)",
    "square": "nn.Linear(3, 3)",
    "conv": "nn.Conv2d(2, 3, 2)",
    "transposed": "nn.ConvTranspose1d(2, 3, 2)",
}


def layer_of(torch: Any, kind: str) -> Any:
    torch.manual_seed(1)
    return eval(SHAPES[kind], {"nn": torch.nn}).double()


def toys(torch: Any) -> dict[str, type]:
    """Parametrizations that do one thing each."""
    nn = torch.nn

    class Double(nn.Module):  # type: ignore[name-defined,misc]
        def forward(self, x: Any) -> Any:
            return x * 2

        def right_inverse(self, y: Any) -> Any:
            return y / 2

    class Shift(nn.Module):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.by = nn.Parameter(torch.ones(()).double())

        def forward(self, x: Any) -> Any:
            return x + self.by

    class Sum(nn.Module):  # type: ignore[name-defined,misc]
        def forward(self, a: Any, b: Any) -> Any:
            return a + b

        def right_inverse(self, y: Any) -> Any:
            return y - 1, torch.ones_like(y)

    class Flat(nn.Module):  # type: ignore[name-defined,misc]
        def forward(self, x: Any) -> Any:
            return x.flatten()

    class Single(nn.Module):  # type: ignore[name-defined,misc]
        def forward(self, x: Any) -> Any:
            return x.float()

    class NoTensor(nn.Module):  # type: ignore[name-defined,misc]
        def forward(self, x: Any) -> Any:
            return [x]

    class Unsure(Double):
        def right_inverse(self, y: Any) -> Any:
            raise NotImplementedError

    class BadInverse(Double):
        def right_inverse(self, y: Any) -> Any:
            return 3

    class BadParts(Double):
        def right_inverse(self, y: Any) -> Any:
            return [y, 3]

    class OtherType(Double):
        def right_inverse(self, y: Any) -> Any:
            return y.float()

    made = (Double, Shift, Sum, Flat, Single, NoTensor, Unsure, BadInverse, BadParts, OtherType)
    return {kind.__name__: kind for kind in made}


def pruning(torch: Any) -> Any:
    """The room of pruning, which torch does not import by itself."""
    return importlib.import_module(f"{torch.__name__}.nn.utils.prune")


def state(layer: Any) -> list[Any]:
    return [repr(layer), layer.state_dict(), [n for n, _ in layer.named_parameters()]]


STEPS = (
    "P.register_parametrization(layer, {name!r}, toys[{toy!r}](), unsafe={unsafe})",
    "P.remove_parametrizations(layer, {name!r}, {leave})",
    "setattr(layer, {name!r}, torch.full_like(layer.{name}, 0.25))",
    "setattr(layer, {name!r}, nn.Parameter(torch.ones(2)))",
    "getattr(layer, {name!r}) is getattr(layer, {name!r})",
    "P.is_parametrized(layer), P.is_parametrized(layer, {name!r})",
    "P.type_before_parametrizations(layer).__name__",
    "layer.parametrizations[{name!r}](), len(layer.parametrizations[{name!r}])",
    "layer.half().double()",
    "copy.deepcopy(layer)",
    "pickle.dumps(layer) and None",
    "layer.load_state_dict(layer.state_dict())",
    "P.transfer_parametrizations_and_params(layer, nn.Linear(3, 3).double())",
    "layer.eval()",
)


@pytest.mark.parametrize("seed", range(60))
@both_agree
def test_history(torch: Any, seed: int) -> Any:
    draw = Random(seed)
    names = {
        "P": torch.nn.utils.parametrize,
        "layer": layer_of(torch, "square"),
        "toys": toys(torch),
        "torch": torch,
        "nn": torch.nn,
        "copy": copy,
        "pickle": pickle,
    }
    found: list[Any] = []

    def run(step: str) -> None:
        result = eval(step, names)
        found.append(repr(result) if isinstance(result, torch.nn.Module) else result)

    def look() -> None:
        found.append(state(names["layer"]))

    for _ in range(7):
        step = draw.choice(STEPS[:3] if draw.random() < 0.6 else STEPS).format(
            name=draw.choice(["weight", "weight", "weight", "bias", "stranger"]),
            toy=draw.choice(["Double", "Double", "Shift", "Sum", *names["toys"]]),
            unsafe=draw.random() < 0.3,
            leave=draw.random() < 0.6,
        )
        error = raised(run, step)
        # Python's own texts, and what set_ says, are not compared.
        plain = "AttributeError" in error or "set" in error
        found += [step, error.split(":")[0] if plain else error]
        found.append(raised(look).split(":")[0])
    return found


@both_agree
def test_gradients_reach_the_original(torch: Any) -> Any:
    P, layer = torch.nn.utils.parametrize, layer_of(torch, "square")
    for toy in ("Double", "Shift"):
        P.register_parametrization(layer, "weight", toys(torch)[toy]())
    layer(torch.ones(2, 3, dtype=torch.float64)).square().sum().backward()
    return [[n for n, _ in layer.named_parameters()], [p.grad for p in layer.parameters()]]


@both_agree
def test_cached(torch: Any) -> Any:
    P, layer = torch.nn.utils.parametrize, layer_of(torch, "square")
    P.register_parametrization(layer, "weight", toys(torch)["Double"]())
    with P.cached():
        with P.cached():
            first = layer.weight
        second = layer.weight
        with torch.no_grad():
            layer.parametrizations.weight.original.zero_()
        third = layer.weight.clone()
    return [first is second, third, layer.weight, layer.weight is layer.weight]


@both_agree
def test_buffers_and_modes(torch: Any) -> Any:
    P, norm = torch.nn.utils.parametrize, torch.nn.BatchNorm1d(3).double().eval()
    toy = toys(torch)["Double"]()
    P.register_parametrization(norm, "running_mean", toy)
    return [toy.training, state(norm), norm(torch.ones(2, 3).double())]


@pytest.mark.parametrize("trivial", [True, False])
@pytest.mark.parametrize("form", [None, "matrix_exp", "cayley", "householder", "sideways"])
@pytest.mark.parametrize("kind", SHAPES)
@both_agree
def test_orthogonal(torch: Any, kind: str, form: Any, trivial: bool) -> Any:
    layer = layer_of(torch, kind)
    name = "bias" if kind == "transposed" else "weight"
    make = torch.nn.utils.parametrizations.orthogonal

    def run() -> None:
        make(layer, name, form, use_trivialization=trivial)

    error = raised(run)
    if error != "no error":
        return [error, state(layer)]
    q = layer.weight
    (q * torch.arange(1.0, q.numel() + 1).double().view(q.shape)).sum().backward()
    grads = [p.grad for p in layer.parameters()]
    start = torch.eye(*q.shape[-2:], dtype=torch.float64).expand(q.shape).clone()
    assigned = raised(lambda: setattr(layer, "weight", start))
    flipped = raised(lambda: setattr(layer, "weight", torch.ones(7, 2).double()))
    return [q, grads, list(layer.state_dict()), assigned, flipped, layer.weight]


@pytest.mark.parametrize("dim", [0, 1, -1, None])
@pytest.mark.parametrize("kind", SHAPES)
@both_agree
def test_weight_norm(torch: Any, kind: str, dim: Any) -> Any:
    layer = layer_of(torch, kind)
    weight = layer.weight.detach().clone()
    torch.nn.utils.parametrizations.weight_norm(layer, dim=dim)
    (
        layer.weight * torch.arange(1.0, weight.numel() + 1).double().view(weight.shape)
    ).sum().backward()
    first = [state(layer), layer.weight, [p.grad for p in layer.parameters()]]
    values = layer.state_dict()
    old = {
        "bias": values["bias"],
        "weight_g": values["parametrizations.weight.original0"] * 2,
        "weight_v": values["parametrizations.weight.original1"] * 3,
    }
    loaded = str(layer.load_state_dict(old))
    second = [loaded, layer.weight]
    layer.weight = weight
    third = layer.state_dict()
    torch.nn.utils.parametrize.remove_parametrizations(layer, "weight")
    return [first, second, third, state(layer)]


@pytest.mark.parametrize("options", [{}, {"n_power_iterations": 3}, {"dim": 1}, {"dim": -1}])
@pytest.mark.parametrize("name", ["weight", "bias"])
@pytest.mark.parametrize("kind", SHAPES)
@both_agree
def test_spectral_norm(torch: Any, kind: str, name: str, options: dict[str, Any]) -> Any:
    layer = layer_of(torch, kind)
    apply = torch.nn.utils.parametrizations.spectral_norm
    error = raised(lambda: apply(layer, name, **options) and None)
    if error != "no error":
        return error
    found = [state(layer)]
    for training in (True, True, False):
        layer.train(training)
        layer.zero_grad()
        weight = getattr(layer, name)
        weight.square().cumsum(0).sum().backward()
        found += [weight, [p.grad for p in layer.parameters()], layer.state_dict()]
    torch.nn.utils.parametrize.remove_parametrizations(layer, name)
    return [found, state(layer)]


@both_agree
def test_parametrizations_refuse(torch: Any) -> Any:
    nn, P = torch.nn, torch.nn.utils.parametrizations
    return [
        raised(lambda: P.spectral_norm(nn.Linear(2, 2), n_power_iterations=0)),
        raised(lambda: P.spectral_norm(nn.Linear(2, 2), dim=2)),
        raised(lambda: P.spectral_norm(nn.Linear(2, 2), "stranger")),
        raised(lambda: P.orthogonal(nn.Linear(2, 2, bias=False), "bias")),
        raised(lambda: P.orthogonal(nn.Linear(2, 2), "bias")),
    ]


AMOUNTS = (0, 1, 2, 0.0, 0.25, 0.5, 1.0)
PRUNINGS = (
    "prune.identity(layer, {name!r})",
    "prune.random_unstructured(layer, {name!r}, {amount})",
    "prune.l1_unstructured(layer, {name!r}, {amount})",
    "prune.l1_unstructured(layer, {name!r}, {amount}, torch.rand_like(layer.{name}))",
    "prune.random_structured(layer, {name!r}, {amount}, {dim})",
    "prune.ln_structured(layer, {name!r}, {amount}, {n}, {dim})",
    "prune.ln_structured(layer, {name!r}, {amount}, 2, {dim}, -layer.{name})",
    "prune.custom_from_mask(layer, {name!r}, (torch.rand_like(layer.{name}) > 0.5))",
    "prune.custom_from_mask(layer, {name!r}, torch.ones(2))",
    "prune.is_pruned(layer)",
    "prune.global_unstructured([(layer, 'weight'), (layer, 'bias')], prune.L1Unstructured,"
    " amount={amount})",
    "prune.global_unstructured([(layer, 'weight')], prune.RandomStructured, amount={amount})",
    "prune.global_unstructured([(layer, 'weight'), (layer, 'bias')], prune.RandomUnstructured,"
    " {{(layer, 'bias'): torch.ones_like(layer.bias)}}, amount={amount})",
    "prune.L1Unstructured(amount={amount}).prune(torch.rand(3, 2))",
    "prune.LnStructured({amount}, {n}, {dim}).prune(torch.rand(3, 2), torch.ones(3, 2))",
    "[m.__class__.__name__ for m in layer._forward_pre_hooks.values()]",
    "layer.load_state_dict(layer.state_dict())",
)


@pytest.mark.parametrize("seed", range(80))
@both_agree
def test_pruning_history(torch: Any, seed: int) -> Any:
    draw = Random(seed)
    layer = layer_of(torch, draw.choice(list(SHAPES)))
    names = {"prune": pruning(torch), "layer": layer, "torch": torch}
    found: list[Any] = []

    def run(step: str) -> None:
        result = eval(step, names)
        found.append(None if result is layer else result)

    for _ in range(5):
        step = draw.choice(PRUNINGS).format(
            name=draw.choice(["weight", "weight", "bias"]),
            amount=draw.choice([*AMOUNTS, *AMOUNTS, 99, -1, 1.5, "'all'"]),
            dim=draw.choice([0, 1, -1, 5, -2]),
            n=draw.choice([1, 2, "float('inf')"]),
        )
        error = raised(run, step)
        found += [step, error.split(":")[0] if "IndexError" in error else error, state(layer)]
        found += [layer.weight, layer.bias, len(layer._forward_pre_hooks)]
    # Last, as among the zeros that it leaves it is free which of them are pruned again.
    found += [raised(run, f"prune.remove(layer, {name!r})") for name in ("weight", "bias")]
    return [*found, state(layer)]


@both_agree
def test_pruned_weights_stay_zero_in_training(torch: Any) -> Any:
    layer = layer_of(torch, "wide")
    pruning(torch).l1_unstructured(layer, "weight", 5)
    x = torch.randn(6, 4, dtype=torch.float64)
    for _ in range(3):
        layer.zero_grad()
        layer(x).square().sum().backward()
        with torch.no_grad():
            for p in layer.parameters():
                p -= 0.1 * p.grad
    layer(x)
    return [layer.weight, layer.state_dict(), layer.weight_orig.grad]
