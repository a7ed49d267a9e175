"""Linear algebra where one sample call is not enough: vectors up to a sign, triangles, failures."""

from __future__ import annotations

import numpy as np
import pytest

from parity_tests.both import both_raise, same_as_torch

RNG = np.random.default_rng(0)
SQUARE = RNG.standard_normal((2, 4, 4))
SYMMETRIC = SQUARE + SQUARE.swapaxes(-1, -2)
POSITIVE = SQUARE @ SQUARE.swapaxes(-1, -2) + np.eye(4)
TALL = RNG.standard_normal((2, 5, 3))
WIDE = RNG.standard_normal((3, 5))
SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])


def leaf(torch, array):
    return torch.tensor(array).requires_grad_()


def two_orders(torch, value, *leaves):
    """The gradients of a scalar, and those of a weighted sum of them."""
    first = torch.autograd.grad(value, leaves, create_graph=True)
    total = sum((g * torch.arange(1.0, g.numel() + 1).reshape(g.shape)).sum() for g in first)
    second = torch.autograd.grad(total, leaves)
    return [g.detach() for g in first], list(second)


# -- decompositions: functions of them that do not depend on signs of vectors ---------------------


@pytest.mark.parametrize("array", [SQUARE, TALL, WIDE], ids=["square", "tall", "wide"])
@same_as_torch
def test_svd_gives_two_derivatives(torch, array):
    A = leaf(torch, array)
    U, S, Vh = torch.linalg.svd(A, full_matrices=False)
    return two_orders(torch, ((U**2).cumsum(-1).sum() + (Vh**4).sum() + (S**3).sum()), A)


@same_as_torch
def test_svd_is_a_decomposition(torch):
    A = torch.tensor(TALL)
    U, S, Vh = torch.linalg.svd(A)
    return U.shape, S, Vh.shape, U[..., :3] @ torch.diag_embed(S) @ Vh


@pytest.mark.parametrize("triangle", ["L", "U"])
@same_as_torch
def test_eigh_gives_two_derivatives(torch, triangle):
    A = leaf(torch, SYMMETRIC)
    L, V = torch.linalg.eigh(A, UPLO=triangle)
    return two_orders(torch, ((V**4).sum() + (L**3).sum()), A)


@same_as_torch
def test_eigvalsh_gives_two_derivatives(torch):
    A = leaf(torch, SYMMETRIC)
    return two_orders(torch, (torch.linalg.eigvalsh(A) ** 3).sum(), A)


@pytest.mark.parametrize("upper", [False, True])
@same_as_torch
def test_cholesky_gives_two_derivatives(torch, upper):
    A = leaf(torch, POSITIVE)
    return two_orders(torch, (torch.linalg.cholesky(A, upper=upper) ** 3).sum(), A)


@pytest.mark.parametrize("upper", [False, True])
@same_as_torch
def test_cholesky_solve_gives_both_triangles_a_gradient(torch, upper):
    L, B = leaf(torch, np.linalg.cholesky(POSITIVE)), leaf(torch, SQUARE[:, :, :2])
    return two_orders(torch, (torch.cholesky_solve(B, L, upper=upper) ** 2).sum(), L, B)


@pytest.mark.parametrize("array", [SQUARE, TALL, WIDE], ids=["square", "tall", "wide"])
@same_as_torch
def test_lu_gives_two_derivatives(torch, array):
    A = leaf(torch, array)
    P, L, U = torch.linalg.lu(A)
    return P, L.detach(), two_orders(torch, (L**2).sum() + (U**3).sum(), A)


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("adjoint", [False, True])
@same_as_torch
def test_lu_solve_in_all_four_ways(torch, left, adjoint):
    A, B = leaf(torch, SQUARE), leaf(torch, SQUARE[:, :, :] * 2 + 1)
    LU, pivots = torch.linalg.lu_factor(A)
    X = torch.linalg.lu_solve(LU, pivots, B, left=left, adjoint=adjoint)
    return X.detach(), two_orders(torch, (X**2).sum(), A, B)


@same_as_torch
def test_lu_unpack_can_leave_parts_out(torch):
    LU, pivots = torch.linalg.lu_factor(torch.tensor(TALL))
    P, L, U = torch.lu_unpack(LU, pivots, unpack_pivots=False)
    again = torch.lu_unpack(LU, pivots, unpack_data=False)
    return P, L, U, again.P, again.L


@same_as_torch
def test_ldl_of_an_indefinite_matrix(torch):
    LD, pivots = torch.linalg.ldl_factor(torch.tensor(SYMMETRIC))
    return LD, pivots, torch.linalg.ldl_solve(LD, pivots, torch.tensor(SQUARE))


