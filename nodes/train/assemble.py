"""Write trained parts as a model folder that diffusers reads: half precision, safetensors."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .diffusion import Parts, pipeline

if TYPE_CHECKING:
    from transformers import CLIPModel, CLIPTokenizer


def write(parts: Parts, folder: Path, sampler: str = "unipc") -> Path:
    """Write the parts in `StableDiffusionPipeline`'s layout, in float16; replaces `folder`.

    The parts are cast in place: load them again for anything else.
    """
    import torch

    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    for model in (parts.vae, parts.text_encoder, parts.unet):
        model.to(torch.float16)
    pipeline(parts, sampler).save_pretrained(part, safe_serialization=True)
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
    return folder


def write_clip(model: CLIPModel, words: CLIPTokenizer, folder: Path) -> Path:
    """Write CLIP, its tokenizer and how pictures are prepared for it, in float16."""
    import torch

    model.to(torch.float16).save_pretrained(folder, safe_serialization=True)
    words.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PREPROCESSOR, indent=2) + "\n")
    return folder


#: Pictures go in as 64 px RGB from -1 to 1.
PREPROCESSOR: dict[str, Any] = {
    "image_processor_type": "CLIPImageProcessor",
    "do_convert_rgb": True,
    "do_resize": True,
    "size": {"height": 64, "width": 64},
    "do_center_crop": False,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
}


def load_parts(vae: Path, clip: Path, unet: Path | None = None) -> Parts:
    """Read parts from model folders; without `unet`, a new U-Net for them is left to the caller."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

    from . import diffusion

    words = CLIPTokenizer.from_pretrained(clip)
    if unet is None:
        encoder = CLIPTextModel.from_pretrained(clip)
        model = diffusion.new(words=encoder.config.hidden_size)
    else:
        encoder = CLIPTextModel.from_pretrained(unet / "text_encoder")
        model = UNet2DConditionModel.from_pretrained(unet / "unet")
    autoencoder = AutoencoderKL.from_pretrained(vae).eval().requires_grad_(False)
    return Parts(autoencoder, encoder, words, model)
