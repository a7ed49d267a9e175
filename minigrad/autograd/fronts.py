"""The functions that users call: an op's own signature, checks of the arguments, torch's ``out=``.

What Python would do with ``*args, **kwargs`` at each call is written out as source when a function
is first called, so that a right call costs next to nothing::

    def sum(input, dim=..., keepdim=False, *, dtype=None, out=None):
        try:
            if keepdim.__class__ is not bool or ...:
                about.check(...)
            _result = fn(input, dim, keepdim, dtype=dtype)
        except about.symptoms as _error:
            ...
        return _result if out is None else about.into(out, _result, ...)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minigrad.autograd.graph import OUR_FILES
from minigrad.autograd.op import Op
from minigrad.autograd.overriding import answer, changing, own_form
from minigrad.autograd.refusals import SYMPTOMS, check, kind_of, refusal, whole
from minigrad.autograd.signatures import NOT_GIVEN, show, with_option
from minigrad.backend import Cards as Cards  # for what is written
from minigrad.backend import there as there
from minigrad.dtypes import dtype

# The file that tracebacks name, and that no search for the user's line ends at.
WRITTEN = "<written by minigrad.autograd.fronts>"
OUR_FILES.add(WRITTEN)

# When a value of each kind is not of the usual class, and is to be looked at.
_INTS = "{0}.__class__ is not int and not about.whole({0})"
_NUMBER = "{0}.__class__ is not float and {0}.__class__ is not int"
UNUSUAL = {
    "bool": "{0}.__class__ is not bool",
    "int": "{0}.__class__ is not int",
    "tuple of ints": _INTS,
    "int or tuple of ints": _INTS,
    "float": _NUMBER,
    "Number": _NUMBER,
    "str": "{0}.__class__ is not str",
    "torch.dtype": "{0}.__class__ is not about.dtype",
}

STARS: dict[Any, str] = {
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.VAR_KEYWORD: "**",
}
Into = Callable[[Any, Any, Mapping[str, Any]], Any]


class About:
    """What a function is written from, and what its code asks when something is unusual."""

    __slots__ = ("checked", "into", "op", "public", "signature")
    symptoms, dtype, whole = SYMPTOMS, dtype, staticmethod(whole)
    check, refusal = check, refusal

    def answer(self, values: Mapping[str, Any]) -> tuple[Any] | None:
        """What an argument that is no tensor says of the call itself."""
        return answer(self.public, values)

    def __init__(self, op: type[Op] | None, into: Into | None, find: Any, checked: bool) -> None:
        self.op, self.into, self.signature, self.checked = op, into, find, checked
        self.public: Any = None


def front(
    fn: Callable[..., Any],
    op: type[Op] | None = None,
    into: Into | None = None,
    signature: Callable[[], inspect.Signature] | None = None,
    checked: bool = True,
) -> Callable[..., Any]:
    """A function as users see it; an argument of a wrong kind is torch's TypeError.

    ``into`` gives it an ``out=``; ``signature`` finds that of an ``fn`` that takes all in order.
    One that is not ``checked`` looks at its arguments only when a call has failed.

    >>> def scaled(input, times: int = 2): return input * times
    >>> front(scaled)(2, times=3)
    6
    """
    about = About(op, into, signature, checked)
    find = signature or (lambda: inspect.signature(fn))

    def public(*args: Any, **kwargs: Any) -> Any:
        write_out(fn, about)
        return about.public(*args, **kwargs)

    about.public = public
    show(public, find if into is None else lambda: with_option(find()))
    return public


def write_out(fn: Callable[..., Any], about: About) -> None:
    """Give a function the code that its source says."""
    out = about.into is not None
    found = about.signature() if about.signature else _signature(fn)
    parameters = [p for p in found.parameters.values() if not out or p.name != "out"]
    declared = _with_numpys_names(parameters)
    given = [p for p in declared if p.default is not p.empty]
    made: dict[str, Any] = {}
    source = _source(about.public.__name__, parameters, declared, about)
    exec(compile(source, WRITTEN, "exec"), globals(), made)
    named = {p.name: p.default for p in given if p.kind is p.KEYWORD_ONLY}
    with changing:
        public = own_form(about.public)
        # The code comes last: another thread may call the function now.
        public.__defaults__ = tuple([p.default for p in given if p.kind is not p.KEYWORD_ONLY])
        public.__kwdefaults__ = {**named, "out": None} if out else named
        public.__code__ = made["outer"](fn, about).__code__


def _signature(fn: Callable[..., Any]) -> inspect.Signature:
    """What a function takes: more than it shows, if it names its arguments itself."""
    own = inspect.signature(fn, follow_wrapped=False)
    named = any(p.kind is p.POSITIONAL_OR_KEYWORD for p in own.parameters.values())
    return own if named else inspect.signature(fn)


# NumPy's names of options, which torch takes too.
NUMPYS = {"axis": "dim", "keepdims": "keepdim"}


def _with_numpys_names(parameters: Sequence[inspect.Parameter]) -> list[inspect.Parameter]:
    """Parameters with those that stand for others; what must be given may be so by its other name.

    >>> def longest(input, dim): ...
    >>> _with_numpys_names(list(inspect.signature(longest).parameters.values()))[2].name
    'axis'
    """
    found = {p.name: p for p in parameters}
    if any(p.kind in STARS for p in parameters):
        return list(parameters)
    for other, own in NUMPYS.items():
        if own not in found or other in found:
            continue
        after = list(found.values())[list(found).index(own) + 1 :]
        if found[own].default is inspect.Parameter.empty:
            if any(p.default is p.empty for p in after):
                continue
            found[own] = found[own].replace(default=NOT_GIVEN)
        found[other] = inspect.Parameter(other, inspect.Parameter.KEYWORD_ONLY, default=NOT_GIVEN)
    return list(found.values())


def _renamed(
    name: str, parameters: Sequence[inspect.Parameter], declared: Sequence[inspect.Parameter]
) -> str:
    """What puts options given by NumPy's names under torch's."""
    needed = {p.name for p in parameters if p.default is p.empty}
    lines = []
    for p in declared[len(parameters) :]:
        own = NUMPYS[p.name]
        lines.append(f"if {p.name} is not NOT_GIVEN: {own} = {p.name}")
        if own in needed:
            missing = f"{name}() missing 1 required positional arguments: {own!r}"
            lines.append(f"if {own} is NOT_GIVEN: raise TypeError({missing!r})")
    return "\n        ".join(lines)


def _source(
    name: str,
    parameters: Sequence[inspect.Parameter],
    declared: Sequence[inspect.Parameter],
    about: About,
) -> str:
    """The source of a function of these parameters, inside of one that has ``fn`` and ``about``."""
    unusual = " or ".join(filter(None, [_unusual(p, about) for p in parameters]))
    look = f"if {unusual}:\n                about.check(locals())" if unusual else ""
    end = "_result if out is None else about.into(out, _result, locals())"
    return f"""
