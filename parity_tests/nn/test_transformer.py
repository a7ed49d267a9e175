"""Transformers are torch's: drawn configurations, masks, streams, both modes, errors."""

from __future__ import annotations

import copy
import pickle
import warnings
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad
from parity_tests.nn.test_attention import side_by_side
from parity_tests.sidebyside import both_agree, raised
from parity_tests.torch_modules import check

WIDTH, STEPS, SOURCE = 4, 3, 5
ACTIVATIONS = ["'relu'", "'gelu'", "F.relu", "F.gelu", "nn.ReLU()", "nn.GELU()", "torch.tanh"]


@dataclass
class Config:
    """A Transformer, or a part of it, and what it is called with."""

    kind: str
    options: dict[str, Any]
    activation: str
    batch: int
    causal: str | None  # how the causal mask is given: "mask", "mask and hint", or not
    padding: bool
    final_norm: bool
    mode: str  # "train", "eval" or "eval without grad"
    dtype: str
    seed: int


@st.composite
def configs(draw: Any) -> Config:
    """Any of the five layers with any input."""
    kind = draw(st.sampled_from(["EncoderLayer", "DecoderLayer", "Encoder", "Decoder", ""]))
    # torch's copies of a decoder layer forget an activation that is a module.
    activations = [a for a in ACTIVATIONS if kind not in ("Decoder", "") or "nn." not in a]
    return Config(
        "Transformer" + kind,
        {
            "nhead": draw(st.sampled_from([1, 2])),
            "dim_feedforward": 6,
            "dropout": draw(st.sampled_from([0.0, 0.5])),
            "layer_norm_eps": draw(st.sampled_from([1e-5, 1e-2])),
            "batch_first": draw(st.booleans()),
            "norm_first": draw(st.booleans()),
            "bias": draw(st.booleans()),
        },
        draw(st.sampled_from(activations)),
        draw(st.integers(0, 3)),
        draw(st.sampled_from([None, "mask", "mask and hint"])),
        draw(st.booleans()),
        draw(st.booleans()),
        draw(st.sampled_from(["train", "eval", "eval without grad"])),
        draw(st.sampled_from(["float32", "float64"])),
        draw(st.integers(0, 99)),
    )


def made(torch: Any, config: Config) -> Any:
    """The layer or the network."""
    nn = torch.nn
    scope = {"F": nn.functional, "nn": nn, "torch": torch}
    options = {**config.options, "activation": eval(config.activation, scope)}
    if config.kind == "Transformer":
        stacks = {"num_encoder_layers": 1, "num_decoder_layers": 2}
        return nn.Transformer(WIDTH, **options, **stacks)
    if config.kind.endswith("Layer"):
        return getattr(nn, config.kind)(WIDTH, **options)
    layer = getattr(nn, f"{config.kind}Layer")(WIDTH, **options)
    norm = nn.LayerNorm(WIDTH) if config.final_norm else None
    return getattr(nn, config.kind)(layer, 2, norm)


def ran(torch: Any, config: Config) -> Any:
    """Everything that comes of one call."""
    torch.manual_seed(config.seed)
    kind = getattr(torch, config.dtype)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        net = made(torch, config).to(kind).train(config.mode == "train")

    def drawn(steps: int) -> Any:
        shape: tuple[int, ...] = (steps, WIDTH)
        if config.batch:
            first = config.options["batch_first"]
            shape = (config.batch, *shape) if first else (steps, config.batch, WIDTH)
        return torch.randn(shape, dtype=kind, requires_grad=True)

    def padding(steps: int) -> Any:
        rows = torch.arange(config.batch or 1).unsqueeze(1)
        hidden = torch.arange(steps) > steps - 1 - rows
        return (hidden if config.batch else hidden[0]) if config.padding else None

    target, source = drawn(STEPS), drawn(SOURCE)
    square = net_mask(torch, STEPS, kind) if config.causal else None
    hint = config.causal == "mask and hint"
    decodes = not config.kind.startswith("TransformerEncoder")
    if config.kind == "Transformer":
        call = {"src_key_padding_mask": padding(SOURCE), "tgt_key_padding_mask": padding(STEPS)}
        call |= {"tgt_mask": square, "memory_key_padding_mask": padding(SOURCE)}
        inputs = [source, target]
    elif decodes:
        call = {"tgt_mask": square, "tgt_key_padding_mask": padding(STEPS)}
        call |= {"memory_key_padding_mask": padding(SOURCE)}
        inputs = [target, source]
    else:
        mask = "src_mask" if config.kind.endswith("Layer") else "mask"
        call = {mask: square, "src_key_padding_mask": padding(STEPS)}
        inputs = [target]
    if hint and square is not None:
        call["tgt_is_causal" if decodes else "is_causal"] = True
    grad = config.mode != "eval without grad"
    with warnings.catch_warnings(), torch.set_grad_enabled(grad):
        warnings.simplefilter("ignore")  # of masks of two types, and of torch's nested tensors
        out = net(*inputs, **call)
    grads = []
    if grad:
        grads = list(torch.autograd.grad((out * out.cos()).sum(), [*inputs, *net.parameters()]))
    told = [str(w.message) for w in seen]
    return [repr(net), told, net.state_dict(), out, grads, torch.rand(1)]


def net_mask(torch: Any, steps: int, kind: Any) -> Any:
    return torch.nn.Transformer.generate_square_subsequent_mask(steps, dtype=kind)


@given(config=configs())
def test_transformers_from_a_seed(config: Config) -> None:
    """Without copying: weights, dropout masks, results and gradients from one seed."""
    side_by_side(ran, config)


