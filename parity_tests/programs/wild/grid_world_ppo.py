"""PPO with GAE and double DQN on a grid that is made here; distributions."""

import torch, torch.nn as nn, torch.nn.functional as F, numpy as np, random

torch.manual_seed(1)
np.random.seed(1)
random.seed(1)


class GridWorld:
    def __init__(s, n=4):
        s.n = n

    def reset(s):
        s.p = np.array([0, 0])
        s.t = 0
        return s.obs()

    def obs(s):
        o = np.zeros(s.n * s.n, dtype=np.float32)
        o[s.p[0] * s.n + s.p[1]] = 1
        return o

    def step(s, a):
        d = [(0, 1), (1, 0), (0, -1), (-1, 0)][a]
        s.p = np.clip(s.p + d, 0, s.n - 1)
        s.t += 1
        done = bool((s.p == s.n - 1).all()) or s.t >= 20
        return s.obs(), (1.0 if (s.p == s.n - 1).all() else -0.01), done, {}


class AC(nn.Module):
    def __init__(s):
        super().__init__()
        s.b = nn.Linear(16, 24)
        s.pi = nn.Linear(24, 4)
        s.v = nn.Linear(24, 1)

    def forward(s, o):
        h = torch.tanh(s.b(o))
        return torch.distributions.Categorical(logits=s.pi(h)), s.v(h).squeeze(-1)


env = GridWorld()
m = AC()
opt = torch.optim.Adam(m.parameters(), lr=5e-3)


def gae(r, v, d, last, g=0.99, lam=0.95):
    a = torch.zeros_like(r)
    acc = 0.0
    for t in reversed(range(len(r))):
        nv = last if t == len(r) - 1 else v[t + 1]
        delta = r[t] + g * nv * (1 - d[t]) - v[t]
        acc = delta + g * lam * (1 - d[t]) * acc
        a[t] = acc
    return a, a + v


for it in range(3):
    O, A, L, R, D, V = [], [], [], [], [], []
    o = env.reset()
    for _ in range(32):
        with torch.no_grad():
            pi, v = m(torch.from_numpy(o))
            a = pi.sample()
        o2, r, d, _ = env.step(a.item())
        O.append(torch.as_tensor(o))
        A.append(a)
        L.append(pi.log_prob(a))
        R.append(r)
        D.append(float(d))
        V.append(v)
        o = env.reset() if d else o2
    O, A, L, V = map(torch.stack, (O, A, L, V))
    R, D = torch.tensor(R), torch.tensor(D)
    with torch.no_grad():
        adv, ret = gae(R, V, D, m(torch.from_numpy(o))[1])
    adv = (adv - adv.mean()) / (adv.std() + 1e-8)
    for ep in range(2):
        for idx in torch.randperm(32).split(16):
            pi, v = m(O[idx])
            ratio = (pi.log_prob(A[idx]) - L[idx]).exp()
            s1, s2 = ratio * adv[idx], ratio.clamp(0.8, 1.2) * adv[idx]
            loss = (
                -torch.min(s1, s2).mean()
                + 0.5 * F.smooth_l1_loss(v, ret[idx])
                - 0.01 * pi.entropy().mean()
            )
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(m.parameters(), 0.5)
            opt.step()
    print(it, f"{loss.item():.5f} {R.sum():.2f} {pi.entropy().mean():.4f}")
buf = []
q = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 4))
tq = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 4))
tq.load_state_dict(q.state_dict())
qo = torch.optim.Adam(q.parameters(), 1e-3)
o = env.reset()
for t in range(80):
    a = random.randrange(4) if random.random() < 0.3 else int(q(torch.tensor(o)).argmax())
    o2, r, d, _ = env.step(a)
    buf.append((o, a, r, o2, d))
    o = env.reset() if d else o2
    if len(buf) >= 32:
        b = random.sample(buf, 16)
        s, a_, r_, s2, d_ = map(np.array, zip(*b))
        s, s2 = torch.tensor(s), torch.tensor(s2)
        a_ = torch.LongTensor(a_).unsqueeze(1)
        r_ = torch.FloatTensor(r_)
        d_ = torch.BoolTensor(d_)
        qs = q(s).gather(1, a_).squeeze(1)
        with torch.no_grad():
            best = q(s2).argmax(1, keepdim=True)
            tgt = r_ + 0.99 * tq(s2).gather(1, best).squeeze(1) * (~d_).float()
        l = F.huber_loss(qs, tgt)
        qo.zero_grad()
        l.backward()
        qo.step()
        for p, tp in zip(q.parameters(), tq.parameters()):
            tp.data.lerp_(p.data, 0.05)
print(l.item(), tq[0].weight.sum())
n = torch.distributions.Normal(torch.zeros(2), torch.ones(2))
a = n.rsample()
print(
    a,
    n.log_prob(a).sum(),
    torch.distributions.kl_divergence(n, torch.distributions.Normal(1.0, 2.0)),
    torch.tanh(a),
)
print(
    torch.distributions.MultivariateNormal(torch.zeros(2), torch.eye(2)).sample(),
    torch.distributions.Bernoulli(logits=torch.zeros(3)).sample(),
    torch.distributions.Beta(2.0, 3.0).sample(),
    torch.distributions.Independent(n, 1).entropy(),
)
