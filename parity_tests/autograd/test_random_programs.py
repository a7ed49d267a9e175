"""Random programs, run step by step with minigrad and with torch side by side.

After each step every tensor made so far must have the same values, flags, version and gradient in
both, and both must have raised, or neither. ``MINIGRAD_PROGRAMS=5000`` looks for bugs longer.
"""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import minigrad
from parity_tests.autograd.programs import OPS, Machine, Numbers, flag_of
from parity_tests.both import Outcome, Raised
from parity_tests.tolerances import TOL

EXAMPLES = int(os.environ.get("MINIGRAD_PROGRAMS", "60"))
LARGEST = 1e6  # beyond it, roundings are blown up and say nothing

small = st.integers(0, 99)
programs = st.lists(
    st.tuples(st.sampled_from(sorted(OPS)), st.tuples(small, small, small, small)),
    min_size=10,
    max_size=30,
)


def play(program: list[tuple[str, Numbers]]) -> None:
    """Run a program on both sides; an AssertionError names the step that came out differently."""
    import torch

    mine, theirs = Machine(minigrad), Machine(torch)
    ending = [("run_backward", (number, 1, 0, 0)) for number in range(1, 100, 33)]
    for position, (name, numbers) in enumerate([*program, *ending]):
        where = f"step {position}: {name}{numbers}"
        one, other = mine.step(name, numbers), theirs.step(name, numbers)
        if not same_outcome(one, other, where):
            return
        assert len(mine.pool) == len(theirs.pool), where
        for number in range(len(mine.pool)):
            if not same_tensor(number, mine, theirs, where):
                return


def same_outcome(mine: Outcome, theirs: Outcome, where: str) -> bool:
    """Compare whether both raise; False if there is no sense in going on."""
    errors = [str(one.error) for one in (mine, theirs) if isinstance(one, Raised)]
    if any("a second time" in text for text in errors):
        return False  # which ops save something that can be freed is each package's own affair
    if isinstance(mine, Raised) and not isinstance(theirs, Raised):
        raise AssertionError(f"{where}: only minigrad raises: {mine.error!r}") from mine.error
    if isinstance(theirs, Raised):
        assert isinstance(mine, Raised), f"{where}: only torch raises: {theirs.error!r}"
        if " write_" in where and "item" not in where:  # several things may be wrong with an index
            assert mine.kind == theirs.kind, f"{where}: {mine.error!r} is not {theirs.error!r}"
    # A sweep that was broken off has added to some leaves, in another order to others.
    return not any("by an inplace" in text for text in errors)


def same_tensor(number: int, one: Machine, other: Machine, where: str) -> bool:
    """Compare values, flags and gradient; False if the numbers grew too large to go on."""
    mine, theirs = one.pool[number], other.pool[number]
    where = f"{where}; tensor {number}"
    for flag in ("requires_grad", "is_leaf"):
        ours, torchs = flag_of(mine, flag), flag_of(theirs, flag)
        if "raises" in (ours, torchs):
            return False
        assert ours == torchs, f"{where}.{flag}: {ours} is not {torchs}"
    writes, expected = (m.pool[number]._version - m.births[number] for m in (one, other))
    assert writes == expected, f"{where}._version: {writes} writes, not {expected}"
    if not same_values(mine, theirs, where):
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns when .grad of a non-leaf is read
        gradient, wanted = mine.grad, theirs.grad
    assert (gradient is None) == (wanted is None), f"{where}.grad: {gradient} is not {wanted}"
    return wanted is None or same_values(gradient, wanted, f"{where}.grad")


def same_values(mine: Any, theirs: Any, where: str) -> bool:
    one, other = mine.detach().numpy(), theirs.detach().numpy()
    if not np.all(np.abs(other) < LARGEST):  # also where a NaN is
        return False
    np.testing.assert_allclose(one, other, **TOL["float64"], err_msg=where)
    return True


@given(programs)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES <= 60,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    database=None,
)
def test_a_random_program_gives_the_same_in_both(program: list[tuple[str, Numbers]]) -> None:
    play(program)
