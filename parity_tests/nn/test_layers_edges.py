"""Layers at their edges: texts of errors, targets that count for nothing, tables handed over."""

from __future__ import annotations

from typing import Any

import pytest

import minigrad
from parity_tests.both import same_as_torch
from parity_tests.sidebyside import both_agree, raised

# Errors whose text is written in torch's Python code.
SAID = [
    "BatchNorm1d(3, eps=0.0)(torch.ones(2, 3))",
    "BCELoss()(torch.ones(2), torch.ones(3))",
    "CrossEntropyLoss()(torch.ones(3), torch.tensor([1, 2]))",
    "KLDivLoss(reduction='sum')(torch.ones(2), torch.ones(2, dtype=torch.int64))",
    "Dropout1d()(torch.ones(1, 2, 3, 4))",
    "Upsample((2, 3))(torch.ones(1, 1, 2))",
    "Upsample(scale_factor=(2, 3))(torch.ones(1, 1, 2))",
    "AdaptiveAvgPool2d((1, 2))(torch.ones(3, 3))",
    "Hardtanh(1, 1)",
    "EmbeddingBag(3, 2, padding_idx=-4)",
    "Embedding.from_pretrained(torch.ones(3))",
    "AdaptiveLogSoftmaxWithLoss(4, 5, [3, 2])",
    "AdaptiveLogSoftmaxWithLoss(4, 5, [2])(torch.ones(2, 4), torch.ones(1, 1, 1))",
    "InstanceNorm1d(3, affine=True)(torch.ones(2, 4, 5))",
    "ConvTranspose2d(1, 1, 3)(torch.ones(1, 1, 4, 4), output_size=[9, 9])",
    "FractionalMaxPool2d(2)",
    "FractionalMaxPool3d(0, 1)",
    "Softmax2d()(torch.ones(2, 2))",
    "SyncBatchNorm(0)(torch.ones(2, 0))",
    "MultiMarginLoss(p=3)",
    "TripletMarginLoss(margin=0)",
    "LinearCrossEntropyLoss(3, 2, label_smoothing=2.0)",
    "LinearCrossEntropyOptions(acc_policy='fast')",
    "LinearCrossEntropyOptions(chunking_method='aspect_ratio:0')",
    "LinearCrossEntropyOptions(batch_chunk_size=0)",
]
TYPES = [
    "AvgPool2d('a')(torch.ones(1, 4, 4))",
    "MaxPool1d(1.5)(torch.ones(1, 4))",
    "AdaptiveMaxPool2d(1.5)(torch.ones(1, 4, 4))",
    "AdaptiveAvgPool2d(None)(torch.ones(1, 4, 4))",
    "AdaptiveMaxPool1d(2)(torch.ones(1, 0, 4))",
    "Unfold(1.5)(torch.ones(1, 1, 4, 4))",
    "MaxUnpool1d('a')(torch.ones(1, 4), torch.ones(1, 4, dtype=torch.int64))",
    "Embedding(3, 2)(torch.ones(1))",
    "Conv1d(2, 3, 1)(torch.ones(1, 3, 4))",
]


def evaluated(torch: Any, call: str) -> str:
    return raised(lambda: eval(call, {**vars(torch.nn), "torch": torch}))


@pytest.mark.parametrize("call", SAID)
@both_agree
def test_error_has_the_same_text(torch: Any, call: str) -> Any:
    text = evaluated(torch, call)
    assert text != "no error"
    return text


@pytest.mark.parametrize("call", TYPES)
@both_agree
def test_error_has_the_same_type(torch: Any, call: str) -> Any:
    kind = evaluated(torch, call).split(":")[0]
    assert kind != "no error"
    return kind


