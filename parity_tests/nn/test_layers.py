"""Layers: printed form, state, first weights, values and gradients are torch's."""

from __future__ import annotations

from typing import Any

import pytest

import minigrad
from parity_tests.sidebyside import agree, both_agree, copy_state, raised, to_minigrad

# One row per layer: how it is made, and the shapes of inputs that it is run on.
LAYERS: list[tuple[str, list[tuple[int, ...]]]] = [
    ("Linear(4, 3)", [(5, 4), (4,), (2, 3, 4)]),
    ("Linear(4, 3, bias=False)", [(5, 4)]),
    ("Identity(54, unused=1)", [(2, 3)]),
    ("Flatten()", [(2, 3, 4)]),
    ("Flatten(0, 1)", [(2, 3, 4)]),
    ("Unflatten(1, (2, 3))", [(4, 6)]),
    ("Unflatten(-1, (2, 3))", [(4, 6)]),
    ("Conv1d(4, 6, 3, stride=2, padding=1)", [(2, 4, 9)]),
    ("Conv2d(1, 6, 5, padding=2)", [(2, 1, 9, 9), (1, 9, 9)]),
    ("Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), dilation=2)", [(2, 4, 9, 8)]),
    ("Conv2d(4, 6, 3, groups=2, bias=False)", [(2, 4, 5, 5)]),
    ("Conv2d(4, 4, 3, groups=4)", [(2, 4, 5, 5)]),
    ("Conv2d(2, 3, (4, 3), padding='same')", [(1, 2, 6, 6)]),
    ("Conv2d(2, 3, 3, padding='valid')", [(1, 2, 6, 6)]),
    ("Conv2d(2, 3, 3, padding=1, padding_mode='reflect')", [(1, 2, 6, 6)]),
    ("Conv2d(2, 3, 3, padding=(1, 2), padding_mode='replicate')", [(1, 2, 6, 6)]),
    ("Conv2d(2, 3, 2, padding='same', padding_mode='circular')", [(1, 2, 5, 5)]),
    ("Conv3d(2, 3, (1, 2, 3))", [(1, 2, 4, 4, 4)]),
    ("MaxPool1d(2)", [(2, 3, 8)]),
    ("MaxPool2d(2)", [(2, 3, 8, 8), (3, 8, 8)]),
    ("MaxPool2d((3, 2), stride=(1, 2), padding=(1, 0), dilation=(2, 1))", [(2, 3, 9, 8)]),
    ("MaxPool2d(3, 2, ceil_mode=True)", [(2, 3, 8, 8)]),
    ("AvgPool1d(2, padding=1)", [(2, 3, 8)]),
    ("AvgPool2d(2)", [(2, 3, 8, 8)]),
    ("AvgPool2d(3, 2, 1)", [(2, 3, 7, 8)]),
    ("AvgPool2d(3, 2, 1, count_include_pad=False)", [(2, 3, 7, 8)]),
    ("AvgPool2d(3, 2, 1, ceil_mode=True)", [(2, 3, 8, 8)]),
    ("AvgPool2d(2, divisor_override=3)", [(2, 3, 8, 8)]),
    ("AdaptiveAvgPool2d(1)", [(2, 3, 5, 7)]),
    ("AdaptiveAvgPool2d((3, None))", [(2, 3, 5, 7)]),
    ("AdaptiveAvgPool1d(3)", [(2, 3, 7)]),
    ("AdaptiveMaxPool2d((2, 3))", [(2, 3, 5, 7)]),
    ("MaxPool3d(2, padding=1)", [(1, 2, 4, 5, 6)]),
    ("AvgPool3d((1, 2, 2))", [(1, 2, 4, 5, 6)]),
    ("ReLU()", [(3, 4)]),
    ("Sigmoid()", [(3, 4)]),
    ("Tanh()", [(3, 4)]),
    ("LeakyReLU(0.2)", [(3, 4)]),
    ("GELU()", [(3, 4)]),
    ("GELU('tanh')", [(3, 4)]),
    ("SiLU()", [(3, 4)]),
    ("ELU(0.5)", [(3, 4)]),
    ("Softplus(2.0, 1.0)", [(3, 4)]),
    ("Hardtanh(-0.5, 0.7)", [(3, 4)]),
    ("ReLU6()", [(3, 4)]),
    ("Softmax(dim=1)", [(3, 4)]),
    ("LogSoftmax(dim=-1)", [(3, 4)]),
    ("Softmin(dim=0)", [(3, 4)]),
    ("LogSigmoid()", [(3, 4)]),
    ("Softsign()", [(3, 4)]),
    ("Tanhshrink()", [(3, 4)]),
    ("Softshrink(0.3)", [(3, 4)]),
    ("Hardshrink()", [(3, 4)]),
    ("Hardsigmoid()", [(3, 4)]),
    ("Hardswish()", [(3, 4)]),
    ("Mish()", [(3, 4)]),
    ("SELU()", [(3, 4)]),
    ("CELU(0.7)", [(3, 4)]),
    ("Threshold(0.1, 20.0)", [(3, 4)]),
    ("GLU(dim=0)", [(4, 3)]),
    ("PReLU()", [(3, 4)]),
    ("PReLU(4, init=0.1)", [(3, 4, 2)]),
    ("Dropout(0.0)", [(3, 4)]),
    ("Dropout1d(0.0)", [(2, 3, 4)]),
    ("Dropout2d(0.0)", [(2, 3, 4, 4)]),
    ("Dropout3d(0.0)", [(2, 3, 2, 2, 2)]),
    ("AlphaDropout(0.0)", [(3, 4)]),
    ("BatchNorm1d(3)", [(4, 3), (4, 3, 5)]),
    ("BatchNorm1d(3, eps=1e-3, momentum=None)", [(4, 3)]),
    ("BatchNorm1d(3, affine=False, track_running_stats=False)", [(4, 3)]),
    ("BatchNorm1d(3, bias=False)", [(4, 3)]),
    ("BatchNorm2d(3, momentum=0.3)", [(4, 3, 2, 2)]),
    ("BatchNorm3d(3)", [(2, 3, 2, 2, 2)]),
    ("LayerNorm(4)", [(3, 4)]),
    ("LayerNorm((3, 4), elementwise_affine=False)", [(2, 3, 4)]),
    ("LayerNorm(4, bias=False)", [(3, 4)]),
    ("GroupNorm(2, 4)", [(3, 4), (2, 4, 3, 3)]),
    ("GroupNorm(4, 4, affine=False)", [(2, 4, 3)]),
]
IN_PLACE = ["ReLU(inplace=True)", "LeakyReLU(inplace=True)", "ELU(inplace=True)"]
IN_PLACE += ["SiLU(inplace=True)", "Hardtanh(inplace=True)", "ReLU6(inplace=True)"]
IN_PLACE += ["Hardsigmoid(True)", "Hardswish(True)", "Mish(True)", "SELU(True)"]
IN_PLACE += ["CELU(inplace=True)", "Threshold(0.1, 20.0, True)"]
MADE = [made for made, _ in LAYERS] + IN_PLACE + ["Dropout(0.2, inplace=True)", "Softmax()"]


