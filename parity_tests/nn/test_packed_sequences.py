"""Sequences of several lengths, padded, packed and back, are torch's."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad
from parity_tests.nn.test_recurrent import KINDS, WIDTH, side_by_side, steps, weighed
from parity_tests.sidebyside import both_agree, raised


@pytest.mark.parametrize("kind", KINDS)
def test_packed_sequences_run_as_if_alone(kind: str) -> None:
    """No sequence of a packed batch sees another, in whatever order they are given."""
    torch = minigrad
    torch.manual_seed(1)
    net = getattr(torch.nn, kind)(WIDTH, 4, 2, bidirectional=True, dtype=torch.float64)
    alone = [torch.randn(n, WIDTH, dtype=torch.float64) for n in (2, 5, 1, 5, 3)]
    packed, last = net(torch.nn.utils.rnn.pack_sequence(alone, enforce_sorted=False))
    last = last[0] if kind == "LSTM" else last
    for index, (x, out) in enumerate(
        zip(alone, torch.nn.utils.rnn.unpack_sequence(packed), strict=True)
    ):
        single, state = net(x)
        state = state[0] if kind == "LSTM" else state
        assert torch.allclose(out, single)
        assert torch.allclose(last[:, index], state)


def padding_and_packing(
    torch: Any, lengths: list[int], rest: Any, batch_first: bool, dtype: str, side: str
) -> Any:
    rnn, start, sequences = torch.nn.utils.rnn, 0, []
    for length in lengths:
        count = length * int(torch.ones(rest).sum())
        values = torch.arange(start, start + count).to(getattr(torch, dtype))
        values = values.reshape(length, *rest)
        sequences.append(values.requires_grad_() if dtype == "float32" else values)
        start += count
    padded = rnn.pad_sequence(sequences, batch_first, -1.5, side)
    right = rnn.pad_sequence(sequences, batch_first, 7)
    packed = rnn.pack_sequence(sequences, enforce_sorted=False)
    again = rnn.pack_padded_sequence(right, torch.tensor(lengths), batch_first, False)
    back, counts = rnn.pad_packed_sequence(packed, batch_first, 5, max(lengths) + 1)
    found = [padded, right, *packed, *again, back, counts]
    strides = [steps(t) for t in found if t is not None]
    loose = [*rnn.unpack_sequence(packed), *rnn.unpad_sequence(right.clone(), counts, batch_first)]
    grads = []
    if dtype == "float32":
        loss = weighed(torch, [padded, right, packed.data, back, *loose])
        grads = list(torch.autograd.grad(loss, sequences))
    return [
        repr(packed) if dtype == "int64" else "",
        [t if t is None else t.detach() for t in found],
        strides,
        grads,
        [t.detach() for t in loose],
    ]


@given(
    lengths=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    rest=st.sampled_from([(), (2,), (2, 3)]),
    batch_first=st.booleans(),
    dtype=st.sampled_from(["float32", "int64"]),
    side=st.sampled_from(["left", "right"]),
)
def test_padding_and_packing(
    lengths: list[int], rest: Any, batch_first: bool, dtype: str, side: str
) -> None:
    side_by_side(padding_and_packing, lengths, rest, batch_first, dtype, side)


@both_agree
def test_packed_sequences_as_objects(torch: Any) -> Any:
    rnn = torch.nn.utils.rnn
    packed = rnn.pack_sequence([torch.ones(2), torch.ones(3)], enforce_sorted=False)
    names = ["double", "float", "half", "long", "int", "short", "char", "byte", "cpu"]
    moved = [getattr(packed, name)() for name in names]
    moved += [packed.to("cpu"), packed.to(torch.float64), packed.to(dtype=torch.int32)]
    data, sizes, order, back = packed
    return [
        [repr(one) for one in moved],
        [one is packed for one in moved],
        [packed.is_cuda, packed.is_pinned(), isinstance(packed, tuple), packed._fields],
        rnn.PackedSequence((data, sizes), sorted_indices=order).unsorted_indices,
        rnn.invert_permutation(torch.tensor([2, 0, 1])),
        rnn.invert_permutation(None),
        pickle.loads(pickle.dumps(packed)).data,
        back,
    ]


CALLS = [
    "rnn.pack_padded_sequence(torch.ones(3, 2), [3, 4])",
    "rnn.pack_padded_sequence(torch.ones(3, 2), [3, 0])",
    "rnn.pack_padded_sequence(torch.ones(3, 2), [3])",
    "rnn.pack_padded_sequence(torch.ones(0, 2), [0, 0])",
    "rnn.pack_padded_sequence(torch.ones(3, 2), torch.tensor([[3, 2]]))",
    "rnn.pack_padded_sequence([1], [1])",
    "rnn.pack_sequence([torch.ones(1), torch.ones(2)])",
    "rnn.pack_sequence([])",
    "rnn.pad_sequence([])",
    "rnn.pad_sequence(3)",
    "rnn.pad_sequence([1])",
    "rnn.pad_sequence([torch.ones(2, 2), torch.ones(2, 3)])",
    "rnn.pad_sequence([torch.ones(2)], padding_side='top')",
    "rnn.pad_packed_sequence(rnn.pack_sequence([torch.ones(3)]), total_length=2)",
    "rnn.PackedSequence(torch.ones(2))",
    "rnn.unpad_sequence(torch.ones(3, 2), torch.tensor([1]))",
    "rnn.pack_sequence([torch.ones(2)]).data.foo",
]


@pytest.mark.parametrize("call", CALLS)
@both_agree
def test_wrong_calls_raise_what_torch_raises(torch: Any, call: str) -> Any:
    return raised(lambda: eval(call, {"torch": torch, "rnn": torch.nn.utils.rnn}))
