"""Round trips with NumPy and pandas, dtypes and devices, defaults, seeds, printing, pickles."""

import copy
import io
import json
import pickle
import random
from typing import Dict, List, Optional, Tuple

import numpy as np
import pandas as pd
import torch
import torch.nn as nn


def seed_everything(seed: int = 42) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.cuda.manual_seed(seed)
    torch.cuda.manual_seed_all(seed)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(True, warn_only=True)


seed_everything()
print(torch.rand(2), random.random(), np.random.rand())
print(
    torch.randn(3),
    torch.randint(10, (3,)),
    torch.randperm(5),
    torch.bernoulli(torch.full((4,), 0.5)),
)
print(
    torch.normal(torch.zeros(2), torch.ones(2)),
    torch.empty(2).exponential_(),
    torch.rand(2, dtype=torch.float64),
)
state = torch.get_rng_state()
a = torch.rand(3)
torch.set_rng_state(state)
print(torch.equal(a, torch.rand(3)), torch.initial_seed())
with torch.random.fork_rng():
    torch.manual_seed(1)
    torch.rand(1)
g = torch.Generator().manual_seed(3)
print(torch.rand(2, generator=g), torch.randperm(4, generator=g), g.initial_seed())

df = pd.DataFrame(
    {"a": [1, 2, 3], "b": [0.5, None, 1.5], "c": ["x", "y", "x"], "d": [True, False, True]}
)
df["b"] = df["b"].fillna(df["b"].mean())
cats = torch.tensor(df["c"].astype("category").cat.codes.values, dtype=torch.long)
nums = torch.tensor(df[["a", "b", "d"]].astype(np.float32).values)
print(cats, nums, torch.from_numpy(df["a"].to_numpy()), torch.tensor(df["b"].tolist()))
print(
    torch.Tensor(df["a"].values),
    torch.as_tensor(df["d"].values),
    torch.FloatTensor(df["b"].values.astype("float32")),
)
back = pd.DataFrame(nums.numpy(), columns=list("abd"))
back["pred"] = nums.sum(1).tolist()
back["t"] = nums[:, 0]
print(back.round(2).to_string(), pd.Series(nums[:, 1]).mean())

arr = np.arange(6, dtype=np.float64).reshape(2, 3)
t = torch.from_numpy(arr)
t[0, 0] = 9
other = t.numpy()
other.shape = (6,)
print(
    arr[0, 0],
    t.shape,
    other.shape,
    t.numpy() is arr,
    np.shares_memory(t.numpy(), arr),
    torch.as_tensor(arr).data_ptr() == t.data_ptr(),
)
print(np.asarray(t).sum(), np.mean(t.numpy()), arr @ t.T.numpy(), t.numpy().tolist())
print(
    np.stack([t, t]).shape,
    np.concatenate([x.numpy() for x in t]),
    np.allclose(t, arr),
    max(t[0]),
    sum(t[1]),
)
print(
    t.tolist(),
    [x.item() for x in t[0]],
    float(t[0, 1]),
    int(t[1, 2]),
    t.float().dtype,
    t.half().dtype,
)
print(
    torch.tensor(np.float32(2.5)),
    torch.tensor(np.int16(3)).dtype,
    torch.tensor([np.pi]).dtype,
    torch.tensor(True),
)
print(
    torch.tensor([[1, 2.5], [3, 4]]),
    torch.tensor([]),
    torch.tensor([[]]).shape,
    torch.tensor(1 + 0).dtype,
)
print(
    torch.from_numpy(np.zeros((2, 2), dtype=bool)),
    torch.from_numpy(np.array(5.0)),
    torch.ones(2).numpy().dtype,
)
print(json.dumps({"loss": torch.tensor(0.5).item(), "v": torch.arange(3).tolist()}))

