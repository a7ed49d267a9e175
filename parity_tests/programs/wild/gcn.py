"""Graph convolutions: dense normalised adjacency, index_add_ and scatter_add_ messages."""

import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.modules.module import Module
from torch.nn.parameter import Parameter


class GraphConvolution(Module):
    def __init__(self, in_features, out_features, bias=True):
        super(GraphConvolution, self).__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(torch.FloatTensor(in_features, out_features))
        if bias:
            self.bias = Parameter(torch.FloatTensor(out_features))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self):
        stdv = 1.0 / math.sqrt(self.weight.size(1))
        self.weight.data.uniform_(-stdv, stdv)
        if self.bias is not None:
            self.bias.data.uniform_(-stdv, stdv)

    def forward(self, input, adj):
        support = torch.mm(input, self.weight)
        output = torch.matmul(adj, support)
        if self.bias is not None:
            return output + self.bias
        return output

    def __repr__(self):
        return (
            self.__class__.__name__
            + " ("
            + str(self.in_features)
            + " -> "
            + str(self.out_features)
            + ")"
        )


class GCN(nn.Module):
    def __init__(self, nfeat, nhid, nclass, dropout):
        super(GCN, self).__init__()
        self.gc1 = GraphConvolution(nfeat, nhid)
        self.gc2 = GraphConvolution(nhid, nclass, bias=False)
        self.dropout = dropout

    def forward(self, x, adj):
        x = F.relu(self.gc1(x, adj))
        x = F.dropout(x, self.dropout, training=self.training)
        x = self.gc2(x, adj)
        return F.log_softmax(x, dim=1)


class SAGE(nn.Module):
    def __init__(self, nfeat, nclass):
        super().__init__()
        self.own, self.other = nn.Linear(nfeat, 16), nn.Linear(nfeat, 16)
        self.out = nn.Linear(16, nclass)

    def forward(self, x, edge_index):
        src, dst = edge_index
        summed = torch.zeros_like(x).index_add_(0, dst, x[src])
        degree = torch.zeros(x.size(0)).scatter_add_(0, dst, torch.ones(dst.size(0)))
        mean = summed / degree.clamp(min=1).unsqueeze(-1)
        h = F.elu(self.own(x) + self.other(mean))
        best = torch.full_like(h, -1e9).scatter_reduce(
            0, dst.unsqueeze(-1).expand(-1, h.size(1)), h[src], reduce="amax"
        )
        return self.out(h + best.clamp(min=0)).log_softmax(-1)


np.random.seed(42)
torch.manual_seed(42)
n, k = 60, 3
labels = torch.LongTensor(np.random.randint(0, k, n))
prob = np.where(labels.numpy()[:, None] == labels.numpy()[None], 0.25, 0.03)
A = np.triu(np.random.rand(n, n) < prob, 1).astype(np.float32)
A = A + A.T
adj = torch.FloatTensor(A) + torch.eye(n)
deg = adj.sum(1).pow(-0.5)
deg[torch.isinf(deg)] = 0.0
adj = torch.diag(deg) @ adj @ torch.diag(deg)
features = torch.randn(n, 12) + F.one_hot(labels, 12).float()
features = F.normalize(features, p=1, dim=1)
edges = torch.nonzero(torch.from_numpy(A)).t().contiguous()
idx_train, idx_test = torch.arange(30), torch.arange(30, n)


def accuracy(output, labels):
    preds = output.max(1)[1].type_as(labels)
    correct = preds.eq(labels).double()
    correct = correct.sum()
    return correct / len(labels)


for model, graph in ((GCN(12, 16, k, 0.5), adj), (SAGE(12, k), edges)):
    print(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)
    for epoch in range(30):
        model.train()
        optimizer.zero_grad()
        output = model(features, graph)
        loss_train = F.nll_loss(output[idx_train], labels[idx_train])
        loss_train.backward()
        optimizer.step()
        if epoch % 10 == 0:
            acc = accuracy(output[idx_train], labels[idx_train])
            print("Epoch: {:04d}".format(epoch + 1), "loss_train: {:.4f}".format(loss_train.item()),
                  "acc_train: {:.4f}".format(acc.item()))  # fmt: skip
    model.eval()
    print(accuracy(model(features, graph)[idx_test], labels[idx_test]).dtype)
