"""The record of every public operation, from which all else follows.

One record gives the Tensor method, the function, the in-place method, the stub row, the docs row,
the parity test, the hypothesis gradient checks, the error test, the backend test and the benchmark
row. Nobody writes any of those by hand for an ordinary op.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from minigrad.autograd.apply import apply
from minigrad.autograd.inplace import in_place, write
from minigrad.autograd.op import Binary, Op, Unary, prepare, tensors
from minigrad.autograd.shortcuts import binary, unary
from minigrad.autograd.tensor_base import TensorBase

OpClass = TypeVar("OpClass", bound=type[Op])
Fn = TypeVar("Fn", bound=Callable[..., Any])


@dataclass(frozen=True)
class Domain:
    """Where an argument's values are drawn from; ``avoid`` lists kinks to stay away from."""

    low: float
    high: float
    kind: str = "real"  # "real", "integer" or "boolean"
    avoid: tuple[float, ...] = ()


def reals(low: float, high: float, avoid: Sequence[float] = ()) -> Domain:
    """Real numbers between two bounds, away from the points to avoid."""
    return Domain(low, high, "real", tuple(avoid))


def integers(low: int, high: int) -> Domain:
    """Whole numbers from low to high, both included, as int64."""
    return Domain(low, high, "integer")


def booleans() -> Domain:
    """True and False."""
    return Domain(0, 1, "boolean")


@dataclass(frozen=True)
class T:
    """A tensor argument of a sample call: its shape, and its domain if not the op's own."""

    shape: tuple[int, ...]
    domain: Domain | None = None

    def __init__(self, *shape: int, domain: Domain | None = None) -> None:
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "domain", domain)


