"""The records of all public operations, from which all else follows.

One record gives the Tensor method, the function, the in-place method, the stub row, the docs row,
the parity test, the hypothesis gradient checks, the error test, the backend test and the benchmark
row. Nobody writes any of those by hand for an ordinary op.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from minigrad.autograd.apply import apply
from minigrad.autograd.arguments import OPERANDS
from minigrad.autograd.fronts import front as front_of
from minigrad.autograd.inplace import in_place, write
from minigrad.autograd.op import Binary, Op, Unary, prepare, tensors
from minigrad.autograd.out import EXACT, into, with_out
from minigrad.autograd.overriding import show_all
from minigrad.autograd.record import (
    Call,
    Domain,
    Record,
    T,
    booleans,
    call,
    integers,
    matrices,
    pivots,
    places,
    reals,
    spread,
)
from minigrad.autograd.shortcuts import short_cut
from minigrad.autograd.signatures import names_of, show, with_option, without_first
from minigrad.autograd.tensor_base import TensorBase

OpClass = TypeVar("OpClass", bound=type[Op])
Fn = TypeVar("Fn", bound=Callable[..., Any])
REGISTRY: dict[str, Record] = {}
ALL_OPS: list[type[Op]] = []  # those for derivatives, which have no record, too
NAMESPACES: list[tuple[str, dict[str, Any]]] = []  # modules that show the functions of a place
# A name (or an alias) that begins with one of these stands there alone: `linalg_inv` is linalg.inv.
PREFIXES = {
    "torch": "torch_",
    "linalg": "linalg_",
    "special": "special_",
    "nn.functional": "functional_",
}


def names_in(where: str, record: Record) -> list[str]:
    """The names under which a record's function is found in a place.

    >>> names_in("special", REGISTRY["exp"]), names_in("torch", REGISTRY["exp"])
    ([], ['exp'])
    """
    found, own = [], PREFIXES.get(where)
    for name in (record.name, *record.aliases):
        if own is not None and name.startswith(own):
            found.append(name.removeprefix(own))
        elif where in record.where and not name.startswith(tuple(PREFIXES.values())):
            found.append(name)
    return found


def functions_in(where: str, record: Record) -> dict[str, Callable[..., Any]]:
    """A record's functions in a place: under its names, and the in-place forms if they stand there.

    >>> sorted(functions_in("nn.functional", REGISTRY["relu"]))
    ['relu', 'relu_']
    """
    names = names_in(where, record)
    found = dict.fromkeys(names, record.function)
    if where in record.inplace_in:
        found.update({f"{name}_": _in_place_form(record, name, where) for name in names})
    return found


def publish(where: str, namespace: dict[str, Any]) -> list[str]:
    """Fill a module with the functions of one place, now and whenever one is registered later.

    Returns the names that it has now.
    """
    NAMESPACES.append((where, namespace))
    found = {
        name: fn for record in REGISTRY.values() for name, fn in functions_in(where, record).items()
    }
    show_all(namespace, found)
    return sorted(found)


def register(
    name: str | None = None,
    *,
    public: Callable[..., Any] | None = None,
    arguments: Callable[..., Any] | None = None,
    internal: bool = False,
    out: bool | str = False,
    quick: bool = False,
    **facts: Any,
) -> Callable[[OpClass], OpClass]:
    """Enter an op class: prepare it, build its function, attach it, and keep its record.

    An ``internal`` op is for derivatives, as ``F.<name>``, and has no record. ``public`` is the
    function that users call, where it is more than the op; ``out`` gives it torch's ``out=``,
    ``out="apart"`` one of the result's dtype that shares no memory with an argument; ``quick``
    says that it refuses wrong arguments itself, and is called with no step between. An op that
    writes may give ``arguments`` instead, which makes of a user's arguments the op's tensors and
    parameters: both ``name`` and ``name_``, which writes straight to memory, follow.
    """

    def enter(cls: OpClass) -> OpClass:
        own = name or snake(cls.__name__)
        if hasattr(tensors, own):
            raise ValueError(f"two operations are called {own!r}")
        prepare(cls, own)
        ALL_OPS.append(cls)
        short: Any = short_cut(cls)
        show(short, lambda: without_first(cls.forward))
        cls.short = short
        direct = not cls.params and names_of(short) == cls.inputs  # else it takes no keywords
        raw: Any = short if direct else _on_tensors(cls)
        setattr(tensors, own, raw)
        if internal:
            return cls
        front = public or getattr(cls, "public", None)
        if arguments is not None:
            front = _two_forms(cls, arguments)
            facts.setdefault("inplace", True)
        if front:
            method: Any = front if quick else front_of(front, cls)
            method.written = getattr(front, "written", None)
            function = with_out(front, out == "apart", cls) if out else method
        else:
            method = raw if direct or cls.variadic else _on_tensors(cls, checked=True)
            function = _with_out(cls, method)
        for fn in (function, method):
            _name(fn, own, cls.__doc__ or "", facts.get("where", ("torch",)))
        facts.setdefault("torch", own)
        record = Record(
            name=own, function=function, method=method, doc=cls.__doc__ or "", op=cls, **facts
        )
        _attach(record)
        return cls

    return enter


def function(
    name: str | None = None, *, out: bool | str = False, quick: bool = False, **facts: Any
) -> Callable[[Fn], Fn]:
    """Enter a function that is written in terms of ops and needs no derivative of its own.

    ``out`` gives the public form torch's ``out=``; both options as for :func:`register`.
    """

    def enter(fn: Fn) -> Fn:
        own = name or fn.__name__
        facts.setdefault("torch", own)
        method: Any = fn if quick else front_of(fn)
        public = with_out(fn, out == "apart") if out else method
        for found in () if quick else (method, public):
            _name(found, own, fn.__doc__ or "", facts.get("where", ("torch",)))
        _attach(Record(name=own, function=public, method=method, doc=fn.__doc__ or "", **facts))
        return fn

    return enter


# The operators that Python has with an assignment: `x += y` is `x.__iadd__(y)`.
WITH_ASSIGNMENT = {
    "__add__",
    "__sub__",
    "__mul__",
    "__div__",
    "__truediv__",
    "__floordiv__",
    "__mod__",
    "__pow__",
    "__and__",
    "__or__",
    "__xor__",
    "__lshift__",
    "__rshift__",
}


def _attach(record: Record) -> None:
    """Keep a record, and give Tensor its methods and operators."""
    record.function.__doc__ = record.method.__doc__ = documented(record)
    if record.name in REGISTRY:
        raise ValueError(f"two operations are called {record.name!r}")
    REGISTRY[record.name] = record
    for where, namespace in NAMESPACES:
        show_all(namespace, functions_in(where, record))
    for name in names_in("Tensor", record):
        setattr(TensorBase, name, record.method)
        if record.inplace:
            setattr(TensorBase, f"{name}_", _in_place_form(record, name, "Tensor"))
    if record.dunder and "Tensor" in record.where:
        operator = _operator(record)
        operator.__name__ = record.name  # which classes that are asked are told
        for name in record.dunder:
            setattr(TensorBase, name, operator)
            if record.inplace and name in WITH_ASSIGNMENT:
                inplace = getattr(TensorBase, f"{record.name}_")
                setattr(TensorBase, f"__i{name[2:]}", _declining(inplace))


def _two_forms(cls: type[Op], arguments: Callable[..., Any]) -> Callable[..., Any]:
    """The function of an op that writes into its first argument, and with it the method."""

    def front(*args: Any, **kwargs: Any) -> Any:
        return apply(cls, *arguments(*args, **kwargs))

    def written(self: Any, *args: Any, **kwargs: Any) -> Any:
        inputs, params = arguments(self, *args, **kwargs)
        return write(cls, self, inputs[1:], params)

    form: Any = front
    form.written = written
    show(front, lambda: inspect.signature(arguments))
    return front


@functools.cache
def _in_place_form(record: Record, name: str, where: str) -> Callable[..., Any]:
    """The one in-place form of a function in a place; ``Tensor`` has one of its own."""
    method: Any = getattr(record.method, "written", None) or in_place(record.function, record.op)
    _name(method, f"{name}_", f"In-place form of :meth:`{name}`.", (where,))
    method.__wrapped__ = record.method  # where `inspect.signature` finds its arguments
    return method  # type: ignore[no-any-return]


def _operator(record: Record) -> Callable[..., Any]:
    """The operator form: for operands that it does not know, Python may ask the other side."""
    if record.op is not None and len(record.op.inputs) == 2:
        return short_cut(record.op, operator=True) or _declining(record.method, record.function)
    two = record.dunder[0].startswith(("__r", "__matmul"))
    return _declining(record.method, record.function) if two else record.function


def _declining(fn: Callable[..., Any], loud: Any = None) -> Callable[..., Any]:
    """An operator that leaves operands that it does not know to Python, and so to NumPy.

    ``loud`` is the same function where it has torch's words for wrong arguments.
    """

    def operator(self: Any, other: Any) -> Any:
        try:
            return fn(self, other)
        except TypeError:
            if not isinstance(other, OPERANDS):
                return NotImplemented
            if loud is None:
                raise
        return loud(self, other)

    _name(operator, fn.__name__, fn.__doc__ or "", ("Tensor",))
    return operator


def _on_tensors(cls: type[Op], checked: bool = False) -> Callable[..., Any]:
    """The op on Tensors, called as its forward is, without ``xp``."""
    if not cls.variadic:
        found = front_of(cls.short, cls, None, lambda: without_first(cls.forward), checked)
        found.__name__ = cls.name
        return found

    def raw(*args: Any, **params: Any) -> Any:
        return apply(cls, args, tuple([params[name] for name in cls.params]))

    show(raw, lambda: without_first(cls.forward))
    return raw


def _with_out(cls: type[Op], raw: Callable[..., Any]) -> Callable[..., Any]:
    """The public function: the op's signature and torch's ``out=``."""
    if cls.outputs != 1 or cls.variadic:
        return raw

    short: Any = short_cut(cls, depth=2)
    if cls.params or names_of(short) != cls.inputs:
        return with_out(short, op=cls, signature=lambda: without_first(cls.forward))

    exact = cls.name in EXACT

    def one(input: Any, *, out: Any = None) -> Any:
        return short(input) if out is None else into(out, short(input), exact, (input,))

    def two(input: Any, other: Any, *, out: Any = None) -> Any:
        result = short(input, other)
        return result if out is None else into(out, result, False, (input, other))

    public: Any = one if len(cls.inputs) == 1 else two
    show(public, lambda: with_option(inspect.signature(raw)))
    return public  # type: ignore[no-any-return]


TORCH_PAGES = "https://docs.pytorch.org/docs/stable/generated/torch."


def documented(record: Record) -> str:
    """An op's docstring, with what its claims say where the author did not: shapes, types, source.

    >>> print(documented(REGISTRY["exp"]).split("Shape:")[1].splitlines()[0].strip())
    any; the output has the same
    """
    doc, op = record.doc, record.op
    found = re.search(r"\n\n( *)>>>", doc)
    margin = found[1] if found else "    "
    text, rest = (doc[: found.start()], doc[found.start() :]) if found else (doc.rstrip(), "")
    lines = []
    if op is not None and "Shape:" not in doc and issubclass(op, (Unary, Binary)):
        one = "any; the output has the same"
        lines.append(f"Shape:     {one if issubclass(op, Unary) else 'both broadcast to one'}")
    if op is not None and op.promotes in ("common", "float") and "Dtypes:" not in doc:
        both = "the arguments are promoted to one" if len(op.inputs) > 1 else "any"
        floats = "; integers and bools are taken as the default float"
        lines.append(f"Dtypes:    {both}{floats if op.promotes == 'float' else ''}")
    if op is not None and "Raises:" not in doc:
        shapes = "RuntimeError if shapes do not fit; " if op.broadcasts else ""
        lines.append(f"Raises:    {shapes}TypeError if the first argument is not a Tensor")
    if record.torch and "__" not in record.torch and "Source:" not in doc:
        lines.append(f"Source:    {TORCH_PAGES}{record.torch}.html")
    if not lines:
        return doc
    gap = "\n" if "Formula:" in text or "Shape:" in text else "\n\n"
    return text + gap + "\n".join([margin + line for line in lines]) + rest


def _name(fn: Any, name: str, doc: str, where: Sequence[str]) -> None:
    """Give a function its name, and say where it is found again, by pickle for one.

    Its ``__name__`` is torch's, which has the place in it for linear algebra and `special`.
    """
    place = next((p for p, prefix in PREFIXES.items() if name.startswith(prefix)), where[0])
    shown = name.removeprefix(PREFIXES.get(place, ""))
    fn.__name__ = name if place in ("linalg", "special") else shown
    fn.__qualname__, fn.__doc__ = shown, doc
    fn.__module__ = "minigrad" if place in ("torch", "Tensor") else f"minigrad.{place}"


def snake(name: str) -> str:
    """``LogSoftmax`` -> ``log_softmax``."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


__all__ = [
    "ALL_OPS",
    "PREFIXES",
    "REGISTRY",
    "Call",
    "Domain",
    "Record",
    "T",
    "booleans",
    "call",
    "documented",
    "function",
    "functions_in",
    "integers",
    "into",
    "matrices",
    "names_in",
    "pivots",
    "places",
    "publish",
    "reals",
    "register",
    "snake",
    "spread",
]
