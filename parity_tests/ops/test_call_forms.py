"""The forms in which torch's functions are called: options by place and by name, NumPy's numbers.

Each line is run with both packages; what the calls print is the same.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch as oracle

import minigrad
from parity_tests.both import both_raise, same_as_torch
from parity_tests.programs.comparing import assert_same_text

CALLS = """
    x.sum(0,True) | x.sum([0,1]) | x.sum((0,),False,dtype=torch.float64) | x.mean(0,True)
    x.std(0,True,True) | x.std(True) | x.var(0,False) | x.var([0],correction=0)
    torch.std(x,0,True,False) | torch.var_mean(x,1) | x.max(0,True) | x.max(x)
    torch.max(x,1,True) | x.min(y) | x.norm() | x.norm(1) | x.norm('fro') | x.norm(2,0)
    x.norm(2,0,True) | x.norm(dim=1) | torch.norm(x,p=float('inf'),dim=0)
    x.norm(p='fro',dim=(0,1)) | x.all(0) | x.any(1,True) | x.argmax(1,True)
    x.sort(1,True) | x.sort(descending=True) | x.sort(stable=True,dim=0)
    torch.sort(x,dim=0) | x.topk(2,1,False,True) | x.kthvalue(1,0,True) | x.median(1,True)
    x.quantile(0.5) | x.quantile(torch.tensor([0.5]),1) | x.cumsum(1,dtype=torch.float64)
    x.cumsum(-1) | x.prod(1,True) | x.prod(dtype=torch.float64) | x.logsumexp((0,1))
    x.logsumexp(0,True) | x.flip(0) | x.flip(0,1) | x.flip([0]) | x.roll(1)
    x.roll((1,2),(0,1)) | x.roll(shifts=1,dims=0) | x.rot90(1,(0,1)) | x.repeat(2,2)
    x.repeat((2,2)) | x.tile((2,)) | x.tile(2,1) | x.expand(2,2,3) | x.expand((2,2,3))
    x.permute(1,0) | x.permute((1,0)) | x.permute([1,0]) | torch.permute(x,(1,0))
    x.transpose(0,1) | x.movedim(0,1) | x.movedim((0,),(1,)) | x.squeeze((0,))
    x.unflatten(1,(3,1)) | x.unflatten(1,[-1,1]) | x.narrow(1,torch.tensor(0),2)
    x.narrow(1,0,2) | x.split(1) | x.split([1,2],1) | x.split(split_size=1,dim=0)
    torch.split(x,2,dim=1) | x.chunk(2,1) | x.tensor_split(2) | x.tensor_split((1,),1)
    x.unbind(1) | x.repeat_interleave(2) | x.repeat_interleave(2,0)
    x.repeat_interleave(torch.tensor([1,2]),dim=0) | x.unfold(1,2,1) | x.diagonal(0,0,1)
    x.diag(1) | x.tril(-1) | x.triu(diagonal=1) | torch.diag_embed(x,1) | x.clamp(0)
    x.clamp(0,1) | x.clamp(min=x) | x.clamp(max=1.0) | x.clip(None,1) | x.add(1,alpha=2)
    x.add(y,alpha=0.5) | torch.add(x,2,y) | x.sub(y,alpha=2) | x.addcmul(x,y,value=2)
    x.addcdiv(x,y) | x.lerp(y,0.5) | x.lerp(y,x) | x.pow(2) | x.pow(y) | torch.pow(2,x)
    x.div(y,rounding_mode='floor') | x.div(2,rounding_mode='trunc') | x.floor_divide(2)
    x.fmod(2.) | x.round(decimals=2) | x.round() | torch.round(x,decimals=1)
    x.nan_to_num(0.,1.,2.) | x.isclose(y,1e-3,1e-3,True) | x.allclose(y,rtol=1e-3)
    torch.where(x>0,x,0.) | torch.where(x>0,1,2) | torch.where(x>0) | x.where(x>0,y)
    x.masked_fill(x>0,1) | x.masked_fill(x>0,torch.tensor(1.)) | x.gather(1,i)
    x.gather(1,i,sparse_grad=True) | x.scatter(1,i,x) | x.scatter(1,i,2)
    x.scatter(1,i,x,reduce='add') | x.scatter(1,i,2.0,reduce='multiply')
    x.scatter_reduce(1,i,x,'sum',include_self=False) | x.index_select(0,i[0][:1])
    x.index_add(0,i[0][:2]%2,x,alpha=2) | x.index_fill(0,torch.tensor([0]),2)
    x.index_copy(0,torch.tensor([0]),x[:1])
    x.index_put((torch.tensor([0]),),torch.tensor(1.)) | x.take(i) | x.put(i,x)
    torch.bincount(i.view(-1),minlength=5) | torch.bincount(i.view(-1),x.view(-1),5)
    torch.histc(x,4,0,1) | torch.histc(x,bins=4,min=-1,max=1)
    torch.unique(x,True,True,True) | torch.unique(x,dim=0)
    torch.unique(x,return_counts=True,sorted=False)
    torch.searchsorted(x[0].sort().values,0.5)
    torch.searchsorted(x[0].sort().values,y[0],right=True,side='right')
    torch.bucketize(x,torch.tensor([0.,1.]),right=True) | torch.cat((x,y),-1)
    torch.cat([x,y],axis=0) | torch.stack((x,y),2) | torch.cat(tensors=(x,y),dim=0)
    torch.arange(5.) | torch.arange(1,5,0.5) | torch.arange(0,5,step=2,dtype=torch.float)
    torch.arange(start=1,end=3) | torch.linspace(0,1,steps=3)
    torch.linspace(torch.tensor(0.),1,3) | torch.logspace(0,1,3,base=2)
    torch.full((2,),True) | torch.full((2,),1.5,dtype=torch.float16)
    torch.full(size=(2,),fill_value=3) | torch.eye(2,3) | torch.eye(n=2)
    torch.zeros(2,3) | torch.zeros((2,3)) | torch.zeros([2])
    torch.zeros(torch.Size([2])) | torch.zeros(size=(2,)) | torch.zeros(())
    torch.zeros(x.shape[0]) | torch.rand(2,3).shape
    torch.rand((2,),generator=torch.Generator()).shape | torch.randn(size=(2,)).shape
    torch.randint(3,(2,)).shape | torch.randint(0,3,(2,)).shape
    torch.randint(low=0,high=3,size=(2,)).shape | torch.randperm(4).shape
    torch.normal(x,1.).shape | torch.normal(0.,x.abs()).shape
    torch.normal(0.,1.,(2,)).shape | torch.normal(mean=0.,std=1.,size=(2,2)).shape
    torch.multinomial(x.abs(),1) | torch.multinomial(x.abs(),5,True).shape
    torch.bernoulli(x.abs().clamp(max=1)).shape | torch.bernoulli(x,0.5).shape
    x.bernoulli_(0.3).shape | x.clone().uniform_(0,1).shape
    x.clone().normal_(mean=0,std=1).shape | x.clone().random_(3).shape
    x.clone().exponential_(1.5).shape | torch.einsum('ij->i',x)
    torch.einsum('ij,ij',[x,y]) | torch.tensordot(x,y,2)
    torch.tensordot(x,y,dims=([1],[1])) | torch.tensordot(x,y.T,1) | x.addmm(x[:, :2],x)
    torch.addmm(x,x[:, :2],x,beta=0.5,alpha=2) | torch.baddbmm(z,z,z,beta=2)
    x.cross(y,dim=1) | torch.cdist(x,y,p=1)
    torch.cdist(x,y,p=2.0,compute_mode='use_mm_for_euclid_dist') | F.softmax(x,-1)
    F.softmax(x,dim=1,dtype=torch.float64) | F.log_softmax(x,1) | x.softmax(dim=0)
    F.dropout(x,0.5,False) | F.dropout(x,p=0.2,training=False,inplace=False)
    F.relu(x,True) | F.leaky_relu(x,0.1,True) | F.elu(x,1.) | F.gelu(x,approximate='tanh')
    F.softplus(x,1,20) | F.hardtanh(x,-1,1) | F.layer_norm(x,[3])
    F.layer_norm(x,(3,),torch.ones(3),torch.zeros(3),1e-5) | F.normalize(x,2,1)
    F.normalize(x,p=1,dim=-1,eps=1e-8) | F.pad(x,(1,1)) | F.pad(x,[1,1,0,0],'constant',1)
    F.pad(x,(1,1),value=2.5) | F.conv2d(q,w,None,1,1)
    F.conv2d(q,w,stride=(1,1),padding='same')
    F.conv2d(q,w,padding=(1,1),dilation=[1,2],groups=1) | F.max_pool2d(q,2)
    F.max_pool2d(q,(2,2),stride=None) | F.max_pool2d(q,2,2,0,1,False,False)
    F.max_pool2d(q,2,ceil_mode=True,return_indices=True)
    F.avg_pool2d(q,2,divisor_override=3) | F.avg_pool2d(q,[2,2],1,padding=1)
    F.adaptive_avg_pool2d(q,1) | F.adaptive_avg_pool2d(q,(None,2))
    F.adaptive_avg_pool2d(q,[2,2]) | F.interpolate(q,2)
    F.interpolate(q,size=(2,3),mode='bilinear')
    F.interpolate(q,scale_factor=(2.,1.),mode='nearest')
    F.interpolate(q,scale_factor=2,mode='bilinear',align_corners=True,recompute_scale_factor=True)
    F.unfold(q,2,1,0,2) | F.unfold(q,kernel_size=(2,2),stride=[1,1]) | F.one_hot(i)
    F.one_hot(i,num_classes=5) | F.one_hot(i,-1)
    F.cross_entropy(x,torch.tensor([0,1]),None,None,-100,None,'sum')
    F.cross_entropy(x,torch.tensor([0,1]),reduction='none')
    F.mse_loss(x,y,None,None,'sum') | F.nll_loss(x,torch.tensor([0,1]),ignore_index=1)
    F.cosine_similarity(x,y,1,1e-8) | F.cosine_similarity(x,y,dim=-1)
    F.pairwise_distance(x,y,2.0) | F.triplet_margin_loss(x,y,x,margin=1,p=2)
    F.kl_div(x,y,reduction='batchmean',log_target=True)
    F.gumbel_softmax(x,1.0,True).shape | F.batch_norm(x,None,None,None,None,True)
    F.batch_norm(x,torch.zeros(3),torch.ones(3),training=False,momentum=0.1,eps=1e-5)
    F.group_norm(q,1) | F.scaled_dot_product_attention(z,z,z,None,0.0,True)
    F.scaled_dot_product_attention(z,z,z,scale=0.5) | torch.linalg.norm(x,2)
    torch.linalg.norm(x,'fro',(0,1)) | torch.linalg.norm(x,dim=1,keepdim=True)
    torch.linalg.norm(x,ord=1,dim=0) | torch.linalg.vector_norm(x,2,[0,1])
    torch.linalg.vector_norm(x,ord=float('inf'))
    torch.linalg.matrix_norm(x,ord='nuc',dim=(-2,-1)) | torch.linalg.svd(x,False)[1]
    torch.linalg.qr(x,'reduced')[1].abs() | torch.linalg.matrix_power(x[:, :2],2)
    torch.linalg.solve(x[:, :2],y[:, :2]) | torch.linalg.pinv(x,1e-3)
    torch.linalg.pinv(x,rtol=1e-3) | torch.linalg.matrix_rank(x,1e-3)
    torch.linalg.cross(x,y,dim=-1) | torch.cov(x,correction=0) | torch.trapezoid(x,dx=0.5)
    torch.diff(x,n=1,dim=0) | torch.meshgrid([x[0],x[1]],indexing='ij')[0]
    torch.combinations(x[0],2) | torch.combinations(x[0],r=2,with_replacement=True)
    torch.cartesian_prod(x[0],x[1]) | torch.nonzero(x,as_tuple=True)
    torch.argsort(x,-1,True) | torch.argsort(x,dim=0,descending=True,stable=True)
    torch.isin(x,1.0) | torch.isin(1.0,x) | torch.polygamma(1,x.abs()+1)
    torch.special.polygamma(2,x.abs()+1) | torch.mvlgamma(x.abs()+3,2)
    torch.renorm(x,2,0,1.) | torch.vander(x[0],3,True) | torch.nansum(x,0)
    torch.nanmean(x,dim=(0,1)) | torch.nanquantile(x,0.5,dim=1,keepdim=True)
    torch.count_nonzero(x,dim=(0,1)) | torch.aminmax(x,dim=0,keepdim=True)
    torch.amax(x,(0,1)) | torch.amax(x,1,True) | torch.mode(x,0) | torch.cummax(x,dim=0)
    torch.logcumsumexp(x,dim=1) | torch.select(x,0,1) | torch.take_along_dim(x,i,1)
    torch.as_strided(x,(2,2),(1,1),0) | x.as_strided([2],[1]) | x.view(torch.int32)
    x.view(3,-1) | x.view(-1) | x.view([3,2]) | x.view(size=(3,2)) | x.reshape((-1,))
    x.reshape(shape=(3,2)) | x.flatten(0,1) | x.flatten(start_dim=0) | x.ravel()
    x.new_zeros((2,)) | x.new_zeros(2,3) | x.new_full((2,),1)
    x.new_ones(2,dtype=torch.int) | x.new_tensor([1.]) | x.new_empty(2,3).shape
    x.to(torch.float64,copy=True) | x.to('cpu',torch.float64)
    x.to(device='cpu',dtype=torch.half) | x.to(y)
    x.to(torch.device('cpu'),non_blocking=True) | x.type(torch.LongTensor)
    x.type('torch.DoubleTensor') | x.size(-1) | x.stride(0) | x.softmax(1,torch.float64)
    x.index_reduce(0,torch.tensor([0,1]),x,'mean') | x.sum(dtype=float)
    x.mean(dim=[0,1],keepdim=True) | x.sum(axis=0,keepdims=True)
    x.std(dim=0,unbiased=False) | x.all(dim=0,keepdim=True) | torch.block_diag(x,y)
    torch.broadcast_to(x,(2,2,3)) | torch.atleast_1d(x,y)[0] | torch.kron(x,y)
    torch.outer(x[0],y[0]) | torch.logit(x.sigmoid(),1e-6)
    torch.logit(x.sigmoid(),eps=None) | torch.hann_window(4,periodic=False)
    torch.hann_window(4,False) | torch.kaiser_window(5,True,12.0)
    torch.tril_indices(3,3,1) | torch.tril_indices(3,3,offset=-1)
    torch.empty(2,dtype=torch.int).shape | torch.empty_like(x,dtype=torch.int).shape
    torch.zeros_like(x,memory_format=torch.preserve_format) | torch.rand_like(x).shape
    torch.randint_like(x,5).shape | torch.randint_like(x,1,5).shape
    torch.tensor([1],dtype=torch.float,device='cpu',requires_grad=True)
    torch.as_tensor([1],dtype=torch.half) | torch.scalar_tensor(3)
    torch.nn.functional.ctc_loss(z.log_softmax(-1),torch.tensor([[1],[1]]),torch.tensor([2,2]),torch.tensor([1,1]))
    torch.clone(x,memory_format=torch.contiguous_format) | x.sum(np.int64(0))
    x.view(np.int64(3),2) | x.max(np.int64(0)) | x.clamp(np.float32(0.))
    torch.zeros(np.int64(2)) | x.unsqueeze(np.int64(0))
    F.dropout(x,np.float64(0.5),False) | x.sum(torch.tensor(0))
    x.transpose(torch.tensor(0),1) | F.conv2d(q,w,stride=np.int64(1))
    x.repeat(np.int64(2),1) | x.topk(torch.tensor(1)) | x.narrow(0,0,np.int64(1))
    F.one_hot(i,np.int64(5)) | x.roll(np.int64(1)) | x.cumsum(np.int64(1))
    x.sum(dim=(np.int64(0),)) | torch.full((np.int64(2),),np.float32(1))
    x.tril(np.int64(1)) | torch.eye(np.int64(2)) | torch.linspace(0,1,np.int64(3))
    torch.linspace(np.float64(0),np.float64(1),3) | torch.add(x,2,y)
    x.type('torch.DoubleTensor') | F.softmax(x,1,3,torch.float64)
    x.softmax(axis=1) | torch.log_softmax(x,axis=0) | x.argsort(axis=0) | x.sort(axis=1)[0]
    x.topk(1,axis=0)[0] | x.median(axis=1,keepdims=True)[0] | x.logsumexp(axis=0,keepdims=True)
    x.squeeze(axis=0) | x[:1].squeeze(axis=(0,))
    x.all(axis=0,keepdims=True) | x.nansum(axis=(0,1)) | x.diff(axis=1) | x.chunk(2,axis=1)
    x.unbind(axis=1) | x.quantile(0.5,axis=0) | torch.cross(x,y,axis=1) | x.prod(axis=1)
    torch.linalg.norm(x,axis=1) | torch.take_along_dim(x,i,axis=1) | x.cummax(axis=0)[0]
