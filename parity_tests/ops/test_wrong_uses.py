"""Mistakes that people make with torch: the same kind of error, wherever it is made."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch as oracle

import minigrad
from parity_tests.both import attempt

MISTAKES = r"""
    nn.Linear(3,4)(torch.ones(2,3).long()) | nn.Linear(3,4)(torch.ones(2,3).double())
    nn.Linear(3.0,4) | nn.Linear("3",4) | nn.Linear(-1,4)
    nn.Conv2d(3,4,3)(torch.ones(1,2,8,8)) | nn.Conv2d(3,4,3)(torch.ones(8,8))
    nn.Conv2d(3,5,3,groups=2) | nn.Conv2d(4,4,3,padding_mode="x")
    nn.Conv2d(1,1,3,padding="same",stride=2) | nn.Conv2d(1,1,5)(torch.ones(1,1,3,3))
    nn.BatchNorm1d(3)(torch.ones(1,3)) | nn.BatchNorm2d(3)(torch.ones(2,3))
    nn.BatchNorm2d(3)(torch.ones(2,4,2,2)) | nn.LayerNorm(4)(torch.ones(2,3))
    nn.GroupNorm(3,4) | nn.Dropout(1.5) | nn.Dropout("a") | nn.Embedding(3,2)(torch.ones(2))
    nn.Embedding(3,2)(torch.tensor([-1])) | nn.Embedding(3,2,padding_idx=5)
    nn.LSTM(3,4)(torch.ones(2,2)) | nn.LSTM(3,4)(torch.ones(2,2,3),torch.zeros(1,2,4))
    nn.LSTM(3,4)(torch.ones(2,2,3),(torch.zeros(1,3,4),torch.zeros(1,3,4)))
    nn.GRU(3,4,nonlinearity="relu") | nn.RNN(3,4,nonlinearity="x") | nn.LSTM(3,4,dropout=2)
    nn.LSTM(3,0) | nn.MultiheadAttention(5,2)
    nn.MultiheadAttention(4,2)(torch.ones(2,3),torch.ones(2,3),torch.ones(2,3))
    nn.Transformer(8,3) | nn.CrossEntropyLoss()(torch.ones(2,3),torch.ones(3).long())
    nn.CrossEntropyLoss()(torch.ones(2,3),torch.ones(2))
    nn.CrossEntropyLoss()(torch.ones(2,3),torch.ones(2).int())
    nn.CrossEntropyLoss(reduction="x")(torch.ones(2,3),torch.ones(2).long())
    nn.CrossEntropyLoss(label_smoothing=2.)(torch.ones(2,3),torch.ones(2).long())
    nn.CrossEntropyLoss(weight=torch.ones(2))(torch.ones(2,3),torch.ones(2).long())
    nn.NLLLoss()(torch.ones(2,3),torch.ones(2)) | nn.MSELoss()(torch.ones(2),torch.ones(3))
    nn.BCELoss()(torch.ones(2)*2,torch.ones(2)) | nn.BCELoss()(torch.ones(2),torch.ones(3))
    nn.BCEWithLogitsLoss()(torch.ones(2),torch.ones(2,1)) | nn.MaxPool2d(3)(torch.ones(1,1,2,2))
    nn.MaxPool2d(2,padding=2)(torch.ones(1,1,4,4)) | nn.Flatten(3)(torch.ones(2,3))
    nn.Unflatten(1,(2,2))(torch.ones(2,3)) | nn.PixelShuffle(2)(torch.ones(1,3,2,2))
    nn.Upsample(scale_factor=2,mode="bilinear")(torch.ones(2,2,2))
    nn.Upsample()(torch.ones(1,1,2,2)) | nn.Softmax(dim=3)(torch.ones(2)) | nn.Sequential(1)
    nn.Sequential(nn.ReLU())[3] | nn.ModuleList([1]) | nn.ModuleDict({"a":1})
    nn.ModuleDict({"a.b":nn.ReLU()}) | nn.Module().foo | nn.Module()(1)
    nn.Linear(1,1).register_parameter("w",torch.ones(1))
    nn.Linear(1,1).register_buffer("a.b",torch.ones(1)) | nn.Linear(1,1).register_buffer("b",1)
    nn.Linear(1,1).get_submodule("x") | nn.Linear(1,1).get_parameter("x")
    nn.Linear(1,1).to(torch.int32) | nn.Linear(1,1).to("xpu9z")
    nn.Linear(1,1).load_state_dict({}) | nn.Linear(1,1).load_state_dict([1])
    nn.Linear(1,1).load_state_dict({"weight":1,"bias":2})
    setattr(nn.Linear(1,1),"weight",torch.ones(1,1)) | nn.Linear(1,1).train(3)
    nn.Linear(1,1).requires_grad_("x") | nn.Parameter(torch.ones(1).long()) | nn.Parameter(3)
    nn.init.xavier_uniform_(torch.ones(2)) | nn.init.calculate_gain("x")
    nn.init.orthogonal_(torch.ones(2))
    nn.utils.clip_grad_norm_(nn.Linear(1,1).parameters(),"x")
    nn.utils.rnn.pack_padded_sequence(torch.ones(2,2,1),[1,2])
    nn.utils.rnn.pack_padded_sequence(torch.ones(2,2,1),[0,2],enforce_sorted=False)
    nn.utils.rnn.pad_sequence([]) | torch.optim.SGD(nn.Linear(1,1),0.1)
    torch.optim.SGD(nn.Linear(1,1).parameters(),lr=-1)
    torch.optim.SGD([torch.ones(1,requires_grad=True)*2],0.1) | torch.optim.SGD([1],0.1)
    torch.optim.SGD([{"x":1}],0.1) | torch.optim.SGD(torch.ones(1),0.1)
    torch.optim.Adam(nn.Linear(1,1).parameters(),betas=(1.,2.))
    torch.optim.SGD(nn.Linear(1,1).parameters(),0.1,nesterov=True)
    torch.optim.LBFGS([{"params":[torch.ones(1)]},{"params":[torch.zeros(1)]}])
    torch.optim.LBFGS([torch.ones(1)]).step() | torch.optim.lr_scheduler.StepLR(3,1)
    torch.optim.lr_scheduler.OneCycleLR(torch.optim.SGD([torch.ones(1)],0.1),0.1)
    torch.optim.SGD([torch.ones(1)],0.1).load_state_dict({}) | torch.tensor("a")
    torch.tensor([1,"a"]) | torch.tensor(None) | torch.tensor([None]) | torch.tensor({})
    torch.tensor([1.5],dtype=torch.int32,requires_grad=True) | torch.tensor([[1],[2,3]])
    torch.zeros(-1) | torch.zeros("a") | torch.zeros(2.5) | torch.zeros(2,dtype="float")
    torch.zeros(2,device="foo") | torch.ones(2)[2] | torch.ones(2)[1.5] | torch.ones(2)["a"]
    torch.ones(2)[0,0] | torch.ones(2)[[0,5]] | torch.ones(3)[torch.tensor([True,False])]
    torch.ones(2).__setitem__(5,1) | torch.ones(2).__setitem__(slice(0,1),torch.ones(3))
    torch.ones(2).view(3) | torch.ones(2,3).view(-1,-1) | torch.ones(2,3).view(4,-1)
    torch.ones(2).reshape("a") | torch.ones(2,3).permute(0) | torch.ones(2,3).permute(0,0)
    torch.ones(2,3).transpose(0,2) | torch.ones(2,3).squeeze(5) | torch.ones(2).unsqueeze(3)
    torch.ones(2,3).expand(3,3) | torch.ones(2,3).t().view(6) | torch.ones(2,2,2).t()
    torch.cat([]) | torch.cat(torch.ones(2)) | torch.cat([torch.ones(2),torch.ones(2,2)])
    torch.stack([torch.ones(2),torch.ones(3)]) | torch.stack([]) | torch.ones(2)@torch.ones(3)
    torch.mm(torch.ones(2),torch.ones(2)) | torch.bmm(torch.ones(2,2),torch.ones(2,2))
    torch.ones(2,2)@torch.ones(2,2).double() | torch.ones(2,2).long()@torch.ones(2,2)
    torch.dot(torch.ones(2,2),torch.ones(2)) | torch.einsum("ij,jk",torch.ones(2,3))
    torch.einsum("ij,jk->il",torch.ones(2,3),torch.ones(3,2))
    torch.einsum("ij,jk->ik",torch.ones(2,3),torch.ones(2,2)) | torch.ones(2).sum(3)
    torch.ones(2).mean("a") | torch.ones(2).long().mean() | torch.ones(0).max()
    torch.ones(2,0).max(1) | torch.ones(0).argmax() | torch.ones(2).max(dim=2)
    torch.ones(2).topk(3) | torch.ones(2).sort(3) | torch.ones(2).gather(0,torch.tensor([3]))
    torch.ones(2).gather(0,torch.tensor([1.])) | torch.ones(2).scatter(0,torch.tensor([3]),1.)
    torch.ones(2).index_select(0,torch.tensor([5]))
    torch.ones(2).masked_fill(torch.tensor([1,0]),0)
    torch.ones(2).masked_select(torch.tensor([True,False,True]))
    torch.where(torch.tensor([1.]),1,2) | torch.ones(2).chunk(0) | torch.ones(2).split(-1)
    torch.ones(2).split([1,2]) | torch.ones(3).repeat() | torch.arange(0,10,-1)
    torch.linspace(0,1) | torch.randint(5,3,(2,)) | torch.randperm(-1)
    torch.multinomial(torch.zeros(3),1) | torch.multinomial(torch.ones(3),5)
    torch.normal(0.,-1.,(2,)) | torch.bernoulli(torch.tensor([2.])) | torch.rand(2,generator=3)
    torch.ones(2).backward() | torch.ones(2,requires_grad=True).backward()
    torch.autograd.grad(torch.ones(1),torch.ones(1))
    torch.autograd.grad((torch.ones(1,requires_grad=True)*2),torch.ones(1,requires_grad=True))
    torch.ones(2,requires_grad=True).numpy() | torch.ones(2,requires_grad=True).add_(1)
    torch.ones(2,requires_grad=True).long().requires_grad_() | torch.ones(2).requires_grad_("a")
    torch.ones(2).to("a") | torch.ones(2).type("x") | torch.ones(2).item() | int(torch.ones(2))
    bool(torch.ones(2)) | len(torch.tensor(1)) | iter(torch.tensor(1)) | torch.ones(2)+"a"
    torch.ones(2)+None | torch.ones(2)<"a" | torch.ones(2)&torch.ones(2) | ~torch.ones(2)
    -torch.tensor([True]) | torch.tensor([True])-torch.tensor([True]) | torch.ones(2).add(1,2,3)
    torch.exp("a") | torch.exp(1) | torch.sum([1,2])
    torch.mean(torch.ones(2),dim=0,keepdim="a") | torch.clamp(torch.ones(2)) | torch.pow(2,3)
    torch.load("/nonexistent.pt") | torch.from_numpy([1])
    torch.from_numpy(__import__("numpy").array(["a"]))
    torch.utils.data.DataLoader([1],batch_size=0)
    torch.utils.data.DataLoader([1],batch_size="a")
    torch.utils.data.DataLoader([1],num_workers=-1)
    torch.utils.data.random_split(range(3),[1,1])
    torch.utils.data.TensorDataset(torch.ones(2),torch.ones(3))
    torch.utils.data.Subset([1],[3])[0] | next(iter(torch.utils.data.DataLoader([object()])))
    torch.utils.data.WeightedRandomSampler([1],0) | torch.linalg.inv(torch.zeros(2,2))
    torch.linalg.inv(torch.ones(2,3)) | torch.linalg.cholesky(-torch.eye(2))
    torch.linalg.solve(torch.zeros(2,2),torch.ones(2)) | torch.linalg.eigh(torch.ones(2))
    torch.linalg.norm(torch.ones(2,2,2),ord=2) | F.softmax(torch.ones(2),5)
    F.cross_entropy(torch.ones(2,3),torch.tensor([0,-1])) | F.one_hot(torch.tensor([-1]))
    F.one_hot(torch.tensor([3]),2) | F.one_hot(torch.tensor([1.])) | F.pad(torch.ones(2),(1,))
    F.pad(torch.ones(2),(1,1),mode="reflect") | F.pad(torch.ones(1,1,3),(5,5),mode="reflect")
    F.interpolate(torch.ones(1,1,4),scale_factor=2,size=3)
    F.interpolate(torch.ones(1,1,4),scale_factor=2,mode="x")
    F.grid_sample(torch.ones(1,1,2,2),torch.ones(1,2,2,3))
    F.conv1d(torch.ones(1,2,3),torch.ones(1,1,2)) | F.linear(torch.ones(2),torch.ones(3,3))
    F.dropout(torch.ones(2),p=-1) | F.embedding(torch.tensor([1]),torch.ones(2))
    F.scaled_dot_product_attention(torch.ones(2,2),torch.ones(2,3),torch.ones(2,2))
    F.gumbel_softmax(torch.ones(2),tau="a") | F.layer_norm(torch.ones(2,3),(2,))
    F.cosine_similarity(torch.ones(2),torch.ones(3),0) | F.kl_div(torch.ones(2),torch.ones(3))
    F.binary_cross_entropy(torch.ones(2),torch.ones(2)*2) | torch.distributions.Normal(0.,-1.)
    torch.distributions.Categorical(torch.tensor([-1.,2.])) | torch.distributions.Categorical()
    torch.distributions.Bernoulli(2.) | torch.func.grad(lambda x:x)(torch.ones(2))
    torch.func.vmap(lambda x:x)(torch.tensor(1))
    torch.func.jvp(lambda x:x,torch.ones(1),torch.ones(1)) | torch.device("foo")
    torch.device("cpu:a") | torch.Size(["a"]) | torch.finfo(torch.int32)
    torch.iinfo(torch.float32)
    torch.autograd.gradcheck(lambda x:x.sum(),torch.ones(2,requires_grad=True))
    torch.Tensor([1,2],dtype=torch.int) | torch.Tensor("a") | torch.FloatTensor("a")
    torch.nn.functional.foo | torch.foo | torch.ones(1).foo
"""


def outcome(torch: Any, program: str) -> str:
    """The built-in type of the error."""
    torch.manual_seed(0)
    names = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return attempt(lambda: eval(program, names))


@pytest.mark.parametrize("programs", MISTAKES.strip().splitlines(), ids=str.strip)
def test_a_mistake_raises_what_torch_raises(programs: str) -> None:
    for program in programs.strip().split(" | "):
        want = outcome(oracle, program)
        assert want != "no error", f"torch takes {program}"
        assert outcome(minigrad, program) == want, program
