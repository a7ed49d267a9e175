"""The card on which tests try minigrad: that of ``pytest --device``, or else a simulated one.

torch, the oracle, stays on the CPU, and draws its random numbers there; so that dropout and the
like can be compared too, minigrad draws torch's on the host meanwhile. What a card draws for itself
is tried in ``test_random_on_card.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import minigrad
from minigrad import random
from minigrad.cuda import stand_in
from minigrad.testing import pytest_plugin


@pytest.fixture(scope="module")
def card(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A CUDA device: of simulated ones the last, of as many as the module's CARDS says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(random, "generator_of", lambda place: random.default_generator)
        asked = request.config.getoption("--device", "cpu")
        if asked != "cpu":
            yield pytest_plugin.usable(asked)
            return
        count = getattr(request.module, "CARDS", 1)
        with stand_in.installed(count):
            yield minigrad.device("cuda", count - 1)
