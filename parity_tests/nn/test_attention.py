"""Attention of several heads is torch's: drawn configurations, masks, streams, errors."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad
from parity_tests.sidebyside import agree, both_agree, raised
from parity_tests.torch_modules import check

EMBED, LENGTH, SOURCE = 4, 3, 5


@dataclass
class Config:
    """Attention, and what it is called with."""

    options: dict[str, Any]
    batch: int  # 0: one sample without an axis for it
    same: str  # which of query, key and value are one tensor: "all", "memory", "none"
    mask: str | None  # "bool", "float", "causal" or None
    heads_apart: bool  # one mask for each head
    padding: str | None
    need: str  # of weights: "none", "mean", "each"
    training: bool
    grad: bool
    dtype: str
    seed: int


@st.composite
def configs(draw: Any) -> Config:
    """Any attention with any input."""
    same = draw(st.sampled_from(["all", "memory", "none"]))
    options = {
        "num_heads": draw(st.sampled_from([1, 2, 4])),
        "dropout": draw(st.sampled_from([0.0, 0.5])),
        "bias": draw(st.booleans()),
        "add_bias_kv": draw(st.booleans()),
        "add_zero_attn": draw(st.booleans()),
        "batch_first": draw(st.booleans()),
    }
    if same == "none" and draw(st.booleans()):
        options |= {"kdim": 2, "vdim": 6}
    return Config(
        options,
        draw(st.integers(0, 3)),
        same,
        draw(st.sampled_from([None, "bool", "float", "causal"])),
        draw(st.booleans()),
        draw(st.sampled_from([None, "bool", "float"])),
        draw(st.sampled_from(["none", "mean", "each"])),
        draw(st.booleans()),
        draw(st.booleans()),
        draw(st.sampled_from(["float32", "float64"])),
        draw(st.integers(0, 99)),
    )


def side_by_side(body: Any, *arguments: Any) -> None:
    """Run a body with both packages, and compare what it returns."""
    import torch

    agree(body(minigrad, *arguments), body(torch, *arguments))


def masks(torch: Any, config: Config, source: int, kind: Any) -> dict[str, Any]:
    """The masks of a call; no query is kept from looking anywhere."""
    rows = config.batch or 1
    found: dict[str, Any] = {}
    shape: tuple[int, ...] = (LENGTH, source)
    if config.heads_apart and config.mask != "causal":
        shape = (rows * config.options["num_heads"], *shape)
    if config.mask == "bool":
        found["attn_mask"] = torch.rand(shape) > 0.7
        found["attn_mask"][..., 0] = False
    elif config.mask == "float":
        found["attn_mask"] = torch.randn(shape, dtype=kind)
    elif config.mask == "causal" and source == LENGTH:
        found["attn_mask"] = torch.nn.Transformer.generate_square_subsequent_mask(
            LENGTH, dtype=kind
        )
        found["is_causal"] = True
    if config.padding is not None:
        hidden = torch.arange(source).expand(rows, source) > source - 1 - torch.arange(
            rows
        ).unsqueeze(1)
        hidden = hidden if config.batch else hidden[0]
        mask = hidden if config.padding == "bool" else hidden.to(kind) * -2
        found["key_padding_mask"] = mask
    return found


def attended(torch: Any, config: Config) -> Any:
    """Everything that comes of one call."""
    torch.manual_seed(config.seed)
    kind = getattr(torch, config.dtype)
    layer = torch.nn.MultiheadAttention(EMBED, **config.options, dtype=kind)
    layer.train(config.training)

    def drawn(length: int, size: int) -> Any:
        shape: tuple[int, ...] = (length, size)
        if config.batch:
            first = config.options["batch_first"]
            shape = (config.batch, *shape) if first else (length, config.batch, size)
        return torch.randn(shape, dtype=kind, requires_grad=config.grad)

    query = drawn(LENGTH, EMBED)
    key = query if config.same == "all" else drawn(SOURCE, config.options.get("kdim", EMBED))
    value = key if config.same != "none" else drawn(SOURCE, config.options.get("vdim", EMBED))
    given = masks(torch, config, LENGTH if config.same == "all" else SOURCE, kind)
    options = {"need_weights": config.need != "none", "average_attn_weights": config.need == "mean"}
    layer.requires_grad_(config.grad)
    out, weights = layer(query, key, value, **given, **options)
    leaves = [query, *([key, value] if config.same == "none" else []), *layer.parameters()]
    grads = []
    if config.grad:
        loss = (out * out).sum() + (0 if weights is None else (weights**3).sum())
        grads = list(torch.autograd.grad(loss, leaves, allow_unused=True))
    return [repr(layer), layer.state_dict(), out, weights, grads, torch.rand(1)]


@pytest.mark.filterwarnings("ignore:Support for mismatched:UserWarning")
@given(config=configs())
def test_attention_from_a_seed(config: Config) -> None:
    """Without copying: weights, dropout masks, results, weights and gradients from one seed."""
    if not config.training and "float" in (config.mask, config.padding):
        config.grad = True  # torch's fast way takes any number in a float mask for "hidden"
    side_by_side(attended, config)


@pytest.mark.parametrize("need_weights", [True, False])
@both_agree
def test_learned_and_zero_keys_stay_open(torch: Any, need_weights: bool) -> Any:
    """Also where the first key of all is masked out."""
    torch.manual_seed(0)
    layer = torch.nn.MultiheadAttention(4, 2, add_bias_kv=True, add_zero_attn=True)
    x = torch.randn(3, 2, 4)
    padding = torch.tensor([[True, False, False], [True, True, True]])
    mask = torch.tensor([[True, False, True]] * 3)
    return layer(x, x, x, padding, need_weights, mask)


@both_agree
def test_keys_and_values_that_are_ready(torch: Any) -> Any:
    """The function takes keys and values by heads; the layer has no such arguments."""
    torch.manual_seed(0)
    attend = torch.nn.functional.multi_head_attention_forward
    q, k, v = torch.randn(3, 2, 4), torch.randn(5, 2, 4), torch.randn(5, 2, 4)
    weights = (torch.randn(12, 4), torch.randn(12))
    ready = {"static_k": torch.randn(4, 6, 2), "static_v": torch.randn(4, 6, 2)}
    bias = torch.ones(1, 1, 4)

    def call(bias_k: Any = None, bias_v: Any = None, **options: Any) -> Any:
        head = (q, k, v, 4, 2, *weights, bias_k, bias_v, False, 0.0)
        return attend(*head, torch.eye(4), None, **options)

    wrong = [
        {"static_k": torch.ones(3, 6, 2)},
        {"static_v": torch.ones(4, 6, 3)},
        {"bias_k": bias},
        {"bias_v": bias},
        {"bias_k": bias, "bias_v": bias, "static_k": ready["static_k"]},
        {"bias_k": bias, "bias_v": bias, "static_v": ready["static_v"]},
    ]
    return [call(**ready), [raised(lambda o=o: call(**o)) for o in wrong]]


@both_agree
def test_masks_of_different_types_warn(torch: Any) -> Any:
    layer, x = torch.nn.MultiheadAttention(4, 2), torch.ones(3, 1, 4)
    with pytest.warns(UserWarning, match="mismatched key_padding_mask and attn_mask") as seen:
        layer(x, x, x, torch.zeros(1, 3, dtype=torch.bool), attn_mask=torch.zeros(3, 3))
    return str(seen[0].message)


@pytest.mark.parametrize("need_weights", [True, False])
def test_second_derivative(need_weights: bool) -> None:
    """Also without weights, where torch has none: it is the same function."""

    def second(torch: Any, need: bool) -> Any:
        torch.manual_seed(0)
        layer = torch.nn.MultiheadAttention(4, 2, dtype=torch.float64)
        x = torch.randn(3, 2, 4, dtype=torch.float64, requires_grad=True)
        leaves = [x, *layer.parameters()]
        out, _ = layer(x, x, x, need_weights=need)
        first = torch.autograd.grad((out**2).sum(), leaves, create_graph=True)
        return torch.autograd.grad(sum((g * g).sum() for g in first), leaves)

    import torch

    agree(second(minigrad, need_weights), second(torch, True))


@both_agree
def test_copies(torch: Any) -> Any:
    torch.manual_seed(0)
    layer = torch.nn.MultiheadAttention(4, 2, add_bias_kv=True)
    twins = [copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))]
    x = torch.randn(3, 2, 4)
    names = [name for name, _ in layer.named_parameters()]
    return [names, *[twin(x, x, x)[0] for twin in (layer, *twins)]]


CALLS = [
    "MultiheadAttention(0, 2)",
    "MultiheadAttention(4, -1)",
    "MultiheadAttention(4, 3)",
    "MultiheadAttention(4, 2)(*[torch.ones(3)] * 3)",
    "MultiheadAttention(4, 2)(torch.ones(2, 4), torch.ones(2, 1, 4), torch.ones(2, 1, 4))",
    "MultiheadAttention(4, 2)(torch.ones(2, 1, 4), torch.ones(2, 4), torch.ones(2, 4))",
    "MultiheadAttention(4, 2)(*[torch.ones(2, 1, 6)] * 3)",
    "MultiheadAttention(4, 2)(torch.ones(2, 1, 4), torch.ones(3, 1, 4), torch.ones(2, 1, 4))",
    "MultiheadAttention(4, 2, vdim=3)(*[torch.ones(n, 1, 4) for n in (2, 3)], torch.ones(2, 1, 3))",
    "MultiheadAttention(4, 2)(*[torch.ones(2, 1, 4)] * 3, attn_mask=torch.ones(2))",
    "MultiheadAttention(4, 2)(*[torch.ones(2, 4)] * 3, attn_mask=torch.ones(2))",
    "MultiheadAttention(4, 2)(*[torch.ones(2, 1, 4)] * 3, attn_mask=torch.ones(2, 3))",
    "MultiheadAttention(4, 2)(*[torch.ones(2, 1, 4)] * 3, attn_mask=torch.ones(1, 2, 2))",
    "MultiheadAttention(4, 2)(*[torch.ones(2, 4)] * 3, attn_mask=torch.ones(1, 2, 2))",
    "MultiheadAttention(4, 2)(*[torch.ones(2, 1, 4)] * 3, attn_mask=torch.ones(2, 2).long())",
    "MultiheadAttention(4, 2)(*[torch.ones(2, 1, 4)] * 3, torch.ones(2))",
    "MultiheadAttention(4, 2)(*[torch.ones(2, 4)] * 3, torch.ones(1, 2))",
    "MultiheadAttention(4, 2)(*[torch.ones(2, 1, 4)] * 3, torch.ones(1, 3))",
    "MultiheadAttention(4, 2)(*[torch.ones(2, 1, 4)] * 3, torch.ones(2, 2))",
    "MultiheadAttention(4, 2)(*[torch.ones(2, 1, 4)] * 3, is_causal=True)",
]


@pytest.mark.parametrize("call", CALLS)
@both_agree
def test_wrong_calls_raise_what_torch_raises(torch: Any, call: str) -> Any:
    return raised(lambda: eval(call, {**vars(torch.nn), "torch": torch}))


@pytest.mark.parametrize("axes", [(1, 0, 2), (2, 0, 1), (2, 1, 0), (0, 2, 1)])
@pytest.mark.parametrize("drop", ["dropout", "alpha_dropout"])
@both_agree
def test_dropout_draws_in_the_order_of_memory(torch: Any, drop: str, axes: Any) -> Any:
    """As behind attention with ``batch_first``, whose output is a transposed view."""
    torch.manual_seed(0)
    x = torch.arange(24.0).reshape(2, 3, 4).permute(axes)
    y = getattr(torch.nn.functional, drop)(x, 0.5, True)
    return [y, list(y.stride()), torch.rand(1)]


def test_torch_database_of_modules() -> None:
    tally = check("MultiheadAttention", limit=20, spoil=0)
    assert tally.passed > 50
    assert not tally.failures
