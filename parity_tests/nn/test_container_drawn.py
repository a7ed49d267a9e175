"""Containers through drawn histories of calls: the same results, contents, texts and errors."""

from __future__ import annotations

from collections import OrderedDict
from random import Random
from typing import Any

import pytest

from parity_tests.sidebyside import both_agree, raised

SEEDS = pytest.mark.parametrize("seed", range(30))

INDEX = ["0", "1", "-1", "-2", "7", "-9", "'0'", "1.0", "None"]
SLICE = ["[:]", "[1:]", "[:-1]", "[::2]", "[::-1]", "[5:]", "[1:1]"]
MODULE = ["nn.ReLU()", "nn.Tanh()", "nn.Linear(2, 2)", "None", "3", "int", "print"]
MODULES = [
    "[]", "[nn.ReLU()]", "[nn.ReLU(), nn.Tanh()]", "nn.Sequential(nn.ELU())", "3", "[3]",
    "(nn.ReLU() for _ in range(2))", "nn.ModuleList([nn.Tanh()])", "{'a': nn.ReLU()}", "None",
    "torch.ones(2)",
]  # fmt: skip
NAME = ["'a'", "'b'", "'c'", "'x.y'", "''", "'keys'", "3", "None"]
PAIRS = [
    "{'a': nn.ReLU(), 'q': nn.Tanh()}", "[('b', nn.ELU())]", "[('b', nn.ELU(), 3)]", "3", "[3]",
    "OrderedDict(z=nn.ReLU(), y=nn.Tanh())", "nn.ModuleDict({'m': nn.ELU()})", "[('a', 3)]",
    "{'a.b': nn.ReLU()}", "{}", "zip(['k', 'l'], [nn.ReLU(), nn.Tanh()])", "None",
]  # fmt: skip
VALUE = [
    "torch.ones(2)",
    "nn.Parameter(torch.zeros(1, 2))",
    "3",
    "'text'",
    "None",
    "torch.ones(())",
]
VALUES = [
    "[]", "[torch.ones(1)]", "(torch.ones(1), 3)", "nn.ParameterList([torch.zeros(1)])", "3",
    "(torch.ones(1) for _ in range(2))", "torch.ones(2)", "None",
]  # fmt: skip
TENSORS = [
    "{'q': torch.ones(1), 'a': nn.Parameter(torch.zeros(2))}", "[('b', torch.ones(3))]", "3", "[3]",
    "OrderedDict(z=torch.ones(1), y=4)", "nn.ParameterDict({'m': torch.ones(1)})", "{'a.b': 3}",
    "[('b', torch.ones(1), 3)]", "{}", "zip(['k', 'l'], [torch.ones(1), 5])", "None",
]  # fmt: skip

CALLS = {
    "Sequential": [
        ("c[{}]", INDEX), ("c{}", SLICE), ("c.append({})", MODULE),
        ("c.insert({}, {})", INDEX, MODULE), ("c.extend({})", MODULES), ("c.pop({})", INDEX),
        ("c + {}", MODULES), ("c * {}", INDEX),
        ("{} * c", INDEX), ("c.__iadd__({})", MODULES), ("c.__imul__({})", INDEX),
        ("c.__setitem__({}, {})", INDEX, MODULE), ("c.__delitem__({})", INDEX),
        ("exec('del c{}')", SLICE), ("len(c)",), ("list(c)",), ("c.__delitem__(slice(0, 2))",),
        ("c.add_module({}, {})", NAME, MODULE),
    ],
    "ModuleList": [
        ("c[{}]", INDEX), ("c{}", SLICE), ("c.append({})", MODULE),
        ("c.insert({}, {})", ["0", "len(c)"], ["nn.ELU()", "nn.Linear(2, 2)"]),
        ("c.extend({})", MODULES), ("c.pop({})", INDEX), ("c.pop(slice(0, 1))",),
        ("c + {}", MODULES),
        ("c.__iadd__({})", MODULES), ("c.__setitem__({}, {})", INDEX, MODULE),
        ("c.__delitem__({})", INDEX), ("c.__delitem__(slice(0, 2))",), ("len(c)",), ("list(c)",),
        ("list(reversed(list(c)))",),
    ],
    "ModuleDict": [
        ("c[{}]", NAME), ("c.update({})", PAIRS), ("c.pop({})", NAME), ("c.keys()",),
        ("list(c.values())",), ("list(c.items())",), ("{} in c", NAME),
        ("c.__setitem__({}, {})", NAME, MODULE), ("c.__delitem__({})", NAME), ("len(c)",),
        ("list(c)",), ("type(c)({})", PAIRS), ("c(1)",),
    ],
    "ParameterList": [
        ("c[{}]", INDEX), ("c{}", SLICE), ("c.append({})", VALUE), ("c.extend({})", VALUES),
        ("c.__iadd__({})", VALUES), ("c.__setitem__({}, {})", INDEX, VALUE), ("len(c)",),
        ("list(c)",),
        ("c.pop({})", INDEX), ("c.insert({}, {})", INDEX, VALUE), ("del_item(c, {})", INDEX),
        ("dir(c)[-1]",), ("c(1)",),
    ],
    "ParameterDict": [
        ("c[{}]", NAME), ("c.update({})", TENSORS), ("c.pop({})", NAME), ("list(c.keys())",),
        ("list(c.values())",), ("list(c.items())",), ("{} in c", NAME),
        ("c.__setitem__({}, {})", NAME, VALUE), ("c.__delitem__({})", NAME), ("len(c)",),
        ("list(reversed(c))",), ("c.get({}, {})", NAME, VALUE),
        ("c.setdefault({}, {})", NAME, VALUE),
        ("c.popitem()",), ("c.copy()",), ("c.fromkeys(['x', 'y'], {})", VALUE), ("c | {}", TENSORS),
        ("{} | c", TENSORS), ("c.__ior__({})", TENSORS), ("type(c)({})", TENSORS), ("c(1)",),
        ("c.setdefault({})", NAME), ("c.get({})", NAME),
    ],
}  # fmt: skip
FIRST = {
    "Sequential": "nn.Sequential(nn.ReLU(), nn.Linear(2, 2))",
    "ModuleList": "nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.Tanh()])",
    "ModuleDict": "nn.ModuleDict({'b': nn.ReLU(), 'a': nn.Tanh()})",
    "ParameterList": "nn.ParameterList([torch.ones(2), 3, torch.zeros(1, 2)])",
    "ParameterDict": "nn.ParameterDict({'b': torch.ones(2), 'a': 3})",
}


def del_item(container: Any, index: Any) -> None:
    del container[index]


def told(value: Any) -> Any:
    """A result as something that can be compared: iterators and views as lists."""
    if isinstance(value, (list, tuple)):
        return [told(v) for v in value]
    return repr(value)


@SEEDS
@pytest.mark.parametrize("kind", CALLS)
@both_agree
def test_history(torch: Any, kind: str, seed: int) -> Any:
    draw = Random(seed)
    names = {"torch": torch, "nn": torch.nn, "OrderedDict": OrderedDict, "del_item": del_item}
    torch.manual_seed(seed)
    container = eval(FIRST[kind], names)
    found: list[Any] = []

    def run(call: str) -> None:
        found.append([call, told(eval(call, names | {"c": container}))])

    def look() -> None:
        found.append([repr(container), list(container.state_dict())])

    for _ in range(12):
        form, *choices = draw.choice(CALLS[kind])
        call = form.format(*(draw.choice(c) for c in choices))
        # A name that was refused stays in the list of names, and breaks the container's text.
        found += [call, raised(run, call), raised(look), len(container)]
    return found
