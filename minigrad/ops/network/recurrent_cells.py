"""Single steps of recurrent networks: the cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minigrad.autograd.op import renamed, tensors
from minigrad.autograd.registry import T, call, function, reals
from minigrad.dtypes import of_numpy
from minigrad.errors import DtypeError, ShapeError
from minigrad.ops.elementwise.precision import is_half
from minigrad.ops.network.recurrent_steps import Walk


def _check(input: Any, states: Sequence[Any], w_ih: Any, w_hh: Any) -> None:
    """Raise torch's errors for sizes and types that do not fit."""
    rows, size = input._array.shape
    if size != w_ih._array.shape[1]:
        raise ShapeError(
            f"input has inconsistent input_size: got {size} expected {w_ih._array.shape[1]}"
        )
    width = w_hh._array.shape[1]
    for index, state in enumerate(states):
        if state._array.shape[0] != rows:
            raise ShapeError(
                f"Input batch size {rows} doesn't match hidden{index} batch size "
                f"{state._array.shape[0]}"
            )
        if state._array.shape[1] != width:
            raise ShapeError(
                f"hidden{index} has inconsistent hidden_size: got {state._array.shape[1]}, "
                f"expected {width}"
            )
    kinds = [t._array.dtype for t in (input, *states, w_ih, w_hh)]
    if any(kind != kinds[0] for kind in kinds):
        wrong = next(kind for kind in kinds if kind != kinds[0])
        raise DtypeError(
            "mat1 and mat2 must have the same dtype, but got "
            f"{of_numpy(kinds[0]).type_name} and {of_numpy(wrong).type_name}"
        )


def _cell(
    op: str, name: str, input: Any, states: Sequence[Any], weights: Sequence[Any], *params: Any
) -> Any:
    """One step of a layer: its last states, made by a node of the name that torch's last op has."""
    _check(input, states, *weights[:2])
    kind = input.dtype
    if is_half(input._array.dtype):
        input, states = input.float(), [state.float() for state in states]
        weights = [None if w is None else w.float() for w in weights]
    layer, walk = getattr(tensors, op), Walk((len(input),))
    projection = (None,) if op == "lstm_layer" else ()
    _, *last = layer(input, *states, *projection, *weights, walk, *params)
    renamed(last[0], name)
    return [state.to(kind) for state in last]


def _facts(gates: int, states: int) -> dict[str, Any]:
    rows = gates * 3
    hidden = T(2, 3) if states == 1 else [T(2, 3), T(2, 3)]
    return {
        "where": ("torch",),
        "domain": (reals(-1, 1),),
        "samples": (
            call(T(2, 4), hidden, T(rows, 4), T(rows, 3), T(rows), T(rows)),
            call(T(2, 4), hidden, T(rows, 4), T(rows, 3)),
        ),
        "errors": (
            call(T(2, 5), hidden, T(rows, 4), T(rows, 3)),
            call(T(3, 4), hidden, T(rows, 4), T(rows, 3)),
        ),
        "varied": False,
    }


@function(**_facts(1, 1))
def rnn_tanh_cell(
    input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None
) -> Any:
    """One step of tanh units.

    Formula: h' = tanh(w_ih x + b_ih + w_hh h + b_hh). Gradient: d = g (1 - h'²), gx = d w_ih,
    gh = d w_hh, gw_ih = dᵀ x, gw_hh = dᵀ h.

    Shape: (N, in), (N, H) -> (N, H).
    Raises: RuntimeError for sizes that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.RNNCell.html

    >>> import minigrad as torch
    >>> torch.rnn_tanh_cell(torch.ones(1, 1), torch.zeros(1, 1), torch.eye(1), torch.eye(1))
    tensor([[0.7616]])
    """
    return _cell("rnn_layer", "TanhBackward0", input, (hx,), (w_ih, w_hh, b_ih, b_hh), False)[0]


@function(**_facts(1, 1))
def rnn_relu_cell(
    input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None
) -> Any:
    """One step of rectified units.

    Formula: h' = max(w_ih x + b_ih + w_hh h + b_hh, 0). Gradient: d = g where h' > 0, gx = d w_ih,
    gh = d w_hh, gw_ih = dᵀ x, gw_hh = dᵀ h.

    Shape: (N, in), (N, H) -> (N, H).
    Raises: RuntimeError for sizes that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.RNNCell.html

    >>> import minigrad as torch
    >>> torch.rnn_relu_cell(torch.ones(1, 1), torch.ones(1, 1), torch.eye(1), torch.eye(1))
    tensor([[2.]])
    """
    return _cell("rnn_layer", "ReluBackward0", input, (hx,), (w_ih, w_hh, b_ih, b_hh), True)[0]


@function(**_facts(3, 1))
def gru_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    """One step of gated recurrent units.

    Formula: r, z = σ(w_ih x + b_ih + w_hh h + b_hh), n = tanh(w_in x + b_in + r (w_hn h + b_hn)),
    h' = (1 - z) n + z h. Gradient: as that of :func:`gru`.

    Shape: (N, in), (N, H) -> (N, H).
    Raises: RuntimeError for sizes that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.GRUCell.html

    >>> import minigrad as torch
    >>> torch.gru_cell(torch.ones(1, 1), torch.ones(1, 1), torch.zeros(3, 1), torch.zeros(3, 1))
    tensor([[0.5000]])
    """
    return _cell("gru_layer", "AddBackward0", input, (hx,), (w_ih, w_hh, b_ih, b_hh))[0]


@function(**_facts(4, 2))
def lstm_cell(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    """One step of long short-term memories: the new (h, c).

    Formula: i, f, a, o = σ, σ, tanh, σ of w_ih x + b_ih + w_hh h + b_hh, c' = f c + i a,
    h' = o tanh(c'). Gradient: as that of :func:`lstm`.

    Shape: (N, in), twice (N, H) -> twice (N, H).
    Raises: RuntimeError for sizes that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTMCell.html

    >>> import minigrad as torch
    >>> state = torch.ones(1, 1), torch.ones(1, 1)
    >>> h, c = torch.lstm_cell(torch.ones(1, 1), state, torch.zeros(4, 1), torch.zeros(4, 1))
    >>> c
    tensor([[0.5000]])
    """
    if len(hx) != 2:
        raise RuntimeError("lstm_cell expects two hidden states")
    return tuple(_cell("lstm_layer", "MulBackward0", input, hx, (w_ih, w_hh, b_ih, b_hh)))
