"""What tests of cards share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from parity_tests.cuda import cards


@pytest.fixture(scope="module")
def launched() -> Iterator[list[str]]:
    """The names of the kernels that run on a simulated card, as they are launched."""
    with cards.card() as names:
        yield names
