"""Recurrent networks of several layers and directions, and their single steps, as functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minigrad.autograd.op import renamed, tensors
from minigrad.autograd.registry import T, call, function, reals
from minigrad.autograd.tensor_base import TensorBase
from minigrad.dtypes import of_numpy
from minigrad.errors import DtypeError, ShapeError
from minigrad.ops.elementwise.precision import is_half
from minigrad.ops.network.dropout import dropout as drop
from minigrad.ops.network.recurrent_steps import Walk
from minigrad.ops.shape.join import cat, stack

# A layer's op of (rows, its states, its weights, its walk); it returns the rows and last states.
Layer = Callable[[Any, Sequence[Any], Sequence[Any], Walk], tuple[Any, ...]]


def _tanh_layer(rows: Any, states: Any, weights: Any, walk: Walk) -> Any:
    return tensors.rnn_layer(rows, *states, *weights[:4], walk, False)


def _relu_layer(rows: Any, states: Any, weights: Any, walk: Walk) -> Any:
    return tensors.rnn_layer(rows, *states, *weights[:4], walk, True)


def _gru_layer(rows: Any, states: Any, weights: Any, walk: Walk) -> Any:
    return tensors.gru_layer(rows, *states, *weights[:4], walk)


def _lstm_layer(rows: Any, states: Any, weights: Any, walk: Walk) -> Any:
    return tensors.lstm_layer(rows, *states, weights[4], *weights[:4], walk)


def _check_weights(rows: Any, states: Sequence[Any], weights: Sequence[Any]) -> None:
    """Raise torch's errors for a layer whose parts do not fit."""
    kinds = [t._array.dtype for t in (rows, *states, *weights) if t is not None]
    for kind in kinds[1:]:
        if kind is not kinds[0] and kind != kinds[0]:
            names = (of_numpy(k).type_name for k in (kinds[0], kind))
            raise DtypeError(
                "mat1 and mat2 must have the same dtype, but got {} and {}".format(*names)
            )
    x, w_ih, h, w_hh = (t._array.shape for t in (rows, weights[0], states[0], weights[1]))
    for one, two in ((x, w_ih), (h, w_hh)):
        if one[1] != two[1]:
            raise ShapeError(
                f"mat1 and mat2 shapes cannot be multiplied ({one[0]}x{one[1]} and "
                f"{two[1]}x{two[0]})"
            )


def _weights_of(params: Sequence[Any], has_biases: bool, projected: bool) -> list[tuple[Any, ...]]:
    """The flat list of weights, by layer: two weights, two biases and the projection, or None."""
    count = 2 + 2 * has_biases + projected
    if len(params) % count:
        raise RuntimeError("got an incorrect number of RNN parameters")
    found = []
    for start in range(0, len(params), count):
        w_ih, w_hh, *others = params[start : start + count]
        b_ih, b_hh = others[:2] if has_biases else (None, None)
        found.append((w_ih, w_hh, b_ih, b_hh, others[-1] if projected else None))
    return found


def _stack(
    layer: Layer,
    rows: Any,
    sizes: tuple[int, ...],
    states: Sequence[Any],
    weights: Sequence[Any],
    num_layers: int,
    dropout: float,
    bidirectional: bool,
) -> tuple[Any, ...]:
    """All layers, one after the other; the last states of all, in the order of torch."""
    if not sizes:
        raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
    directions = 2 if bidirectional else 1
    if len(states[0]) < num_layers * directions:
        raise RuntimeError("Expected more hidden states in stacked_rnn")
    if len(weights) < num_layers * directions:
        raise RuntimeError("Expected more weights in stacked_rnn")
    for state in states:
        if state._array.shape[1] != sizes[0]:
            raise ShapeError(
                f"The size of tensor a ({state._array.shape[1]}) must match the size of tensor b "
                f"({sizes[0]}) at non-singleton dimension 0"
            )
    last: list[tuple[Any, ...]] = []
    for index in range(num_layers):
        found = []
        for direction in range(directions):
            place = index * directions + direction
            own = [state[place] for state in states]
            _check_weights(rows, own, weights[place])
            out, *ends = layer(rows, own, weights[place], Walk(sizes, direction == 1))
            found.append(out)
            last.append(tuple(ends))
        rows = cat(found, 1) if bidirectional else found[0]
        if dropout and index < num_layers - 1:
            rows = drop(rows, dropout)
    if len(last) == 1:
        return rows, *(end.unsqueeze(0) for end in last[0])
    return rows, *(stack(ends) for ends in zip(*last, strict=True))