@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("left", [True, False])
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
@both_agree
def test_padding_in_evaluation(torch: Any, left: bool, nested: bool, norm: bool) -> Any:
    """torch leaves padding at the end out, and fills it with zeros before the last norm."""
    torch.manual_seed(0)
    layer = torch.nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    last = torch.nn.LayerNorm(4) if norm else None
    net = torch.nn.TransformerEncoder(layer, 2, last, enable_nested_tensor=nested).eval()
    x = torch.randn(2, 5, 4)
    mask = torch.zeros(2, 5, dtype=torch.bool)
    mask[1, 3:] = True
    mask = mask if left else mask.flip(1)
    with torch.no_grad():
        without = net(x, src_key_padding_mask=mask)
    return [without, net(x, src_key_padding_mask=mask)]


@both_agree
def test_causal_masks_are_recognised(torch: Any) -> Any:
    """A causal mask is found by looking at it; a hint is believed."""
    torch.manual_seed(0)
    layer = torch.nn.TransformerEncoderLayer(4, 2, 8, 0.0, batch_first=True)
    net = torch.nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    x = torch.randn(2, 5, 4)
    mask = torch.nn.Transformer.generate_square_subsequent_mask(5)
    other = mask.clone()
    other[4, 0] = float("-inf")
    closed = torch.ones(5, 5, dtype=torch.bool).triu(1)
    return [mask, net(x, mask), net(x, mask, is_causal=True), net(x, other), net(x, closed)]


@pytest.mark.parametrize("kind", ["TransformerEncoderLayer", "TransformerDecoderLayer"])
@both_agree
def test_layers_of_a_stack_begin_alike_and_go_their_own_ways(torch: Any, kind: str) -> Any:
    torch.manual_seed(0)
    layer = getattr(torch.nn, kind)(4, 2, 8)
    net = getattr(torch.nn, kind.removesuffix("Layer"))(
        layer, 2, **({"enable_nested_tensor": False} if "Encoder" in kind else {})
    )
    first, second = (list(one.parameters()) for one in net.layers)
    alike = all(bool((a == b).all()) for a, b in zip(first, second, strict=True))
    apart = all(a is not b for a, b in zip(first, second, strict=True))
    twins = [copy.deepcopy(net), pickle.loads(pickle.dumps(net))]
    return [alike, apart, net.num_layers, list(net.state_dict()), [repr(twin) for twin in twins]]


@both_agree
def test_custom_parts(torch: Any) -> Any:
    class Half(torch.nn.Module):
        def forward(self, src: Any, *args: Any, **options: Any) -> Any:
            return src / 2

    net = torch.nn.Transformer(4, 2, custom_encoder=Half(), custom_decoder=Half())
    return [repr(net), net(torch.ones(2, 1, 4), torch.ones(3, 1, 4))]


CALLS = [
    "TransformerEncoderLayer(4, 3)",
    "TransformerEncoderLayer(4, 2, activation='tanh')",
    "TransformerEncoderLayer(4, 2, dropout=2.0)",
    "TransformerEncoderLayer(4, 2, 8)(torch.ones(2, 1, 6))",
    "TransformerEncoderLayer(4, 2, 8)(torch.ones(2, 1, 4), torch.ones(2, 2).long())",
    "TransformerEncoderLayer(4, 2, 8)(torch.ones(2, 1, 4), is_causal=True)",
    "TransformerEncoderLayer(4, 2, 8)(torch.ones(2, 1, 4), torch.ones(3, 3))",
    "TransformerEncoderLayer(4, 2, 8)(torch.ones(2, 1, 4), None, torch.ones(2))",
    "TransformerDecoderLayer(4, 2, 8)(torch.ones(2, 1, 4), torch.ones(2, 4))",
    "TransformerEncoder(TransformerEncoderLayer(4, 2, 8, batch_first=True), 2)(torch.ones(4))",
    "TransformerDecoder(TransformerDecoderLayer(4, 2, 8), 0)(torch.ones(2, 1, 4), None)",
    "Transformer(4, 2, 1, 1, 8, batch_first=True)(torch.ones(2, 1, 4), torch.ones(3, 1, 4))",
    "Transformer(4, 2, 1, 1, 8, batch_first=True)(torch.ones(2, 1, 6), torch.ones(2, 1, 4))",
    "Transformer(4, 2, 1, 1, 8, batch_first=True)(torch.ones(4), torch.ones(4))",
]


@pytest.mark.parametrize("call", CALLS)
@both_agree
def test_wrong_calls_raise_what_torch_raises(torch: Any, call: str) -> Any:
    return raised(lambda: eval(call, {**vars(torch.nn), "torch": torch}))


@pytest.mark.parametrize("name", ["TransformerEncoderLayer", "TransformerDecoderLayer"])
def test_torch_database_of_modules(name: str) -> None:
    tally = check(name, limit=4, spoil=0)
    assert tally.passed > 20
    assert not tally.failures


def test_meaning_of_a_float_mask_does_not_depend_on_the_mode() -> None:
    """torch's fast way in evaluation hides whatever a float mask is not 0 at; here it is added."""
    torch = minigrad
    torch.manual_seed(0)
    layer = torch.nn.TransformerEncoderLayer(4, 2, 8, 0.0, batch_first=True)
    x, bias = torch.randn(2, 3, 4), torch.randn(3, 3)
    trained = layer(x, bias)
    with torch.no_grad():
        assert torch.allclose(layer.eval()(x, bias), trained)