def make(torch: Any, made: str) -> Any:
    return eval(made, vars(torch.nn).copy())


@pytest.mark.parametrize("made", MADE)
@both_agree
def test_printed_form_state_and_first_weights(torch: Any, made: str) -> Any:
    """Without copying: the same seed gives the same weights, bit for bit, and the same stream."""
    torch.manual_seed(2023)
    layer = make(torch, made)
    state = {name: tensor.tolist() for name, tensor in layer.state_dict().items()}
    return [repr(layer), state, torch.rand(1).item()]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("made", "shape"), [(m, s) for m, shapes in LAYERS for s in shapes])
def test_values_and_gradients(made: str, shape: tuple[int, ...], training: bool) -> None:
    import torch

    torch.manual_seed(7)
    theirs, x = make(torch, made).double().train(training), torch.randn(shape).double()
    mine = make(minigrad, made).double().train(training)
    copy_state(mine, theirs)
    ys, xs = [], [to_minigrad(x), x]
    for layer, input in zip((mine, theirs), xs, strict=True):
        input.requires_grad_()
        ys.append(layer(layer(input)) if made.startswith("Batch") else layer(input))
    weight = torch.randn(ys[1].shape, dtype=torch.float64)
    ys[0].backward(to_minigrad(weight))
    ys[1].backward(weight)
    agree(ys[0].detach(), ys[1].detach(), "value")
    agree(xs[0].grad, xs[1].grad, "input.grad")
    agree(mine.state_dict(), theirs.state_dict(), "state after")
    for (name, p), q in zip(mine.named_parameters(), theirs.parameters(), strict=True):
        agree(p.grad, q.grad, f"{name}.grad")


