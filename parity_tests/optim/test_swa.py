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


def averages(torch: Any, m: Any) -> dict[str, Any]:
    """Averaged models of each kind."""
    swa = torch.optim.swa_utils.AveragedModel
    ema = torch.optim.swa_utils.get_ema_avg_fn
    emas = torch.optim.swa_utils.get_ema_multi_avg_fn
    return {
        "plain": swa(m),
        "swa": swa(m, avg_fn=torch.optim.swa_utils.get_swa_avg_fn()),
        "ema": swa(m, avg_fn=ema(0.7)),
        "emas": swa(m, multi_avg_fn=emas(0.7)),
        "swas": swa(m, multi_avg_fn=torch.optim.swa_utils.get_swa_multi_avg_fn()),
        "ema, buffers": swa(m, avg_fn=ema(), use_buffers=True),
        "emas, buffers": swa(m, multi_avg_fn=emas(0.7), use_buffers=True),
        "own": swa(m, device="cpu", avg_fn=lambda a, p, n: a * 0.5 + p),
    }


KINDS = ("plain", "swa", "ema", "emas", "swas", "ema, buffers", "emas, buffers", "own")


@pytest.mark.parametrize("kind", KINDS)
@both_agree
def test_average(torch: Any, kind: str) -> Any:
    m = model(torch)
    averaged = averages(torch, m)[kind]
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
    again = averages(torch, model(torch, 1))[kind]
    again.load_state_dict(averaged.state_dict())
    state = {k: v.clone() for k, v in averaged.state_dict().items()}
    momenta = [k.momentum for k in averaged.modules() if isinstance(k, torch.nn.BatchNorm1d)]
    return [
        state,
        again.eval()(torch.ones(1, 3)).detach(),
        momenta,
        averaged.training,
        repr(averaged),
        averaged.n_averaged if kind == "own" else copy.deepcopy(again.module.state_dict()),
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
