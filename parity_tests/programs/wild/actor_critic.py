"""Actor-critic with two heads, Huber losses, an nn.Module that keeps namedtuples."""

from collections import namedtuple

import torch
import torch.nn as nn
import torch.nn.functional as F

SavedAction = namedtuple("SavedAction", ["log_prob", "value"])


class GridWorld:
    def __init__(self, n=5):
        self.n = n

    def reset(self):
        self.at = [0, 0]
        return self.observe()

    def observe(self):
        onehot = torch.zeros(self.n, self.n)
        onehot[tuple(self.at)] = 1.0
        return onehot.flatten()

    def step(self, action):
        axis, sign = divmod(action, 2)
        self.at[axis] = max(0, min(self.n - 1, self.at[axis] + (1 if sign else -1)))
        done = self.at == [self.n - 1] * 2
        return self.observe(), 1.0 if done else -0.05, done


class Policy(nn.Module):
    def __init__(self):
        super(Policy, self).__init__()
        self.affine1 = nn.Linear(25, 32)
        self.action_head = nn.Linear(32, 4)
        self.value_head = nn.Linear(32, 1)
        self.saved_actions = []
        self.rewards = []

    def forward(self, x):
        x = F.relu(self.affine1(x))
        action_prob = F.softmax(self.action_head(x), dim=-1)
        state_values = self.value_head(x)
        return action_prob, state_values


env = GridWorld()
torch.manual_seed(7)
model = Policy()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-2)
for i_episode in range(12):
    state = env.reset()
    ep_reward = 0
    for t in range(40):
        probs, state_value = model(state)
        action = torch.multinomial(probs, 1)
        model.saved_actions.append(SavedAction(probs[action].log(), state_value))
        state, reward, done = env.step(action.item())
        model.rewards.append(reward)
        ep_reward += reward
        if done:
            break
    R = 0
    policy_losses, value_losses, returns = [], [], []
    for r in model.rewards[::-1]:
        R = r + 0.99 * R
        returns.insert(0, R)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + 1e-8)
    for (log_prob, value), R in zip(model.saved_actions, returns):
        advantage = R - value.item()
        policy_losses.append(-log_prob * advantage)
        value_losses.append(F.smooth_l1_loss(value, torch.tensor([R])))
    optimizer.zero_grad()
    loss = torch.stack(policy_losses).sum() + torch.stack(value_losses).sum()
    loss.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm=5.0)
    optimizer.step()
    print(
        f"episode {i_episode} steps {t + 1} reward {ep_reward:.2f} loss {loss:.4f} norm {norm:.3f}"
    )
    del model.rewards[:]
    del model.saved_actions[:]
