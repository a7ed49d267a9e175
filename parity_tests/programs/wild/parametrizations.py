"""Parametrizations, weight norms, initialisers, hooks of modules, random states."""

import torch, math
from torch import nn
from torch.nn.utils import parametrize, parametrizations, parameters_to_vector, vector_to_parameters

torch.manual_seed(0)


class Symmetric(nn.Module):
    def forward(s, X):
        return X.triu() + X.triu(1).transpose(-1, -2)

    def right_inverse(s, A):
        return A.triu()


class Exp(nn.Module):
    def forward(s, X):
        return torch.matrix_exp(X - X.mT)


l = nn.Linear(3, 3)
parametrize.register_parametrization(l, "weight", Symmetric())
print(l)
print(torch.allclose(l.weight, l.weight.T), list(dict(l.named_parameters())))
l.weight = torch.arange(9.0).view(3, 3)
print(l.weight)
print(parametrize.is_parametrized(l))
with parametrize.cached():
    print(l(torch.ones(3)))
parametrize.remove_parametrizations(l, "weight")
print(l, l.weight)
o = nn.Linear(3, 3)
parametrizations.orthogonal(o)
print((o.weight @ o.weight.T).round(decimals=4) + 0.0)
w = parametrizations.weight_norm(nn.Linear(4, 2))
print(w, [n for n, _ in w.named_parameters()])
y = w(torch.ones(1, 4)).sum()
y.backward()
print(w.parametrizations.weight.original0.grad.shape)
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    ow = nn.utils.weight_norm(nn.Linear(4, 2), name="weight")
    print([n for n, _ in ow.named_parameters()], ow)
    nn.utils.remove_weight_norm(ow)
    print([n for n, _ in ow.named_parameters()])
s = nn.utils.spectral_norm(nn.Linear(4, 2))
s(torch.ones(1, 4))
print([n for n, _ in s.named_buffers()])
sp = parametrizations.spectral_norm(nn.Conv2d(1, 2, 2))
print(torch.linalg.matrix_norm(sp.weight.flatten(1), 2) < 1.5)
net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
v = parameters_to_vector(net.parameters())
print(v.shape)
vector_to_parameters(torch.arange(9.0), net.parameters())
print(net[0].weight, net[1].bias)
print(
    [f"{nn.init.calculate_gain(k):.3f}" for k in ("relu", "tanh", "linear", "selu")],
    nn.init.calculate_gain("leaky_relu", 0.2),
)
for f in (
    nn.init.xavier_uniform_,
    nn.init.xavier_normal_,
    nn.init.orthogonal_,
    lambda t: nn.init.kaiming_normal_(t, mode="fan_out", nonlinearity="relu"),
    lambda t: nn.init.kaiming_uniform_(t, a=math.sqrt(5)),
    lambda t: nn.init.trunc_normal_(t, std=0.02),
    lambda t: nn.init.sparse_(t, 0.5),
    nn.init.eye_,
    lambda t: nn.init.constant_(t, 0.3),
):
    print(f(torch.empty(3, 4))[0])
print(nn.init.dirac_(torch.empty(2, 2, 3))[0])
seen = []


def pre(m, a):
    seen.append(("pre", type(m).__name__))
    return (a[0] * 2,)


def post(m, a, o):
    seen.append(("post", tuple(o.shape)))
    return o + 1


def full(m, gi, go):
    seen.append(("bw", [None if g is None else tuple(g.shape) for g in gi]))


h = [
    net[0].register_forward_pre_hook(pre),
    net[0].register_forward_hook(post),
    net[1].register_full_backward_hook(full),
]
x = torch.ones(1, 2, requires_grad=True)
out = net(x)
out.sum().backward()
print(out, x.grad, seen)
[k.remove() for k in h]
print(net(x))
net[0].register_forward_hook(lambda m, a, kw, o: print("kw", kw), with_kwargs=True)
net[0](input=x)


def prune_mask(m, amount):
    w = m.weight.data.abs().flatten()
    k = int(amount * w.numel())
    th = w.kthvalue(k).values
    m.weight.data.mul_((m.weight.data.abs() > th).float())
    return (m.weight == 0).float().mean()


print(prune_mask(net[0], 0.5))
torch.manual_seed(1)
a = torch.randn(2, 2)
st = torch.get_rng_state()
b = torch.rand(1)
torch.set_rng_state(st)
print(torch.equal(b, torch.rand(1)), torch.initial_seed())
with torch.random.fork_rng():
    torch.manual_seed(9)
    torch.rand(5)
print(torch.rand(1), torch.Generator().manual_seed(5).initial_seed())
