"""Sampling: from noise to latents, step by step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from ..graph.context import Context
from ..graph.errors import NodeError
from ..graph.node import node
from ..graph.types import Conditioning, Latents, Tensor
from ..graph.widgets import Choice, Seed, Slider
from ..plugins import hookimpl
from .diffusion.guidance import guide
from .diffusion.loop import begin, denoise, span
from .diffusion.memory import check_finite, thrifty
from .diffusion.noise import draw, for_steps, generators
from .diffusion.preview import watcher
from .diffusion.schedulers import DIFFUSION, SPACINGS, choose, make, step_extras
from .models.parts import Denoiser, Scheduler, on, same_space

METHODS = ("default", *DIFFUSION)
DEFAULT_NEGATIVE = "connect text.encode with an empty text to `negative`, or set guidance to 1"


@dataclass(frozen=True)
class Job:
    """What a call of `sample` is to do, for a whole batch or some of its images."""

    ctx: Context
    model: Denoiser
    scheduler: Scheduler
    positive: Conditioning
    negative: Conditioning | None
    samples: Tensor
    seed: int
    steps: int
    guidance: float
    rescale: float
    strength: float
    start: float
    end: float
    eta: float

    def rows(self, first: int, last: int) -> Job:
        """The same for images `first` to `last` only, with the noise they have in the batch."""
        negative = self.negative and _rows(self.negative, first, last)
        positive, samples = _rows(self.positive, first, last), self.samples[first:last]
        return replace(
            self, positive=positive, negative=negative, samples=samples, seed=self.seed + first
        )

    def run(self) -> Tensor:
        """Sample: latents (n, channels, height, width)."""
        import torch

        net = on(self.model.net, self.model.device)
        scheduler = make(self.scheduler)
        walk = span(scheduler, self.steps, self.strength, self.start, self.end, net.device)
        rngs = generators(self.seed, len(self.samples))
        latents = self._first(scheduler, rngs, walk)
        walk.extras.update(step_extras(scheduler, for_steps(rngs), self.eta))
        family = self.model.family
        given = family.condition(self.model, self.positive, self.negative, latents, self.guidance)

        def predict(scaled: Tensor, t: Tensor) -> Tensor:
            if not given.paired:
                return family.predict(self.model, scaled, t, given)
            both = family.predict(self.model, torch.cat([scaled, scaled]), t, given)
            return guide(both, self.guidance, self.rescale)

        self.ctx.progress(0, len(walk.times))
        watch = watcher(self.ctx, scheduler, self.model.space, len(walk.times))
        with torch.no_grad():
            return denoise(predict, scheduler, latents, walk, watch)

    def _first(self, scheduler: Any, rngs: list[Any], walk: Any) -> Tensor:
        if self.start > 0:  # already noised: an earlier sampler stopped here
            return self.samples
        noise = draw(self.samples.shape, rngs, self.samples.dtype, self.samples.device)
        if bool(self.samples.any()):
            # The pipelines' generator has made the encoder's noise before: so the same seed gives
            # the same picture when vae.encode draws with it.
            noise = draw(self.samples.shape, rngs, self.samples.dtype, self.samples.device)
        return begin(scheduler, self.samples, noise, walk)


def _rows(side: Conditioning, first: int, last: int) -> Conditioning:
    pooled = None if side.pooled is None else side.pooled[first:last]
    return replace(side, embeds=side.embeds[first:last], pooled=pooled)


def _spread(tensor: Tensor, count: int, what: str) -> Tensor:
    """Repeat rows to `count`: each prompt for as many images as there are of it."""
    if count % len(tensor):
        raise NodeError(f"{len(tensor)} {what} don't fit a batch of {count} images")
    return tensor if len(tensor) == count else tensor.repeat_interleave(count // len(tensor), 0)


def _placed(side: Conditioning, model: Denoiser, count: int, socket: str) -> Conditioning:
    same_space(side.space, model.text_space, "conditioning", "this model", socket)
    embeds = _spread(side.embeds, count, "prompts").to(model.device, model.dtype)
    pooled = side.pooled
    if pooled is not None:
        pooled = _spread(pooled, count, "prompts").to(model.device, model.dtype)
    return replace(side, embeds=embeds, pooled=pooled)


def _negative(
    model: Denoiser, positive: Conditioning, negative: Conditioning | None, guidance: float
) -> Conditioning | None:
    if guidance <= 1 or model.net.config.get("time_cond_proj_dim") is not None:
        return None
    negative = negative or model.family.without(model, positive)
    if negative is None:
        raise NodeError(
            f"guidance {guidance:g} compares with what the model makes without the prompt, and "
            f"nothing came to `negative`: {DEFAULT_NEGATIVE}",
            "negative",
        )
    if negative.embeds.shape[1] != positive.embeds.shape[1]:
        raise NodeError(
            f"the prompt has {positive.embeds.shape[1]} tokens, the negative prompt "
            f"{negative.embeds.shape[1]}: encode both with the same setting for long texts",
            "negative",
        )
    return negative


@node(lane="gpu")
def sample(
    ctx: Context,
    model: Denoiser,
    scheduler: Scheduler,
    positive: Conditioning,
    latents: Latents,
    negative: Conditioning | None = None,
    seed: Annotated[int, Seed()] = 0,
    steps: Annotated[int, Slider(1, 1000)] = 20,
    guidance: Annotated[float, Slider(0, 50, 0.1)] = 7.0,
    method: Annotated[str, Choice(METHODS)] = "default",
    rescale: Annotated[float, Slider(0, 1, 0.05)] = 0.0,
    strength: Annotated[float, Slider(0, 1, 0.01)] = 1.0,
    start: Annotated[float, Slider(0, 1, 0.01)] = 0.0,
    end: Annotated[float, Slider(0, 1, 0.01)] = 1.0,
    eta: Annotated[float, Slider(0, 1, 0.05)] = 0.0,
) -> Latents:
    """Sample.

    Denoise latents step by step towards the prompt. Empty latents start from pure noise; latents
    of a picture keep more of it the lower `strength` is. `start` and `end` share the work between
    two models: the base one ends at 0.8, the refiner starts there. Image i of a batch is drawn
    with seed + i, so it can be made again alone. `method` "default" is the model's own scheduler;
    `rescale` tames the contrast of high guidance; `eta` adds noise at each step of DDIM and TCD.
    """
    import torch

    same_space(latents.space, model.space, "latents", "this model", "latents")
    count = max(len(latents.samples), len(positive.embeds))
    samples = _spread(latents.samples, count, "latents").to(model.device, model.dtype)
    if start > 0 and not bool(samples.any()):
        raise NodeError(
            f"start {start:g} goes on from latents that an earlier sampler left at that point, "
            "but empty latents came: connect that sampler, or set start to 0",
            "start",
        )
    positive = _placed(positive, model, count, "positive")
    negative = _negative(model, positive, negative, guidance)
    negative = negative and _placed(negative, model, count, "negative")
    recipe = choose(scheduler, method, model.family.schedulers)
    shared = (rescale, strength, start, end, eta)
    job = Job(ctx, model, recipe, positive, negative, samples, seed, steps, guidance, *shared)
    ways = [("all images at once", job.run)]
    if count > 1:
        ways.append(("one image at a time", lambda: torch.cat([j.run() for j in _singles(job)])))
    result = thrifty(ctx, "sampling", ways)
    check_finite(result, "sampling", "load the model in float32 or bfloat16, or lower the guidance")
    return Latents(result, latents.space)


def _singles(job: Job) -> list[Job]:
    return [job.rows(i, i + 1) for i in range(len(job.samples))]


@sample.rule
def _some_way_to_go(start: float, end: float) -> str | None:
    """Refuse an empty range."""
    if start >= end:
        return f"start {start:g} must be below end {end:g}: no step lies between"
    return None


@node(lane="inline")
def scheduler(
    scheduler: Scheduler,
    method: Annotated[str, Choice(METHODS)] = "default",
    sigmas: Literal["default", "karras", "exponential", "beta"] = "default",
    spacing: Literal["default", "leading", "linspace", "trailing"] = "default",
    prediction: Literal["default", "epsilon", "v_prediction", "sample"] = "default",
    zero_snr: Literal["default", "on", "off"] = "default",
    shift: Annotated[float, Slider(0, 100, 0.1)] = 0.0,
) -> Scheduler:
    """Scheduler.

    Change how sampling steps are taken: the method, how noise levels are spread, how times are
    spaced, what the model predicts, whether the schedule ends in pure noise, and the shift of
    flow-matching models (0 keeps the model's own).
    """
    over: dict[str, Any] = {}
    if sigmas != "default":
        over |= {key: name == sigmas for name, key in SPACINGS.items()}
    named = {"timestep_spacing": spacing, "prediction_type": prediction}
    over |= {key: value for key, value in named.items() if value != "default"}
    if zero_snr != "default":
        over["rescale_betas_zero_snr"] = zero_snr == "on"
    if shift:
        over["shift"] = shift
    chosen = choose(scheduler, method, DIFFUSION)
    return replace(chosen, over={**chosen.over, **over})


@hookimpl
def register_nodes() -> list[Any]:
    """The nodes of this module."""
    return [sample, scheduler]
