"""Custom autograd.Functions: ReLU, straight-through, gradient reversal, clipped, double backward."""

import torch
import torch.nn as nn
from torch.autograd import Function, gradcheck, gradgradcheck
from torch.autograd.function import once_differentiable


class MyReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input):
        ctx.save_for_backward(input)
        return input.clamp(min=0)

    @staticmethod
    def backward(ctx, grad_output):
        (input,) = ctx.saved_tensors
        grad_input = grad_output.clone()
        grad_input[input < 0] = 0
        return grad_input


class BinarizeSTE(Function):
    @staticmethod
    def forward(ctx, x, threshold=0.0):
        ctx.mark_non_differentiable()
        return (x > threshold).float()

    @staticmethod
    def backward(ctx, g):
        return torch.nn.functional.hardtanh(g), None


class GradReverse(Function):
    @staticmethod
    def forward(ctx, x, lambd):
        ctx.lambd = lambd
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.neg() * ctx.lambd, None


class LinearFunction(Function):
    @staticmethod
    def forward(input, weight, bias=None):
        output = input.mm(weight.t())
        if bias is not None:
            output += bias.unsqueeze(0).expand_as(output)
        return output

    @staticmethod
    def setup_context(ctx, inputs, output):
        input, weight, bias = inputs
        ctx.save_for_backward(input, weight, bias)

    @staticmethod
    def backward(ctx, grad_output):
        input, weight, bias = ctx.saved_tensors
        grad_input = grad_weight = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_input = grad_output.mm(weight)
        if ctx.needs_input_grad[1]:
            grad_weight = grad_output.t().mm(input)
        if bias is not None and ctx.needs_input_grad[2]:
            grad_bias = grad_output.sum(0)
        return grad_input, grad_weight, grad_bias


class Exp(Function):
    @staticmethod
    def forward(ctx, i):
        result = i.exp()
        ctx.save_for_backward(result)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        (result,) = ctx.saved_tensors
        return grad_output * result


class MinMax(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        index = x.argmax()
        ctx.mark_non_differentiable(index)
        ctx.save_for_backward(index)
        ctx.shape = x.shape
        return x.min(), x.max(), index

    @staticmethod
    def backward(ctx, gmin, gmax, gi):
        print("grads", gmin is None, gmax is None)
        (index,) = ctx.saved_tensors
        g = torch.zeros(ctx.shape)
        if gmax is not None:
            g[index] = gmax
        return g


class InplaceAdd(Function):
    @staticmethod
    def forward(ctx, x, c):
        x.add_(c)
        ctx.mark_dirty(x)
        return x

    @staticmethod
    def backward(ctx, g):
        return g, None


class LegendrePolynomial3(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input):
        ctx.save_for_backward(input)
        return 0.5 * (5 * input**3 - 3 * input)

    @staticmethod
    def backward(ctx, grad_output):
        (input,) = ctx.saved_tensors
        return grad_output * 1.5 * (5 * input**2 - 1)


dtype, device = torch.float, torch.device("cpu")
x = torch.linspace(-3.14159, 3.14159, 200, device=device, dtype=dtype)
y = torch.sin(x)
a = torch.full((), 0.0, device=device, dtype=dtype, requires_grad=True)
b = torch.full((), -1.0, device=device, dtype=dtype, requires_grad=True)
c = torch.full((), 0.0, device=device, dtype=dtype, requires_grad=True)
d = torch.full((), 0.3, device=device, dtype=dtype, requires_grad=True)
for t in range(60):
    P3 = LegendrePolynomial3.apply
    y_pred = a + b * P3(c + d * x)
    loss = (y_pred - y).pow(2).sum()
    if t % 20 == 19:
        print(t, loss.item())
    loss.backward()
    with torch.no_grad():
        for p in (a, b, c, d):
            p -= 5e-5 * p.grad
            p.grad = None
print(f"Result: y = {a.item()} + {b.item()} * P3({c.item()} + {d.item()} x)")

w = torch.randn(5, 4, requires_grad=True)
h = MyReLU.apply(w)
print(h.grad_fn.__class__.__name__, h.grad_fn.name())
(BinarizeSTE.apply(h, 0.2) * torch.randn(5, 4)).sum().backward()
print(w.grad)
w.grad = None
GradReverse.apply(w * 2, 0.5).sum().backward()
print(w.grad)
lin = LinearFunction.apply
args = tuple(
    torch.randn(*s, dtype=torch.double, requires_grad=True) for s in ((4, 3), (2, 3), (2,))
)
print(gradcheck(lin, args, eps=1e-6, atol=1e-4), gradgradcheck(lin, args))
v = torch.randn(6, requires_grad=True)
low, high, where = MinMax.apply(v)
print(low.requires_grad, where.requires_grad, where.item())
high.backward()
print(v.grad)
u = torch.ones(3, requires_grad=True) * 1
out = InplaceAdd.apply(u, 2.0)
print(out is u, u.grad_fn.__class__.__name__)
e = torch.ones(2, requires_grad=True)
(g,) = torch.autograd.grad(Exp.apply(e).sum(), e, create_graph=True)
for fn in (lambda: g.sum().backward(), lambda: MyReLU()(e), lambda: Exp.apply()):
    try:
        fn()
    except Exception as error:
        print(type(error).__name__, str(error).split("\n")[0][:100])


class BadGrads(Function):
    @staticmethod
    def forward(ctx, x, y):
        return x * y

    @staticmethod
    def backward(ctx, g):
        return g


try:
    BadGrads.apply(e, e).sum().backward()
except Exception as error:
    print(type(error).__name__, error)


class STEQuant(nn.Module):
    def forward(self, x):
        q = torch.round(x * 4) / 4
        return x + (q - x).detach()


z = torch.randn(8, requires_grad=True)
STEQuant()(z).pow(2).sum().backward()
print(z.grad)
with torch.autograd.set_detect_anomaly(False):
    s = torch.tensor([4.0], requires_grad=True)
    s.sqrt().backward()
    print(s.grad)
del g, h, out, u
