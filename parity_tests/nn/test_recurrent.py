"""Recurrent layers, their cells and packed sequences are torch's: drawn configurations."""

from __future__ import annotations

import copy
import pickle
import warnings
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad
from parity_tests.sidebyside import agree, both_agree, copy_state, raised
from parity_tests.torch_modules import check

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections:UserWarning")  # torch's own

KINDS = ["RNN", "GRU", "LSTM"]
WIDTH = 3  # of the input


@dataclass
class Config:
    """A network, and what it is called with."""

    kind: str
    options: dict[str, Any]
    lengths: list[int]  # of the sequences
    form: str  # "padded", "single" or "packed"
    state_given: bool
    dtype: str
    training: bool
    seed: int


@st.composite
def configs(draw: Any) -> Config:
    """Any network with any input."""
    kind = draw(st.sampled_from(KINDS))
    options: dict[str, Any] = {
        "num_layers": draw(st.integers(1, 3)),
        "bias": draw(st.booleans()),
        "batch_first": draw(st.booleans()),
        "bidirectional": draw(st.booleans()),
        "dropout": draw(st.sampled_from([0.0, 0.4, 1.0])),
    }
    if kind == "LSTM":
        options["proj_size"] = draw(st.sampled_from([0, 2]))
    if kind == "RNN":
        options["nonlinearity"] = draw(st.sampled_from(["tanh", "relu"]))
    form = draw(st.sampled_from(["padded", "single", "packed"]))
    lengths = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    if form != "packed":
        lengths = [lengths[0]] * (1 if form == "single" else len(lengths))
    return Config(
        kind,
        options,
        lengths,
        form,
        draw(st.booleans()),
        draw(st.sampled_from(["float32", "float64"])),
        draw(st.booleans()),
        draw(st.integers(0, 99)),
    )


def tensor(torch: Any, config: Config, *shape: int) -> Any:
    return torch.randn(shape, dtype=getattr(torch, config.dtype), requires_grad=True)


def network(torch: Any, config: Config) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # dropout after the only layer
        net = getattr(torch.nn, config.kind)(WIDTH, 4, **config.options)
    return net.to(getattr(torch, config.dtype)).train(config.training)


def called(torch: Any, config: Config, net: Any) -> tuple[list[Any], list[Any]]:
    """The tensors that come out of a call, and the leaves that went in."""
    rnn, batch, steps = torch.nn.utils.rnn, len(config.lengths), max(config.lengths)
    if config.form == "single":
        x = tensor(torch, config, steps, WIDTH)
    else:
        first = config.options["batch_first"] and config.form == "padded"
        x = tensor(torch, config, *((batch, steps) if first else (steps, batch)), WIDTH)
    leaves, given = [x], x
    if config.form == "packed":
        given = rnn.pack_padded_sequence(x, config.lengths, enforce_sorted=False)
    hx: Any = None
    if config.state_given:
        count = config.options["num_layers"] * (2 if config.options["bidirectional"] else 1)
        rows = (count,) if config.form == "single" else (count, batch)
        widths = [config.options.get("proj_size") or 4, 4][: 2 if config.kind == "LSTM" else 1]
        states = [tensor(torch, config, *rows, width) for width in widths]
        leaves += states
        hx = tuple(states) if config.kind == "LSTM" else states[0]
    torch.manual_seed(config.seed)
    out, last = net(given, hx)
    if config.form == "packed":
        assert type(out) is rnn.PackedSequence
        padded, lengths = rnn.pad_packed_sequence(out, total_length=6)
        assert lengths.tolist() == config.lengths
        found = [out.data, padded]
    else:
        found = [out]
    return [*found, *(last if config.kind == "LSTM" else [last])], [*leaves, *net.parameters()]


def side_by_side(body: Any, *arguments: Any) -> None:
    """Run a body with both packages, and compare what it returns."""
    import torch

    agree(body(minigrad, *arguments), body(torch, *arguments))


def steps(tensor: Any) -> list[int]:
    """The strides of the axes on which there is more than one place."""
    return [step for step, size in zip(tensor.stride(), tensor.shape, strict=True) if size > 1]


def weighed(torch: Any, results: list[Any]) -> Any:
    """A sum in which every element counts differently, and not linearly."""
    total = 0.0
    for result in results:
        weight = torch.arange(result.numel(), dtype=result.dtype).reshape(result.shape).cos()
        total = total + (weight * result + result * result).sum()
    return total


