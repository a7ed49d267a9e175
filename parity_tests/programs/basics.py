"""Tensors, a table of data, linear algebra: systems 1 to 3 of the study notes."""

import os

import numpy as np
import torch


def program_01_tensors():
    x = torch.arange(12)  # B10 X01
    print(x, x.shape, x.numel(), len(x), x.dtype, x.device)  # C01 C03 C04 C05 C06 X21
    X = x.reshape(3, 4)  # F01
    print(X, X.reshape(-1, 6), x.size(0), X.size())  # C02 X01
    print(torch.zeros((2, 3, 4)), torch.zeros(2), torch.zeros(torch.Size([1, 2])))  # B15 X04
    print(torch.ones((2, 3, 4)), torch.ones(2, 1), torch.zeros(()), torch.ones(()))  # B17 B18
    print(torch.randn(3, 4), torch.randn(size=(2, 2)))  # B25
    print(torch.randn((1, 2, 3), dtype=torch.float64).dtype)  # B25 C29
    print(torch.tensor([[2, 1, 4, 3], [1, 2, 3, 4]]), torch.tensor([[[1]], [[2]]]).shape)  # B01
    print(torch.tensor([2, -3.4]), torch.tensor([1.0, 2]).dtype)  # B02 X32

    x = torch.tensor([1.0, 2, 4, 8])
    y = torch.tensor([2, 2, 2, 2])
    print(x + y, x - y, x * y, x / y, x**y)  # D01
    print(2 - x, 2 * x, 1 / x, 2**x, -x, y / y, torch.tensor([0, 1]) / 0)  # D02 D03 D04
    print(torch.exp(x), torch.exp(torch.arange(3)))  # D16 X06
    print(torch.tensor([1.0, 7.3891, 1e5]), torch.tensor([1.0e-7, 1.0]))  # X06

    X = torch.arange(12, dtype=torch.float32).reshape((3, 4))  # B13
    Y = torch.tensor([[2.0, 1, 4, 3], [1, 2, 3, 4], [4, 3, 2, 1]])
    print(torch.cat((X, Y), dim=0), torch.cat([X, Y], 1))  # F06
    print(X == Y, X < Y, X.sum(), torch.sum(X), (X == Y).sum())  # D06 D08 G01 X15
    a, b = torch.arange(3).reshape((3, 1)), torch.arange(2).reshape((1, 2))
    print(a, b, a + b)  # F08

    print(X[-1], X[1:3], X[1, :], X[:, 1], X[1:3, 1:], X[1, 2], X[::3, ::2])  # E01 E02 E03
    X[1, 2] = 9
    X[0:2, :] = 12  # E08
    print(X)
    before = id(Y)
    Y = Y + X
    print(id(Y) == before)  # C28
    Z = torch.zeros_like(Y)  # B21
    before = id(Z)
    Z[:] = X + Y  # E10
    print(id(Z) == before, Z)
    before = id(X)
    X += Y  # D10
    print(id(X) == before)

    A = X.numpy()  # C14
    B = torch.tensor(A)  # B03
    print(type(A), type(B))  # V07
    A[0, 0] = -1
    print(X[0, 0], B[0, 0], torch.from_numpy(A)[0, 0])  # B31
    shared = np.arange(3.0)
    t = torch.from_numpy(shared)  # B31
    t += 1
    print(shared, t, torch.tensor(np.array([True, False])), torch.tensor(np.arange(2)).dtype)  # B03
    a = torch.tensor([3.5])
    print(a, a.item(), float(a), int(a))  # C13 C22
    print(torch.is_tensor(a), torch.is_tensor(A), isinstance(a, torch.Tensor))  # C26 C27
    print(torch.arange(2000), torch.zeros(40, 60))  # X33
    print(torch.tensor([1.5], dtype=torch.float64), torch.tensor([1], dtype=torch.uint8))  # X16 C29
    yield torch.ones(5, dtype=torch.float32)  # B19
    yield torch.arange(4.0)  # B11


def program_02_table():
    import pandas as pd

    os.makedirs(os.path.join("house"), exist_ok=True)
    data_file = os.path.join("house", "tiny.csv")
    with open(data_file, "w") as f:
        f.write("NumRooms,Alley,Price\nNA,Pave,127500\n2,NA,106000\n4,NA,178100\nNA,NA,140000\n")
    data = pd.read_csv(data_file)  # V05
    inputs, outputs = data.iloc[:, 0:2], data.iloc[:, 2]  # V05
    inputs = inputs.fillna(inputs.mean(numeric_only=True))
    inputs = pd.get_dummies(inputs, dummy_na=True)  # V05
    print(inputs)
    try:
        torch.tensor(inputs.values)  # Y14
    except TypeError as error:
        print(type(error).__name__, str(error)[:50])
    X = torch.tensor(inputs.values.astype(float))  # V04
    y = torch.tensor(outputs.values)  # V04
    print(X, y, torch.tensor(inputs.iloc[:, 1:].values))  # X16
    print(X.float(), torch.tensor(inputs["NumRooms"].values, dtype=torch.float32))  # B04 C17
    print(pd.DataFrame(X.numpy(), columns=["rooms", "pave", "none"]))  # V03
    print(y.float(), torch.tensor([True, False]).float())  # C17
    yield X


def program_03_linear_algebra():
    x, y = torch.tensor(3.0), torch.tensor(2.0)
    print(x + y, x * y, x / y, x**y)
    x = torch.arange(4)
    print(x, x[3], len(x), x.shape)  # E01
    A = torch.arange(20).reshape(5, 4)
    print(A, A.T)  # C07
    B = torch.tensor([[1, 2, 3], [2, 0, 4], [3, 4, 5]])
    print(B == B.T)  # D06 X15
    print(torch.arange(24).reshape(2, 3, 4))  # X04
    A = torch.arange(20, dtype=torch.float32).reshape(5, 4)
    B = A.clone()  # C16
    B += 1
    print(A, A + B, A * B, 2 + A, (2 * A).shape)
    print(x.sum(), A.sum(), A.sum(axis=0), A.sum(axis=1), A.sum(axis=[0, 1]))  # G01 G02
    print(A.mean(), A.sum() / A.numel(), A.mean(axis=0), A.mean(dim=1))  # G03
    print(A.sum(axis=1, keepdims=True), A / A.sum(1, keepdim=True), A.cumsum(axis=0))  # G02 G06
    x, y = torch.arange(4.0), torch.ones(4, dtype=torch.float32)  # B11 B19
    print(torch.dot(x, y), torch.sum(x * y))  # H01
    print(torch.mv(A, x), torch.mm(A, torch.ones(4, 3)), A @ x)  # H02 H03
    u = torch.tensor([3.0, -4.0])
    print(torch.norm(u), torch.abs(u).sum(), u.abs(), torch.norm(torch.ones((4, 9))))  # D19 H05 H06
    print(torch.arange(4) / torch.tensor([0, 1, 2, 0]))  # D02

    wrong = {
        "mean of integers": lambda: torch.arange(4).mean(),  # Y08
        "mv of other shapes": lambda: torch.mv(A, torch.ones(5)),  # Y09
        "mm of other shapes": lambda: torch.mm(A, A),  # Y09
        "dot of other lengths": lambda: torch.dot(x, torch.ones(3)),  # Y09
        "dot of matrices": lambda: torch.dot(A, A),
    }
    for name, call in wrong.items():
        try:
            call()
        except RuntimeError as error:
            print(name, str(error)[:40])
    try:
        torch.mv(A, torch.arange(4))  # Y09
    except RuntimeError:
        print("mv of other types")
    yield A.cumsum(axis=0)
    yield torch.norm(A)
