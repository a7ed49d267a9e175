"""Short programs as students write them, run under both packages: the same printed text.

A program is entered line by line, as at a prompt: a value that is not None is printed, and an
error is printed by its built-in type. The numbers are chosen so that no rounding is in sight.
"""

from __future__ import annotations

import ast
import contextlib
import io
import textwrap
from types import ModuleType

import pytest

import minigrad
from parity_tests.both import built_in

PROGRAMS = {
    "tensors": """
        x = torch.arange(12)
        x, x.shape, x.numel(), x.dtype, x.device, len(x)
        X = x.reshape(3, -1).float(); X
        X.T, X[-1], X[1:3, ::2], X[X > 9], X[None, 0].shape
        X[1, 2] = 17; X[:2] /= 2; X
        torch.cat((X, X), dim=1), torch.stack([X[0], X[1]])
        X == X.clone(), (X > 4).sum(), X.sum(0, keepdim=True), X.max(1)
        a, b = torch.arange(3).reshape(3, 1), torch.arange(2); a + b
        before = id(X); X += 1; id(X) == before
        torch.tensor([1.5, float("nan"), -float("inf")]), torch.tensor([]), torch.tensor(3)
        torch.tensor([1e-6, 1.0]), torch.tensor([1 / 3], dtype=torch.float64), -torch.zeros(2)
        f"{torch.tensor(2.5):.2f} {torch.tensor(3):4d} {torch.tensor([1, 2])}"
        type(X), type(X.shape), isinstance(X, torch.FloatTensor), X.type()
        torch.arange(1001.).reshape(7, 143)
        """,
    "a line of data": """
        _ = torch.manual_seed(0)
        w, b = torch.zeros(2, requires_grad=True), torch.zeros(1, requires_grad=True)
        X = torch.randint(-4, 5, (16, 2)).float(); y = X @ torch.tensor([2.0, -3.0]) + 4
        for start in range(0, 16, 8):
            part = torch.arange(start, start + 8)
            loss = ((X[part] @ w + b - y[part]) ** 2 / 2).mean()
            print(loss)
            loss.backward()
            with torch.no_grad():
                for p in (w, b):
                    p -= 0.125 * p.grad
                    p.grad.zero_()
        w.shape, b.requires_grad, w.grad, loss.grad_fn.name(), loss.is_leaf
        """,
    "gradients": """
        x = torch.arange(4.0, requires_grad=True); x.grad
        y = 2 * torch.dot(x, x); y
        y.backward(); x.grad, x.grad == 4 * x
        y.backward()
        (x * 2).backward()
        x.sum().backward(); x.grad
        x.grad = None; u = (x * x).detach(); (u * x).sum().backward(); x.grad == u
        with torch.no_grad(): print((x * 2).requires_grad)
        x += 1
        x.numpy()
        x.detach().numpy(), x.tolist(), x[2].item()
        z = x * 3; z[0] = 7; z *= 2; z, z.sum()
        z.sum().backward(); x.grad
        1 - x, x / 2, x ** 2, x.mean(), x.max(), x.max(0), x.view(2, 2).t(), x.squeeze(0)
        x.clamp(1, 2), x.clamp(min=1), torch.clamp(x, x.detach()), x.roll(1, 0), torch.diag(x)
        torch.nn.functional.max_pool1d(x.view(1, 1, 4), 2)
        torch.atleast_1d(x) is x, torch.atleast_2d(x), torch.atleast_3d(x).shape
        """,
    "a perceptron": """
        net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)); net
        for p in net.parameters(): nn.init.constant_(p, 0.5)
        X = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]); net(X), net(X).argmax(1)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.5); optimizer
        loss = F.mse_loss(net(X), torch.zeros(1, 2)); loss.backward(); optimizer.step(); loss
        net[1].bias, net[3].weight.grad, [n for n, _ in net.named_parameters()]
        net.state_dict()["3.bias"], sum(p.numel() for p in net.parameters())
        net(torch.ones(1, 5))
        nn.MSELoss(X, X)
        """,
    "pictures": """
        X = torch.arange(16.0).reshape(1, 1, 4, 4)
        F.max_pool2d(X, 2), F.avg_pool2d(X, 2, stride=1), F.pad(X[0, 0], (1, 0))
        K = torch.tensor([[[[1.0, -1.0]]]], requires_grad=True); F.conv2d(X, K)
        F.conv2d(X, K).sum().backward(); K.grad
        F.conv2d(X, torch.ones(1, 2, 3, 3))
        F.conv2d(X, torch.ones(1, 1, 5, 5))
        def corr2d(X, K):
            Y = torch.zeros(X.shape[0] - K.shape[0] + 1, X.shape[1] - K.shape[1] + 1)
            for i in range(Y.shape[0]):
                for j in range(Y.shape[1]):
                    Y[i, j] = (X[i:i + K.shape[0], j:j + K.shape[1]] * K).sum()
            return Y
        corr2d(X[0, 0], K[0, 0])
        nn.Conv2d(1, 6, kernel_size=5, padding=2), nn.MaxPool2d(2), nn.Dropout(0.25)
        """,
    "attention": """
        q = torch.eye(3).reshape(1, 3, 3).requires_grad_()
        scores = q @ q.transpose(-2, -1); scores
        hidden = scores.masked_fill(torch.ones(3, 3).tril() == 0, float("-inf")); hidden
        hidden.softmax(-1)[0, 0], hidden.softmax(-1).sum(-1)
        X = torch.zeros(2, 4); X[~(torch.arange(4)[None] < torch.tensor([[2], [3]]))] = -1; X
        torch.einsum("bqd,bkd->bqk", q, q).shape, q.view(1, 3, 1, 3).permute(0, 2, 1, 3).shape
        F.one_hot(torch.tensor([0, 2])), F.embedding(torch.tensor([2, 0]), q[0])
        F.embedding(torch.tensor([3]), q[0])
        """,
    "recurrence": """
        _ = torch.manual_seed(1)
        W, U = torch.eye(2).requires_grad_(), (torch.eye(2) / 2).requires_grad_()
        h = torch.zeros(1, 2); states = []
        for t in range(3):
            h = torch.relu(torch.mm(torch.full((1, 2), float(t)), W) + torch.mm(h, U))
            states.append(h)
        torch.cat(states), torch.stack(states).shape, h
        h.sum().backward(); W.grad, U.grad
        torch.ones(1, 8).chunk(4, 1), torch.randperm(6), torch.randint(3, (4,)), torch.rand(2)
        F.dropout(torch.ones(6), 0.5), torch.bernoulli(torch.full((4,), 0.5))
        """,
    "linear algebra": """
        A = torch.tensor([[2.0, 0.0], [0.0, 4.0]]); x = torch.tensor([1.0, 3.0])
        A @ x, torch.mv(A, x), torch.dot(x, x), torch.outer(x, x), A.trace(), A.diagonal()
        torch.linalg.inv(A), torch.linalg.det(A), torch.linalg.solve(A, x), A.matrix_power(3)
        torch.linalg.eigvalsh(A), torch.norm(torch.tensor([3.0, -4.0])), torch.vander(x, 3)
        torch.linalg.matrix_rank(A), torch.tril(A), torch.kron(A, A[:1]), torch.einsum("ii", A)
        torch.linalg.inv(torch.zeros(2, 2))
        A @ torch.ones(3)
        torch.dot(x, torch.arange(2))
        """,
    "mistakes": """
        a, v = torch.ones(2, 3), torch.ones(3)
        a + torch.ones(4)
        a += torch.ones(4)
        a.view(4)
        a.view(2, 3, dtype=torch.int32)
        torch.cat([a, v])
        a[2], a[0, 3]
        a.sum(dim=2)
        a.sum(dim="x")
        a.item()
        torch.arange(3).mean()
        torch.max(a, a, 0)
        torch.where(a > 0, a)
        torch.randint(5, 2)
        v.fill_("x")
        torch.tensor([[1, 2], [3]])
        torch.zeros(2, foo=1)
        torch.exp(2.0)
        a.foo
        torch.foo
        nn.Linear(3, 2)(torch.ones(1, 3).long())
        F.cross_entropy(a, torch.tensor([0, 3]))
        F.cross_entropy(a, torch.ones(2))
        F.binary_cross_entropy(torch.tensor([2.0]), torch.tensor([1.0]))
        torch.optim.SGD([], lr=0.1)
        if a: pass
        for _ in torch.tensor(1): pass
        """,
}


def entered(program: str, package: ModuleType) -> list[str]:
    """What a session prints that a program is typed into, statement by statement."""
    names = {"torch": package, "nn": package.nn, "F": package.nn.functional, "__name__": "session"}
    source = textwrap.dedent(program)
    printed: list[str] = []
    for statement in ast.parse(source).body:
        code = compile(ast.Interactive([statement]), "<session>", "single")
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            try:
                exec(code, names)
            except Exception as error:
                print(built_in(error))
        shown = text.getvalue().replace(package.__name__, "torch")
        printed.append(f">>> {ast.get_source_segment(source, statement)}\n{shown}")
    return printed


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_prints_the_same(name: str) -> None:
    import torch

    mine, theirs = entered(PROGRAMS[name], minigrad), entered(PROGRAMS[name], torch)
    for got, expected in zip(mine, theirs, strict=True):
        assert got == expected
