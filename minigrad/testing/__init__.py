"""Tools for tests of programs that use minigrad.

Source: https://docs.pytorch.org/docs/stable/testing.html
"""

from minigrad.testing.comparison import assert_allclose, assert_close
from minigrad.testing.making import make_tensor

__all__ = ["assert_allclose", "assert_close", "make_tensor"]
