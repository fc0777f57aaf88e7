"""Tiny random models in the real on-disk layout: real classes, real files, a few hundred kB."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    PNDMScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
)

WORDS = ["a", "happy", "lovebird", "in", "pixar", "style", "bird", "sad", "cat", "green"]


@cache
def tokenizer() -> CLIPTokenizer:
    letters = [chr(c) for c in range(33, 127)]
    tokens = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{c}</w>" for c in letters)]
    merges = []
    for word in WORDS:
        parts = [*word[:-1], f"{word[-1]}</w>"]
        while len(parts) > 1:
            if (pair := (parts[0], parts[1])) not in merges:
                merges.append(pair)
                tokens.append("".join(pair))
            parts = ["".join(pair), *parts[2:]]
    vocab = {t: i for i, t in enumerate(dict.fromkeys(tokens))}
    return CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=77)


def text_config(width: int, **more: Any) -> CLIPTextConfig:
    tok = tokenizer()
    return CLIPTextConfig(
        vocab_size=len(tok), hidden_size=width, intermediate_size=37, num_attention_heads=4,
        num_hidden_layers=5, bos_token_id=tok.bos_token_id, eos_token_id=tok.eos_token_id,
        pad_token_id=tok.eos_token_id, **more,
    )  # fmt: skip


def unet(**more: Any) -> UNet2DConditionModel:
    torch.manual_seed(0)
    base = {
        "block_out_channels": (32, 64), "layers_per_block": 1, "sample_size": 16,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"), "cross_attention_dim": 32,
        "attention_head_dim": 8, "norm_num_groups": 32,
    }  # fmt: skip
    return UNet2DConditionModel(**(base | more)).eval()


def vae(**more: Any) -> AutoencoderKL:
    torch.manual_seed(1)
    return AutoencoderKL(
        block_out_channels=(32, 32), down_block_types=["DownEncoderBlock2D"] * 2,
        up_block_types=["UpDecoderBlock2D"] * 2, latent_channels=4, sample_size=32, **more,
    ).eval()  # fmt: skip


def sd_pipeline(**unet_options: Any) -> StableDiffusionPipeline:
    torch.manual_seed(2)
    pipe = StableDiffusionPipeline(
        vae=vae(), text_encoder=CLIPTextModel(text_config(32)).eval(), tokenizer=tokenizer(),
        unet=unet(**unet_options), safety_checker=None, feature_extractor=None,
        scheduler=PNDMScheduler(beta_start=0.00085, beta_end=0.012, steps_offset=1,
                                beta_schedule="scaled_linear", skip_prk_steps=True),
        requires_safety_checker=False,
    )  # fmt: skip
    pipe.set_progress_bar_config(disable=True)
    return pipe


XL = {
    "addition_embed_type": "text_time", "addition_time_embed_dim": 8, "use_linear_projection": True,
    "transformer_layers_per_block": (1, 2), "attention_head_dim": (2, 4),
}  # fmt: skip


def sdxl_pipeline() -> StableDiffusionXLPipeline:
    from diffusers import EulerDiscreteScheduler

    torch.manual_seed(3)
    one = CLIPTextModel(text_config(32, hidden_act="gelu", projection_dim=32)).eval()
    two = CLIPTextModelWithProjection(text_config(32, hidden_act="gelu", projection_dim=32)).eval()
    net = unet(cross_attention_dim=64, projection_class_embeddings_input_dim=80, **XL)
    pipe = StableDiffusionXLPipeline(
        vae=vae(scaling_factor=0.13025), text_encoder=one, text_encoder_2=two, unet=net,
        tokenizer=tokenizer(), tokenizer_2=tokenizer(), add_watermarker=False,
        scheduler=EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, steps_offset=1,
                                         beta_schedule="scaled_linear"),
    )  # fmt: skip
    pipe.set_progress_bar_config(disable=True)
    return pipe


def refiner_pipeline(base: StableDiffusionXLPipeline) -> StableDiffusionXLImg2ImgPipeline:
    torch.manual_seed(4)
    two = CLIPTextModelWithProjection(text_config(32, hidden_act="gelu", projection_dim=32)).eval()
    net = unet(cross_attention_dim=32, projection_class_embeddings_input_dim=72, **XL)
    pipe = StableDiffusionXLImg2ImgPipeline(
        vae=base.vae, text_encoder=None, text_encoder_2=two, unet=net, tokenizer=None,
        tokenizer_2=tokenizer(), scheduler=base.scheduler, requires_aesthetics_score=True,
        force_zeros_for_empty_prompt=False, add_watermarker=False,
    )  # fmt: skip
    pipe.set_progress_bar_config(disable=True)
    return pipe


def save(pipe: Any, folder: Path, **options: Any) -> Path:
    pipe.save_pretrained(folder, safe_serialization=True, **options)
    return folder


def edit_json(path: Path, **changes: Any) -> None:
    data = json.loads(path.read_text())
    path.write_text(json.dumps(data | changes))