@pytest.mark.parametrize("weight", [None, [1.0, 2.0, 3.0]])
@same_as_torch
def test_a_mean_of_nothing_has_no_gradient(torch: Any, weight: Any) -> Any:
    """All targets are ignored: the value is 0 / 0, but no input has part in it."""
    x = torch.tensor([[1.0, 2.0, 0.5], [0.0, 1.0, 1.0]], requires_grad=True)
    weight = None if weight is None else torch.tensor(weight)
    loss = torch.nn.CrossEntropyLoss(weight, ignore_index=1)(x, torch.tensor([1, 1]))
    loss.backward()
    return [loss.isnan().item(), x.grad]


@pytest.mark.parametrize("freeze", [True, False])
@pytest.mark.parametrize("kind", ["Embedding", "EmbeddingBag"])
@both_agree
def test_a_table_that_is_handed_over_is_shared(torch: Any, kind: str, freeze: bool) -> Any:
    table = torch.arange(6.0).reshape(3, 2)
    layer = getattr(torch.nn, kind).from_pretrained(table, freeze=freeze, padding_idx=0)
    before = layer(torch.tensor([[1, 2]])).detach()
    table[1] = 7.0
    out = layer(torch.tensor([[1, 2]]))
    return [before, out.detach(), out.requires_grad, layer.weight.requires_grad, repr(layer)]


def test_sparse_gradients_are_refused_clearly() -> None:
    layer = minigrad.nn.Embedding(3, 2, sparse=True)
    assert repr(layer) == "Embedding(3, 2, sparse=True)"
    with pytest.raises(NotImplementedError, match="sparse"):
        layer(minigrad.tensor([1]))


@both_agree
def test_batch_normalisations_become_synchronised_ones(torch: Any) -> Any:
    nn = torch.nn
    net = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.BatchNorm1d(3), nn.BatchNorm2d(1)))
    weight = id(net[1][0].weight)
    mean = id(net[1][0].running_mean)
    made = nn.SyncBatchNorm.convert_sync_batchnorm(net.eval())
    kept = [made is net, id(made[1][0].weight) == weight, id(made[1][0].running_mean) == mean]
    return [*kept, repr(made), made[1][1].training, list(made.state_dict())]


@both_agree
def test_options_of_the_linear_cross_entropy(torch: Any) -> Any:
    options = torch.nn.LinearCrossEntropyOptions(batch_chunk_size=4, acc_dtype=torch.float32)
    same = torch.nn.LinearCrossEntropyOptions(False, 4, acc_dtype=torch.float32)
    fixed = raised(lambda: setattr(options, "acc_policy", "compact")).split(":")[0]
    return [repr(options), options == same, hash(options) == hash(same), fixed]


@same_as_torch
def test_adaptive_softmax_predicts_and_sums_to_one(torch: Any) -> Any:
    torch.manual_seed(5)
    layer = torch.nn.AdaptiveLogSoftmaxWithLoss(6, 12, [2, 5], div_value=1.5, head_bias=True)
    x = torch.linspace(-2, 2, 24).reshape(4, 6)
    return [layer.log_prob(x), layer.log_prob(x).exp().sum(1), layer.predict(x), repr(layer)]


@both_agree
def test_paths_that_programs_import_from(torch: Any) -> Any:
    from importlib import import_module

    found = {}
    for room, names in {
        "activation": "ReLU GELU Softmax MultiheadAttention",
        "batchnorm": "_BatchNorm _NormBase BatchNorm2d SyncBatchNorm",
        "conv": "_ConvNd _ConvTransposeNd Conv2d ConvTranspose2d",
        "dropout": "_DropoutNd Dropout",
        "instancenorm": "_InstanceNorm InstanceNorm2d",
        "lazy": "LazyModuleMixin",
        "loss": "_Loss _WeightedLoss CTCLoss",
        "pooling": "_MaxPoolNd MaxPool2d AdaptiveAvgPool2d",
        "utils": "_single _pair _triple _quadruple _ntuple",
    }.items():
        module = import_module(f"{torch.__name__}.nn.modules.{room}")
        found[room] = [hasattr(module, name) for name in names.split()]
    pair = import_module(f"{torch.__name__}.nn.modules.utils")._pair
    return [found, pair(3), pair([1, 2])]