@dataclass(frozen=True)
class Call:
    """A sample call; tensor arguments are given as :class:`T`, also inside lists."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def call(*args: Any, **kwargs: Any) -> Call:
    """A sample call, written as the call itself."""
    return Call(args, kwargs)


@dataclass(frozen=True, repr=False)
class Record:
    """What is known of one public operation."""

    name: str
    function: Callable[..., Any]
    method: Callable[..., Any]
    doc: str
    op: type[Op] | None = None  # None: written in terms of other ops
    torch: str | None = None  # dotted name below torch of the oracle; None: there is none
    where: tuple[str, ...] = ("torch", "Tensor")  # also "nn.functional", "linalg", ...
    domain: tuple[Domain, ...] = (Domain(-3, 3),)  # by position; the last serves for the rest
    samples: tuple[Call, ...] = ()
    errors: tuple[Call, ...] = ()  # calls that must raise, here and in torch
    dtypes: tuple[str, ...] = ("float",)  # kinds that the parity test runs: float, int, bool
    dunder: tuple[str, ...] = ()
    inplace: bool = False
    gradcheck: bool = True  # False where the derivative is zero, random or not defined
    aliases: tuple[str, ...] = ()
    returns: str = "Tensor"  # the type that a call gives, for the stub

    def __repr__(self) -> str:
        return f"<Record {self.name}>"

    def samples_or_default(self) -> tuple[Call, ...]:
        """The sample calls; those of an elementwise op follow from its number of arguments."""
        if self.samples or self.op is None or not issubclass(self.op, (Unary, Binary)):
            return self.samples
        if len(self.op.inputs) == 1:
            return tuple(call(T(*shape)) for shape in ((2, 3), (5,), (), (0, 3), (1,)))
        pairs = (((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (4,)), ((3,), ()))
        with_number = (call(T(3), 2),) if self.dunder else ()  # what has an operator takes numbers
        return (*[call(T(*a), T(*b)) for a, b in pairs], *with_number)


REGISTRY: dict[str, Record] = {}
_NAMESPACES: list[tuple[str, dict[str, Any]]] = []  # modules that show the functions of a place


def publish(where: str, namespace: dict[str, Any]) -> list[str]:
    """Fill a module with the functions of one place, now and whenever one is registered later.

    Returns the names that it has now.
    """
    _NAMESPACES.append((where, namespace))
    found = {
        name: record.function
        for record in REGISTRY.values()
        if where in record.where
        for name in (record.name, *record.aliases)
    }
    namespace.update(found)
    return sorted(found)


def register(
    name: str | None = None,
    *,
    public: Callable[..., Any] | None = None,
    internal: bool = False,
    **facts: Any,
) -> Callable[[OpClass], OpClass]:
    """Enter an op class: prepare it, build its function, attach it, and keep its record.

    An ``internal`` op is for derivatives, as ``F.<name>``, and has no record.
    """

    def enter(cls: OpClass) -> OpClass:
        own = name or snake(cls.__name__)
        prepare(cls, own)
        short = _short_cut(cls)
        raw = _signature_function(cls, own) if short is None else short
        setattr(tensors, own, raw)
        if internal:
            return cls
        front = public or getattr(cls, "public", None)
        function = front or _with_out(cls, own, raw)
        method = front or raw  # methods have no `out=`, and so no step between
        for fn in (function, method):
            _name(fn, own, cls.__doc__ or "")
        facts.setdefault("torch", own)
        record = Record(
            name=own, function=function, method=method, doc=cls.__doc__ or "", op=cls, **facts
        )
        _attach(record)
        return cls

    return enter


def function(name: str | None = None, **facts: Any) -> Callable[[Fn], Fn]:
    """Enter a function that is written in terms of ops and needs no derivative of its own."""

    def enter(fn: Fn) -> Fn:
        own = name or fn.__name__
        facts.setdefault("torch", own)
        _attach(Record(name=own, function=fn, method=fn, doc=fn.__doc__ or "", **facts))
        return fn

    return enter


def _attach(record: Record) -> None:
    """Keep a record, and give Tensor its methods and operators."""
    if record.name in REGISTRY:
        raise ValueError(f"two operations are called {record.name!r}")
    REGISTRY[record.name] = record
    for where, namespace in _NAMESPACES:
        if where in record.where:
            namespace.update(dict.fromkeys((record.name, *record.aliases), record.function))
    if "Tensor" not in record.where:
        return
    for name in (record.name, *record.aliases):
        setattr(TensorBase, name, record.method)
        if record.inplace:
            setattr(TensorBase, f"{name}_", _in_place_method(record, name))
    if record.dunder:
        operator = _operator(record)
        for name in record.dunder:
            setattr(TensorBase, name, operator)
            if record.inplace and not name.startswith("__r"):
                inplace = getattr(TensorBase, f"{record.name}_")
                setattr(TensorBase, f"__i{name[2:]}", inplace)


def _in_place_method(record: Record, name: str) -> Callable[..., Any]:
    if record.op is not None and record.op.writes:
        method = _writing_method(record)
    else:
        method = in_place(record.function, record.op)
    _name(method, f"{name}_", f"In-place form of :meth:`{name}`.")
    setattr(method, "__signature__", inspect.signature(record.function))  # noqa: B010
    return method


def _writing_method(record: Record) -> Callable[..., Any]:
    """The in-place method of an op that writes: bind arguments, write straight into memory."""
    op = record.op
    assert op is not None
    signature = inspect.signature(record.function)
    inputs, params = op.inputs, op.params

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        given = bound.arguments
        return write(op, self, [given[n] for n in inputs[1:]], tuple(given[n] for n in params))

    return method


def _operator(record: Record) -> Callable[..., Any]:
    """The operator form: for operands that it does not know, Python may ask the other side."""
    if record.op is not None and _is_binary(record.op):
        return binary(record.op, operator=True)
    return record.function


def _is_binary(cls: type[Op]) -> bool:
    return issubclass(cls, Binary) and cls.inputs == ("input", "other") and not cls.params


def _short_cut(cls: type[Op]) -> Callable[..., Any] | None:
    if _is_binary(cls):
        return binary(cls)
    if issubclass(cls, Unary) and cls.inputs == ("input",) and not cls.params:
        return unary(cls)
    return None


def _arguments(cls: type[Op]) -> tuple[str, str, str]:
    """A signature as text, and how it is split into tensors and parameters."""
    parameters = list(inspect.signature(cls.forward).parameters.values())[1:]
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in parameters]
    signature = ", ".join(
        f"{p.name}=_default_{p.name}" if p.default is not p.empty else str(p) for p in plain
    )
    given = ", ".join(f"*{n}" if cls.variadic else n for n in cls.inputs)
    return signature, given, ", ".join(cls.params)


def _compile(cls: type[Op], name: str, signature: str, body: str, **names: Any) -> Any:
    """A function with a real signature, as ``dataclass`` makes its ``__init__``."""
    parameters = inspect.signature(cls.forward).parameters.values()
    defaults = {f"_default_{p.name}": p.default for p in parameters if p.default is not p.empty}
    scope = {"_apply": apply, "_op": cls, **defaults, **names}
    source = f"def {name}({signature}):\n    return {body}"
    exec(compile(source, __file__, "exec"), scope)  # a frame of ours when a user's line is sought
    return scope[name]


def _signature_function(cls: type[Op], name: str) -> Callable[..., Any]:
    """The op on Tensors, with forward's own signature."""
    signature, given, params = _arguments(cls)
    tuple_of = f"({params},)" if params else "()"
    return _compile(cls, name, signature, f"_apply(_op, ({given},), {tuple_of})")  # type: ignore[no-any-return]


def _with_out(cls: type[Op], name: str, raw: Callable[..., Any]) -> Callable[..., Any]:
    """The public function: the op's signature and torch's ``out=``."""
    if cls.outputs != 1 or cls.variadic:
        return raw
    signature, given, params = _arguments(cls)
    both = ", ".join(filter(None, (given, params)))
    body = f"_raw({both}) if out is None else _into(out, _raw({both}))"
    star = signature if "*" in signature else f"{signature}, *"
    return _compile(cls, name, f"{star}, out=None", body, _raw=raw, _into=into)  # type: ignore[no-any-return]


def into(out: Any, result: Any) -> Any:
    """Write a result to the tensor given as ``out=``, which takes its shape."""
    if not isinstance(out, TensorBase):
        raise TypeError(f"argument 'out' must be Tensor, not {type(out).__name__}")
    if out._node is not None or result._node is not None:
        raise RuntimeError(
            "functions with out=... arguments don't support automatic differentiation, but one of "
            "the arguments requires grad."
        )
    out.resize_(result.shape)
    out.copy_(result)
    return out


def _name(fn: Any, name: str, doc: str) -> None:
    fn.__name__ = fn.__qualname__ = name
    fn.__doc__ = inspect.cleandoc(doc)
    fn.__module__ = "minigrad"


def snake(name: str) -> str:
    """``LogSoftmax`` -> ``log_softmax``."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
