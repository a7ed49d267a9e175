"""The API reference: every public name of every public module, as it is when the site is built.

The modules are looked at, not read: most names come out of the registry of ops, and no reader of
source files would find them.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import minigrad
from docs.site import docstrings
from docs.site.op_pages import signature
from minigrad.autograd.registry import REGISTRY, functions_in

# Rooms without an interface of their own: ops are shown where users find them.
INNER = re.compile(
    r"minigrad\.(ops|kernels|cli|backend|version|__main__)\b|minigrad\.nn\.modules\.|.*\._"
)
ALSO = {"minigrad.errors", "minigrad.settings"}  # what is raised, and what is set


@functools.cache
def modules() -> dict[str, ModuleType]:
    """The public modules: the packages, and what a public package names or does not choose from."""
    found = {"minigrad": minigrad}
    infos = list(pkgutil.walk_packages(minigrad.__path__, "minigrad."))
    for info in sorted(infos, key=lambda i: i.name.count(".")):
        above, _, own = info.name.rpartition(".")
        if INNER.match(info.name) or above not in found:
            continue
        chosen = getattr(found[above], "__all__", None)
        if info.ispkg or chosen is None or own in names(found[above]) or info.name in ALSO:
            module = importlib.import_module(info.name)
            if info.ispkg or names(module):
                found[info.name] = module
    return dict(sorted(found.items()))


def names(module: ModuleType) -> list[str]:
    """The public names of a module, with what it imports when it is asked."""
    chosen = getattr(module, "__all__", None)
    if chosen is None:
        own = vars(module).items()
        chosen = [n for n, value in own if n[0] != "_" and is_defined_by_us(value)]
    return sorted({*chosen, *getattr(module, "_LATER", {})})


def is_defined_by_us(value: Any) -> bool:
    """Whether it is a class, a function or a module of minigrad's."""
    home = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", "")
    return callable(value) | isinstance(value, ModuleType) and str(home).startswith("minigrad")


def navigation() -> list[Any]:
    """The modules as MkDocs wants them, those of one package together."""
    groups: dict[str, list[Any]] = {}
    for name in modules():
        entry = {name.removeprefix("minigrad."): f"reference/{name}.md"}
        groups.setdefault(".".join(name.split(".")[:2]), []).append(entry)
    return [
        entries[0] if len(entries) == 1 else {name.removeprefix("minigrad."): entries}
        for name, entries in groups.items()
    ]


def pages() -> Iterator[tuple[str, str]]:
    """Path and content of each page."""
    for name in modules():
        yield f"reference/{name}.md", page(name)


def page(name: str) -> str:
    """A module: its docstring, a table of its names, and what is at home here."""
    module = modules()[name]
    parts = [f"# `{name}`\n", docstrings.markdown(module.__doc__)]
    rows, sections = [], []
    for own in names(module):
        value = getattr(module, own)
        goal, told = place(name, own, value)
        rows.append(f"| [`{own}`]({goal}) | {told} |" if goal else f"| `{own}` | {told} |")
        if goal == f"#{anchor(name, own)}":
            sections.append(section(name, own, value))
    if name == "minigrad":
        sections.append(tensor())
    table = "| name | |\n| --- | --- |\n" + "\n".join(rows) + "\n"
    return "\n".join([*parts, table, *sections])


def anchor(module: str, name: str) -> str:
    """The anchor of a name on its module's page."""
    return f"{module}.{name}"


@functools.cache
def ops() -> dict[int, str]:
    """The page of each function that the registry made."""
    found = {}
    for record in REGISTRY.values():
        for where in ("torch", "nn.functional", "linalg", "special"):
            for function in functions_in(where, record).values():
                found[id(function)] = record.name
        found[id(record.function)] = found[id(record.method)] = record.name
    return found


