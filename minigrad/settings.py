"""Settings of the whole program: threads, determinism, precision, repeated warnings.

Source: https://docs.pytorch.org/docs/stable/torch.html#utilities
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable

PRECISIONS = ("highest", "high", "medium")
DEBUG_MODES = ("default", "warn", "error")


class _Settings:
    """What the functions of this module set."""

    deterministic = 0  # a number of DEBUG_MODES
    precision = "highest"
    warn_always = False
    threads: int | None = None  # None: as the libraries chose
    interop_threads = 1
    pools: tuple[Callable[[int], None], ...] = ()  # told how many threads they shall have


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Ask for operations that always give the same; all of minigrad's do, so nothing changes.

    >>> import minigrad as torch
    >>> torch.use_deterministic_algorithms(True); torch.are_deterministic_algorithms_enabled()
    True
    >>> torch.use_deterministic_algorithms(False)
    """
    _Settings.deterministic = (1 if warn_only else 2) if mode else 0


def are_deterministic_algorithms_enabled() -> bool:
    """Whether :func:`use_deterministic_algorithms` is on.

    >>> import minigrad as torch
    >>> torch.are_deterministic_algorithms_enabled()
    False
    """
    return _Settings.deterministic > 0


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether :func:`use_deterministic_algorithms` is on with ``warn_only``.

    >>> import minigrad as torch
    >>> torch.is_deterministic_algorithms_warn_only_enabled()
    False
    """
    return _Settings.deterministic == 1


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """:func:`use_deterministic_algorithms` by number or name: default, warn, error.

    Raises: TypeError for another type, RuntimeError for another name.

    >>> import minigrad as torch
    >>> torch.set_deterministic_debug_mode("warn"); torch.get_deterministic_debug_mode()
    1
    >>> torch.set_deterministic_debug_mode(0)
    """
    if not isinstance(debug_mode, (int, str)):
        raise TypeError(f"debug_mode must be str or int, but got {type(debug_mode)}")
    known = DEBUG_MODES if isinstance(debug_mode, str) else range(len(DEBUG_MODES))
    if debug_mode not in known:
        raise RuntimeError(
            f"invalid value of debug_mode, expected one of {', '.join(DEBUG_MODES)} or 0, 1, 2, "
            f"but got {debug_mode}"
        )
    number = DEBUG_MODES.index(debug_mode) if isinstance(debug_mode, str) else debug_mode
    _Settings.deterministic = number


def get_deterministic_debug_mode() -> int:
    """0, 1 or 2: nothing asked, warnings asked for, errors asked for.

    >>> import minigrad as torch
    >>> torch.get_deterministic_debug_mode()
    0
    """
    return _Settings.deterministic


def set_float32_matmul_precision(precision: str) -> None:
    """How exact float32 products of matrices must be; on the CPU they always are the highest.

    Raises: RuntimeError for another word than highest, high, medium.

    >>> import minigrad as torch
    >>> torch.set_float32_matmul_precision("high"); torch.get_float32_matmul_precision()
    'high'
    >>> torch.set_float32_matmul_precision("highest")
    """
    if precision not in PRECISIONS:
        raise RuntimeError(
            f"set_float32_matmul_precision: expected one of {', '.join(PRECISIONS)}, got "
            f"{precision!r}"
        )
    _Settings.precision = precision


def get_float32_matmul_precision() -> str:
    """What :func:`set_float32_matmul_precision` has set.

    >>> import minigrad as torch
    >>> torch.get_float32_matmul_precision()
    'highest'
    """
    return _Settings.precision


def set_warn_always(b: bool, /) -> None:
    """Whether warnings that are given once are given each time; minigrad leaves that to Python.

    >>> import minigrad as torch
    >>> torch.set_warn_always(False)
    """
    _Settings.warn_always = bool(b)


def is_warn_always_enabled() -> bool:
    """What :func:`set_warn_always` has set.

    >>> import minigrad as torch
    >>> torch.is_warn_always_enabled()
    False
    """
    return _Settings.warn_always


def set_num_threads(threads: int, /) -> None:
    """Set how many threads the kernels use, and matrix products: those of NumPy's BLAS.

    The BLAS is told by way of threadpoolctl. Results of kernels do not depend on the number.

    Raises: RuntimeError unless the number is positive. Without threadpoolctl it warns that the
    BLAS keeps its threads.

    >>> import minigrad as torch
    >>> before = torch.get_num_threads()
    >>> torch.set_num_threads(1); torch.get_num_threads()
    1
    >>> torch.set_num_threads(before)
    """
    if threads <= 0:
        raise RuntimeError(f"set_num_threads expects a positive integer, got {threads}")
    _Settings.threads = threads
    for tell in _Settings.pools:
        tell(threads)
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        warnings.warn(
            "set_num_threads: the BLAS keeps its threads; python -m pip install threadpoolctl, or "
            f"set OMP_NUM_THREADS={threads} before Python starts",
            stacklevel=2,
        )
        return
    threadpool_limits(limits=threads)


def get_num_threads() -> int:
    """How many threads kernels and matrix products use: as many as processors, if nobody has said.

    >>> import minigrad as torch
    >>> torch.get_num_threads() >= 1
    True
    """
    if _Settings.threads is not None:
        return _Settings.threads
    given = os.environ.get("OMP_NUM_THREADS", "")
    if given.isdigit() and given != "0":
        return int(given)
    own = getattr(os, "sched_getaffinity", None)  # Linux: the processors that may be used
    return len(own(0)) if own else os.cpu_count() or 1


def add_pool(tell: Callable[[int], None]) -> None:
    """Let a pool of threads know how many it shall have, now and whenever that is set.

    >>> found = []
    >>> add_pool(found.append); found == [get_num_threads()]
    True
    >>> _Settings.pools = _Settings.pools[:-1]
    """
    _Settings.pools = (*_Settings.pools, tell)
    tell(get_num_threads())


def set_num_interop_threads(threads: int, /) -> None:
    """Set how many operations run side by side; minigrad runs one after the other, whatever it is.

    Raises: RuntimeError unless the number is positive.

    >>> import minigrad as torch
    >>> torch.set_num_interop_threads(1)
    """
    if threads <= 0:
        raise RuntimeError(f"set_num_interop_threads expects a positive integer, got {threads}")
    _Settings.interop_threads = threads


def get_num_interop_threads() -> int:
    """What :func:`set_num_interop_threads` has set.

    >>> import minigrad as torch
    >>> torch.get_num_interop_threads() >= 1
    True
    """
    return _Settings.interop_threads


__all__ = [
    "are_deterministic_algorithms_enabled",
    "get_deterministic_debug_mode",
    "get_float32_matmul_precision",
    "get_num_interop_threads",
    "get_num_threads",
    "is_deterministic_algorithms_warn_only_enabled",
    "is_warn_always_enabled",
    "set_deterministic_debug_mode",
    "set_float32_matmul_precision",
    "set_num_interop_threads",
    "set_num_threads",
    "set_warn_always",
    "use_deterministic_algorithms",
]
