"""Views, writes in place, aliases of NumPy arrays, conversions, unpacking."""

import torch, torch.nn as nn

torch.manual_seed(0)
a = torch.arange(12.0).view(3, 4)
b = a[1]
b += 10
print(a)
a[:, 0] *= -1
print(b, b._base is not None, b.data_ptr() == a.data_ptr() + 4 * a.element_size())
a.t_()
print(a.shape, a.stride())
a.resize_(2, 6) if a.is_contiguous() else None
c = a.contiguous()
print(c.is_contiguous(), c.view(-1)[:3], a.reshape(-1)[:3])
try:
    a.view(-1)
except RuntimeError as e:
    print("view", str(e)[:60])
x = torch.zeros(5)
x[1:3] = torch.tensor([1.0, 2.0])
x[[0, -1]] = 7
x[x == 0] = -1
print(x)
x.clamp_(0, 2).mul_(3).sub_(1).div_(2).pow_(2)
print(x)
x.zero_()
x.fill_(3)
x.uniform_()
print(x)
x.normal_(0, 1)
x.exponential_()
x.random_(0, 10)
print(x)
x.copy_(torch.arange(5))
print(x.neg_().abs_().sqrt_())
y = torch.randn(3, 3)
y.fill_diagonal_(0)
y.masked_fill_(y < 0, 0)
y.index_fill_(0, torch.tensor([1]), 9)
y.index_add_(1, torch.tensor([0]), torch.ones(3, 1))
y.scatter_(1, torch.tensor([[0], [1], [2]]), 5.0)
print(y)
y.swapaxes_(0, 1) if hasattr(y, "swapaxes_") else None
print(
    y.addmm_(torch.ones(3, 2), torch.ones(2, 3)),
    y.triu_(),
    y.squeeze_().shape,
    y.unsqueeze_(0).shape,
)
w = torch.ones(3, requires_grad=True)
v = w.clone()
v[0] = 0
v[1] *= 5
v.sum().backward()
print(w.grad)
w.grad.zero_()
z = w * 2
z1 = z.view(3, 1)
z1.mul_(2)
z.sum().backward()
print(w.grad, z.grad_fn)
w.grad = None
q = torch.zeros(2, 3)
q[0] = w
q[1] = w * w
q.sum().backward()
print(w.grad, q.grad_fn)
w.grad = None
s = torch.stack([w, w * 3])
s[s > 2] = 0
s.sum().backward()
print(w.grad)
w.grad = None
r = w.expand(2, 3).clone()
r[:, 0].zero_()
r.prod(1).sum().backward()
print(w.grad)
with torch.no_grad():
    w.copy_(torch.tensor([4.0, 5.0, 6.0]))
    w.data = w.data * 2
print(w, w.grad_fn, w.detach_() is w)
u = torch.empty(2, 2).fill_(1)
n = torch.ones(3)
m = n.numpy()
m[0] = 5
print(n)
k = torch.from_numpy(m)
k[1] = 8
print(
    m, n, torch.as_tensor(m).data_ptr() == n.data_ptr(), torch.tensor(m).data_ptr() == n.data_ptr()
)
print(
    n.tolist(),
    n.sum().item(),
    int(n[0]),
    float(n[1]),
    list(n),
    [t.item() for t in n],
    n.to(torch.int).tolist(),
    3 in n.int(),
    n.int()[0].__index__(),
    [10, 20, 30, 40, 50, 60, 70, 80, 90][n.int()[1]],
    max(n),
    sum(n),
    sorted(n.tolist()),
    hash(n) == hash(n),
    n == n,
    (n == n).all().item(),
)
print(
    torch.ones(2, 3).new_zeros(2),
    n.new_tensor([1]),
    n.new_full((2,), 3),
    torch.zeros_like(n, dtype=torch.long),
    torch.empty_like(n).shape,
    n.type(torch.float64).dtype,
    n.type_as(torch.ones(1, dtype=torch.int)),
    n.cpu() is n,
    n.to("cpu") is n,
    n.float() is n,
    n.clone() is n,
)
for row in torch.arange(4).view(2, 2):
    print(row, *row)
a, b, *c = torch.arange(4)
print(a, b, c)
d = dict(zip("ab", torch.eye(2)))
print(d)
print(torch.ones(2).__repr__(), [torch.ones(1)], {"k": torch.zeros(2, 2)})
print(
    torch.eye(2).bool().any(0),
    ~torch.tensor([True, False]),
    torch.tensor([5]) & 3,
    torch.tensor([5]) << 1,
    -torch.arange(2),
    abs(torch.tensor(-1)),
    divmod(7, 2),
    torch.tensor(7) // 2,
    7 % torch.tensor(4),
    2 ** torch.tensor(3),
    torch.tensor([1, 2]) @ torch.tensor([3, 4]),
    torch.tensor(1) < 2,
    not torch.tensor(0),
    torch.tensor([1.5]).round(),
    round(torch.tensor(1.567).item(), 2),
)
print(
    torch.equal(torch.ones(2), torch.ones(2)),
    torch.allclose(torch.ones(2), torch.ones(2) + 1e-9),
    torch.isclose(torch.tensor([1.0]), torch.tensor([1.1])),
    torch.is_nonzero(torch.tensor(1)),
    torch.numel(n),
)
st = n.untyped_storage()
print(len(st), st.nbytes(), n.storage_offset())
print(
    n.is_shared(),
    n.requires_grad_().requires_grad,
    n.is_leaf,
    n.retains_grad,
    n.output_nr,
    n.dim(),
    n.ndimension(),
    n.nelement(),
    n.is_signed(),
)