@functools.cache
def homes() -> dict[int, tuple[str, str]]:
    """The first module, and the name there, that shows each class and function."""
    found: dict[int, tuple[str, str]] = {}
    for name in sorted(modules(), key=lambda n: (n.count("."), n)):
        for own in names(modules()[name]):
            value = getattr(modules()[name], own)
            if callable(value) or isinstance(value, ModuleType):
                found.setdefault(id(value), (name, own))
    return found


def place(module: str, name: str, value: Any) -> tuple[str, str]:
    """Where a name is described, seen from its module's page, and a line on it."""
    if isinstance(value, ModuleType):
        known = value.__name__ in modules()
        return (f"{value.__name__}.md" if known else ""), docstrings.summary(value.__doc__)
    if not callable(value):
        return "", f"`{str(value)[:60]}`" if not isinstance(value, dict | list | tuple) else ""
    told = docstrings.summary(inspect.getdoc(value))
    if id(value) in ops():
        return f"../ops/{ops()[id(value)]}.md", told
    home, own = homes()[id(value)]
    return f"{'' if home == module else f'{home}.md'}#{anchor(home, own)}", told


def section(module: str, name: str, value: Any) -> str:
    """A class or function."""
    text = f"## `{name}` {{ #{anchor(module, name)} }}\n\n{call(f'{module}.{name}', value)}"
    text += docstrings.markdown(inspect.getdoc(value))
    if inspect.isclass(value):
        text += "".join(method(module, name, own, value.__dict__[own]) for own in methods(value))
    return text


def call(name: str, value: Any) -> str:
    """How it is called."""
    try:
        shown = signature(value)
    except (TypeError, ValueError):  # no Python code: an exception, a type of Python
        return ""
    shown = re.sub(r"<[^>]* at 0x[0-9a-f]+>|<(function|class|factory)[^>]*>", "...", shown)
    return f"```python\n{name}{shown}\n```\n\n"


def methods(cls: type) -> list[str]:
    """The public methods and properties that a class itself defines and describes."""
    return [
        name
        for name, value in sorted(cls.__dict__.items())
        if not name.startswith("_") and inspect.getdoc(plain(value)) and described(plain(value))
    ]


def plain(value: Any) -> Any:
    """The function in a static method, class method or property."""
    return getattr(value, "__func__", getattr(value, "fget", None) or value)


def described(value: Any) -> bool:
    """Whether it is a function, or something that stands for one."""
    return inspect.isfunction(value) or isinstance(value, functools.cached_property)


def method(module: str, cls: str, name: str, value: Any) -> str:
    """One method."""
    found = plain(value)
    shown = "" if isinstance(value, property) else call(f"{cls}.{name}", found)
    head = f"#### `{cls}.{name}` {{ #{anchor(module, cls)}.{name} }}\n\n"
    return f"\n{head}{shown}{docstrings.markdown(inspect.getdoc(found))}"


def tensor() -> str:
    """The Tensor's methods: the ops', and those that are its own."""
    cls = minigrad.Tensor
    known = {n: r.name for r in REGISTRY.values() for n in op_methods(r)}
    rows, sections = [], []
    for name in sorted(n for n in dir(cls) if not n.startswith("_")):
        value = inspect.getattr_static(cls, name)
        told = docstrings.summary(inspect.getdoc(plain(value)))
        if name in known:
            rows.append(f"| [`{name}`](../ops/{known[name]}.md) | {told} |")
        elif described(plain(value)):
            rows.append(f"| [`{name}`](#minigrad.Tensor.methods.{name}) | {told} |")
            sections.append(method("minigrad", "Tensor.methods", name, value))
        else:
            rows.append(f"| `{name}` | {told} |")
    head = "## Methods of `Tensor` { #minigrad.Tensor.methods }\n\n| name | |\n| --- | --- |\n"
    return head + "\n".join(rows) + "\n" + "".join(sections)


def op_methods(record: Any) -> list[str]:
    """The names of an op's methods."""
    from minigrad.autograd.registry import names_in

    found = names_in("Tensor", record)
    return found + [f"{name}_" for name in found if record.inplace]
