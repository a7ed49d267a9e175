"""What the recurrent networks share: weights by layer and direction, shapes, packed input."""

from __future__ import annotations

import math
import numbers
import warnings
from typing import Any

from minigrad import functions
from minigrad.nn import init
from minigrad.nn.modules.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.tensor import Tensor

__all__ = ["RNNBase"]

GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


class RNNBase(Module):
    """What the recurrent networks share: their weights, and the shapes they take and return.

    The weights of layer k are ``weight_ih_l{k}``, ``weight_hh_l{k}``, ``bias_ih_l{k}``,
    ``bias_hh_l{k}`` and, of an LSTM with a projection, ``weight_hr_l{k}``, those of the other
    direction end with ``_reverse``. All start uniform within 1 / sqrt(hidden_size).

    >>> import minigrad as torch
    >>> [name for name, _ in torch.nn.GRU(2, 3, bias=False).named_parameters()]
    ['weight_ih_l0', 'weight_hh_l0']
    """

    nonlinearity: str

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._check_options(dropout)
        self._all_weights: list[list[str]] = []
        made = {"device": device, "dtype": dtype}
        for layer in range(num_layers):
            for suffix in ("", "_reverse") if bidirectional else ("",):
                shapes = self._shapes(layer)
                names = [f"{name}_l{layer}{suffix}" for name in shapes]
                for name, shape in zip(names, shapes.values(), strict=True):
                    self.register_parameter(name, Parameter(functions.empty(shape, **made)))
                self._all_weights.append(names)
        self._flat_weights_names = [name for names in self._all_weights for name in names]
        self.reset_parameters()

    def _check_options(self, dropout: Any) -> None:
        """Raise torch's errors for options that make no network."""
        number = isinstance(dropout, numbers.Number) and not isinstance(dropout, bool)
        if not number or not 0 <= dropout <= 1:
            raise ValueError(
                "dropout should be a number in range [0, 1] representing the probability of an "
                "element being zeroed"
            )
        if dropout > 0 and self.num_layers == 1:
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero "
                f"dropout expects num_layers greater than 1, but got dropout={dropout} and "
                f"num_layers={self.num_layers}",
                stacklevel=4,
            )
        for name, kind in (("bias", bool), ("batch_first", bool)):
            value = getattr(self, name)
            if not isinstance(value, kind):
                raise TypeError(f"{name} should be of type bool, got: {type(value).__name__}")
        for name in ("input_size", "hidden_size"):
            value = getattr(self, name)
            if not isinstance(value, int):
                raise TypeError(f"{name} should be of type int, got: {type(value).__name__}")
            if value <= 0:
                raise ValueError(f"{name} must be greater than zero")
        if self.num_layers <= 0:
            raise ValueError("num_layers must be greater than zero")
        if self.proj_size < 0:
            raise ValueError(
                "proj_size should be a positive integer or zero to disable projections"
            )
        if self.proj_size >= self.hidden_size:
            raise ValueError("proj_size has to be smaller than hidden_size")
        if self.mode not in GATES:
            raise ValueError(f"Unrecognized RNN mode: {self.mode}")

    def _shapes(self, layer: int) -> dict[str, Any]:
        """The weights of one layer and direction, in torch's order."""
        rows, width = GATES[self.mode] * self.hidden_size, self.proj_size or self.hidden_size
        taken = self.input_size if layer == 0 else width * (2 if self.bidirectional else 1)
        found: dict[str, Any] = {"weight_ih": (rows, taken), "weight_hh": (rows, width)}
        if self.bias:
            found.update(bias_ih=rows, bias_hh=rows)
        if self.proj_size:
            found.update(weight_hr=(self.proj_size, self.hidden_size))
        return found

    @property
    def _flat_weights(self) -> list[Any]:
        return [getattr(self, name) for name in self._flat_weights_names]

    @property
    def all_weights(self) -> list[list[Any]]:
        """The weights of each layer and direction, as lists."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def flatten_parameters(self) -> None:
        """Nothing: torch lays the weights side by side for cuDNN, which is not used here.

        >>> import minigrad as torch
        >>> torch.nn.LSTM(2, 3).flatten_parameters()
        """

    def reset_parameters(self) -> None:
        """Draw all weights anew, in their order.

        >>> import minigrad as torch
        >>> torch.nn.GRU(2, 3).reset_parameters()
        """
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def extra_repr(self) -> str:
        """The sizes, and what is not as usual."""
        usual = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False}
        usual |= {"dropout": 0, "bidirectional": False}
        others = [f"{k}={getattr(self, k)}" for k, v in usual.items() if getattr(self, k) != v]
        return ", ".join([str(self.input_size), str(self.hidden_size), *others])

    def check_input(self, input: Any, batch_sizes: Any) -> None:
        """Raise unless an input has the type and the number of features that are expected.

        >>> import minigrad as torch
        >>> torch.nn.GRU(2, 3).check_input(torch.ones(5, 1, 2), None)
        """
        wanted = getattr(self, self._flat_weights_names[0]).dtype
        if input.dtype != wanted:
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({wanted}). "
                f"Convert input: input.to({wanted}), or convert model: model.to({input.dtype})"
            )
        axes = 3 if batch_sizes is None else 2
        if input.ndim != axes:
            raise RuntimeError(f"input must have {axes} dimensions, got {input.ndim}")
        if self.input_size != input.shape[-1]:
            raise RuntimeError(
                "input.size(-1) must be equal to input_size. Expected "
                f"{self.input_size}, got {input.shape[-1]}"
            )

    def _expected(self, input: Any, batch_sizes: Any, width: int) -> tuple[int, int, int]:
        if batch_sizes is not None:
            batch = int(batch_sizes[0])
        else:
            batch = input.shape[0 if self.batch_first else 1]
        return self.num_layers * (2 if self.bidirectional else 1), batch, width

    def get_expected_hidden_size(self, input: Any, batch_sizes: Any) -> tuple[int, int, int]:
        """The shape that the state of an input has to have.

        >>> import minigrad as torch
        >>> torch.nn.GRU(2, 3).get_expected_hidden_size(torch.ones(5, 1, 2), None)
        (1, 1, 3)
        """
        return self._expected(input, batch_sizes, self.proj_size or self.hidden_size)

    def check_hidden_size(
        self,
        hx: Any,
        expected_hidden_size: tuple[int, int, int],
        msg: str = "Expected hidden size {}, got {}",
    ) -> None:
        """Raise unless a state has the expected shape.

        >>> import minigrad as torch
        >>> torch.nn.GRU(2, 3).check_hidden_size(torch.ones(1, 1, 3), (1, 1, 3))
        """
        if tuple(hx.shape) != expected_hidden_size:
            raise RuntimeError(msg.format(expected_hidden_size, list(hx.shape)))

    def check_forward_args(self, input: Any, hidden: Any, batch_sizes: Any) -> None:
        """Raise unless input and state fit the network.

        >>> import minigrad as torch
        >>> torch.nn.GRU(2, 3).check_forward_args(torch.ones(5, 1, 2), torch.ones(1, 1, 3), None)
        """
        self.check_input(input, batch_sizes)
        self.check_hidden_size(hidden, self.get_expected_hidden_size(input, batch_sizes))

    def permute_hidden(self, hx: Any, permutation: Any) -> Any:
        """The states of the sequences in another order.

        >>> import minigrad as torch
        >>> h = torch.tensor([[[1.0], [2.0]]])
        >>> torch.nn.GRU(1, 1).permute_hidden(h, torch.tensor([1, 0])).flatten()
        tensor([2., 1.])
        """
        return hx if permutation is None else hx.index_select(1, permutation)

    def _zeros(self, input: Any, batch_sizes: Any) -> Any:
        """The state to begin with where none is given."""
        shape = self.get_expected_hidden_size(input, batch_sizes)
        return functions.zeros(shape, dtype=input.dtype, device=input.device)

    def _check_axes(self, hx: Any, batched: bool) -> None:
        """Raise unless a state has a batch axis exactly where the input has one."""
        if hx.ndim != (3 if batched else 2):
            sort = ("batched 3-D", 3) if batched else ("unbatched 2-D", 2)
            raise RuntimeError(
                f"For {sort[0]} input, hx should also be {sort[1]}-D but got {hx.ndim}-D tensor"
            )

    def _change(self, hx: Any, fn: Any) -> Any:
        """The state, or both of an LSTM, changed by a function."""
        return fn(hx)

    def _run(self, input: Any, hx: Any, batch_sizes: Any) -> tuple[Any, Any]:
        """The function behind the network."""
        given = (input,) if batch_sizes is None else (input, batch_sizes)
        last = (self.batch_first,) if batch_sizes is None else ()
        function = getattr(functions, self.mode.lower())
        options = (self.bias, self.num_layers, self.dropout, self.training, self.bidirectional)
        out, *states = function(*given, hx, self._flat_weights, *options, *last)
        return out, tuple(states) if self.mode == "LSTM" else states[0]

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        """The output of the last layer at all steps, and the last state of all layers."""
        if not isinstance(input, Tensor):
            return self._forward_packed(input, hx)
        if input.ndim not in (2, 3):
            noun = "D tensor" if self.mode.startswith("RNN") else "D"
            raise ValueError(
                f"{self.mode.partition('_')[0]}: Expected input to be 2D or 3D, got "
                f"{input.ndim}{noun} instead"
            )
        batched, axis = input.ndim == 3, 0 if self.batch_first else 1
        if hx is not None:
            self._check_axes(hx, batched)
        if not batched:
            input = input.unsqueeze(axis)
            hx = None if hx is None else self._change(hx, lambda state: state.unsqueeze(1))
        hx = self._zeros(input, None) if hx is None else hx
        self.check_forward_args(input, hx, None)
        out, last = self._run(input, hx, None)
        if batched:
            return out, last
        return out.squeeze(axis), self._change(last, lambda state: state.squeeze(1))

    def _forward_packed(self, input: Any, hx: Any) -> tuple[Any, Any]:
        """The same for packed sequences, whose states are in the order of their lengths."""
        from minigrad.nn.utils.rnn import PackedSequence  # it stands above the layers

        if not isinstance(input, PackedSequence):
            raise TypeError(
                f"{type(self).__name__}: expected a Tensor or a PackedSequence, got "
                f"{type(input).__name__}"
            )
        data, sizes, order, back = input
        hx = self._zeros(data, sizes) if hx is None else self.permute_hidden(hx, order)
        self.check_forward_args(data, hx, sizes)
        out, last = self._run(data, hx, sizes)
        return PackedSequence(out, sizes, order, back), self.permute_hidden(last, back)
