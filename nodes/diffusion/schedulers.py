"""Schedulers by the names people know, made fresh from a model's configuration."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from ...graph.errors import NodeError, did_you_mean
from ..models.parts import Scheduler

Table = Mapping[str, tuple[str, Mapping[str, Any]]]
MULTI = "DPMSolverMultistepScheduler"
SINGLE = "DPMSolverSinglestepScheduler"
DIFFUSION: Table = {
    "ddim": ("DDIMScheduler", {}),
    "ddpm": ("DDPMScheduler", {}),
    "pndm": ("PNDMScheduler", {"skip_prk_steps": True}),
    "lms": ("LMSDiscreteScheduler", {}),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler a": ("EulerAncestralDiscreteScheduler", {}),
    "euler karras": ("EulerDiscreteScheduler", {"use_karras_sigmas": True}),
    "heun": ("HeunDiscreteScheduler", {}),
    "dpm2": ("KDPM2DiscreteScheduler", {}),
    "dpm2 a": ("KDPM2AncestralDiscreteScheduler", {}),
    "dpm++ 2m": (MULTI, {"algorithm_type": "dpmsolver++"}),
    "dpm++ 2m karras": (MULTI, {"algorithm_type": "dpmsolver++", "use_karras_sigmas": True}),
    "dpm++ 2m sde": (MULTI, {"algorithm_type": "sde-dpmsolver++"}),
    "dpm++ 2m sde karras": (
        MULTI,
        {"algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": True},
    ),
    "dpm++ 2s": (SINGLE, {"algorithm_type": "dpmsolver++"}),
    "dpm++ 2s karras": (SINGLE, {"algorithm_type": "dpmsolver++", "use_karras_sigmas": True}),
    "dpm++ sde": ("DPMSolverSDEScheduler", {}),
    "dpm++ sde karras": ("DPMSolverSDEScheduler", {"use_karras_sigmas": True}),
    "deis": ("DEISMultistepScheduler", {}),
    "unipc": ("UniPCMultistepScheduler", {}),
    "sa": ("SASolverScheduler", {}),
    "lcm": ("LCMScheduler", {}),
    "tcd": ("TCDScheduler", {}),
}
"""For models that predict noise or velocity on a variance-preserving schedule."""

SPACINGS = {
    "karras": "use_karras_sigmas",
    "exponential": "use_exponential_sigmas",
    "beta": "use_beta_sigmas",
}
MORE = frozenset({"EDMEulerScheduler", "DDIMParallelScheduler", "DDPMParallelScheduler"})


def known(table: Table) -> set[str]:
    """The scheduler classes that a model of a family may name in its configuration."""
    return {name for name, _ in table.values()} | MORE


def choose(recipe: Scheduler, method: str, table: Table) -> Scheduler:
    """The recipe with another method, by its name in the family's table; raises NodeError."""
    if method == "default":
        return recipe
    if method not in table:
        hint = did_you_mean(method, table) or f"; there are: {', '.join(table)}"
        raise NodeError(f"the model has no sampling method {method!r}{hint}", "method")
    name, over = table[method]
    return Scheduler(recipe.config, recipe.fixes, name, {**recipe.over, **over})


def scheduler_class(name: str) -> Any:
    """The diffusers class; raises NodeError if it needs a package that is not installed."""
    import diffusers

    cls = getattr(diffusers, name)
    backends = getattr(cls, "_backends", None)  # a placeholder for a class that lacks something
    if backends:
        extra = [b for b in backends if b != "torch"]
        raise NodeError(f"{name} needs {' and '.join(extra)}: pip install {' '.join(extra)}")
    return cls


def make(recipe: Scheduler) -> Any:
    """A new scheduler instance, with the configuration handled as the model's pipeline would."""
    from diffusers.configuration_utils import FrozenDict

    own = recipe.config["_class_name"]
    scheduler = scheduler_class(own).from_config(recipe.config)
    fixes = {k: v for k, v in recipe.fixes.items() if scheduler.config.get(k, v) != v}
    if fixes:
        scheduler._internal_dict = FrozenDict({**scheduler.config, **fixes})
    if recipe.over or recipe.name not in ("", own):
        cls = scheduler_class(recipe.name or own)
        taken = inspect.signature(cls.__init__).parameters
        over = {k: v for k, v in recipe.over.items() if k in taken}
        scheduler = _from_config(cls, scheduler.config, over)
    return scheduler


def _from_config(cls: Any, config: Any, over: dict[str, Any]) -> Any:
    try:
        return cls.from_config(config, **over)
    except ImportError as e:  # sigma spacings that need scipy
        raise NodeError(f"{cls.__name__} with {over or 'its settings'}: {e}") from None
    except (ValueError, NotImplementedError) as e:
        raise NodeError(f"{cls.__name__} can't be set up so: {e}") from None


def step_extras(scheduler: Any, generator: Any, eta: float) -> dict[str, Any]:
    """What `step` takes besides prediction, time and latents, as its signature says."""
    taken = inspect.signature(scheduler.step).parameters
    given = {"generator": generator, "eta": eta}
    return {k: v for k, v in given.items() if k in taken}
