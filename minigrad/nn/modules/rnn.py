"""Recurrent networks: RNN, LSTM and GRU, of several layers and in both directions."""

from __future__ import annotations

from typing import Any

from minigrad import functions
from minigrad.nn.modules.rnn_base import RNNBase
from minigrad.nn.modules.rnn_cells import GRUCell, LSTMCell, RNNCell, RNNCellBase

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "GRUCell",
    "LSTMCell",
    "RNNBase",
    "RNNCell",
    "RNNCellBase",
]


def _no_projection(options: dict[str, Any]) -> None:
    """torch's error for an option that only an LSTM has."""
    if "proj_size" in options:
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")


class RNN(RNNBase):
    """A network of tanh (or rectified) units.   h' = tanh(w_ih x + b_ih + w_hh h + b_hh).

    ``RNN(input_size, hidden_size, num_layers=1, nonlinearity="tanh", bias=True, batch_first=False,
    dropout=0.0, bidirectional=False, device=None, dtype=None)``.

    Layer k takes the output of layer k - 1, with dropout between them in training; a bidirectional
    network runs each layer from both ends and joins the outputs.

    Shape: (L, N, input_size) -> (L, N, directions * hidden_size) and the last state (layers *
    directions, N, hidden_size); N comes first if ``batch_first`` and may be missing. A
    PackedSequence gives one.
    Raises: ValueError or RuntimeError for axes and sizes that do not fit.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.RNN.html

    >>> import minigrad as torch
    >>> output, h = torch.nn.RNN(10, 20, 2)(torch.ones(5, 3, 10))
    >>> output.shape, h.shape
    (torch.Size([5, 3, 20]), torch.Size([2, 3, 20]))
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As ``RNNBase`` without its mode, and with a nonlinearity after the number of layers."""
        _no_projection(kwargs)
        if len(args) > 3:
            nonlinearity, args = args[3], (*args[:3], *args[4:])
        else:
            nonlinearity = kwargs.pop("nonlinearity", "tanh")
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(
                f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'."
            )
        self.__dict__["nonlinearity"] = nonlinearity  # the tables are made by what follows
        super().__init__(f"RNN_{nonlinearity.upper()}", *args, **kwargs)


class GRU(RNNBase):
    """A network of gated recurrent units; layers and directions as those of ``RNN``.

    r, z = σ(w_ih x + b_ih + w_hh h + b_hh), n = tanh(w_in x + b_in + r (w_hn h + b_hn)),
    h' = (1 - z) n + z h. ``GRU(input_size, hidden_size, num_layers=1, bias=True,
    batch_first=False, dropout=0.0, bidirectional=False, device=None, dtype=None)``.

    Shape: (L, N, input_size) -> (L, N, directions * hidden_size) and the last state (layers *
    directions, N, hidden_size); N comes first if ``batch_first`` and may be missing. A
    PackedSequence gives one.
    Raises: ValueError or RuntimeError for axes and sizes that do not fit.
    Source: Cho and others, Learning phrase representations, 2014;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.GRU.html

    >>> import minigrad as torch
    >>> output, h = torch.nn.GRU(10, 20, bidirectional=True)(torch.ones(5, 3, 10))
    >>> output.shape, h.shape
    (torch.Size([5, 3, 40]), torch.Size([2, 3, 20]))
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As ``RNNBase`` without its mode."""
        _no_projection(kwargs)
        super().__init__("GRU", *args, **kwargs)


class LSTM(RNNBase):
    """A network of long short-term memories; layers and directions as those of ``RNN``.

    i, f, a, o = σ, σ, tanh, σ of w_ih x + b_ih + w_hh h + b_hh, c' = f c + i a, h' = o tanh(c'),
    or, with ``proj_size``, h' = w_hr (o tanh(c')), which is narrower.
    ``LSTM(input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0,
    bidirectional=False, proj_size=0, device=None, dtype=None)``.

    Shape: (L, N, input_size) -> (L, N, directions * H) and the last (h, c), (layers * directions,
    N, H) and (layers * directions, N, hidden_size), with H = proj_size or hidden_size; N comes
    first if ``batch_first`` and may be missing. A PackedSequence gives one.
    Raises: ValueError or RuntimeError for axes and sizes that do not fit.
    Source: Hochreiter and Schmidhuber, Long short-term memory, 1997;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html

    >>> import minigrad as torch
    >>> output, (h, c) = torch.nn.LSTM(10, 20, 2, batch_first=True)(torch.ones(3, 5, 10))
    >>> output.shape, h.shape
    (torch.Size([3, 5, 20]), torch.Size([2, 3, 20]))
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As ``RNNBase`` without its mode."""
        super().__init__("LSTM", *args, **kwargs)

    def get_expected_cell_size(self, input: Any, batch_sizes: Any) -> tuple[int, int, int]:
        """The shape that the cells of an input have to have.

        >>> import minigrad as torch
        >>> torch.nn.LSTM(2, 3).get_expected_cell_size(torch.ones(5, 1, 2), None)
        (1, 1, 3)
        """
        return self._expected(input, batch_sizes, self.hidden_size)

    def check_forward_args(self, input: Any, hidden: Any, batch_sizes: Any) -> None:
        """Raise unless input and both states fit the network.

        >>> import minigrad as torch
        >>> h = torch.ones(1, 1, 3)
        >>> torch.nn.LSTM(2, 3).check_forward_args(torch.ones(5, 1, 2), (h, h), None)
        """
        self.check_input(input, batch_sizes)
        shapes = (
            self.get_expected_hidden_size(input, batch_sizes),
            self.get_expected_cell_size(input, batch_sizes),
        )
        for index, shape in enumerate(shapes):
            text = f"Expected hidden[{index}] size {{}}, got {{}}"
            self.check_hidden_size(hidden[index], shape, text)

    def permute_hidden(self, hx: Any, permutation: Any) -> Any:
        """Both states of the sequences in another order.

        >>> import minigrad as torch
        >>> h = torch.tensor([[[1.0], [2.0]]])
        >>> torch.nn.LSTM(1, 1).permute_hidden((h, h), torch.tensor([1, 0]))[1].flatten()
        tensor([2., 1.])
        """
        return self._change(hx, lambda state: super(LSTM, self).permute_hidden(state, permutation))

    def _zeros(self, input: Any, batch_sizes: Any) -> Any:
        cells = self.get_expected_cell_size(input, batch_sizes)
        made = {"dtype": input.dtype, "device": input.device}
        return super()._zeros(input, batch_sizes), functions.zeros(cells, **made)

    def _check_axes(self, hx: Any, batched: bool) -> None:
        axes = 3 if batched else 2
        if hx[0].ndim != axes or hx[1].ndim != axes:
            raise RuntimeError(
                f"For {'batched' if batched else 'unbatched'} {axes}-D input, hx and cx should "
                f"also be {axes}-D but got ({hx[0].ndim}-D, {hx[1].ndim}-D) tensors"
            )

    def _change(self, hx: Any, fn: Any) -> Any:
        return fn(hx[0]), fn(hx[1])
