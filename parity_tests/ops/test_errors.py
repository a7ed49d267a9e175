"""Bad calls raise here as in torch: the same kind of error, at the call, with a message."""

from __future__ import annotations

import pytest

from minigrad.autograd.registry import REGISTRY
from parity_tests.ops.samples import (
    arrays_of,
    oracle,
    ours,
    seeded,
    tensors_of,
    theirs,
    values,
)

CASES = [
    pytest.param(record, index, id=f"{record.name}-{index}")
    for record in sorted(REGISTRY.values(), key=lambda r: r.name)
    if record.torch is not None
    for index in range(len(record.errors))
]


@pytest.mark.parametrize(("record", "index"), CASES)
def test_bad_call_raises_the_type_of_torch(record, index):
    rng = seeded("error", record.name, index)
    call = arrays_of(record, record.errors[index], "float32", lambda s, d, k: values(rng, s, d, k))
    other, _ = tensors_of(call, theirs)
    with pytest.raises((RuntimeError, IndexError, ValueError, TypeError)) as want:
        oracle(record)(*other.args, **other.kwargs)
    mine, _ = tensors_of(call, ours)
    with pytest.raises(want.type) as got:
        record.function(*mine.args, **mine.kwargs)
    assert len(str(got.value)) > 10, "the message says nothing"


@pytest.mark.parametrize(
    "record",
    [r for r in REGISTRY.values() if r.op is not None and not r.op.variadic],
    ids=lambda r: r.name,
)
def test_first_argument_must_be_a_tensor(record):
    with pytest.raises((TypeError, AttributeError, RuntimeError)):
        record.function("not a tensor")
