"""Averaged models, their functions and batch statistics are torch's."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from parity_tests.sidebyside import both_agree, raised


def model(torch: Any, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    layers = [torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2)]
    return torch.nn.Sequential(*layers)


WAYS = [
    "AveragedModel(m)",
    "AveragedModel(m, avg_fn=get_swa_avg_fn())",
    "AveragedModel(m, avg_fn=get_ema_avg_fn(0.7))",
    "AveragedModel(m, multi_avg_fn=get_ema_multi_avg_fn(0.7))",
    "AveragedModel(m, multi_avg_fn=get_swa_multi_avg_fn())",
    "AveragedModel(m, avg_fn=get_ema_avg_fn(), use_buffers=True)",
    "AveragedModel(m, multi_avg_fn=get_ema_multi_avg_fn(0.7), use_buffers=True)",
    "AveragedModel(m, device='cpu', avg_fn=lambda a, p, n: a * 0.5 + p)",
]


@pytest.mark.parametrize("made", WAYS)
@both_agree
def test_average(torch: Any, made: str) -> Any:
    m = model(torch)
    averaged = eval(made, {**vars(torch.optim.swa_utils), "m": m})
    optimizer = torch.optim.SGD(m.parameters(), lr=0.1)
    for _ in range(4):
        x = torch.randn(8, 3)
        optimizer.zero_grad()
        (m(x) ** 2).sum().backward()
        optimizer.step()
        averaged.update_parameters(m)
    data = [torch.randn(8, 3), [torch.randn(8, 3), 1], (torch.randn(4, 3),)]
    averaged.eval()
    torch.optim.swa_utils.update_bn(data, averaged, device="cpu")
    again = eval(made, {**vars(torch.optim.swa_utils), "m": model(torch, 1)})
    again.load_state_dict(averaged.state_dict())
    state = {k: v.clone() for k, v in averaged.state_dict().items()}
    momenta = [k.momentum for k in averaged.modules() if isinstance(k, torch.nn.BatchNorm1d)]
    return [
        state,
        again.eval()(torch.ones(1, 3)).detach(),
        momenta,
        averaged.training,
        repr(averaged),
        copy.deepcopy(averaged).n_averaged,
    ]


@pytest.mark.parametrize(
    "call",
    [
        "get_ema_avg_fn(2)",
        "get_ema_multi_avg_fn(-1)",
        "AveragedModel(m, avg_fn=get_swa_avg_fn(), multi_avg_fn=get_swa_multi_avg_fn())",
    ],
)
@both_agree
def test_errors(torch: Any, call: str) -> Any:
    return raised(lambda: eval(call, {**vars(torch.optim.swa_utils), "m": model(torch)}))


@both_agree
def test_update_bn_without_batch_norm_reads_no_data(torch: Any) -> Any:
    return torch.optim.swa_utils.update_bn(iter(()), torch.nn.Linear(1, 1))