PADDED = [
    "input",
    "hx",
    "params",
    "has_biases",
    "num_layers",
    "dropout",
    "train",
    "bidirectional",
    "batch_first",
]
PACKED = ["data", "batch_sizes", *PADDED[1:-1]]


def _bound(name: str, states: int, args: Sequence[Any], options: dict[str, Any]) -> dict[str, Any]:
    """The arguments by name: of a padded batch, or of packed rows where these are given."""
    packed = "data" in options or "batch_sizes" in options or (len(args) > 1 and "hx" in options)
    if len(args) > 2:  # a tensor where a padded batch has its weights, or both states of an LSTM
        packed = isinstance(args[2 if states == 1 else 1], TensorBase)
    names = PACKED if packed else PADDED
    given = {**dict(zip(names, args, strict=False)), **options}
    flags = ("has_biases", "train", "bidirectional", "batch_first")
    fit = len(args) <= len(names) and sorted(given) == sorted(names)
    if not fit or any(name in given and not isinstance(given[name], bool) for name in flags):
        raise TypeError(
            f"{name}() received an invalid combination of arguments; it takes "
            f"({', '.join(PADDED)}) or ({', '.join(PACKED)})"
        )
    return given


def _network(name: str, layer: Layer, states: int, args: Any, options: Any) -> tuple[Any, ...]:
    """A call of torch's functions, of a padded batch or of packed rows."""
    given = _bound(name, states, args, options)
    hx = list(given["hx"]) if states == 2 else [given["hx"]]
    if len(hx) != states:
        raise RuntimeError(f"{name} expects two hidden states")
    projected = states == 2 and hx[0]._array.shape[-1] != hx[1]._array.shape[-1]
    weights = _weights_of(given["params"], given["has_biases"], projected)
    packed, turned = "data" in given, given.get("batch_first", False)
    input = given["data" if packed else "input"]
    kind = input.dtype
    if is_half(input._array.dtype):  # worked out in float32, and rounded at the end
        input, hx = input.float(), [state.float() for state in hx]
        weights = [tuple([w if w is None else w.float() for w in one]) for one in weights]
    if packed:
        rows, sizes = input, tuple(given["batch_sizes"].tolist())
    else:
        input = input.transpose(0, 1) if turned else input
        length, batch, width = input._array.shape
        rows, sizes = input.reshape((length * batch, width)), (batch,) * length
    drops = given["dropout"] if given["train"] else 0.0
    options = (given["num_layers"], drops, given["bidirectional"])
    out, *last = _stack(layer, rows, sizes, hx, weights, *options)
    if not packed:
        out = out.reshape((length, batch, out._array.shape[1]))
        native = name == "lstm" and not projected  # torch runs it as one op of oneDNN's
        one = "MkldnnRnnLayerBackward0" if native else "StackBackward0"
        out = renamed(out, "CatBackward0" if given["bidirectional"] else one)
        if turned:
            out = renamed(out.transpose(0, 1), f"TransposeBackward{0 if native else 1}")
    last = [renamed(state, "StackBackward0") for state in last]
    return (out, *last) if out.dtype is kind else tuple([t.to(kind) for t in (out, *last)])


def _samples(gates: int, states: int) -> tuple[Any, ...]:
    """Calls with one layer, with two in both directions, and with packed rows."""
    rows = gates * 2

    def state(count: int) -> Any:
        one = T(count, 2, 2)
        return one if states == 1 else [one, one]

    def weights(*inputs: int) -> list[T]:
        return [t for size in inputs for t in (T(rows, size), T(rows, 2), T(rows), T(rows))]

    return (
        call(T(3, 2, 3), state(1), weights(3), True, 1, 0.0, False, False, False),
        call(T(2, 3, 3), state(4), weights(3, 3, 4, 4), True, 2, 0.0, True, True, True),
    )


def _facts(gates: int, states: int) -> dict[str, Any]:
    first, _ = (sample.args for sample in _samples(gates, states))
    wide = call(T(3, 2, 4), *first[1:])
    one = call(first[0], [T(1, 2, 2)], *first[2:])  # torch's LSTM does not see that one is too wide
    return {
        "where": ("torch",),
        "domain": (reals(-1, 1),),
        "samples": _samples(gates, states),
        "errors": (call(T(0, 2, 3), *first[1:]), wide if states == 1 else one),
        "varied": False,
    }


