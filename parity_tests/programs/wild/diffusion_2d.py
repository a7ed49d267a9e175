"""Denoising diffusion on a 2-D spiral: schedules by cumprod, sinusoidal times, EMA, sampling."""

import math

import numpy as np
import torch
import torch.nn as nn


class SinusoidalEmbedding(nn.Module):
    def __init__(self, size: int, scale: float = 1.0):
        super().__init__()
        self.size = size
        self.scale = scale

    def forward(self, x: torch.Tensor):
        x = x * self.scale
        half_size = self.size // 2
        emb = torch.log(torch.Tensor([10000.0])) / (half_size - 1)
        emb = torch.exp(-emb * torch.arange(half_size))
        emb = x.unsqueeze(-1) * emb.unsqueeze(0)
        return torch.cat((torch.sin(emb), torch.cos(emb)), dim=-1)

    def __len__(self):
        return self.size


class MLP(nn.Module):
    def __init__(self, hidden=48, emb_size=16):
        super().__init__()
        self.time_mlp = SinusoidalEmbedding(emb_size)
        self.input_mlp1 = SinusoidalEmbedding(emb_size, scale=25.0)
        self.input_mlp2 = SinusoidalEmbedding(emb_size, scale=25.0)
        concat_size = len(self.time_mlp) + len(self.input_mlp1) + len(self.input_mlp2)
        layers = [nn.Linear(concat_size, hidden), nn.GELU()]
        for _ in range(2):
            layers.extend([nn.Linear(hidden, hidden), nn.SiLU()])
        layers.append(nn.Linear(hidden, 2))
        self.joint_mlp = nn.Sequential(*layers)

    def forward(self, x, t):
        x1_emb = self.input_mlp1(x[:, 0])
        x2_emb = self.input_mlp2(x[:, 1])
        t_emb = self.time_mlp(t)
        return self.joint_mlp(torch.cat((x1_emb, x2_emb, t_emb), dim=-1))


class NoiseScheduler:
    def __init__(self, num_timesteps=30, beta_start=0.0001, beta_end=0.02, kind="linear"):
        self.num_timesteps = num_timesteps
        if kind == "linear":
            self.betas = torch.linspace(beta_start, beta_end, num_timesteps, dtype=torch.float32)
        else:
            self.betas = torch.linspace(beta_start**0.5, beta_end**0.5, num_timesteps) ** 2
        self.alphas = 1.0 - self.betas
        self.alphas_cumprod = torch.cumprod(self.alphas, axis=0)
        self.alphas_cumprod_prev = nn.functional.pad(self.alphas_cumprod[:-1], (1, 0), value=1.0)
        self.sqrt_inv_alphas_cumprod = torch.sqrt(1 / self.alphas_cumprod)
        self.sqrt_inv_minus_one = torch.sqrt(1 / self.alphas_cumprod - 1)
        denominator = 1.0 - self.alphas_cumprod
        prev = self.alphas_cumprod_prev
        self.posterior_mean_coef1 = self.betas * torch.sqrt(prev) / denominator
        self.posterior_mean_coef2 = (1.0 - prev) * torch.sqrt(self.alphas) / denominator

    def add_noise(self, x_start, x_noise, timesteps):
        s1 = self.alphas_cumprod[timesteps] ** 0.5
        s2 = (1 - self.alphas_cumprod[timesteps]) ** 0.5
        return s1.reshape(-1, 1) * x_start + s2.reshape(-1, 1) * x_noise

    def step(self, model_output, timestep, sample):
        t = timestep
        pred = self.sqrt_inv_alphas_cumprod[t] * sample - self.sqrt_inv_minus_one[t] * model_output
        mean = self.posterior_mean_coef1[t] * pred + self.posterior_mean_coef2[t] * sample
        variance = 0
        if t > 0:
            noise = torch.randn_like(model_output)
            v = self.betas[t] * (1.0 - self.alphas_cumprod_prev[t]) / (1.0 - self.alphas_cumprod[t])
            variance = (v.clip(1e-20) ** 0.5) * noise
        return mean + variance

    def __len__(self):
        return self.num_timesteps


rng = np.random.default_rng(42)
theta = np.sqrt(rng.random(256)) * 2 * math.pi
X = np.stack((np.cos(theta) * theta, np.sin(theta) * theta), axis=1) / 6
X += rng.normal(0, 0.02, X.shape)
dataset = torch.utils.data.TensorDataset(torch.from_numpy(X.astype(np.float32)))
dataloader = torch.utils.data.DataLoader(dataset, batch_size=64, shuffle=True, drop_last=True)
torch.manual_seed(0)
model = MLP()
ema = torch.optim.swa_utils.AveragedModel(
    model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.95)
)
noise_scheduler = NoiseScheduler(kind="quadratic")
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
global_step = 0
losses = []
for epoch in range(8):
    model.train()
    for step, batch in enumerate(dataloader):
        batch = batch[0]
        noise = torch.randn(batch.shape)
        timesteps = torch.randint(0, noise_scheduler.num_timesteps, (batch.shape[0],)).long()
        noisy = noise_scheduler.add_noise(batch, noise, timesteps)
        noise_pred = model(noisy, timesteps)
        loss = nn.functional.mse_loss(noise_pred, noise)
        loss.backward(loss)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        ema.update_parameters(model)
        losses.append(loss.detach().item())
        global_step += 1
    print(f"epoch {epoch} loss {np.mean(losses[-4:]):.5f} step {global_step}")
model.eval()
for net in (model, ema):
    sample = torch.randn(100, 2)
    for t in list(range(len(noise_scheduler)))[::-1]:
        ts = torch.from_numpy(np.repeat(t, 100)).long()
        with torch.no_grad():
            residual = net(sample, ts)
        sample = noise_scheduler.step(residual, ts[0], sample)
    print(sample.mean(0), sample.std(0))
print(int(ema.n_averaged))
