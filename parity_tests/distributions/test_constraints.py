"""Constraints, the transforms that lead to them, and the helpers of distributions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from parity_tests.distributions.facets import assert_alike, outcome
from parity_tests.distributions.families import LIBRARIES


def t(library: Any, *values: float) -> Any:
    return library.tensor(values, dtype=library.float64)


NAMES = [
    "boolean",
    "corr_cholesky",
    "dependent",
    "lower_cholesky",
    "lower_triangular",
    "nonnegative",
    "nonnegative_integer",
    "one_hot",
    "positive",
    "positive_definite",
    "positive_integer",
    "positive_semidefinite",
    "real",
    "real_vector",
    "simplex",
    "square",
    "symmetric",
    "unit_interval",
]
CONSTRAINTS: dict[str, Callable[[Any, Any], Any]] = {
    name: (lambda lib, c, name=name: getattr(c, name)) for name in NAMES
} | {
    "greater_than": lambda lib, c: c.greater_than(0.5),
    "greater_than a tensor": lambda lib, c: c.greater_than(t(lib, 0.5, 1.0, 1.5)),
    "greater_than_eq": lambda lib, c: c.greater_than_eq(1.0),
    "less_than": lambda lib, c: c.less_than(1.0),
    "integer_interval": lambda lib, c: c.integer_interval(0, 2),
    "integers below": lambda lib, c: c._IntegerLessThan(1),
    "interval": lambda lib, c: c.interval(-1.0, 1.0),
    "half_open_interval": lambda lib, c: c.half_open_interval(-1.0, 1.0),
    "multinomial": lambda lib, c: c.multinomial(3),
    "independent": lambda lib, c: c.independent(c.positive, 1),
    "twice independent": lambda lib, c: c.independent(c.simplex, 2),
    "mixture": lambda lib, c: c.MixtureSameFamilyConstraint(c.positive),
    "mixture of vectors": lambda lib, c: c.MixtureSameFamilyConstraint(c.real_vector),
    "cat": lambda lib, c: c.cat([c.positive, c.real], -1, [1, 2]),
    "cat of one": lambda lib, c: c.cat([c.positive], -1),
    "stack": lambda lib, c: c.stack([c.positive, c.real, c.unit_interval], -1),
    "stack of vectors": lambda lib, c: c.stack([c.simplex, c.real_vector, c.simplex], -2),
    "dependent and known": lambda lib, c: c.dependent(is_discrete=True, event_dim=1),
}
VALUES = [
    np.array(1.0),
    np.array([0.0, 1.0, 0.0]),
    np.array([0.25, 0.25, 0.5]),
    np.array([-1.0, 2.0, np.nan]),
    np.array([[np.inf, 0.5, -0.5], [2.0, 1.0, 0.0]]),
    np.eye(3),
    np.array([[4.0, 1.0, 0.0], [1.0, 3.0, 0.5], [0.0, 0.5, 1.0]]),
    np.array([[1.0, 2.0], [2.0, 1.0]]),
    np.array([[1.0, 0.0], [0.6, 0.8]]),
    np.array([[[1.0, 0.0], [0.6, 0.8]], [[1.0, 1.0], [0.0, 1.0]]]),
]


def said(library: Any, make: Callable[[Any, Any], Any]) -> list[Any]:
    """What a constraint says of itself, and of the values."""
    constraint = make(library, library.distributions.constraints)
    calls: list[Callable[[], Any]] = [
        lambda: constraint,
        lambda: constraint.event_dim,
        lambda: constraint.is_discrete,
        lambda: library.distributions.constraints.is_dependent(constraint),
        *[lambda v=v: constraint.check(library.from_numpy(v)) for v in VALUES],
    ]
    found = [outcome(call) for call in calls]
    ours = ("ValueError", "AssertionError", "NotImplementedError")
    return [
        x.split(":")[0] if isinstance(x, str) and "Error" in x and not x.startswith(ours) else x
        for x in found
    ]


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_a_constraint(name: str) -> None:
    mine, theirs = (said(library, CONSTRAINTS[name]) for library in LIBRARIES)
    for place, (got, want) in enumerate(zip(mine, theirs, strict=True)):
        assert_alike(got, want, f"call {place}")


@pytest.mark.parametrize("registry", ["biject_to", "transform_to"])
@pytest.mark.parametrize("name", CONSTRAINTS)
def test_from_a_constraint_to_a_transform(name: str, registry: str) -> None:
    x = np.linspace(-1.5, 1.5, 18).reshape(2, 3, 3)
    found = []
    for library in LIBRARIES:
        constraint = CONSTRAINTS[name](library, library.distributions.constraints)

        def call(library: Any = library, constraint: Any = constraint) -> Any:
            transform = getattr(library.distributions, registry)(constraint)
            value = transform(library.from_numpy(x))
            assert constraint.check(value).all()
            return library.cat([value.reshape(-1), transform.inv(value).reshape(-1)])

        found.append(outcome(call))
    errors = [x.split(":")[0] if isinstance(x, str) and "size" in x else x for x in found]
    assert_alike(errors[0], errors[1], registry)


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda module: module.__name__)
def test_a_constraint_is_registered(library: Any) -> None:
    d = library.distributions

    class Even(d.constraints.Constraint):
        pass

    registry = type(d.biject_to)()
    registry.register(Even(), lambda c: "made")
    assert registry(Even()) == "made"
    with pytest.raises(NotImplementedError, match="Cannot transform _Real constraints"):
        registry(d.constraints.real)
    with pytest.raises(TypeError, match="either a Constraint subclass or instance"):
        registry.register(3, lambda c: None)


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda module: module.__name__)
def test_triangles_and_vectors(library: Any) -> None:
    utils = library.distributions.utils
    matrix = library.arange(18.0).reshape(2, 3, 3)
    for diag in (-2, -1, 0, 1):
        vector = utils.tril_matrix_to_vec(matrix, diag)
        if diag <= 0:
            assert (utils.vec_to_tril_matrix(vector, diag) == matrix.tril(diag)).all()
    with pytest.raises(ValueError, match=r"diag \(3\) provided is outside \[-3, 2\]"):
        utils.tril_matrix_to_vec(matrix, 3)
    with pytest.raises(ValueError, match="cannot be expressed as the lower triangular part"):
        utils.vec_to_tril_matrix(library.ones(5))


def test_shapes_of_utils_are_torchs() -> None:
    for values in ((1.0, 2), (np.ones(2), 3), (np.ones((3, 1)), np.ones(2), 1.0)):
        shapes = []
        for library in LIBRARIES:
            given = [library.from_numpy(v) if isinstance(v, np.ndarray) else v for v in values]
            tensors = library.distributions.utils.broadcast_all(*given)
            shapes.append([(tuple(x.shape), str(x.dtype).split(".")[-1]) for x in tensors])
        assert shapes[0] == shapes[1]
    for library in LIBRARIES:
        with pytest.raises(ValueError, match="Input arguments must all be instances of Number"):
            library.distributions.utils.broadcast_all([1.0])
