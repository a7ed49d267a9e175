"""Whether operations are recorded: ``no_grad`` and its relatives, and anomaly mode.

The mode is kept in a context variable, so each thread (and each asyncio task) has its own.
Source: https://docs.pytorch.org/docs/stable/notes/autograd.html#locally-disabling-gradient-computation
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Generator
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, cast

Fn = TypeVar("Fn", bound=Callable[..., Any])

# The modes. Comparing small integers is the cheapest test on the hot path. PACKING is GRAD with
# hooks on what is saved: see `autograd/saved.py`.
INFERENCE, NO_GRAD, GRAD, PACKING = -1, 0, 1, 2

MODE: ContextVar[int] = ContextVar("grad_mode", default=GRAD)
ANOMALY: ContextVar[int] = ContextVar("anomaly_mode", default=0)  # 0 off, 1 on, 2 on, check NaN
# Pairs of hooks that pack and unpack what is saved; only the last pair counts.
HOOKS: ContextVar[tuple[Any, ...]] = ContextVar("saved_tensors_hooks", default=())


def recording() -> int:
    """The mode in which operations are recorded here: with hooks on what is saved, or without."""
    return PACKING if HOOKS.get() else GRAD


class _Switch:
    """Sets a context variable inside a ``with`` block or a decorated function."""

    _var: ContextVar[int] = MODE
    _value = GRAD
    _tokens: tuple[Any, ...] = ()  # the last block's, and the tokens of those around it

    def __enter__(self) -> None:
        self._switch()

    def _switch(self) -> None:
        self._tokens = (self._var.set(self._setting()), self._tokens)

    def _setting(self) -> int:
        """What the variable is to be set to now; only `inference_mode` itself ends that mode."""
        if self._var is not MODE:
            return self._value
        if MODE.get() == INFERENCE and not isinstance(self, inference_mode):
            return INFERENCE
        return recording() if self._value == GRAD else self._value

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        token, self._tokens = self._tokens
        self._var.reset(token)

    def _clone(self) -> _Switch:
        clone = _Switch()
        clone._value = self._value
        return clone

    def __call__(self, fn: Fn) -> Fn:
        if inspect.isgeneratorfunction(fn):
            return cast(Fn, _wrap_generator(self._clone, fn))

        @functools.wraps(fn)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self._clone():
                return fn(*args, **kwargs)

        return cast(Fn, wrapped)


def _wrap_generator(make: Callable[[], _Switch], fn: Callable[..., Any]) -> Callable[..., Any]:
    """Switch the mode while the generator runs, and back while it is suspended."""

    @functools.wraps(fn)
    def wrapped(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        gen = fn(*args, **kwargs)
        step: Callable[[], Any] = functools.partial(next, gen)
        while True:
            try:
                with make():
                    item = step()
            except StopIteration as stop:
                return stop.value
            try:
                sent = yield item
                step = functools.partial(gen.send, sent)
            except GeneratorExit:
                with make():
                    gen.close()
                raise
            except BaseException as error:
                step = functools.partial(gen.throw, error)

    return wrapped


class _Fixed(_Switch):
    """A switch whose value is known by its class; usable as a decorator without parentheses."""

    if TYPE_CHECKING:  # at run time there is none: a switch is made around every step of a loop

        def __init__(self, fn: Any = None) -> None: ...

    def __new__(cls, fn: Any = None) -> Any:
        self = object.__new__(cls)
        return self if fn is None else self(fn)


class no_grad(_Fixed):
    """Operations are not recorded: a context manager and a decorator.

    >>> import minigrad as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> with torch.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    _value = NO_GRAD

    def __enter__(self) -> None:
        setting = NO_GRAD if MODE.get() > INFERENCE else INFERENCE  # as `_setting` would have it
        self._tokens = (MODE.set(setting), self._tokens)


class enable_grad(_Fixed):
    """Operations are recorded again inside ``no_grad``: a context manager and a decorator.

    >>> import minigrad as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> with torch.no_grad(), torch.enable_grad():
    ...     y = x * 2
    >>> y.requires_grad
    True
    """

    _value = GRAD


