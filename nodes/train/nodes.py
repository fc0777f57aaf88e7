"""The nodes themselves: what they ask for, where they write, how they report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from ...graph.context import Context
from ...graph.node import node
from ...graph.types import Image
from ...graph.widgets import Lines, Seed, Slider
from ..dataset import Pictures

if TYPE_CHECKING:
    from .loop import Report, Run

Steps = Annotated[int, Slider(1, 10_000_000)]
Rate = Annotated[float, Slider(1e-6, 0.01)]
Batch = Annotated[int, Slider(2, 4096)]
RandomSeed = Annotated[int, Seed()]


@dataclass(frozen=True)
class TrainedAutoencoder:
    """A `folder` with an AutoencoderKL."""

    folder: str


@dataclass(frozen=True)
class TrainedClip:
    """A `folder` with a CLIPModel and its tokenizer."""

    folder: str


@dataclass(frozen=True)
class TrainedDiffusion:
    """A `folder` with a U-Net and the text encoder that was tuned with it."""

    folder: str


@contextmanager
def _training() -> Iterator[None]:
    """Lanes forbid gradients; in here parameters can be made and trained."""
    import torch

    with torch.inference_mode(False), torch.enable_grad():
        yield


def _folders(ctx: Context, name: str) -> tuple[Path, Path]:
    """(model folder, checkpoint folder) of a name under the outputs."""
    folder = ctx.roots.place(f"{name}/x").parent
    return folder, folder.with_name(folder.name + "-checkpoint")


def _report(ctx: Context, every: int = 0, look: Callable[[Run], Image] | None = None) -> Report:
    """Progress after every step; `look` makes a preview every `every` steps."""

    def report(run: Run, loss: float) -> None:
        seen = look(run) if look and every and run.step % every == 0 else None
        ctx.progress(run.step, run.plan.steps, preview=seen)
        if run.step % 100 == 0:
            ctx.log(f"step {run.step} of {run.plan.steps}: loss {run.losses[-1]:.4f}")

    return report


@node(id="train.autoencoder", lane="gpu", pure=False)
def autoencoder(
    ctx: Context,
    dataset: Pictures,
    name: str = "fledgling/vae",
    steps: Steps = 6_000,
    batch: Batch = 8,
    rate: Rate = 1.5e-3,
    seed: RandomSeed = 0,
) -> TrainedAutoencoder:
    """Train autoencoder.

    Train a small VAE that turns 64 px pictures into 16x16 latents of four whitened channels.
    Stop it whenever you like: run again, it goes on from its last checkpoint.
    """
    from . import autoencoder as vae
    from .data import Dataset
    from .loop import Plan

    folder, checkpoint = _folders(ctx, name)
    plan = Plan(steps, {"vae": rate}, decay=0.7, ema=0.998, weight_decay=1e-4, seed=seed)
    data = Dataset(Path(dataset.folder))
    with _training():
        model = vae.train(data, checkpoint, plan, _report(ctx), batch=batch)
        ctx.log(f"PSNR in dB: {vae.measure(model, data)}")
        model.save_pretrained(folder, safe_serialization=True)
    return TrainedAutoencoder(str(folder))


@node(id="train.clip", lane="gpu", pure=False)
def clip(
    ctx: Context,
    dataset: Pictures,
    name: str = "fledgling/clip",
    steps: Steps = 1_500,
    batch: Batch = 64,
    rate: Rate = 1e-3,
    seed: RandomSeed = 0,
) -> TrainedClip:
    """Train CLIP.

    Train a tokenizer on the captions and a small CLIP on pictures and captions. Its text tower
    is what `train.diffusion` starts from.
    """
    from . import clip as towers
    from .data import Dataset
    from .loop import Plan

    folder, checkpoint = _folders(ctx, name)
    plan = Plan(steps, {"clip": rate}, 60, decay=0.7, ema=0.995, weight_decay=0.05, seed=seed)
    data = Dataset(Path(dataset.folder))
    with _training():
        words = towers.tokenizer(towers.corpus(data))
        model = towers.train(data, checkpoint, plan, _report(ctx), words, batch)
        ctx.log(f"retrieval: {towers.measure(model, data, words)}")
        model.save_pretrained(folder, safe_serialization=True)
        words.save_pretrained(folder)
    return TrainedClip(str(folder))


@node(id="train.diffusion", lane="gpu", pure=False)
def diffusion(
    ctx: Context,
    dataset: Pictures,
    vae: TrainedAutoencoder,
    text: TrainedClip,
    name: str = "fledgling/diffusion",
    steps: Steps = 9_600,
    batch: Batch = 32,
    rate: Rate = 8e-4,
    text_rate: Rate = 2e-4,
    seed: RandomSeed = 0,
    prompts: Annotated[str, Lines()] = "a lovebird\na red apple\na rocket\na cat face",
    preview_every: Annotated[int, Slider(0, 1_000_000)] = 500,
) -> TrainedDiffusion:
    """Train text to image.

    Train a U-Net on the latents of `vae` and tune the text encoder with it. Every `preview_every`
    steps the averaged model draws `prompts`, one a line. Stop it whenever you like: run again, it
    goes on from its last checkpoint.
    """
    from . import diffusion as df
    from .assemble import load_parts
    from .data import Dataset
    from .loop import Plan

    folder, checkpoint = _folders(ctx, name)
    plan = Plan(steps, {"unet": rate, "text_encoder": text_rate}, warmup=150, seed=seed)
    data = Dataset(Path(dataset.folder))
    with _training():
        parts = load_parts(Path(vae.folder), Path(text.folder))

        def look(run: Run) -> Image:
            with run.averaged():
                return Image(df.draw_prompts(parts, prompts.splitlines(), range(1))[:, 0])

        df.train(data, parts, checkpoint, plan, _report(ctx, preview_every, look), batch)
        parts.unet.save_pretrained(folder / "unet", safe_serialization=True)
        parts.text_encoder.save_pretrained(folder / "text_encoder", safe_serialization=True)
    return TrainedDiffusion(str(folder))


@node(id="train.assemble", lane="gpu", pure=False)
def assemble(
    ctx: Context,
    vae: TrainedAutoencoder,
    text: TrainedClip,
    unet: TrainedDiffusion,
    name: str = "fledgling/image",
    scheduler: Literal["unipc", "dpm++", "ddim"] = "unipc",
) -> str:
    """Assemble model.

    Write the trained parts as a text to image model in diffusers' layout, in half precision, and
    CLIP beside it. Put the folder among your models to use it.
    """
    from transformers import CLIPModel, CLIPTokenizer

    from .assemble import load_parts, write, write_clip

    folder = ctx.roots.place(f"{name}/x").parent
    with _training():
        write(load_parts(Path(vae.folder), Path(text.folder), Path(unet.folder)), folder, scheduler)
        model, words = (kind.from_pretrained(text.folder) for kind in (CLIPModel, CLIPTokenizer))
        write_clip(model, words, folder.with_name(folder.name + "-clip"))
    return str(folder)
