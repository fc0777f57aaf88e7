"""The sampling loop, for any family and scheduler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ...graph.errors import NodeError
from ...graph.types import Tensor

Predict = Callable[[Tensor, Tensor], Tensor]
"""(latents as the scheduler scales them, time) -> what the model predicts, guided."""
After = Callable[[int, Tensor, Tensor], Tensor]
"""(step, time, latents) -> latents: what a mask or a control does after each step."""
Watch = Callable[[int, Tensor, Tensor, Tensor], None]
"""(step, time, scaled latents, prediction): progress and previews."""


@dataclass
class Span:
    """The part of a schedule that is walked: times (noisiest first), and where it begins."""

    times: Tensor
    begin: int
    extras: dict[str, Any] = field(default_factory=dict)
    """What the scheduler's `step` takes besides: generators, eta."""


def span(
    scheduler: Any, steps: int, strength: float, start: float, end: float, device: Any
) -> Span:
    """Set the scheduler up for `steps`, and cut what lies outside `strength` or `start` to `end`.

    `strength` keeps the last part of the steps (image to image); `start` and `end` are fractions
    of the way from noise to picture, by noise level, for models that share the work (base and
    refiner). Raises NodeError if nothing is left.
    """
    scheduler.set_timesteps(steps, device=device)
    times, begin = scheduler.timesteps, 0
    if start > 0:
        begin = len(times) - _steps_after(scheduler, start)
    elif strength < 1:
        begin = max(steps - min(int(steps * strength), steps), 0) * scheduler.order
    times = times[begin:]
    if end < 1:
        times = times[: int((times >= _level(scheduler, end)).sum())]
    if not len(times):
        raise NodeError(
            f"no step is left of {steps} at strength {strength:g}, start {start:g} and end "
            f"{end:g}: take more steps, more strength, or a wider range",
            "steps",
        )
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(begin)
    return Span(times, begin)


def _level(scheduler: Any, fraction: float) -> int:
    trained = scheduler.config.num_train_timesteps
    return round(trained - fraction * trained)


def _steps_after(scheduler: Any, start: float) -> int:
    count = int((scheduler.timesteps < _level(scheduler, start)).sum())
    # Two times belong to one step of a second-order scheduler, but for the first: don't split it.
    return count + 1 if scheduler.order == 2 and count % 2 == 0 else count


def begin(scheduler: Any, latents: Tensor, noise: Tensor, walk: Span) -> Tensor:
    """Latents to start from: pure noise for empty latents, else those noised to the first time."""
    if not bool(latents.any()):
        return noise * getattr(scheduler, "init_noise_sigma", 1.0)
    times = walk.times[:1].repeat(len(latents))
    if hasattr(scheduler, "add_noise"):
        return scheduler.add_noise(latents, noise, times)
    return scheduler.scale_noise(latents, times, noise)  # flow matching


def denoise(
    predict: Predict,
    scheduler: Any,
    latents: Tensor,
    walk: Span,
    watch: Watch | None = None,
    after: After | None = None,
) -> Tensor:
    """Walk from noise towards a picture along `walk`: latents (n, channels, height, width)."""
    scale = getattr(scheduler, "scale_model_input", None)
    for i, t in enumerate(walk.times):
        scaled = scale(latents, t) if scale else latents
        prediction = predict(scaled, t)
        latents = scheduler.step(prediction, t, latents, return_dict=False, **walk.extras)[0]
        if after:
            latents = after(i, t, latents)
        if watch:
            watch(i, t, scaled, prediction)
    return latents
