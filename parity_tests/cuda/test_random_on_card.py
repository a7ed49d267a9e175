"""Random numbers that a card draws for itself: Philox's, of a seed and an offset."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import minigrad as torch
from minigrad.cuda import stand_in
from minigrad.random import philox
from minigrad.utils.checkpoint import checkpoint
from parity_tests.cuda.engines import close, compiler

F = torch.nn.functional
pytestmark = compiler


@pytest.fixture(autouse=True)
def seeded(launched: list[str]) -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(7)
        yield


def got(tensor: Any) -> Any:
    return tensor.detach().cpu().numpy()


def same(one: Any, other: Any) -> bool:
    return bool(np.array_equal(got(one), got(other)))


def test_numbers_are_those_of_the_documented_stream() -> None:
    """Draw after draw, each from where the last one ended."""
    np.testing.assert_array_equal(got(torch.rand(5, device="cuda")), philox.uniform(5, 7))
    close(got(torch.randn(6, device="cuda")), philox.normal(6, 7, 2), "float32")
    x = torch.empty(3, dtype=torch.float64, device="cuda").uniform_(-1, 2)
    np.testing.assert_array_equal(got(x), philox.uniform(3, 7, 4, -1, 2, np.float64))
    mask = torch.empty(2, 3, device="cuda").bernoulli_(0.25)
    np.testing.assert_array_equal(got(mask).ravel(), philox.bernoulli(6, 7, 6, 0.25))
    whole = torch.randint(-3, 10, (5,), device="cuda")
    np.testing.assert_array_equal(got(whole), philox.words(5, 7, 8).astype(np.int64) % 13 - 3)
    wide = torch.empty(3, dtype=torch.int64, device="cuda").random_(0, 1 << 40)
    words = philox.words(6, 7, 10).view(np.uint64)
    np.testing.assert_array_equal(got(wide), words % np.uint64(1 << 40))
    assert torch.cuda.default_generators[0].get_offset() == 4 * 12


def test_dropout_is_one_kernel_and_keeps_no_mask(launched: list[str]) -> None:
    x = torch.arange(1.0, 10.0, device="cuda").requires_grad_()
    before = len(launched)
    y = F.dropout(x, 0.25)
    y.backward(torch.full((9,), 2.0, device="cuda"))
    assert launched[before:].count("dropout") == 2
    wanted = philox.dropout(np.arange(1, 10, dtype="f4"), 7, 0, 0.25)
    np.testing.assert_array_equal(got(y), wanted)
    np.testing.assert_array_equal(got(x.grad), philox.dropout(np.full(9, 2, "f4"), 7, 0, 0.25))
    torch.manual_seed(7)
    assert same(F.dropout(x.detach().clone(), 0.25, inplace=True), y)
    torch.manual_seed(7)
    crossed = np.arange(1, 10, dtype="f4").reshape(3, 3).T
    found = F.dropout(x.detach().reshape(3, 3).t(), 0.25)  # elements in the order of their indices
    np.testing.assert_array_equal(got(found), philox.dropout(crossed, 7, 0, 0.25))


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float64"])
def test_dropout_of_other_types(kind: str) -> None:
    x = torch.ones(40, dtype=getattr(torch, kind), device="cuda")
    y = F.dropout(x, 0.5)
    assert y.dtype is x.dtype
    np.testing.assert_array_equal(got(y.double()), philox.dropout(np.ones(40), 7, 0, 0.5))


@pytest.mark.parametrize("name", ["dropout1d", "dropout2d", "dropout3d", "alpha_dropout"])
def test_the_other_dropouts(name: str) -> None:
    axes = {"dropout1d": 1, "dropout2d": 2, "dropout3d": 3}.get(name, 2)
    y = got(getattr(F, name)(torch.ones(2, 8, *[3] * axes, device="cuda"), 0.5, training=True))
    assert len(np.unique(y.round(4))) == 2
    if name != "alpha_dropout":
        assert (y == y[(slice(None), slice(None), *[slice(1)] * axes)]).all()
    torch.manual_seed(7)
    x = torch.ones(2, 8, *[3] * axes, device="cuda")
    np.testing.assert_array_equal(got(getattr(F, name)(x, 0.5, training=True)), y)


MOMENTS: dict[str, tuple[Callable[[Any], Any], float, float]] = {
    "uniform_": (lambda t: t.uniform_(), 0.5, 1 / 12),
    "normal_": (lambda t: t.normal_(1, 2), 1, 4),
    "exponential_": (lambda t: t.exponential_(2), 0.5, 0.25),
    "geometric_": (lambda t: t.geometric_(0.4), 2.5, 3.75),
    "log_normal_": (lambda t: t.log_normal_(0, 0.5), np.exp(0.125), 0.364695),
    "random_": (lambda t: t.random_(0, 5), 2, 2),
    "bernoulli_": (lambda t: t.bernoulli_(0.3), 0.3, 0.21),
    "bernoulli_ of tensors": (lambda t: t.bernoulli_(torch.full_like(t, 0.3)), 0.3, 0.21),
    "rrelu": (lambda t: -F.rrelu(t.fill_(-1), 0.2, 0.8, True), 0.5, 0.03),
    "poisson": (lambda t: torch.poisson(t.fill_(3)), 3, 3),
    "binomial": (lambda t: torch.binomial(t.fill_(4), torch.full_like(t, 0.5)), 2, 1),
    "normal": (lambda t: torch.normal(t.fill_(1), 0.5), 1, 0.25),
    "randn_like": (lambda t: torch.randn_like(t), 0, 1),
    "multinomial": (
        lambda t: torch.multinomial(torch.ones(4, device="cuda"), t.numel(), True).float(),
        1.5, 1.25),
}  # fmt: skip


@pytest.mark.parametrize("name", MOMENTS)
def test_distributions(name: str) -> None:
    run, mean, variance = MOMENTS[name]
    found = run(torch.empty(4000, device="cuda"))
    assert found.device.type == "cuda"
    values = got(found).astype("f8")
    assert abs(values.mean() - mean) < 5 * (variance / 4000) ** 0.5
    assert abs(values.var() / variance - 1) < 0.2
    torch.manual_seed(7)
    assert same(run(torch.empty(4000, device="cuda")), found)


def test_cauchy_by_its_quartiles() -> None:
    values = got(torch.empty(4000, device="cuda").cauchy_(1, 2))
    np.testing.assert_allclose(np.quantile(values, [0.25, 0.5, 0.75]), [-1, 1, 3], atol=0.3)


def test_permutations_and_half_precision() -> None:
    assert sorted(got(torch.randperm(50, device="cuda"))) == list(range(50))
    for kind in (torch.float16, torch.bfloat16):
        x = torch.rand(2000, dtype=kind, device="cuda")
        assert x.dtype is kind
        assert 0 <= got(x.float()).min() < got(x.float()).max() < 1
        assert (got(torch.empty(500, dtype=kind, device="cuda").exponential_().float()) > 0).all()


def test_seeds_and_states() -> None:
    x = torch.rand(3, device="cuda")
    for seed in (torch.manual_seed, torch.cuda.manual_seed, torch.cuda.manual_seed_all):
        seed(7)
        assert torch.cuda.initial_seed() == 7
        assert same(torch.rand(3, device="cuda"), x)
    host = torch.get_rng_state()
    torch.cuda.manual_seed(8)
    assert (torch.get_rng_state() == host).all()  # the CPU's stream is another one
    state = torch.cuda.get_rng_state()
    assert (state.device.type, state.dtype, state.shape) == ("cpu", torch.uint8, (16,))
    y = torch.rand(3, device="cuda")
    torch.cuda.set_rng_state(state)
    assert same(torch.rand(3, device="cuda"), y)
    torch.cuda.set_rng_state_all([state])
    assert same(torch.rand(3, device="cuda"), y)
    with torch.random.fork_rng():
        inside = torch.rand(3, device="cuda")
    assert same(torch.rand(3, device="cuda"), inside)
    torch.cuda.seed()
    assert torch.cuda.initial_seed() != 8


def test_a_generator_of_ones_own() -> None:
    g = torch.Generator(device="cuda").manual_seed(3)
    assert isinstance(g, torch.Generator)
    assert g.device == torch.device("cuda:0")
    copies = [g.clone_state(), copy.deepcopy(g), pickle.loads(pickle.dumps(g))]
    x = torch.rand(3, device="cuda", generator=g)
    np.testing.assert_array_equal(got(x), philox.uniform(3, 3))
    for other in copies:
        assert same(torch.empty(3, device="cuda").uniform_(generator=other), x)
    g.set_offset(0)
    assert same(torch.rand(3, device="cuda", generator=g), x)
    with pytest.raises(RuntimeError, match="multiple of 4"):
        g.set_offset(3)
    with pytest.raises(RuntimeError, match="wrong size"):
        g.set_state(torch.zeros(5, dtype=torch.uint8))
    with pytest.raises(RuntimeError, match="Expected a 'cuda' device type for generator but found"):
        torch.rand(3, device="cuda", generator=torch.Generator())
    with pytest.raises(RuntimeError, match="Expected a 'cpu' device type for generator but found"):
        torch.rand(3, generator=g)


def test_chances_out_of_range_are_told_late() -> None:
    x = torch.bernoulli(torch.tensor([0.5, 1.5], device="cuda"))
    with pytest.raises(RuntimeError, match=r"expected p in \[0, 1\]"):
        x.cpu()


def test_checkpoints_draw_the_same_again() -> None:
    x = torch.ones(64, device="cuda", requires_grad=True)
    for reentrant in (False, True):
        y = checkpoint(lambda t: F.dropout(t * 1, 0.5), x, use_reentrant=reentrant)
        x.grad = None
        y.sum().backward()
        assert same(x.grad, y)


def test_vmap_watches_the_card_too() -> None:
    def noisy(x: Any) -> Any:
        return x + torch.rand(2, device="cuda")

    x = torch.zeros(3, 2, device="cuda")
    with pytest.raises(RuntimeError, match="random operation while in randomness error mode"):
        torch.vmap(noisy)(x)
    rows = got(torch.vmap(noisy, randomness="same")(x))
    assert (rows == rows[0]).all()
    rows = got(torch.vmap(noisy, randomness="different")(x))
    assert not (rows[1:] == rows[0]).any()


def test_each_replay_draws_what_an_eager_step_would() -> None:
    x = torch.ones(10, device="cuda", requires_grad=True)

    def step() -> tuple[Any, Any]:
        y = F.dropout(x, 0.5) + torch.rand(10, device="cuda")
        return y, torch.autograd.grad((y * y).sum(), x)[0]

    step()
    torch.manual_seed(7)
    wanted = [tuple(map(got, step())) for _ in range(4)]
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        found = step()
    torch.manual_seed(7)
    for number, (y, slope) in enumerate(wanted):
        if number == 2:  # an eager step between replays
            assert np.array_equal(got(step()[0]), y)
            continue
        before = stand_in.counts.to_host
        graph.replay()
        assert stand_in.counts.to_host == before
        np.testing.assert_array_equal(got(found[0]), y)
        np.testing.assert_array_equal(got(found[1]), slope)


def test_a_captured_checkpoint_and_seeding() -> None:
    x = torch.ones(10, device="cuda", requires_grad=True)

    def step() -> tuple[Any, Any]:
        y = checkpoint(lambda t: F.dropout(t * 1, 0.5), x, use_reentrant=False)
        return y, torch.autograd.grad(y.sum(), x)[0]

    step()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        y, slope = step()
    rows = []
    for _ in range(3):
        graph.replay()
        assert same(y, slope)
        rows.append(tuple(got(y)))
    assert len(set(rows)) == 3
    with (
        pytest.raises(torch.cuda.graphs.CaptureError, match="seeding a generator"),
        torch.cuda.graph(torch.cuda.CUDAGraph()),
    ):
        torch.manual_seed(0)


def test_each_card_has_a_stream() -> None:
    with stand_in.installed(devices=2):
        torch.manual_seed(1)
        one, two = (torch.rand(3, device=f"cuda:{k}") for k in range(2))
        assert same(one, two)
        torch.cuda.manual_seed(2)
        assert [g.initial_seed() for g in torch.cuda.default_generators] == [2, 1]
        states = torch.cuda.get_rng_state_all()
        with torch.cuda.device(1):
            three = torch.rand(3, device="cuda")
        assert three.device.index == 1
        torch.cuda.set_rng_state_all(states)
        assert same(torch.rand(3, device="cuda:1"), three)
        with pytest.raises(RuntimeError, match="invalid device ordinal"):
            torch.Generator("cuda:2")


def test_without_a_card() -> None:
    from minigrad.backend import select

    before = select.exchange_cuda([])
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(select, "imported", _none)
            torch.cuda.manual_seed(0), torch.cuda.manual_seed_all(7)
            assert torch.cuda.default_generators == ()
            with pytest.raises(RuntimeError, match="no card"):
                torch.Generator("cuda")
    finally:
        select.exchange_cuda(before)


def _none() -> Any:
    raise torch.errors.DeviceError("no card")