@pytest.mark.parametrize("made", IN_PLACE)
@both_agree
def test_in_place_activation_writes_into_its_input(torch: Any, made: str) -> Any:
    x = torch.tensor([-8.0, -0.5, 0.0, 0.5, 8.0], requires_grad=True)
    h = x * 1.5
    y = make(torch, made)(h)
    same = y is h
    (y * torch.arange(5.0)).sum().backward()
    return [same, h.detach(), x.grad]


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0])
@both_agree
def test_dropout_in_both_modes(torch: Any, p: float) -> Any:
    """The masks themselves are compared in models/test_same_seed.py."""
    layer = torch.nn.Dropout(p)
    x = torch.ones(1000)
    return [sorted(set(layer(x).tolist())), layer.eval()(x)]


@pytest.mark.parametrize(
    "call",
    [
        "Conv2d(3, 4, 3, groups=2)",
        "Conv2d(4, 3, 3, groups=2)",
        "Conv2d(3, 4, 3, groups=0)",
        "Conv2d(1, 1, 3, stride=2, padding='same')",
        "Dropout(2)",
        "Dropout(-0.1)",
        "Hardtanh(2, 1)",
        "Unflatten(1, 3)",
        "Unflatten(1, (1.5,))",
        "BatchNorm1d(3)(torch.ones(2, 3, 4, 5))",
        "BatchNorm2d(3)(torch.ones(2, 3))",
        "BatchNorm3d(3)(torch.ones(2, 3))",
        "BatchNorm1d(3)(torch.ones(1, 3))",
        "GroupNorm(3, 4)",
        "Linear(2, 3, foo=1)",
    ],
)
@both_agree
def test_wrong_input_raises(torch: Any, call: str) -> Any:
    return raised(lambda: eval(call, {**vars(torch.nn), "torch": torch}))


@pytest.mark.parametrize(
    "call",
    [
        "Conv2d(1, 1, 3, padding='foo')",
        "Conv2d(1, 1, 3, padding_mode='foo')",
        "Conv2d(1, 1, 3)(torch.ones(3, 3))",
        "Linear(2, 3)(torch.ones(4))",
        "Linear(2, 3)(torch.ones(5, 4))",
        "Conv2d(1, 1, 3, padding=3, padding_mode='reflect')(torch.ones(1, 1, 3, 3))",
        "Conv2d(1, 1, 3, padding=4, padding_mode='circular')(torch.ones(1, 1, 3, 3))",
        "LayerNorm(3)(torch.ones(2, 4))",
        "MSELoss(reduction='some')(torch.ones(2), torch.ones(2))",
    ],
)
@both_agree
def test_wrong_input_raises_the_same_type(torch: Any, call: str) -> Any:
    """The texts differ: torch prints a set in its own order, or its C++ spelling."""
    return raised(lambda: eval(call, {**vars(torch.nn), "torch": torch})).split(":")[0]


