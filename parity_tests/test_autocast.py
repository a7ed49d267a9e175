"""autocast against torch's on the CPU: which type each op runs in, and what comes of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch as oracle

import minigrad
from minigrad.autograd import apply, shortcuts


def T(torch: Any, *shape: int, dtype: str = "float32") -> Any:
    values = np.cos(np.arange(np.prod(shape)) * 0.7).astype("f4").reshape(shape)
    return torch.tensor(values).to(getattr(torch, dtype))


def seeded(torch: Any, make: Any) -> Any:
    torch.manual_seed(0)
    return make(torch.nn)


def F(torch: Any) -> Any:
    return torch.nn.functional


B = "bfloat16"
CASES = {
    "mm": lambda t: T(t, 3, 4) @ T(t, 4, 2),
    "mv": lambda t: t.mv(T(t, 3, 4), T(t, 4)),
    "matmul with a vector": lambda t: T(t, 3, 4) @ T(t, 4),
    "dot": lambda t: t.dot(T(t, 3), T(t, 3)),
    "bmm": lambda t: t.bmm(T(t, 2, 3, 4), T(t, 2, 4, 2)),
    "baddbmm": lambda t: t.baddbmm(T(t, 2, 3, 2), T(t, 2, 3, 4), T(t, 2, 4, 2)),
    "addmm": lambda t: t.addmm(T(t, 3, 2), T(t, 3, 4), T(t, 4, 2)),
    "einsum": lambda t: t.einsum("ij,jk->ik", T(t, 3, 4), T(t, 4, 2)),
    "tensordot": lambda t: t.tensordot(T(t, 3, 4), T(t, 4, 2), 1),
    "norm of a matrix": lambda t: t.linalg.norm(T(t, 3, 4, dtype=B)),
    "double": lambda t: T(t, 3, 4, dtype="float64") @ T(t, 4, 2, dtype="float64"),
    "linear": lambda t: F(t).linear(T(t, 3, 4), T(t, 2, 4), T(t, 2)),
    "linear, mixed": lambda t: F(t).linear(T(t, 3, 4, dtype=B), T(t, 2, 4), T(t, 2)),
    "conv2d": lambda t: F(t).conv2d(T(t, 1, 2, 5, 5), T(t, 3, 2, 3, 3), T(t, 3)),
    "conv2d, mixed": lambda t: F(t).conv2d(T(t, 1, 2, 5, 5, dtype=B), T(t, 3, 2, 3, 3)),
    "conv_transpose2d": lambda t: F(t).conv_transpose2d(T(t, 1, 2, 5, 5), T(t, 2, 3, 3, 3)),
    "prelu": lambda t: F(t).prelu(T(t, 3, 4), T(t, 4)),
    "attention": lambda t: F(t).scaled_dot_product_attention(*[T(t, 1, 2, 3, 4)] * 3),
    "LSTM": lambda t: seeded(t, lambda nn: nn.LSTM(3, 4))(T(t, 2, 1, 3))[0],
    "GRU": lambda t: seeded(t, lambda nn: nn.GRU(3, 4))(T(t, 2, 1, 3))[0],
    "GRUCell": lambda t: seeded(t, lambda nn: nn.GRUCell(3, 4))(T(t, 2, 3)),
    "MultiheadAttention": lambda t: seeded(t, lambda nn: nn.MultiheadAttention(4, 2))(
        *[T(t, 2, 1, 4)] * 3)[0],
    "mse_loss": lambda t: F(t).mse_loss(T(t, 3, dtype=B), T(t, 3)),
    "l1_loss": lambda t: F(t).l1_loss(T(t, 3, dtype=B), T(t, 3)),
    "smooth_l1_loss": lambda t: F(t).smooth_l1_loss(T(t, 3, dtype=B), T(t, 3)),
    "huber_loss": lambda t: F(t).huber_loss(T(t, 3, dtype=B), T(t, 3)),
    "cross_entropy": lambda t: F(t).cross_entropy(T(t, 3, 4, dtype=B), t.tensor([0, 1, 2])),
    "nll_loss": lambda t: F(t).nll_loss(T(t, 3, 4, dtype=B), t.tensor([0, 1, 2])),
    "binary_cross_entropy_with_logits": lambda t: F(t).binary_cross_entropy_with_logits(
        T(t, 3, dtype=B), T(t, 3).abs()),
    "a module of a loss": lambda t: t.nn.MSELoss()(T(t, 3, dtype=B), T(t, 3)),
    "kl_div": lambda t: F(t).kl_div(T(t, 3, dtype=B), T(t, 3).abs(), reduction="sum"),
    "prod": lambda t: T(t, 3, dtype=B).prod(),
    "sum": lambda t: T(t, 3, dtype=B).sum(),
    "exp": lambda t: T(t, 3, dtype=B).exp(),
    "pow": lambda t: T(t, 3, dtype=B) ** 2,
    "softmax": lambda t: T(t, 3, 4, dtype=B).softmax(0),
    "layer_norm": lambda t: F(t).layer_norm(T(t, 3, 4, dtype=B), (4,)),
    "batch_norm": lambda t: seeded(t, lambda nn: nn.BatchNorm2d(2))(T(t, 2, 2, 3, 3, dtype=B)),
    "avg_pool3d": lambda t: F(t).avg_pool3d(T(t, 1, 2, 4, 4, 4, dtype=B), 2),
    "add": lambda t: T(t, 3, dtype=B) + T(t, 3),
    "cat": lambda t: t.cat([T(t, 3, dtype=B), T(t, 3)]),
    "stack": lambda t: t.stack([T(t, 3, dtype=B), T(t, 3)]),
    "cat of halves": lambda t: t.cat([T(t, 3, dtype=B), T(t, 3, dtype=B)]),
}  # fmt: skip


# Without products of halves in the processor, torch adds these up in halves.
ADDED_IN_HALVES = ("conv_transpose2d",)


def torchs(name: str) -> Any:
    """What torch gives under autocast; where it has no LSTM of halves, its own of singles rounded.

    oneDNN has one only for processors with products of halves.
    """
    try:
        with oracle.autocast("cpu"):
            return CASES[name](oracle)
    except RuntimeError as error:
        if name != "LSTM" or "could not create a primitive" not in str(error):
            raise
        return CASES[name](oracle).bfloat16()


@pytest.mark.parametrize("name", CASES)
def test_types_and_values_are_torchs(name: str) -> None:
    with minigrad.autocast("cpu"):
        mine = CASES[name](minigrad)
    theirs = torchs(name)
    assert str(mine.dtype) == str(theirs.dtype)
    half = mine.dtype is minigrad.bfloat16
    within = 2.0**-7 if half or "LSTM GRUCell".count(name) else 1e-6
    greatest = float(theirs.detach().abs().max()) if name in ADDED_IN_HALVES else 1.0
    np.testing.assert_allclose(
        mine.detach().double().numpy(), theirs.detach().double().numpy(),
        rtol=within, atol=within * greatest,
    )  # fmt: skip


def gradients(torch: Any) -> list[Any]:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = model(T(torch, 6, 4)) + model(T(torch, 6, 4))  # weights are used twice
        loss = torch.nn.functional.cross_entropy(out, torch.tensor([0, 1, 2, 0, 1, 2]))
    loss.backward()
    assert out.dtype is torch.bfloat16
    return [loss, *[p.grad for p in model.parameters()]]


def test_gradients_have_the_weights_types_and_torchs_values() -> None:
    for mine, theirs in zip(gradients(minigrad), gradients(oracle), strict=True):
        assert str(mine.dtype) == str(theirs.dtype) == "torch.float32"
        scale = float(theirs.detach().abs().max())
        np.testing.assert_allclose(
            mine.detach().numpy(), theirs.detach().numpy(), rtol=0, atol=2.0**-6 * scale
        )


def test_a_weight_is_cast_once_in_the_outermost_block() -> None:
    for torch in (minigrad, oracle):
        w = T(torch, 3, 3).requires_grad_()
        with torch.autocast("cpu"):
            with torch.autocast("cpu"):
                one = torch.mm(T(torch, 2, 3), w)
            two = torch.mm(T(torch, 2, 3), w)
        casts = [out.grad_fn.next_functions[1][0] for out in (one, two)]
        assert casts[0] is casts[1]
        assert casts[0].name() == "ToCopyBackward0"
        with torch.autocast("cpu", cache_enabled=False):
            one, two = (torch.mm(T(torch, 2, 3), w) for _ in range(2))
        casts = [out.grad_fn.next_functions[1][0] for out in (one, two)]
        assert casts[0] is not casts[1]


def test_a_weight_that_was_written_to_is_cast_anew() -> None:
    w = minigrad.ones(2, 2, requires_grad=True)
    with minigrad.autocast("cpu"):
        before = minigrad.ones(1, 2) @ w
        with minigrad.no_grad():
            w.mul_(3)
        after = minigrad.ones(1, 2) @ w
    assert after.tolist() == [[3 * x for x in before.tolist()[0]]]


def test_blocks_inside_of_blocks() -> None:
    for torch in (minigrad, oracle):
        x, seen = torch.ones(2, 2), []
        with torch.autocast("cpu"):
            seen.append((x @ x).dtype)
            with torch.autocast("cpu", enabled=False):
                seen.append((x @ x).dtype)
            with torch.autocast("cpu", dtype=torch.float16):
                seen.append((x @ x).dtype)
            seen.append((x @ x).dtype)
        seen.append((x @ x).dtype)
        assert list(map(str, seen)) == [
            "torch.bfloat16", "torch.float32", "torch.float16", "torch.bfloat16", "torch.float32",
        ]  # fmt: skip


def test_nothing_is_left_when_the_last_block_ends() -> None:
    fn = minigrad.nn.functional.mse_loss
    before = [cell.cell_contents for cell in fn.__closure__]
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"), minigrad.autocast("cpu"):
        assert shortcuts.direct is None
        minigrad.ones(2, 3) @ minigrad.ones(2, 3)
    assert shortcuts.direct is apply.direct is np.ndarray
    assert [cell.cell_contents for cell in fn.__closure__] == before


def of_ones_own(torch: Any, inputs: str | None) -> list[str]:
    """The types that a function with ``custom_fwd`` and ``custom_bwd`` sees."""
    amp, kinds = torch.amp, []

    class Product(torch.autograd.Function):  # type: ignore[misc,name-defined]
        @staticmethod
        @amp.custom_fwd(device_type="cpu", cast_inputs=inputs and getattr(torch, inputs))
        def forward(ctx: Any, x: Any) -> Any:
            kinds.append(x.dtype)
            ctx.save_for_backward(x)
            return x @ x

        @staticmethod
        @amp.custom_bwd(device_type="cpu")
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            product = g.float() @ x.float()
            kinds.append(product.dtype)
            return product.to(x.dtype)

    x = torch.ones(2, 2, dtype=torch.bfloat16, requires_grad=True)
    with torch.autocast("cpu"):
        out = Product.apply(x)
    out.sum().backward()
    return [str(kind) for kind in (*kinds, out.dtype, x.grad.dtype)]


@pytest.mark.parametrize("inputs", [None, "float32"])
def test_functions_of_ones_own(inputs: str | None) -> None:
    assert of_ones_own(minigrad, inputs) == of_ones_own(oracle, inputs)


def test_what_holds_can_be_asked() -> None:
    for torch in (minigrad, oracle):
        assert not torch.is_autocast_enabled("cpu")
        with torch.autocast("cpu", dtype=torch.float16):
            assert torch.is_autocast_enabled("cpu")
            assert torch.get_autocast_dtype("cpu") is torch.float16
        assert torch.get_autocast_dtype("cpu") is torch.bfloat16


def test_what_is_no_kind_of_device_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected `device_type` of type `str`"):
        minigrad.amp.autocast(minigrad.device("cpu"))  # type: ignore[arg-type]
    with pytest.raises(NotImplementedError, match="autocast: minigrad has none for 'mps'"):
        minigrad.amp.autocast("mps")


def test_another_type_disables_it_with_a_warning() -> None:
    for torch in (minigrad, oracle):
        with pytest.warns(UserWarning, match="target dtype is not supported"):
            block = torch.autocast("cpu", dtype=torch.float64)
        with block:
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is torch.float32
