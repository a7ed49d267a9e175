"""Single steps of recurrent networks, for loops of one's own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from minigrad import functions
from minigrad.nn import init
from minigrad.nn.modules.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.tensor import Tensor

__all__ = ["GRUCell", "LSTMCell", "RNNCell", "RNNCellBase"]


class RNNCellBase(Module):
    """What the cells share: weights for input and state, and their initialisation.

    All weights start uniform within 1 / sqrt(hidden_size).

    >>> import minigrad as torch
    >>> isinstance(torch.nn.GRUCell(2, 3), torch.nn.RNNCellBase)
    True
    """

    input_size: int
    hidden_size: int
    bias: bool
    nonlinearity: str

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        made = {"device": device, "dtype": dtype}
        rows = num_chunks * hidden_size
        self.weight_ih = Parameter(functions.empty((rows, input_size), **made))
        self.weight_hh = Parameter(functions.empty((rows, hidden_size), **made))
        for name in ("bias_ih", "bias_hh"):
            empty = Parameter(functions.empty(rows, **made)) if bias else None
            self.register_parameter(name, empty)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights anew, in their order.

        >>> import minigrad as torch
        >>> torch.nn.RNNCell(2, 3).reset_parameters()
        """
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def extra_repr(self) -> str:
        """The sizes, and what is not as usual."""
        text = f"{self.input_size}, {self.hidden_size}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        if self.__dict__.get("nonlinearity", "tanh") != "tanh":
            text += f", nonlinearity={self.nonlinearity}"
        return text

    def _step(self, cell: Any, input: Tensor, states: Sequence[Any] | None, count: int) -> Any:
        """One step of ``count`` states, of a batch or of one sample."""
        batched = input.ndim == 2
        if not batched:
            input = input.unsqueeze(0)
        if states is None:
            zeros = functions.zeros(
                len(input), self.hidden_size, dtype=input.dtype, device=input.device
            )
            states = (zeros,) * count
        elif not batched:
            states = [state.unsqueeze(0) for state in states]
        weights = (self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        found = cell(input, states if count > 1 else states[0], *weights)
        if batched:
            return found
        return found.squeeze(0) if count == 1 else tuple(state.squeeze(0) for state in found)

    def _check(self, what: str, tensor: Tensor) -> None:
        if tensor.ndim not in (1, 2):
            raise ValueError(
                f"{type(self).__name__}: Expected {what} to be 1D or 2D, got {tensor.ndim}D instead"
            )


class RNNCell(RNNCellBase):
    """One step of tanh (or rectified) units.   h' = tanh(w_ih x + b_ih + w_hh h + b_hh).

    Shape: (N, input_size) and (N, hidden_size) -> (N, hidden_size); N may be missing, and the
    state, which is 0 then.
    Raises: ValueError for other numbers of axes, RuntimeError for sizes that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.RNNCell.html

    >>> import minigrad as torch
    >>> cell, h = torch.nn.RNNCell(10, 20), torch.zeros(3, 20)
    >>> for x in torch.ones(6, 3, 10):
    ...     h = cell(x, h)
    >>> h.shape
    torch.Size([3, 20])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The state after the step."""
        self._check("input", input)
        if hx is not None:
            self._check("hidden", hx)
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        tanh = self.nonlinearity == "tanh"
        cell = functions.rnn_tanh_cell if tanh else functions.rnn_relu_cell
        return self._step(cell, input, None if hx is None else (hx,), 1)  # type: ignore[no-any-return]


class LSTMCell(RNNCellBase):
    """One step of long short-term memories.

    i, f, a, o = σ, σ, tanh, σ of w_ih x + b_ih + w_hh h + b_hh, c' = f c + i a, h' = o tanh(c').

    Shape: (N, input_size) and (h, c), both (N, hidden_size) -> (h', c'); N may be missing, and
    the states, which are 0 then.
    Raises: ValueError for other numbers of axes, RuntimeError for sizes that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTMCell.html

    >>> import minigrad as torch
    >>> h, c = torch.nn.LSTMCell(10, 20)(torch.ones(3, 10))
    >>> h.shape, c.shape
    (torch.Size([3, 20]), torch.Size([3, 20]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(
        self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """The states (h, c) after the step."""
        self._check("input", input)
        for index, state in enumerate(hx or ()):
            self._check(f"hx[{index}]", state)
        return self._step(functions.lstm_cell, input, hx, 2)  # type: ignore[no-any-return]


class GRUCell(RNNCellBase):
    """One step of gated recurrent units.

    r, z = σ(w_ih x + b_ih + w_hh h + b_hh), n = tanh(w_in x + b_in + r (w_hn h + b_hn)),
    h' = (1 - z) n + z h.

    Shape: (N, input_size) and (N, hidden_size) -> (N, hidden_size); N may be missing, and the
    state, which is 0 then.
    Raises: ValueError for other numbers of axes, RuntimeError for sizes that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.GRUCell.html

    >>> import minigrad as torch
    >>> torch.nn.GRUCell(10, 20)(torch.ones(10)).shape
    torch.Size([20])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The state after the step."""
        self._check("input", input)
        if hx is not None:
            self._check("hidden", hx)
        states = None if hx is None else (hx,)
        return self._step(functions.gru_cell, input, states, 1)  # type: ignore[no-any-return]
