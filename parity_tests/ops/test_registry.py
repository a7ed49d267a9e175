"""A new op is one class, and everything else follows from its record."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import minigrad
from minigrad.autograd import registry
from minigrad.autograd.op import Unary, arrays, tensors
from minigrad.autograd.registry import REGISTRY, reals, register
from minigrad.autograd.tensor_base import TensorBase
from minigrad.ops import generate
from parity_tests.ops import samples
from parity_tests.ops.drawing import case_of, check_both_orders


@pytest.fixture
def cube():
    """An op as a user would write it: about ten lines."""

    @register(domain=[reals(-2, 2)], torch=None, inplace=True)
    class Cube(Unary):
        """Elementwise third power.

        Formula:   out = input ** 3
        Gradient:  g * 3 * input ** 2
        """

        @staticmethod
        def forward(xp, input):
            return input * input * input

        @staticmethod
        def grad_input(g, input):
            return g * 3 * (input * input)

    yield Cube
    registry.ALL_OPS.remove(Cube)
    del REGISTRY["cube"], TensorBase.cube, TensorBase.cube_, arrays.cube, tensors.cube
    for _, namespace in registry.NAMESPACES:
        namespace.pop("cube", None)


def test_new_op_is_method_function_and_in_place_method(cube):
    x = minigrad.tensor([1.0, 2.0], requires_grad=True)
    assert x.cube().tolist() == minigrad.cube(x).tolist() == [1.0, 8.0]
    assert minigrad.functions.cube is minigrad.cube
    assert minigrad.tensor([2.0]).cube_().tolist() == [8.0]
    assert repr(x.cube()) == "tensor([1., 8.], grad_fn=<CubeBackward0>)"


def test_new_op_differentiates_to_any_order(cube):
    x = minigrad.tensor(2.0, requires_grad=True)
    first, second, third = x.cube(), None, None
    (first,) = minigrad.autograd.grad(first, x, create_graph=True)
    (second,) = minigrad.autograd.grad(first, x, create_graph=True)
    (third,) = minigrad.autograd.grad(second, x)
    assert (first.item(), second.item(), third.item()) == (12.0, 12.0, 6.0)


@pytest.mark.filterwarnings("ignore:fast_mode")
def test_new_op_gets_its_test_stub_and_docs_rows(cube):
    record = REGISTRY["cube"]
    assert record in samples.records(oracle=False)
    check_both_orders(case_of(record, 0))
    assert "def cube(self) -> Tensor: ..." in generate.tensor_stub()
    assert "def cube_(self) -> Tensor: ..." in generate.tensor_stub()
    assert "def cube(input: Tensor" in generate.functions_stub("torch")
    assert "| `cube` | Elementwise third power. | `out = input ** 3` |" in generate.table()


def test_new_op_gets_its_benchmark_row(cube):
    from benchmarks.libraries import load
    from benchmarks.ops import rows_of

    libs = {name: load(name) for name in ("minigrad", "torch")}
    rows = rows_of(REGISTRY["cube"], libs, rounds=1, sizes=(10, 100))
    assert [row.name for row in rows] == ["cube", "cube"]
    assert all(row.found for row in rows), rows[0].note


def test_readme_of_the_ops_folder_shows_an_op_that_works():
    readme = Path(minigrad.__file__).parent / "ops" / "README.md"
    code = readme.read_text().split("```python\n")[1].split("```")[0]
    program = f"{code}\nimport minigrad\nprint(minigrad.tensor([2.]).cube().item())"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "8.0", done.stderr


def test_a_derivative_that_asks_for_an_unknown_name_is_refused():
    with pytest.raises(TypeError, match="nothing is called 'inptu'"):

        @register("typo", torch=None)
        class Typo(Unary):
            """A misspelt argument."""

            ufunc = "exp"

            @staticmethod
            def grad_input(g, inptu):
                return g


@pytest.mark.parametrize("internal", [False, True])
def test_two_ops_of_one_name_are_refused(internal):
    before = arrays.exp, tensors.exp, list(registry.ALL_OPS)
    with pytest.raises(ValueError, match="two operations are called 'exp'"):

        @register("exp", internal=internal)
        class Again(Unary):
            """A second exp."""

            ufunc = "exp"

    assert (arrays.exp, tensors.exp, registry.ALL_OPS) == before, "the first one stays"


def test_generated_files_are_up_to_date():
    stale = [p.name for p, t in generate.outputs().items() if not p.exists() or p.read_text() != t]
    assert not stale, "run python -m minigrad.ops.generate"