torch.set_default_dtype(torch.float64)
print(
    torch.ones(1).dtype,
    torch.tensor(1.0).dtype,
    nn.Linear(1, 1).weight.dtype,
    torch.arange(2.0).dtype,
)
torch.set_default_dtype(torch.float32)
torch.set_default_tensor_type(torch.DoubleTensor)
print(torch.zeros(1).dtype, torch.get_default_dtype())
torch.set_default_tensor_type("torch.FloatTensor")
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
print(
    device,
    device.type,
    device.index,
    torch.device("cpu") == device,
    str(device),
    t.to(device).device,
)
print(
    torch.cuda.device_count() >= 0,
    torch.cuda.is_available() in (True, False),
    torch.backends.mps.is_available(),
)
x = torch.randn(2, 3, device=device, requires_grad=True)
print(
    x.is_cuda,
    x.get_device() if x.is_cuda else -1,
    x.to("cpu", torch.float64).dtype,
    x.to(t).dtype,
    x.cpu() is x,
)
print(
    x.pin_memory() if torch.cuda.is_available() else "no pin", x.to(device, non_blocking=True) is x
)

torch.set_printoptions(precision=2, threshold=5, edgeitems=1)
print(torch.arange(20.0), torch.linspace(0, 1, 3))
torch.set_printoptions(profile="default")
print(
    torch.tensor([1e-5, 1.0]),
    torch.tensor([1e8, 1.0]),
    torch.tensor([float("nan"), float("inf")]),
    torch.tensor(3),
)
print(
    x.shape,
    x.size(-1),
    x.dim(),
    x.ndimension(),
    x.nelement(),
    x.element_size(),
    repr(x.dtype),
    x.requires_grad,
)
print(
    torch.zeros(2, 2, requires_grad=True),
    (x * 2)[0].detach(),
    torch.ones(2, dtype=torch.int32),
    torch.empty(0, 3),
)


class Net(nn.Module):
    history: List[float]

    def __init__(self, sizes: Tuple[int, ...] = (3, 4, 1), act: Optional[nn.Module] = None) -> None:
        super().__init__()
        self.history = []
        self.config: Dict[str, int] = {"n": len(sizes)}
        self.layers = nn.ModuleList(nn.Linear(i, o) for i, o in zip(sizes, sizes[1:]))
        self.act = act or nn.Tanh()
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.register_buffer("steps", torch.tensor(0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for i, layer in enumerate(self.layers):
            x = layer(x) if i == len(self.layers) - 1 else self.act(layer(x))
        self.steps += 1
        return x * self.scale


net = Net()
y = net(x)
buffer = io.BytesIO()
torch.save({"net": net.state_dict(), "x": x, "np": arr, "n": 3}, buffer)
buffer.seek(0)
loaded = torch.load(buffer, weights_only=False)
print(
    loaded["x"].requires_grad, torch.equal(loaded["x"], x), loaded["np"].shape, list(loaded["net"])
)
clone = pickle.loads(pickle.dumps(net))
print(
    torch.equal(clone(x), y),
    clone.steps,
    copy.copy(net).scale is net.scale,
    copy.deepcopy(net).scale is net.scale,
)
print(
    pickle.loads(pickle.dumps(x)).requires_grad,
    torch.equal(copy.deepcopy(x), x),
    net.half().scale.dtype,
)
net.float().to(torch.float64)
print(next(net.parameters()).dtype, net.steps.dtype, net.training, net.eval().training)
print(net, sum(p.numel() for p in net.parameters()))
for n, p in net.named_parameters():
    print(f"{n:20} {str(tuple(p.shape)):10} {p.mean().item():+.4f}")
try:
    net.nothing
except AttributeError as error:
    print(error)
try:
    net.load_state_dict({"scale": torch.ones(2)})
except RuntimeError as error:
    print(str(error)[:120])
try:
    net.register_buffer("scale", torch.ones(1))
except KeyError as error:
    print(error)


@torch.no_grad()
def evaluate(model):
    model.eval()
    return model(torch.ones(1, 3, dtype=torch.float64))


@torch.inference_mode()
def infer(model):
    return model(torch.ones(1, 3, dtype=torch.float64))


print(evaluate(net).requires_grad, infer(net).is_inference(), torch.is_grad_enabled())
prev = torch.is_grad_enabled()
torch.set_grad_enabled(False)
print((x * 2).requires_grad)
torch.set_grad_enabled(prev)
torch.use_deterministic_algorithms(False)
