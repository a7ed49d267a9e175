"""SciPy beside NumPy, and CuPy's own copy of it beside CuPy; imported when first asked for.

What minigrad does not exist to do itself, gamma functions and triangular solving for two, is
theirs.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any


@functools.cache
def scientific(xp: Any, part: str) -> Any:
    """``scipy.<part>`` for NumPy's arrays, ``cupyx.scipy.<part>`` for CuPy's.

    >>> import numpy as np
    >>> float(scientific(np, "special").gammaln(5.0).round(4))
    3.1781
    """
    package = "cupyx.scipy" if xp.__name__ == "cupy" else "scipy"
    return importlib.import_module(f"{package}.{part}")