@function(**_facts(1, 1))
def rnn_tanh(*args: Any, **options: Any) -> Any:
    """A recurrent network of tanh units, of a padded batch or of packed rows.

    Called as ``rnn_tanh(input, hx, params, has_biases, num_layers, dropout, train, bidirectional,
    batch_first)`` or ``rnn_tanh(data, batch_sizes, hx, params, has_biases, num_layers, dropout,
    train, bidirectional)``; ``params`` are the weights in the order of ``nn.RNN``.
    Formula: h' = tanh(w_ih x + b_ih + w_hh h + b_hh). Gradient: through all steps.

    Shape: (L, N, in), (layers * directions, N, H) -> (L, N, directions * H) and hx's.
    Raises: RuntimeError for sizes that do not fit, or no step.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.RNN.html

    >>> import minigrad as torch
    >>> net = torch.nn.RNN(2, 3)
    >>> weights = list(net.parameters())
    >>> x, h = torch.ones(5, 1, 2), torch.zeros(1, 1, 3)
    >>> y, _ = torch.rnn_tanh(x, h, weights, True, 1, 0.0, False, False, False)
    >>> torch.equal(y, net(x)[0])
    True
    """
    return _network("rnn_tanh", _tanh_layer, 1, args, options)


@function(**_facts(1, 1))
def rnn_relu(*args: Any, **options: Any) -> Any:
    """A recurrent network of rectified units; called as :func:`rnn_tanh`.

    Formula: h' = max(w_ih x + b_ih + w_hh h + b_hh, 0). Gradient: through all steps.

    Shape: (L, N, in), (layers * directions, N, H) -> (L, N, directions * H) and hx's.
    Raises: RuntimeError for sizes that do not fit, or no step.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.RNN.html

    >>> import minigrad as torch
    >>> net = torch.nn.RNN(2, 3, nonlinearity="relu")
    >>> weights = list(net.parameters())
    >>> x, h = torch.ones(5, 1, 2), torch.zeros(1, 1, 3)
    >>> y, _ = torch.rnn_relu(x, h, weights, True, 1, 0.0, False, False, False)
    >>> torch.equal(y, net(x)[0])
    True
    """
    return _network("rnn_relu", _relu_layer, 1, args, options)


@function(**_facts(3, 1))
def gru(*args: Any, **options: Any) -> Any:
    """A network of gated recurrent units; called as :func:`rnn_tanh`.

    Formula: r, z = σ(w_ih x + b_ih + w_hh h + b_hh), n = tanh(w_in x + b_in + r (w_hn h + b_hn)),
    h' = (1 - z) n + z h. Gradient: through all steps.

    Shape: (L, N, in), (layers * directions, N, H) -> (L, N, directions * H) and hx's.
    Raises: RuntimeError for sizes that do not fit, or no step.
    Source: Cho and others, Learning phrase representations, 2014;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.GRU.html

    >>> import minigrad as torch
    >>> net = torch.nn.GRU(2, 3)
    >>> x, h = torch.ones(5, 1, 2), torch.zeros(1, 1, 3)
    >>> y, _ = torch.gru(x, h, list(net.parameters()), True, 1, 0.0, False, False, False)
    >>> torch.equal(y, net(x)[0])
    True
    """
    return _network("gru", _gru_layer, 1, args, options)


@function(**_facts(4, 2))
def lstm(*args: Any, **options: Any) -> Any:
    """A network of long short-term memories; called as :func:`rnn_tanh`, hx is (h, c).

    Formula: i, f, a, o = σ, σ, tanh, σ of w_ih x + b_ih + w_hh h + b_hh, c' = f c + i a,
    h' = o tanh(c'); with a projection (c wider than h) h' = w_hr (o tanh(c')).
    Gradient: through all steps.

    Shape: (L, N, in), twice (layers * directions, N, H) -> (L, N, directions * H) and hx's.
    Raises: RuntimeError for sizes that do not fit, or no step.
    Source: Hochreiter and Schmidhuber, Long short-term memory, 1997;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html

    >>> import minigrad as torch
    >>> net = torch.nn.LSTM(2, 3)
    >>> x, h = torch.ones(5, 1, 2), torch.zeros(1, 1, 3)
    >>> y, _, _ = torch.lstm(x, (h, h), list(net.parameters()), True, 1, 0.0, False, False, False)
    >>> torch.equal(y, net(x)[0])
    True
    """
    return _network("lstm", _lstm_layer, 2, args, options)