class set_grad_enabled(_Switch):
    """Set recording on or off: at once as a call, for a block as a context manager.

    >>> import minigrad as torch
    >>> with torch.set_grad_enabled(False):
    ...     torch.is_grad_enabled()
    False
    >>> torch.is_grad_enabled()
    True
    """

    def __init__(self, mode: bool) -> None:
        if not isinstance(mode, bool):
            raise TypeError(
                "set_grad_enabled(): argument 'enabled' (position 1) must be bool, not "
                f"{type(mode).__name__}"
            )
        self._value = GRAD if mode else NO_GRAD
        self._switch()
        self._entered = False

    def __enter__(self) -> None:
        if self._entered:  # the same object entered twice: nest like any other switch
            super().__enter__()
        self._entered = True

    def __repr__(self) -> str:
        """A notebook shows it where a cell ends with the call."""
        return f"torch.autograd.grad_mode.set_grad_enabled(mode={self._value == GRAD})"

    def __call__(self, fn: Fn) -> Fn:
        """As a decorator: set the mode while the function runs."""
        self.__exit__(None, None, None)  # as a decorator it says nothing about here and now
        return super().__call__(fn)


class inference_mode(_Switch):
    """Like ``no_grad``, and what is made inside can't take part in a graph later.

    >>> import minigrad as torch
    >>> with torch.inference_mode():
    ...     y = torch.ones(2) * 2
    >>> y.is_inference()
    True
    """

    def __new__(cls, mode: Any = True) -> Any:
        """A switch, or the function that it was put before as a bare decorator."""
        self = super().__new__(cls)
        if callable(mode):
            self._value = INFERENCE
            return self(mode)
        return self

    def __init__(self, mode: bool = True) -> None:
        self._value = INFERENCE if mode else GRAD

    def _clone(self) -> _Switch:
        clone: _Switch = inference_mode(self._value == INFERENCE)
        return clone


def is_grad_enabled() -> bool:
    """Whether operations are recorded here.

    >>> import minigrad as torch
    >>> torch.is_grad_enabled()
    True
    """
    return MODE.get() > 0


def is_inference_mode_enabled() -> bool:
    """Whether ``inference_mode`` holds here.

    >>> import minigrad as torch
    >>> torch.is_inference_mode_enabled()
    False
    """
    return MODE.get() < 0


class set_detect_anomaly(_Switch):
    """Check every gradient for NaN, and name the forward operation where one first appears.

    >>> import minigrad as torch
    >>> x = torch.zeros(1, requires_grad=True)
    >>> with torch.autograd.detect_anomaly():
    ...     try:
    ...         (x.sqrt() * 0).sum().backward()
    ...     except RuntimeError as error:
    ...         print(error)
    Function 'SqrtBackward0' returned nan values in its 0th output.
    """

    _var = ANOMALY

    def __init__(self, mode: bool = True, check_nan: bool = True) -> None:
        self._value = (2 if check_nan else 1) if mode else 0
        self._switch()

    def __enter__(self) -> None:
        pass

    def _clone(self) -> _Switch:
        block = detect_anomaly.__new__(detect_anomaly)  # without the warning of one
        block._value = self._value
        return block


class detect_anomaly(_Switch):
    """The context manager form of :class:`set_detect_anomaly`.

    >>> import minigrad as torch
    >>> with torch.autograd.detect_anomaly():
    ...     torch.is_anomaly_enabled()
    True
    """

    _var = ANOMALY

    def __init__(self, check_nan: bool = True) -> None:
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should "
            "only be enabled for debugging.",
            stacklevel=2,
        )
        self._value = 2 if check_nan else 1

    def _clone(self) -> _Switch:
        return detect_anomaly(self._value == 2)


def is_anomaly_enabled() -> bool:
    """Whether anomaly mode holds here.

    >>> import minigrad as torch
    >>> torch.is_anomaly_enabled()
    False
    """
    return ANOMALY.get() > 0


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly mode, where it holds, raises for NaN.

    >>> import minigrad as torch
    >>> torch.is_anomaly_check_nan_enabled()
    True
    """
    return ANOMALY.get() != 1


def set_anomaly_enabled(enabled: bool, check_nan: bool = True) -> None:
    """Turn anomaly mode on or off for good; ``detect_anomaly`` does so for a block.

    >>> import minigrad as torch
    >>> torch.set_anomaly_enabled(True); torch.is_anomaly_enabled()
    True
    >>> torch.set_anomaly_enabled(False)
    """
    ANOMALY.set(0 if not enabled else 2 if check_nan else 1)
