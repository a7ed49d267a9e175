"""What every distribution is: shapes, checked parameters and values, samples, expansion.

A distribution's state is its attributes. Those that are tensors or distributions begin with the
batch shape; so one ``expand`` does for all of them.

Source: https://docs.pytorch.org/docs/stable/distributions.html#distribution
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import minigrad as torch
from minigrad import Size, Tensor
from minigrad.distributions import constraints
from minigrad.distributions.utils import broadcast_all, lazy_property

__all__ = ["Distribution", "checked", "formula", "takes"]

_NOTHING = Size()


def takes(**arg_constraints: Any) -> Any:
    """The parameters that distributions of a class take, each with its constraint.

    >>> import minigrad as torch
    >>> from minigrad.distributions.distribution import takes
    >>> takes(rate=torch.distributions.constraints.positive)
    {'rate': GreaterThan(lower_bound=0.0)}
    """
    return arg_constraints


def formula(value: Callable[[Any], Any]) -> Any:
    """A property of a distribution that is one formula of its parameters.

    >>> import minigrad as torch
    >>> from minigrad.distributions.distribution import formula
    >>> class Die(torch.distributions.Categorical):
    ...     mean = formula(lambda d: 1 + (d.probs * torch.arange(6)).sum(-1))
    >>> Die(torch.ones(6)).mean
    tensor(3.5000)
    """
    return property(value)


def checked(method: Callable[[Any, Any], Any]) -> Any:
    """A method of a value; the value is checked first, if the distribution checks.

    >>> import minigrad as torch
    >>> from minigrad.distributions.distribution import checked
    >>> class Certain(torch.distributions.Bernoulli):
    ...     @checked
    ...     def cdf(self, value):
    ...         return value
    >>> Certain(torch.ones(())).cdf(torch.tensor(1.))
    tensor(1.)
    """

    @functools.wraps(method)
    def run(self: Distribution, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        return method(self, value)

    return run


class Distribution:
    """The base of all distributions: ``batch_shape`` of them, with values of ``event_shape``.

    Subclasses set ``arg_constraints`` and ``support`` and define ``log_prob`` with ``rsample`` or
    ``sample``. Samples have the shape sample_shape + batch_shape + event_shape.

    Raises: ValueError for parameters and values outside of their constraints, unless
    ``validate_args=False``.

    >>> import minigrad as torch
    >>> d = torch.distributions.Normal(torch.zeros(3), 1.).expand((2, 3))
    >>> d.batch_shape, d.event_shape, d.sample((5,)).shape
    (torch.Size([2, 3]), torch.Size([]), torch.Size([5, 2, 3]))
    """

    has_rsample = False
    has_enumerate_support = False
    _validate_args = __debug__
    _unbatched: ClassVar[frozenset[str]] = frozenset()  # attributes that expand leaves as they are

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Switch the checks on or off for all distributions made from now on."""
        if value not in [True, False]:
            raise ValueError
        Distribution._validate_args = value

    def __init__(
        self,
        batch_shape: Size = _NOTHING,
        event_shape: Size = _NOTHING,
        validate_args: bool | None = None,
    ) -> None:
        self._batch_shape = batch_shape
        self._event_shape = event_shape
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._validate_parameters()
        super().__init__()

    def _hold(self, **parameters: Any) -> Size:
        """Keep parameters, broadcast against each other; the shape that they then have."""
        values = broadcast_all(*parameters.values())
        self.__dict__.update(zip(parameters, values, strict=True))
        shape: Size = values[0].size()
        return shape

    def _keep(self, validate_args: bool | None, **parameters: Any) -> None:
        """Keep parameters of univariate distributions: the batch has their shape."""
        Distribution.__init__(self, self._hold(**parameters), validate_args=validate_args)

    def _validate_parameters(self) -> None:
        """Raise ValueError for a parameter that does not satisfy its constraint."""
        try:
            arg_constraints = self.arg_constraints
        except NotImplementedError:
            arg_constraints = {}
            warnings.warn(
                f"{self.__class__} does not define `arg_constraints`. "
                "Please set `arg_constraints = {}` or initialize the distribution "
                "with `validate_args=False` to turn off validation.",
                stacklevel=4,
            )
        for name, constraint in arg_constraints.items():
            if constraints.is_dependent(constraint):
                continue
            if name not in self.__dict__ and isinstance(getattr(type(self), name), lazy_property):
                continue  # it follows from another parameter
            value = getattr(self, name)
            if not constraint.check(value).all():
                raise ValueError(
                    f"Expected parameter {name} "
                    f"({type(value).__name__} of shape {tuple(value.shape)}) "
                    f"of distribution {self!r} "
                    f"to satisfy the constraint {constraint!r}, "
                    f"but found invalid values:\n{value}"
                )

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """The same distributions, repeated to a wider batch shape without copying."""
        new = self._get_checked_instance(self._own_class(), _instance)
        batch_shape = Size(batch_shape)
        for name, value in self.__dict__.items():
            if name not in new.__dict__:
                new.__dict__[name] = self._expanded(name, value, batch_shape)
        new._batch_shape = batch_shape
        new._validate_args = self._validate_args
        return new

    def _expanded(self, name: str, value: Any, batch_shape: Size) -> Any:
        """An attribute of a distribution that is expanded."""
        own = len(self._batch_shape)
        if name in self._unbatched:
            return value
        if isinstance(value, Distribution):
            return value.expand(batch_shape + value.batch_shape[own:])
        if isinstance(value, Tensor) and value.shape[:own] == self._batch_shape:
            return value.expand(batch_shape + value.shape[own:])
        return value

    def _own_class(self) -> Any:
        """The nearest class that is not a user's."""
        room = __name__.rpartition(".")[0]
        return next(c for c in type(self).__mro__ if c.__module__.startswith(room))

    @property
    def batch_shape(self) -> Size:
        """The shape of the parameters: how many distributions these are."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one value."""
        return self._event_shape

    @property
    def arg_constraints(self) -> Any:
        """The constraint of each parameter, by name."""
        raise NotImplementedError

    @property
    def support(self) -> Any:
        """The constraint that values satisfy."""
        raise NotImplementedError

    @property
    def mean(self) -> Any:
        """The mean."""
        raise NotImplementedError

    @property
    def mode(self) -> Any:
        """The value of the highest probability."""
        raise NotImplementedError(f"{self.__class__} does not implement mode")

    @property
    def variance(self) -> Any:
        """The variance."""
        raise NotImplementedError

    @property
    def stddev(self) -> Any:
        """The square root of the variance."""
        return self.variance.sqrt()

    def sample(self, sample_shape: Sequence[int] = _NOTHING) -> Any:
        """Draw values, without gradients."""
        with torch.no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Sequence[int] = _NOTHING) -> Any:
        """Draw values that can be differentiated by the parameters."""
        raise NotImplementedError

    def sample_n(self, n: int) -> Any:
        """Draw n values: ``sample((n,))``, which is the name to use."""
        warnings.warn(
            "`sample_n(n)` will be deprecated. Use `sample((n,))` instead.",
            FutureWarning,
            stacklevel=2,
        )
        return self.sample(Size((n,)))

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density or the probability of a value."""
        raise NotImplementedError

    def cdf(self, value: Any) -> Any:
        """The probability of values not greater than this."""
        raise NotImplementedError

    def icdf(self, value: Any) -> Any:
        """The value of this quantile: the inverse of ``cdf``."""
        raise NotImplementedError

    def enumerate_support(self, expand: bool = True) -> Any:
        """All values of a discrete distribution, along a new first dimension."""
        raise NotImplementedError

    def entropy(self) -> Any:
        """The mean of -log_prob, of the batch's shape."""
        raise NotImplementedError

    def perplexity(self) -> Any:
        """exp(entropy)."""
        return torch.exp(self.entropy())

    def _extended_shape(self, sample_shape: Sequence[int] = _NOTHING) -> Size:
        """The shape of samples."""
        shape: Size = Size(sample_shape) + self._batch_shape + self._event_shape
        return shape

    def _filled(self, number: float, like: Tensor) -> Tensor:
        """One number for the whole batch."""
        return torch.full(self._extended_shape(), number, dtype=like.dtype, device=like.device)

    def _counted(self, values: Tensor, expand: bool) -> Tensor:
        """Values along a new first dimension, the same for the whole batch."""
        values = values.view((-1,) + (1,) * len(self._batch_shape))
        return values.expand((-1, *self._batch_shape)) if expand else values

    def _validate_sample(self, value: Any) -> None:
        """Raise ValueError for what cannot be a value of the distribution."""
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        actual, expected = value.size(), self._batch_shape + self._event_shape
        if actual[len(actual) - len(self._event_shape) :] != self._event_shape:
            raise ValueError(
                "The right-most size of value must match event_shape: "
                f"{actual} vs {self._event_shape}."
            )
        for i, j in zip(reversed(actual), reversed(expected), strict=False):
            if i != 1 and j != 1 and i != j:
                raise ValueError(
                    "Value is not broadcastable with batch_shape+event_shape: "
                    f"{actual} vs {expected}."
                )
        try:
            support = self.support
        except NotImplementedError:
            warnings.warn(
                f"{self.__class__} does not define `support` to enable "
                "sample validation. Please initialize the distribution with "
                "`validate_args=False` to turn off validation.",
                stacklevel=3,
            )
            return
        if not support.check(value).all():
            raise ValueError(
                "Expected value argument "
                f"({type(value).__name__} of shape {tuple(value.shape)}) "
                f"to be within the support ({support!r}) "
                f"of the distribution {self!r}, "
                f"but found invalid values:\n{value}"
            )

    def _get_checked_instance(self, cls: Any, _instance: Any = None) -> Any:
        """An empty instance to expand into, unless a subclass brings its own."""
        if _instance is None and type(self).__init__ != cls.__init__:
            raise NotImplementedError(
                f"Subclass {type(self).__name__} of {cls.__name__} that defines a custom "
                "__init__ method must also define a custom .expand() method."
            )
        return self.__new__(type(self)) if _instance is None else _instance

    def __repr__(self) -> str:
        shown = {
            name: self.__dict__[name] for name in self.arg_constraints if name in self.__dict__
        }
        parts = [f"{k}: {v if v.numel() == 1 else v.size()}" for k, v in shown.items()]
        return f"{type(self).__name__}({', '.join(parts)})"