@same_as_torch
def test_qr_of_complete_and_r_alone(torch):
    A = torch.tensor(TALL)
    Q, R = torch.linalg.qr(A, mode="complete")
    return Q.shape, R, torch.linalg.qr(A, mode="r").R, torch.linalg.qr(A, mode="r").Q


@pytest.mark.parametrize("driver", ["gels", "gelsd", "gelss", "gelsy"])
@same_as_torch
def test_least_squares(torch, driver):
    A, B = leaf(torch, TALL), leaf(torch, RNG.standard_normal((2, 5, 2)) * 0 + 1.5)
    found = torch.linalg.lstsq(A, B, driver=driver)
    return [f.detach() for f in found], two_orders(torch, (found.solution**2).sum(), A, B)


# -- singular matrices ----------------------------------------------------------------------------


@same_as_torch
def test_det_gives_two_derivatives(torch):
    A = leaf(torch, np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 10.5]]))
    return two_orders(torch, torch.linalg.det(A), A)


def test_det_of_a_singular_matrix_has_its_cofactors_as_gradient():
    import minigrad as torch

    A = leaf(torch, SINGULAR)
    first, second = two_orders(torch, torch.linalg.det(A), A)
    np.testing.assert_allclose(first[0].numpy(), [[4, -2], [-2, 1]], atol=1e-12)
    np.testing.assert_allclose(second[0].numpy(), [[4, -3], [-2, 1]], atol=1e-12)


@same_as_torch
def test_infinite_results_and_the_pivot_that_was_zero(torch):
    A = torch.stack([torch.tensor(SINGULAR), torch.eye(2, dtype=torch.float64)])
    found, solved = torch.linalg.inv_ex(A), torch.linalg.solve_ex(A, torch.ones(2, 2).double())
    return found.info, found.inverse[1], solved.info, torch.linalg.cond(A, 1)


@pytest.mark.parametrize(
    "name", ["inv", "cholesky", "lu_factor", "solve", "solve_batch", "tensorinv", "svd", "power"]
)
@both_raise
def test_what_does_not_exist_raises(torch, name):
    A = torch.tensor(SINGULAR)
    if name == "solve":
        return torch.linalg.solve(A, torch.ones(2).double())
    if name == "solve_batch":
        return torch.linalg.solve(torch.stack([A, A]), torch.ones(2, 2, 1).double())
    if name == "cholesky":
        return torch.linalg.cholesky(-A)
    if name == "svd":
        return torch.linalg.svd(A * float("nan"))
    if name == "power":
        return torch.linalg.matrix_power(A, -1)
    return getattr(torch.linalg, name)(*((A, 1) if name == "tensorinv" else (A,)))


@pytest.mark.parametrize("number", [float("nan"), -1.0])
@same_as_torch
def test_cholesky_says_which_minor_is_not_positive(torch, number):
    A = torch.tensor(POSITIVE)[:, :3, :3].repeat(2, 1, 1)
    A[1, 1, 1] = A[3, 2, 2] = number
    whole = torch.full((3, 3), number, dtype=torch.float64)
    mixed = torch.cat([A, -torch.eye(3, dtype=torch.float64)[None]])
    return [torch.linalg.cholesky_ex(x).info for x in (A, whole, mixed, A[:, :0, :0])]


@both_raise
def test_what_is_not_a_number_is_not_positive(torch):
    return torch.linalg.cholesky(torch.full((2, 2), float("nan")))


def test_the_error_of_a_singular_matrix_says_which_one_it_is():
    import minigrad as torch

    stack = torch.stack([torch.eye(2).double(), torch.tensor(SINGULAR)])
    with pytest.raises(torch.linalg.LinAlgError, match=r"linalg.inv: \(Batch element 1\): .* 2 is"):
        torch.linalg.inv(stack)


@pytest.mark.parametrize("shape", [(30, 3, 3), (3, 5, 4, 2), (20, 2, 5)], ids=str)
@same_as_torch
def test_many_small_matrices_are_decomposed_at_once(torch, shape):
    values = np.random.default_rng(7).integers(-2, 3, shape).astype(np.float64)
    LU, pivots, info = torch.linalg.lu_factor_ex(torch.tensor(values))
    return LU, pivots, info, torch.linalg.lu(torch.tensor(values))


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("unitriangular", [False, True])
@same_as_torch
def test_many_small_triangular_systems_are_solved_at_once(torch, upper, unitriangular):
    values = np.random.default_rng(8).standard_normal((3, 20, 4, 4))
    A, B = leaf(torch, values + 4 * np.eye(4)), leaf(torch, values[:, :, :, :2] + 1)
    options = {"upper": upper, "unitriangular": unitriangular}
    X = torch.linalg.solve_triangular(A, B, **options)
    return X.detach(), two_orders(torch, (X**2).sum(), A, B)