def networks_from_a_seed(torch: Any, config: Config) -> Any:
    """Without copying: weights, inputs, dropout masks, results and gradients from one seed."""
    torch.manual_seed(config.seed)
    net = network(torch, config)
    results, leaves = called(torch, config, net)
    weighed(torch, results).backward()
    strides = [steps(result) for result in results]
    after = torch.rand(1)
    return [repr(net), net.state_dict(), results, strides, [x.grad for x in leaves], after]


@given(config=configs())
def test_networks_from_a_seed(config: Config) -> None:
    side_by_side(networks_from_a_seed, config)


def second_derivatives_of_networks(torch: Any, config: Config) -> Any:
    torch.manual_seed(config.seed)
    config = replace(config, dtype="float64")
    results, leaves = called(torch, config, network(torch, config))
    first = torch.autograd.grad(
        weighed(torch, results), leaves, create_graph=True, allow_unused=True
    )
    first = [g for g in first if g is not None]
    total = sum((g * g).sum() for g in first)
    second = torch.autograd.grad(total, leaves, allow_unused=True)
    zeros = [torch.zeros_like(x) if g is None else g for g, x in zip(second, leaves, strict=True)]
    return [[g.detach() for g in first], zeros]


@given(config=configs())
def test_second_derivatives_of_networks(config: Config) -> None:
    side_by_side(second_derivatives_of_networks, config)


def cells(torch: Any, kind: str, bias: bool, batch: int, state_given: bool, dtype: str) -> Any:
    """Values, both derivatives and the stream; a batch of 0 stands for one sample without axis."""
    torch.manual_seed(3)
    name, _, nonlinearity = kind.partition(" ")
    options = {"nonlinearity": nonlinearity} if nonlinearity else {}
    kindly = getattr(torch, dtype)
    cell = getattr(torch.nn, f"{name}Cell")(WIDTH, 4, bias, dtype=kindly, **options)
    rows = (batch,) if batch else ()
    x, h, c = (torch.randn(*rows, n, dtype=kindly, requires_grad=True) for n in (WIDTH, 4, 4))
    hx = ((h, c) if name == "LSTM" else h) if state_given else None
    results = cell(x, hx)
    results = list(results) if name == "LSTM" else [results]
    leaves = [x, *cell.parameters(), *([h] if state_given else [])]
    loss = weighed(torch, results)
    first = torch.autograd.grad(loss, leaves, create_graph=True)
    second = torch.autograd.grad(sum((g * g).sum() for g in first), leaves)
    plain = torch.autograd.grad(
        weighed(torch, [cell(x, hx)] if len(results) == 1 else list(cell(x, hx))), leaves
    )
    return [repr(cell), results, [g.detach() for g in first], second, plain, torch.rand(1)]


