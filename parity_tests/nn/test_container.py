"""Containers: access, growth, printed form and messages are torch's."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from parity_tests.sidebyside import both_agree, raised


@both_agree
def test_sequential_access(torch: Any) -> Any:
    nn = torch.nn
    net = nn.Sequential(nn.ReLU(), nn.Tanh(), nn.Sigmoid())
    named = nn.Sequential(OrderedDict(a=nn.ReLU(), b=nn.Tanh(), c=nn.ELU()))
    return [
        [net[0], net[-1], net[1:], net[0:0], len(net), list(net)],
        [named[0:2], named.b, named[-1]],
        [raised(lambda: net[5]), raised(lambda: net[-4]), raised(lambda: net["a"])],
        [raised(lambda: nn.Sequential(3)), raised(lambda: nn.Sequential([nn.ReLU()]))],
        nn.Sequential()(3),
        nn.Sequential(*net)(torch.zeros(1)),
    ]


@both_agree
def test_sequential_growth(torch: Any) -> Any:
    nn = torch.nn
    net = nn.Sequential(nn.ReLU(), nn.Tanh())
    steps = []
    for change in (
        lambda: net.append(nn.Sigmoid()),
        lambda: net.insert(1, nn.Softplus()),
        lambda: net.insert(-1, nn.ELU()),
        lambda: net.extend([nn.ReLU()]),
        lambda: net + nn.Sequential(nn.ReLU()),
        lambda: net * 2,
        lambda: 2 * net,
        lambda: net.pop(0),
        lambda: net.pop(-1),
        lambda: net.__setitem__(0, nn.ReLU6()),
        lambda: net.__delitem__(slice(0, 2)),
        lambda: net.__iadd__(nn.Sequential(nn.Tanh())),
        lambda: net.__imul__(2),
    ):
        steps.append([change(), repr(net)])
    errors = [
        raised(lambda: net.append(3)),
        raised(lambda: net.insert(90, nn.ReLU())),
        raised(lambda: net + 3),
        raised(lambda: net * 0),
        raised(lambda: net * 1.5),
        raised(lambda: net.extend(3)),
    ]
    return [steps, errors]


@both_agree
def test_named_sequential_is_renumbered_when_shortened(torch: Any) -> Any:
    nn = torch.nn
    net = nn.Sequential(OrderedDict(a=nn.ReLU(), b=nn.Tanh(), c=nn.ELU()))
    del net[0]
    return net


@both_agree
def test_module_list(torch: Any) -> Any:
    nn = torch.nn
    layers = nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.Linear(2, 2), nn.Linear(2, 2), nn.Tanh()])
    printed = [repr(layers), repr(nn.ModuleList()), repr(layers[1:3]), repr(layers + layers)]
    steps = [layers.pop(0), layers.insert(0, nn.ELU()), layers.append(nn.ReLU()), layers.extend([])]
    del layers[1]
    del layers[0:2]
    errors = [
        raised(lambda: layers[7]),
        raised(lambda: layers(1)),
        raised(lambda: layers.extend(3)),
        raised(lambda: layers.append(3)),
        raised(lambda: layers["a"]),
    ]
    return [printed, steps, layers, errors, list(layers.state_dict())]


@both_agree
def test_module_dict(torch: Any) -> Any:
    nn = torch.nn
    choices = nn.ModuleDict({"b": nn.ReLU(), "a": nn.Tanh()})
    choices.update([("c", nn.ELU())])
    choices["d"] = nn.ReLU()
    del choices["d"]
    errors = [
        raised(lambda: choices["q"]),
        raised(lambda: choices(1)),
        raised(lambda: choices.update(3)),
        raised(lambda: choices.update([("x", nn.ReLU()), (1,)])),
        raised(lambda: choices.update([3])),
        raised(lambda: choices.update({"a": 3})),
        raised(lambda: choices.__setitem__(1, nn.ReLU())),
    ]
    return [
        repr(choices),
        list(choices),
        list(choices.values()),
        list(choices.items()),
        "b" in choices,
        choices.pop("b"),
        len(choices),
        errors,
        choices.clear(),
        choices,
    ]


@both_agree
def test_parameter_list(torch: Any) -> Any:
    nn = torch.nn
    members = nn.ParameterList([torch.ones(2), nn.Parameter(torch.ones(2, 3)), 3])
    members.append(torch.zeros(1)).extend([torch.zeros(1)])
    members[0] = torch.zeros(1)
    errors = [
        raised(lambda: members[9]),
        raised(lambda: members(1)),
        raised(lambda: nn.ParameterList(3)),
        raised(lambda: nn.ParameterList(torch.ones(3))),
    ]
    return [
        repr(members),
        repr(nn.ParameterList()),
        repr(nn.ParameterList([torch.ones(1)])),
        repr(members[0:2]),
        members[-1],
        len(members),
        list(members.state_dict()),
        list(members),
        errors,
    ]


@both_agree
def test_parameter_dict(torch: Any) -> Any:
    nn = torch.nn
    members = nn.ParameterDict({"b": torch.ones(2), "a": nn.Parameter(torch.ones(1)), "c": 3})
    members.update([("z", torch.zeros(1)), ("y", 4)])
    joined = members | nn.ParameterDict({"new": torch.ones(1)})
    errors = [
        raised(lambda: members["missing"]),
        raised(lambda: members(1)),
        raised(lambda: members.update(3)),
        raised(lambda: members.update([("a", 1), (1,)])),
        raised(lambda: nn.ParameterDict({"a.b": torch.ones(1)})),
        raised(lambda: nn.ParameterDict({1: torch.ones(1)})),
    ]
    return [
        repr(members),
        repr(joined),
        repr(nn.ParameterDict()),
        list(members.keys()),
        list(members.items()),
        list(members.values()),
        members.get("q", 4),
        members.setdefault("q"),
        members.pop("a"),
        members.popitem(),
        list(reversed(members)),
        repr(members.fromkeys(["x", "y"], 1)),
        repr(members.copy()),
        "b" in members,
        len(members),
        errors,
    ]
