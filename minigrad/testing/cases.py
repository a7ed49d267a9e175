"""A drawn call of an op, and the table of ops that can be drawn.

minigrad's own ops are known by their records; :func:`register` enters a user's function, whether
it is made of ops or is an ``autograd.Function``.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

import minigrad as torch
from minigrad.autograd.record import Call, Domain, Record, T, reals
from minigrad.autograd.registry import REGISTRY
from minigrad.autograd.tensor_base import TensorBase
from minigrad.testing.drawing import laid_out

__all__ = ["Case", "record_of", "register", "unregister"]

Fill = Callable[[tuple[int, ...], Domain, int], Any]
OWN: dict[str, Record] = {}  # what users registered


def register(
    function: Callable[..., Any],
    *samples: Call,
    domain: Domain | Sequence[Domain] = (),
    name: str | None = None,
    varied: bool = True,
    torch: str | None = None,
    gradcheck: bool = True,
) -> Callable[..., Any]:
    """Enter a function of one's own, so that ``calls(name)`` draws calls of it.

    A sample is one call, with a ``T(2, 3)`` for each tensor; the strategies vary it, and keep what
    the function accepts (``varied=False``: they leave sizes and parameters as they are). ``domain``
    says where numbers are drawn from, for each tensor or for all; ``torch`` names a counterpart.

    >>> import minigrad as torch
    >>> from minigrad.testing import T, call, calls, reals, register, unregister
    >>> def cube(x, scale=1.0):
    ...     return scale * x**3
    >>> _ = register(cube, call(T(2, 3)), call(T(4), scale=2.0), domain=reals(-2, 2))
    >>> unregister("cube")
    """
    own = name or _name_of(function)
    if own in REGISTRY:
        raise ValueError(f"register: {own!r} is an op of minigrad; give another name=")
    if not samples:
        raise ValueError(f"register: {own!r} has no sample call, such as call(T(2, 3))")
    for sample in samples:
        mapped(sample, TensorBase, _refuse)
    domains = (domain,) if isinstance(domain, Domain) else tuple(domain) or (reals(-3, 3),)
    doc = function.__doc__ or ""
    facts: dict[str, Any] = {"varied": varied, "torch": torch, "gradcheck": gradcheck, "where": ()}
    OWN[own] = Record(own, function, function, doc, domain=domains, samples=samples, **facts)
    return function


def _refuse(tensor: Any) -> None:
    raise ValueError("register: write T(2, 3) for a tensor of a sample, not the tensor itself")


def unregister(name: str) -> None:
    """Forget a function that was registered.

    >>> import minigrad as torch
    >>> from minigrad.testing import T, call, register, unregister
    >>> _ = register(lambda x: x * 2, call(T(3)), name="twice")
    >>> unregister("twice")
    """
    del OWN[name]


def record_of(op: Any) -> Record:
    """The record of an op, which is given by its name, by its function, or by itself.

    >>> from minigrad.testing.cases import record_of
    >>> record_of("conv2d")
    <Record conv2d>
    """
    if isinstance(op, Record):
        return op
    known = {**REGISTRY, **OWN}
    if isinstance(op, str):
        if op in known:
            return known[op]
        for record in known.values():
            if op in record.aliases or op == record.torch:
                return record
        near = difflib.get_close_matches(op, known, 3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise ValueError(f"calls: no op is called {op!r}{hint} (register(function) enters one)")
    for record in known.values():
        if op in (record.function, record.method):
            return record
    raise ValueError(
        f"calls: {op!r} is not registered: register(function, call(T(2, 3))) enters it"
    )


def _name_of(function: Callable[..., Any]) -> str:
    """``Scale.apply`` is called Scale."""
    own = getattr(function, "__self__", None)
    return str(own.__name__ if isinstance(own, type) else function.__name__)


def mapped(value: Any, kind: type, change: Callable[[Any], Any]) -> Any:
    """A nest of arguments with each value of a kind changed, in order of appearance."""
    if isinstance(value, kind):
        return change(value)
    if isinstance(value, Call):
        args = tuple(mapped(a, kind, change) for a in value.args)
        return Call(args, {k: mapped(v, kind, change) for k, v in value.kwargs.items()})
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return type(value)(mapped(v, kind, change) for v in value)
    return value


def domains_of(record: Record, sample: Call) -> list[Domain]:
    """The domain of each T of a call, in order of appearance."""
    found: list[Domain] = []

    def note(tensor: T) -> T:
        place = min(len(found), len(record.domain) - 1)
        found.append(tensor.domain or record.domain[place])
        return tensor

    mapped(sample, T, note)
    return found


def arrays_of(record: Record, sample: Call, fill: Fill, layout: str = "contiguous") -> Call:
    """The call with an array for each T: ``fill(shape, domain, number)``."""
    numbered: Iterator[tuple[int, Domain]] = iter(enumerate(domains_of(record, sample)))

    def filled(tensor: T) -> Any:
        number, domain = next(numbered)
        return laid_out(fill(tensor.shape, domain, number), layout)

    return mapped(sample, T, filled)  # type: ignore[no-any-return]


def tensors_of(call: Call, make: Callable[[Any], Any] | None = None) -> tuple[Call, list[Any]]:
    """The call with tensors for arrays, and those tensors."""
    made: list[Any] = []

    def tensor(array: Any) -> Any:
        made.append((make or torch.from_numpy)(array))
        return made[-1]

    return mapped(call, np.ndarray, tensor), made


def leaves_of(inputs: Sequence[Any], domains: Sequence[Domain]) -> list[Any]:
    """The tensors of a call by which there is a derivative."""
    both = zip(inputs, domains, strict=True)
    return [tensor for tensor, d in both if tensor.is_floating_point() and d.moved]


def result_of(
    record: Record, function: Callable[..., Any], call: Call, domains: Sequence[Domain]
) -> Any:
    """What a function makes of a call with tensors, as checks of gradients see it.

    The arguments are led through what keeps them in their domains, the random numbers are always
    the same, an in-place function is given a copy, and the record may say what is shown.
    """
    left = iter(domains)

    def kept(value: Any) -> Any:
        if hasattr(value, "detach"):
            within = next(left).within
            return value if within is None else within(value)
        if isinstance(value, (list, tuple)):
            return type(value)(map(kept, value))
        return value

    args = [kept(a) for a in call.args]
    kwargs = {k: kept(v) for k, v in call.kwargs.items()}
    if record.name.endswith("_"):
        args[0] = args[0].clone()
    torch.manual_seed(0)
    result = function(*args, **kwargs)
    return result if record.shown is None else record.shown(result)


def outputs(result: Any) -> list[Any]:
    """The parts of a result, whatever it comes wrapped in."""
    if isinstance(result, (tuple, list)):
        return [part for whole in result for part in outputs(whole)]
    return [result]


class Case:
    """A call that was drawn: a function of the tensors that have derivatives, and those tensors.

    ``case(*case.inputs)`` runs it and gives a tuple of its floating-point results, so that
    ``gradcheck(case, case.inputs)`` checks it. ``tied`` holds the numbers of tensors whose second
    half along the last axis repeats the first, wherever this is moved to.

    >>> import minigrad as torch
    >>> from minigrad.testing import T, call
    >>> import numpy as np
    >>> case = torch.testing.Case("exp", call(np.zeros(2)))
    >>> case
    exp(torch.tensor([0.0, 0.0], dtype=torch.float64))
    >>> case(*case.inputs)
    (tensor([1., 1.], dtype=torch.float64, grad_fn=<ExpBackward0>),)
    """

    def __init__(
        self,
        op: Any,
        arrays: Call,
        domains: Sequence[Domain] | None = None,
        tied: Sequence[int] = (),
    ) -> None:
        self.record = record_of(op)
        self.arrays = arrays
        call, found = tensors_of(arrays)
        plain = [self.record.domain[min(i, len(self.record.domain) - 1)] for i in range(len(found))]
        self.domains = list(domains) if domains is not None else plain
        self.lengths: dict[int, int] = {}  # by input: the size of the last axis with repetitions
        places: dict[int, int] = {}  # by tensor: which input it is
        leaves: list[Any] = []
        for number, (tensor, domain) in enumerate(zip(found, self.domains, strict=True)):
            if tensor.is_floating_point() and domain.moved:
                if number in tied:
                    self.lengths[len(leaves)] = tensor.shape[-1]
                    half = tensor[..., : (tensor.shape[-1] + 1) // 2]
                    tensor = torch.from_numpy(half.numpy().copy())
                places[number] = len(leaves)
                leaves.append(tensor.detach().requires_grad_())
        self.call, self.places, self.constants = call, places, found
        self.inputs = tuple(leaves)
        self.__name__ = self.record.name

    def on(self, inputs: Sequence[Any]) -> Call:
        """The call with other tensors in the place of its inputs."""
        numbers = iter(range(len(self.constants)))

        def put(constant: Any) -> Any:
            number = next(numbers)
            if number not in self.places:
                return constant
            index = self.places[number]
            if index in self.lengths:
                part = inputs[index]
                return torch.cat([part, part], -1)[..., : self.lengths[index]]
            return inputs[index]

        return mapped(self.call, torch.Tensor, put)  # type: ignore[no-any-return]

    def __call__(self, *inputs: Any) -> tuple[Any, ...]:
        """Run the call with other values; the results that can have a gradient."""
        result = result_of(self.record, self.record.function, self.on(inputs), self.domains)
        parts = outputs(result)
        return tuple(p for p in parts if torch.is_tensor(p) and p.is_floating_point())

    def source(self, names: Sequence[str] = ()) -> str:
        """The call as a line of Python, with names in the place of the inputs."""
        shown = iter(range(len(self.constants)))

        def text(value: Any) -> str:
            if isinstance(value, torch.Tensor):
                number = next(shown)
                index = self.places.get(number)
                if index is None or not names:
                    return literal(value if index is None else self.inputs[index], index, self)
                return repeated(names[index], index, self)
            if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
                inner = ", ".join(map(text, value))
                comma = "," if isinstance(value, tuple) and len(value) == 1 else ""
                return f"[{inner}]" if isinstance(value, list) else f"({inner}{comma})"
            return repr(value)

        args = [text(a) for a in self.call.args]
        args += [f"{k}={text(v)}" for k, v in self.call.kwargs.items()]
        return f"{path_of(self.record) if names else self.record.name}({', '.join(args)})"

    def __repr__(self) -> str:
        return self.source()


def literal(tensor: Any, index: int | None, case: Case) -> str:
    """A tensor as an expression that makes it, with the repetitions of a tie."""
    kind = str(tensor.dtype).replace("minigrad.", "torch.")
    if tensor.numel():
        one = f"torch.tensor({tensor.tolist()}, dtype={kind})"
    else:
        one = f"torch.zeros({tuple(tensor.shape)}, dtype={kind})"
    return one if index is None else repeated(one, index, case)


def repeated(text: str, index: int, case: Case) -> str:
    """An expression of an input, with the repetitions of a tie."""
    if index not in case.lengths:
        return text
    return f"torch.cat([{text}, {text}], -1)[..., :{case.lengths[index]}]"


def path_of(record: Record) -> str:
    """How a program for torch calls an op."""
    if not record.where:
        return _path_of_own(record.function)
    if "torch" in record.where:
        return f"torch.{record.name}"
    return f"torch.{record.torch or record.where[0] + '.' + record.name}"


def _path_of_own(function: Callable[..., Any]) -> str:
    own = getattr(function, "__self__", None)
    return f"{own.__name__}.{function.__name__}" if isinstance(own, type) else function.__name__
