"""Every op on the samples that torch's own test suite draws for it (see ``torch_samples.py``).

``MINIGRAD_SAMPLES`` says how many samples of each op and dtype are run; ``all`` for all of them.
"""

from __future__ import annotations

import os

import pytest

from minigrad.left_out import left_out
from parity_tests.known import expected
from parity_tests.torch_samples import check, database

CHOSEN = os.environ.get("MINIGRAD_SAMPLES", "6")
LIMIT = None if CHOSEN == "all" else int(CHOSEN)
NAMES = sorted(n for n in database() if n.startswith("__r") or not (n[0] == "_" or left_out(n)))


@pytest.mark.parametrize("name", NAMES)
def test_samples_are_the_same_as_in_torch(name: str) -> None:
    tally = check(name, LIMIT)
    wrong = [failure for failure in tally.failures if expected(name, failure) is None]
    assert not wrong, f"{len(wrong)} of {tally.line()}:\n" + "\n".join(wrong[:5])
    assert tally.passed or tally.left_out or tally.failures, "nothing was compared"


def test_the_database_is_there() -> None:
    assert len(NAMES) > 400
