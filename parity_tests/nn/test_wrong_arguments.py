"""What every layer says of missing, surplus and unknown arguments is what torch says."""

from __future__ import annotations

from typing import Any

import pytest
import torch as oracle

import minigrad

LAYERS = [
    name
    for name, thing in vars(oracle.nn).items()
    if isinstance(thing, type)
    and issubclass(thing, oracle.nn.Module)
    and hasattr(minigrad.nn, name)
]
CALLS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "nothing": ((), {}),
    "one": ((3,), {}),
    "too many": ((1,) * 30, {}),
    "unknown": ((3, 3, 3), {"unknown": 2}),
    "only unknown": ((), {"unknown": 1}),
}


def said(layer: Any, args: Any, named: Any) -> str:
    try:
        layer(*args, **named)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "made"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", LAYERS)
def test_arguments(name: str, call: str) -> None:
    mine = said(getattr(minigrad.nn, name), *CALLS[call])
    assert mine == said(getattr(oracle.nn, name), *CALLS[call])


def test_a_subclass_of_the_users_own_keeps_the_layers_name() -> None:
    class Own(minigrad.nn.Conv2d):
        pass

    with pytest.raises(TypeError, match=r"^Conv2d.__init__\(\) missing 1 .* 'kernel_size'$"):
        Own(1, 2)


SIZES: dict[str, Any] = {
    "matrix": (28, 28),
    "unbatched, other channels": (1, 28, 28),
    "batched, other channels": (2, 1, 28, 28),
    "too small": (2, 3, 2, 2),
    "unbatched, too small": (3, 1, 1),
    "too many axes": (1, 2, 3, 28, 28),
    "vector": (5,),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("layer", ["Conv2d", "ConvTranspose2d"])
def test_inputs_of_the_wrong_size(layer: str, size: str) -> None:
    texts = []
    for torch in (minigrad, oracle):
        net = getattr(torch.nn, layer)(3, 4, 3)
        try:
            texts.append(str(tuple(net(torch.ones(SIZES[size])).shape)))
        except RuntimeError as error:
            texts.append(str(error))
    assert texts[0] == texts[1]


@pytest.mark.parametrize("layer", ["Conv1d", "Conv3d", "ConvTranspose1d", "ConvTranspose3d"])
@pytest.mark.parametrize("axes", range(1, 6))
def test_inputs_with_another_number_of_axes(layer: str, axes: int) -> None:
    texts = []
    for torch in (minigrad, oracle):
        net = getattr(torch.nn, layer)(3, 4, 1)
        try:
            texts.append(str(tuple(net(torch.ones((2,) * axes)).shape)))
        except RuntimeError as error:
            texts.append(str(error))
    assert texts[0] == texts[1]


@pytest.mark.skipif(minigrad.cuda.is_available(), reason="there is a card")
@pytest.mark.parametrize(
    "ask",
    [
        lambda: minigrad.ones(1).cuda(),
        lambda: minigrad.nn.Linear(1, 1).cuda(),
        lambda: minigrad.ones(1, device="cuda"),
        lambda: minigrad.cuda.get_device_name(),
    ],
)
def test_a_card_that_is_not_there_is_named_first(ask: Any) -> None:
    with pytest.raises(RuntimeError, match=r"^cuda: this needs an NVIDIA card|^cuda: CuPy is ins"):
        ask()


RESHAPES: dict[str, Any] = {
    "unflatten": lambda nn: nn.Unflatten(1, (2, 2)),
    "unflatten, rest": lambda nn: nn.Unflatten(1, (4, -1)),
    "shuffle": lambda nn: nn.PixelShuffle(2),
    "shuffle by nothing": lambda nn: nn.PixelShuffle(0),
    "unshuffle height": lambda nn: nn.PixelUnshuffle(4),
    "unshuffle width": lambda nn: nn.PixelUnshuffle(2),
    "unshuffle by less": lambda nn: nn.PixelUnshuffle(-1),
}


@pytest.mark.parametrize("name", RESHAPES)
def test_sizes_that_can_not_be_taken_apart(name: str) -> None:
    texts = []
    for torch in (minigrad, oracle):
        with pytest.raises(RuntimeError) as raised:
            RESHAPES[name](torch.nn)(torch.ones(1, 6, 2, 3))
        texts.append(str(raised.value))
    assert texts[0] == texts[1]
