"""The card on which tests try minigrad: that of ``pytest --device``, or else a simulated one.

torch, the oracle, stays on the CPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import minigrad
from minigrad.cuda import stand_in
from minigrad.testing import pytest_plugin


@pytest.fixture(scope="module")
def card(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A CUDA device. Nothing of the stand-in is left behind."""
    if whole(request.config):
        yield pytest_plugin.usable(request.config.getoption("--device"))
        return
    with stand_in.installed():
        yield minigrad.device("cuda", 0)


def whole(config: pytest.Config) -> bool:
    """Whether all is wanted, not only what is cheap enough for each run."""
    return config.getoption("--device", "cpu") != "cpu"