# -- einsum ---------------------------------------------------------------------------------------

EQUATIONS = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("b i j , b j k", (2, 2, 3), (2, 3, 4)),
    ("...ij,...jk->...ik", (2, 1, 2, 3), (4, 3, 2)),
    ("ij,ij->", (2, 3), (2, 3)),
    ("iij->ji", (3, 3, 2)),
    ("ijk,jil,l", (2, 3, 4), (3, 2, 5), (5,)),
    ("ab,bc,cd,de->ae", (2, 9), (9, 3), (3, 8), (8, 2)),
    ("ij,jk->ik", (2, 1), (3, 4)),
    ("i...->...", (2, 3, 4)),
    ("bA,Ac->bAc", (2, 3), (3, 4)),
    ("a,b,c->cab", (2,), (3,), (4,)),
]


@pytest.mark.parametrize(("equation", "shapes"), [(e, s) for e, *s in EQUATIONS], ids=str)
@same_as_torch
def test_einsum_and_two_derivatives(torch, equation, shapes):
    rng = np.random.default_rng(3)
    leaves = [leaf(torch, rng.standard_normal(s)) for s in shapes]
    out = torch.einsum(equation, *leaves)
    return out.detach(), two_orders(torch, (out**3).sum(), *leaves)


@same_as_torch
def test_einsum_of_a_list_and_of_sublists(torch):
    a, b = torch.arange(6.0).reshape(2, 3), torch.arange(12.0).reshape(3, 4)
    return (
        torch.einsum("ij,jk", [a, b]),
        torch.einsum(a, [0, 1], b, [1, 2]),
        torch.einsum(a, [..., 1], b, [1, 30], [30, ...]),
    )


# -- products -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["int64", "int32", "uint8", "int8", "bfloat16", "float16"])
@same_as_torch
def test_products_of_other_types_keep_the_type_and_are_exact(torch, kind):
    dtype = getattr(torch, kind)
    a = (torch.arange(600) % 7).reshape(20, 30).to(dtype)
    b = (torch.arange(900) % 5).reshape(30, 30).to(dtype)
    found = a @ b, a @ b[0], torch.bmm(a.reshape(2, 10, 30), b.expand(2, 30, 30)), a[0] @ b[0]
    return [(str(f.dtype), f.float()) for f in found]


@same_as_torch
def test_large_integers_wrap_around_exactly(torch):
    a = torch.full((20, 20), 2**40 + 1)
    return a @ a, torch.full((20, 20), 2**20 + 1) @ torch.full((20, 20), 2**10 + 3)


@same_as_torch
def test_products_of_views(torch):
    x = torch.arange(48.0).reshape(4, 12)
    stepped, expanded = x[:, ::3], torch.arange(4.0).expand(3, 4)
    return stepped @ stepped.T, expanded @ x, x.T @ expanded.T, expanded[..., None] @ x[:1, None, :]


@same_as_torch
def test_in_place_products(torch):
    x, a = torch.ones(2, 2), torch.arange(4.0).reshape(2, 2)
    x.addmm_(a, a, beta=0.5, alpha=2).addr_(a[0], a[1])
    y = torch.ones(2).addmv_(a, a[0], alpha=-1)
    z = torch.zeros(3, 2, 2).baddbmm_(a.expand(3, 2, 2), a.expand(3, 2, 2))
    return x, y, z, torch.ones(2, 2).addbmm_(a.expand(3, 2, 2), a.expand(3, 2, 2), beta=2)


@same_as_torch
def test_factors_that_do_not_fit_are_refused(torch):
    results = []
    for other in (torch.ones(3, 3), torch.ones(()), torch.ones(2, 2, dtype=torch.int64)):
        try:
            results.append(torch.ones(2, 2) @ other)
        except RuntimeError:
            results.append("refused")
    return results


@same_as_torch
def test_out_takes_named_results(torch):
    Q, R = torch.empty(0), torch.empty(0)
    found = torch.linalg.qr(torch.eye(2), out=(Q, R))
    return found.Q is Q, R.abs(), torch.mm(torch.eye(2), torch.ones(2, 1), out=torch.empty(0))


@same_as_torch
def test_printed_forms_of_named_results(torch):
    made = torch.linalg.lu_factor(torch.eye(2) * 2)
    return repr(made).replace("minigrad", "torch"), made.LU, made.pivots
