"""REINFORCE on a pole-like toy environment, with sampling by multinomial."""

import argparse
from collections import deque
from itertools import count

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

args = argparse.Namespace(gamma=0.99, seed=543, render=False, log_interval=3)


class Pole:
    """Balance a point by pushing left or right."""

    def reset(self, seed=None):
        if seed is not None:
            self.rng = np.random.RandomState(seed)
        self.state = self.rng.uniform(-0.05, 0.05, size=4)
        return self.state, {}

    def step(self, action):
        x, v, a, w = self.state
        force = 1.0 if action == 1 else -1.0
        acc = 9.8 * np.sin(a) - force * np.cos(a)
        self.state = np.array([x + 0.05 * v, v + 0.05 * force, a + 0.05 * w, w + 0.05 * acc])
        done = bool(abs(a) > 0.3 or abs(x) > 2)
        return self.state, 1.0, done, False, {}


env = Pole()
env.reset(seed=args.seed)
torch.manual_seed(args.seed)


class Policy(nn.Module):
    def __init__(self):
        super(Policy, self).__init__()
        self.affine1 = nn.Linear(4, 32)
        self.dropout = nn.Dropout(p=0.6)
        self.affine2 = nn.Linear(32, 2)

        self.saved_log_probs = []
        self.rewards = []

    def forward(self, x):
        x = self.affine1(x)
        x = self.dropout(x)
        x = F.relu(x)
        action_scores = self.affine2(x)
        return F.softmax(action_scores, dim=1)


policy = Policy()
optimizer = optim.Adam(policy.parameters(), lr=1e-2)
eps = np.finfo(np.float32).eps.item()


def select_action(state):
    state = torch.from_numpy(state).float().unsqueeze(0)
    probs = policy(state)
    action = probs.multinomial(num_samples=1)
    policy.saved_log_probs.append(torch.log(probs.gather(1, action)).squeeze(1))
    return action.item()


def finish_episode():
    R = 0
    policy_loss = []
    returns = deque()
    for r in policy.rewards[::-1]:
        R = r + args.gamma * R
        returns.appendleft(R)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + eps)
    for log_prob, R in zip(policy.saved_log_probs, returns):
        policy_loss.append(-log_prob * R)
    optimizer.zero_grad()
    policy_loss = torch.cat(policy_loss).sum()
    policy_loss.backward()
    optimizer.step()
    del policy.rewards[:]
    del policy.saved_log_probs[:]
    return policy_loss.item()


running_reward = 10
for i_episode in count(1):
    state, _ = env.reset()
    ep_reward = 0
    for t in range(1, 60):
        action = select_action(state)
        state, reward, done, _, _ = env.step(action)
        policy.rewards.append(reward)
        ep_reward += reward
        if done:
            break
    running_reward = 0.05 * ep_reward + (1 - 0.05) * running_reward
    loss = finish_episode()
    if i_episode % args.log_interval == 0:
        print(
            "Episode {}\tLast reward: {:.2f}\tAverage reward: {:.2f}\tLoss {:.4f}".format(
                i_episode, ep_reward, running_reward, loss
            )
        )
    if i_episode == 21:
        break