def outer(fn, about):
    def {name}({_declared(declared, about.into is not None)}):
        {_renamed(name, parameters, declared)}
        try:
            {look}
            _result = {_call(_passed(parameters, about.signature is not None), about)}
        except about.symptoms as _error:
            _answer = about.answer(locals())
            if _answer is not None:
                return _answer[0]
            _wrong = about.refusal(locals(), _error)
            if _wrong is None:
                raise
            raise _wrong from None
        return {end if about.into else "_result"}
    return {name}
"""


def _call(passed: str, about: About) -> str:
    """The call itself; where there are several cards, a function of several ops runs on its own."""
    call = f"fn({passed})"
    if about.signature is not None:  # an op's own: it goes there by itself
        return call
    return f"{call} if not Cards.several else there(lambda: {call}, locals())"


def _unusual(parameter: inspect.Parameter, about: About) -> str:
    """The condition in which a parameter's value is looked at; "" if that is never."""
    condition = UNUSUAL.get(kind_of(parameter, about.op), "").format(parameter.name)
    variadic = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    if not condition or variadic or not about.checked:
        return ""
    default = parameter.default
    if default is parameter.empty or isinstance(default, (bool, int, float, str, tuple)):
        return f"({condition})"
    is_default = "None" if default is None else "NOT_GIVEN"
    if default is not None and default is not NOT_GIVEN:
        return ""  # it may be of any kind, and so may be the value
    return f"({parameter.name} is not {is_default} and {condition})"


def _declared(parameters: Sequence[inspect.Parameter], out: bool) -> str:
    """What stands in the brackets of the definition; the defaults are set when it is there."""
    pieces, starred = [], False
    for p in parameters:
        if p.kind is p.KEYWORD_ONLY and not starred:
            pieces.append("*")
        if p.kind is p.VAR_KEYWORD and out:
            pieces += ["out=None"] if starred else ["*", "out=None"]
            out = False
        starred = starred or p.kind in (p.KEYWORD_ONLY, p.VAR_POSITIONAL)
        pieces.append(f"{STARS.get(p.kind, '')}{p.name}{'' if p.default is p.empty else '=None'}")
    if out:
        pieces += ["out=None"] if starred else ["*", "out=None"]
    return ", ".join(pieces)


def _passed(parameters: Sequence[inspect.Parameter], in_order: bool) -> str:
    """What stands in the brackets of the call."""
    return ", ".join(
        f"{p.name}={p.name}"
        if p.kind is p.KEYWORD_ONLY and not in_order
        else f"{STARS.get(p.kind, '')}{p.name}"
        for p in parameters
    )