"""


def printed(torch: Any, calls: str) -> list[str]:
    """What each call gives for the same few tensors, as text."""
    found = []
    for call in calls.split(" | "):
        torch.manual_seed(0)
        names = {"torch": torch, "F": torch.nn.functional, "np": np}
        names |= {name: torch.randn(2, 3) for name in "xy"}
        names |= {"z": torch.randn(2, 2, 2), "i": torch.tensor([[0, 1, 1], [0, 0, 1]])}
        names |= {"q": torch.randn(1, 2, 4, 4), "w": torch.randn(3, 2, 3, 3)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found.append(f"{call} -> {eval(call, names)!s}".replace("minigrad", "torch"))
    return found


@pytest.mark.parametrize("calls", CALLS.strip().splitlines(), ids=str.strip)
def test_a_call_in_this_form(calls: str) -> None:
    mine, theirs = printed(minigrad, calls.strip()), printed(oracle, calls.strip())
    for one, other in zip(mine, theirs, strict=True):
        assert_same_text(one, other)


@pytest.mark.parametrize(
    "call", ["x.cummax()", "x.logsumexp()", "x.unsqueeze()", "x.sort(axis=1, foo=2)"]
)
def test_what_must_be_given_under_one_name_or_the_other(call: str) -> None:
    for torch in (minigrad, oracle):
        with pytest.raises(TypeError):
            eval(call, {"x": torch.ones(2, 3)})


@same_as_torch
def test_axes_of_length_one_by_numpys_name(torch):
    x = torch.ones(2, 1)
    return x.unsqueeze(axis=0), torch.unsqueeze(x, axis=-1), x.squeeze(axis=1)


@both_raise
def test_unsqueeze_wants_an_axis(torch):
    return torch.ones(2).unsqueeze()
