"""The training loop that every model here shares: AdamW, averaged weights, resumable.

Every step draws from its own generator, seeded by (seed, step). There is no random state to save,
and a run that was stopped and resumed gives the weights of one that was not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import checkpoint

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


class Draw(NamedTuple):
    """A step's own randomness: for indices (numpy) and for noise (torch)."""

    numpy: np.random.Generator
    torch: torch.Generator


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast: `rates` are peak learning rates by module name.

    The rate warms up linearly, stays, and in the last `decay` of the steps falls along a cosine.
    `ema` is the averaging constant late in training; early it is shorter.
    """

    steps: int
    rates: dict[str, float]
    warmup: int = 100
    decay: float = 0.5
    ema: float = 0.999
    weight_decay: float = 0.01
    clip: float = 1.0
    seed: int = 0
    save_every: int = 500

    def rate(self, step: int) -> float:
        """The share of the peak learning rate at `step`."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        left = (self.steps - step) / max(1.0, self.steps * self.decay)
        return 1.0 if left >= 1 else 0.02 + 0.98 * 0.5 * (1 - math.cos(math.pi * left))


Report = Callable[["Run", float], None]
Loss = Callable[[int, Draw], "Tensor"]


@dataclass
class Run:
    """A model in training: its modules by name, averaged weights, optimizer and step."""

    modules: dict[str, nn.Module]
    plan: Plan
    folder: Path
    step: int = 0
    losses: list[float] = field(default_factory=list)
    """Mean loss of every 100 steps."""

    def __post_init__(self) -> None:
        import torch

        groups = [
            {"params": list(self.modules[name].parameters()), "peak": rate}
            for name, rate in self.plan.rates.items()
        ]
        self.optimizer = torch.optim.AdamW(
            groups, 1e-4, betas=(0.9, 0.98), weight_decay=self.plan.weight_decay, fused=True
        )
        self.weights = {
            f"{part}.{name}": value
            for part in self.plan.rates
            for name, value in self.modules[part].named_parameters()
        }
        self.average = {name: value.detach().clone() for name, value in self.weights.items()}
        self._resume()

    def _resume(self) -> None:
        found = checkpoint.load(self.folder)
        if found is None:
            return
        import torch

        tensors, state = found
        self.step, self.losses = state["step"], state["losses"]
        for name, value in self.weights.items():
            with torch.no_grad():
                value.copy_(tensors[f"weights/{name}"])
            self.average[name].copy_(tensors[f"average/{name}"])
            self.optimizer.state[value] = {
                "step": torch.tensor(float(self.step)),
                "exp_avg": tensors[f"first/{name}"],
                "exp_avg_sq": tensors[f"second/{name}"],
            }

    def save(self) -> None:
        """Write a checkpoint."""
        tensors = {f"average/{name}": value for name, value in self.average.items()}
        for name, value in self.weights.items():
            tensors[f"weights/{name}"] = value.detach()
            moments = self.optimizer.state[value]
            tensors[f"first/{name}"] = moments["exp_avg"]
            tensors[f"second/{name}"] = moments["exp_avg_sq"]
        state: dict[str, Any] = {"step": self.step, "losses": self.losses}
        checkpoint.save(self.folder, tensors, state)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Within this, the modules have their averaged weights and are in evaluation mode."""
        self.exchange()
        for module in self.modules.values():
            module.eval()
        try:
            yield
        finally:
            for module in self.modules.values():
                module.train()
            self.exchange()

    def exchange(self) -> None:
        """Exchange the weights with their average: call again to exchange back."""
        for name, value in self.weights.items():
            value.data, self.average[name] = self.average[name], value.data

    def update(self, loss: Tensor) -> None:
        """One optimizer step and one averaging step."""
        import torch

        share = self.plan.rate(self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * share
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(self.weights.values()), self.plan.clip)
        self.optimizer.step()
        self.step += 1
        keep = min(self.plan.ema, (self.step + 1) / (self.step + 20))
        with torch.no_grad():
            torch._foreach_lerp_(
                list(self.average.values()), [w.data for w in self.weights.values()], 1 - keep
            )


def draw(seed: int, step: int) -> Draw:
    """The randomness of one step."""
    import torch

    numbers = np.random.default_rng((seed, step))
    noise = torch.Generator().manual_seed(int(numbers.integers(2**62)))
    return Draw(numbers, noise)


def fit(run: Run, loss: Loss, report: Report) -> None:
    """Train to the end of the plan; whatever stops it, a checkpoint is left behind.

    At the end the modules have their averaged weights.

    `report` is called after every step and may raise (a cancelled run does).
    """
    import torch

    recent: list[float] = []
    try:
        with torch.inference_mode(False), torch.enable_grad():
            for module in run.modules.values():
                module.train()
            while run.step < run.plan.steps:
                value = loss(run.step, draw(run.plan.seed, run.step))
                run.update(value)
                recent.append(float(value.detach()))
                if run.step % 100 == 0:
                    run.losses.append(float(np.mean(recent[-100:])))
                report(run, recent[-1])
                if run.step % run.plan.save_every == 0:
                    run.save()
    finally:
        if recent:
            run.save()
    run.exchange()
    for module in run.modules.values():
        module.eval()