REDUCTIONS = ["mean", "sum", "none"]
REGRESSION = ["MSELoss()", "L1Loss()", "SmoothL1Loss(beta=0.5)", "HuberLoss(delta=0.7)"]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("made", REGRESSION)
def test_regression_losses(made: str, reduction: str) -> None:
    import torch

    torch.manual_seed(1)
    x, y = torch.randn(3, 4, dtype=torch.float64), torch.randn(3, 4, dtype=torch.float64)
    compare_losses(made, reduction, x, y)


WEIGHTS = "weight=torch.tensor([0.5, 2.0, 1.0, 0.1], dtype=torch.float64)"


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("options", ["", WEIGHTS, "ignore_index=1", f"{WEIGHTS}, ignore_index=2"])
@pytest.mark.parametrize("shape", [(5, 4), (4,), (2, 4, 3)])
@pytest.mark.parametrize("loss", ["CrossEntropyLoss", "NLLLoss"])
def test_classification_losses(
    loss: str, options: str, reduction: str, shape: tuple[int, ...]
) -> None:
    import torch

    torch.manual_seed(1)
    x = torch.randn(shape, dtype=torch.float64)
    without_classes = (*shape[:1], *shape[2:]) if len(shape) > 1 else ()
    y = torch.randint(4, without_classes)
    if without_classes == ():
        y = torch.tensor(3)
    compare_losses(f"{loss}({options})", reduction, x, y)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("options", ["", WEIGHTS])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("probabilities", [True, False])
def test_cross_entropy_with_smoothing_or_probabilities(
    options: str, smoothing: float, reduction: str, probabilities: bool
) -> None:
    import torch

    torch.manual_seed(1)
    x = torch.randn(5, 4, dtype=torch.float64)
    y = torch.randn(5, 4, dtype=torch.float64).softmax(1) if probabilities else torch.arange(5) % 4
    made = f"CrossEntropyLoss({options}{', ' if options else ''}label_smoothing={smoothing})"
    compare_losses(made, reduction, x, y)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    "made",
    [
        "BCELoss()",
        f"BCELoss({WEIGHTS})",
        "BCEWithLogitsLoss()",
        f"BCEWithLogitsLoss({WEIGHTS}, pos_weight=torch.full((4,), 2.0, dtype=torch.float64))",
    ],
)
def test_binary_losses(made: str, reduction: str) -> None:
    import torch

    torch.manual_seed(1)
    x = torch.randn(3, 4, dtype=torch.float64)
    y = torch.rand(3, 4, dtype=torch.float64)
    compare_losses(made, reduction, x.sigmoid() if made.startswith("BCELoss") else x, y)


def compare_losses(made: str, reduction: str, x: Any, y: Any) -> None:
    """Value and gradient of a loss, with both packages, on torch's x and y."""
    import torch

    results = []
    for package, input, target in ((minigrad, to_minigrad(x), to_minigrad(y)), (torch, x, y)):
        loss = eval(made, {**vars(package.nn), "torch": package})
        loss.reduction = reduction
        input.requires_grad_()
        value = loss(input, target)
        value.sum().backward()
        results.append([repr(loss), list(loss.state_dict()), value.detach(), input.grad])
    agree(*results)


@pytest.mark.filterwarnings("ignore:reduction:UserWarning")
@pytest.mark.parametrize("reduction", [*REDUCTIONS, "batchmean"])
@pytest.mark.parametrize("log_target", [True, False])
def test_divergence(log_target: bool, reduction: str) -> None:
    import torch

    torch.manual_seed(1)
    x, y = torch.randn(2, 3, 4, dtype=torch.float64).log_softmax(-1)
    compare_losses(
        f"KLDivLoss(log_target={log_target})", reduction, x, y if log_target else y.exp()
    )


@both_agree
def test_old_reduction_arguments_warn(torch: Any) -> Any:
    result = []
    for options in ({"size_average": False}, {"reduce": False}, {"size_average": True}):
        with pytest.warns(UserWarning, match="size_average and reduce args will be deprecated"):
            result.append(torch.nn.MSELoss(**options).reduction)
    return result