@given(
    kind=st.sampled_from(["RNN", "RNN relu", "GRU", "LSTM"]),
    bias=st.booleans(),
    batch=st.integers(0, 3),
    state_given=st.booleans(),
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_cells(kind: str, bias: bool, batch: int, state_given: bool, dtype: str) -> None:
    side_by_side(cells, kind, bias, batch, state_given, dtype)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_do_not_depend_on_how_they_are_asked_for(kind: str) -> None:
    """The fast derivative on arrays is that of the steps in ordinary ops, all options at once."""
    torch = minigrad
    torch.manual_seed(1)
    options = {"proj_size": 2} if kind == "LSTM" else {}
    net = getattr(torch.nn, kind)(WIDTH, 4, 2, bidirectional=True, dtype=torch.float64, **options)
    rows = [torch.randn(n, WIDTH, dtype=torch.float64, requires_grad=True) for n in (5, 3, 3, 1)]
    out, _ = net(torch.nn.utils.rnn.pack_sequence(rows))
    loss = weighed(torch, [out.data])
    leaves = [*rows, *net.parameters()]
    recorded = torch.autograd.grad(loss, leaves, create_graph=True)
    fast = torch.autograd.grad(loss, leaves)
    for a, b in zip(recorded, fast, strict=True):
        assert torch.allclose(a.detach(), b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@both_agree
def test_truncated_backward_through_time(torch: Any, kind: str) -> Any:
    """A state that is detached, and one whose graph goes on."""
    torch.manual_seed(0)
    net = getattr(torch.nn, kind)(WIDTH, 4)
    x = torch.randn(6, 2, WIDTH, requires_grad=True)
    _, state = net(x[:3])
    detached = tuple(s.detach() for s in state) if kind == "LSTM" else state.detach()
    results = []
    for hx in (state, detached):
        out, _ = net(x[3:], hx)
        results.append(torch.autograd.grad(out.sum(), x, retain_graph=True)[0])
    return results


@pytest.mark.parametrize("kind", KINDS)
@both_agree
def test_weights_and_copies(torch: Any, kind: str) -> Any:
    torch.manual_seed(0)
    net = getattr(torch.nn, kind)(WIDTH, 4, 2, bidirectional=True)
    net.flatten_parameters()
    twins = [copy.deepcopy(net), pickle.loads(pickle.dumps(net)), copy.copy(net)]
    net.weight_hh_l1 = torch.nn.Parameter(torch.ones_like(net.weight_hh_l1))
    x = torch.randn(3, 2, WIDTH)
    shapes = [[list(w.shape) for w in weights] for weights in net.all_weights]
    flat = [weight for weights in net.all_weights for weight in weights]
    same = all(a is b for a, b in zip(flat, net.parameters(), strict=True))
    return [shapes, same, net(x)[0], [repr(twin) for twin in twins], twins[0](x)[0], twins[1](x)[0]]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [1, 2])
@both_agree
def test_a_batch_of_nothing(torch: Any, length: int, kind: str) -> Any:
    net = getattr(torch.nn, kind)(WIDTH, 4)
    x = torch.zeros(length, 0, WIDTH, requires_grad=True)
    out, _ = net(x)
    out.sum().backward()
    return [out, x.grad, *(p.grad for p in net.parameters())]


@pytest.mark.parametrize(
    ("name", "gates"), [("rnn_tanh_cell", 1), ("gru_cell", 3), ("lstm_cell", 4)]
)
@pytest.mark.parametrize("rows", [(-1, 0), (0, -1), (4, 4), (-4, -4), (100, 100)])
def test_weights_that_do_not_fit(name: str, gates: int, rows: tuple[int, int]) -> None:
    """As torch refuses them, before anything is written anywhere."""
    torch = minigrad
    h = torch.zeros(2, 4)
    weights = [
        torch.ones(max(4 * gates + more, 0), n) for more, n in zip(rows, (3, 4), strict=True)
    ]
    with pytest.raises(RuntimeError, match=f"first dim must be {gates} \\* hidden_size = "):
        getattr(torch, name)(torch.ones(2, 3), (h, h) if name == "lstm_cell" else h, *weights)


def test_states_that_do_not_fit_a_network() -> None:
    torch = minigrad
    weights = [torch.ones(16, 3), torch.ones(16, 4)]
    options = (False, 1, 0.0, False, False, False)
    x, h = torch.ones(5, 2, 3), torch.zeros(1, 2, 4)
    for one, other in ((h, torch.zeros(1, 3, 4)), (torch.zeros(1, 3, 4), h), (h, h[..., :3])):
        with pytest.raises(RuntimeError):
            torch.lstm(x, (one, other), weights, *options)


@pytest.mark.parametrize("kind", KINDS)
def test_writing_to_a_result_before_backward_is_noticed(kind: str) -> None:
    torch = minigrad
    net = getattr(torch.nn, kind)(WIDTH, 4)
    x = torch.randn(1, 2, WIDTH)
    out, last = net(x)
    last = last[0] if kind == "LSTM" else last
    before = out.detach().clone()
    with torch.no_grad():
        last.zero_()  # of one step: the output is not the last state's memory
    assert torch.equal(out, before)
    h = torch.zeros(1, 2, 4)
    out, _ = net(x, (h, h) if kind == "LSTM" else h)
    h.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()


@pytest.mark.parametrize("kind", ["RNN", "GRU"])
@both_agree
def test_a_result_may_be_written_to(torch: Any, kind: str) -> Any:
    torch.manual_seed(0)
    net, x = getattr(torch.nn, kind)(3, 4, num_layers=2), torch.ones(5, 2, 3)
    out, _ = net(x)
    out.mul_(2).relu_().sum().backward()
    return [p.grad for p in net.parameters()]


CALLS = [
    "RNN(3, 4, nonlinearity='sigmoid')",
    "RNN(3, 4, 1, 'relu', False)",
    "RNN(3, 4, proj_size=2)",
    "GRU(3, 4, proj_size=2)",
    "GRU(3, 4, foo=2)",
    "LSTM(3, 4, proj_size=4)",
    "LSTM(3, 4, proj_size=-1)",
    "LSTM(0, 4)",
    "LSTM(3, -1)",
    "LSTM(3.0, 4)",
    "LSTM(3, 4, 0)",
    "LSTM(3, 4, bias=1)",
    "LSTM(3, 4, batch_first=None)",
    "LSTM(3, 4, 2, dropout=1.5)",
    "LSTM(3, 4, 2, dropout=True)",
    "RNNBase('RNN', 3, 4)",
    "RNN(3, 4)(torch.ones(3))",
    "GRU(3, 4)(torch.ones(3))",
    "LSTM(3, 4)(torch.ones(3, 1, 1, 3))",
    "LSTM(3, 4)(torch.ones(2, 5))",
    "GRU(3, 4)(torch.ones(2, 1, 5))",
    "GRU(3, 4)(torch.ones(2, 1, 3, dtype=torch.float64))",
    "GRU(3, 4)(torch.ones(2, 1, 3), torch.ones(1, 4))",
    "GRU(3, 4)(torch.ones(2, 3), torch.ones(1, 1, 4))",
    "GRU(3, 4)(torch.ones(2, 1, 3), torch.ones(2, 1, 4))",
    "GRU(3, 4)(torch.ones(0, 1, 3))",
    "LSTM(3, 4)(torch.ones(2, 1, 3), (torch.ones(1, 1, 4), torch.ones(1, 4)))",
    "LSTM(3, 4)(torch.ones(2, 3), (torch.ones(1, 1, 4), torch.ones(1, 4)))",
    "LSTM(3, 4)(torch.ones(2, 1, 3), (torch.ones(1, 1, 5), torch.ones(1, 1, 4)))",
    "LSTM(3, 4, proj_size=2)(torch.ones(2, 1, 3), (torch.ones(1, 1, 2), torch.ones(1, 1, 2)))",
    "GRU(3, 4)(rnn.pack_sequence([torch.ones(2, 5)]))",
    "GRU(3, 4)(rnn.pack_sequence([torch.ones(2, 3)]), torch.ones(1, 2, 4))",
    "RNNCell(3, 4)(torch.ones(1, 1, 3))",
    "RNNCell(3, 4)(torch.ones(3), torch.ones(1, 1, 4))",
    "RNNCell(3, 4, nonlinearity='sin')(torch.ones(1, 3))",
    "RNNCell(3, 4)(torch.ones(2, 5))",
    "GRUCell(3, 4)(torch.ones(2, 3), torch.ones(1, 4))",
    "LSTMCell(3, 4)(torch.ones(2, 3), (torch.ones(2, 4), torch.ones(2, 5)))",
    "LSTMCell(3, 4)(torch.ones(2, 3), (torch.ones(2, 4), torch.ones(2, 1, 1)))",
    "LSTMCell(3, 4)(torch.ones(2, 3), (torch.ones(2, 4),))",
]


@pytest.mark.parametrize("call", CALLS)
@both_agree
def test_wrong_calls_raise_what_torch_raises(torch: Any, call: str) -> Any:
    scope = {**vars(torch.nn), "torch": torch, "rnn": torch.nn.utils.rnn}
    return raised(lambda: eval(call, scope))


@pytest.mark.parametrize("kind", KINDS)
@both_agree
def test_dropout_of_a_single_layer_warns(torch: Any, kind: str) -> Any:
    with pytest.warns(UserWarning) as seen:
        getattr(torch.nn, kind)(3, 4, dropout=0.5)
    return str(seen[0].message)


@pytest.mark.parametrize("bias", [True, False])
@both_agree
def test_functions_take_names(torch: Any, bias: bool) -> Any:
    torch.manual_seed(0)
    net = torch.nn.GRU(WIDTH, 4, 2, bias)
    x, h = torch.randn(5, 2, WIDTH), torch.randn(2, 2, 4)
    options = {"num_layers": 2, "dropout": 0.0, "train": False, "bidirectional": False}
    weights = list(net.parameters())
    padded = torch.gru(x, h, weights, has_biases=bias, batch_first=False, **options)
    sizes = torch.tensor([2] * 5)
    packed = torch.gru(
        x.reshape(10, WIDTH), sizes, hx=h, params=weights, has_biases=bias, **options
    )
    return [*padded, *packed]


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM", "RNNCell", "GRUCell", "LSTMCell"])
def test_torch_database_of_modules(name: str) -> None:
    """Valid and spoilt calls of torch's own tests; two of each dtype here."""
    tally = check(name, limit=2, spoil=0)
    assert tally.passed > 20
    assert not tally.failures


def test_same_weights_same_numbers() -> None:
    """A large network in float32: rounding in another order only."""
    import torch

    torch.manual_seed(0)
    theirs, mine = torch.nn.LSTM(40, 50, 2), minigrad.nn.LSTM(40, 50, 2)
    copy_state(mine, theirs)
    x = torch.randn(30, 8, 40)
    agree(mine(minigrad.tensor(x.numpy()))[0].detach(), theirs(x)[0].detach())
